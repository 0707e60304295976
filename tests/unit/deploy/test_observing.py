"""Prometheus, Grafana and the collector of deploy/ fit together and with what the service emits."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import DEPLOY, compose, documents, of_kind
from tools.monitoring.rules import ALERTS

SERVICES = compose()["services"]
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")


def mounted(service: str, inside: str) -> str:
    """What a service sees at a path inside it, as a path below deploy/."""
    for volume in SERVICES[service]["volumes"]:
        source, target, *_ = volume.split(":")
        if source.startswith("./") and (inside == target or inside.startswith(f"{target}/")):
            return str(source[2:] + inside[len(target) :])
    raise AssertionError(f"{service} has nothing at {inside}")


def only(path: str) -> dict[str, Any]:
    (document,) = documents(DEPLOY / path)
    return document


def promtool(configuration: Path) -> str:
    """What promtool finds wrong with a configuration."""
    assert PROMTOOL is not None
    command = [PROMTOOL, "check", "config", str(configuration)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if told.returncode == 0 else told.stdout + told.stderr


@needs_promtool
def test_prometheus_takes_its_configuration_and_the_alerts_beside_it() -> None:
    assert promtool(DEPLOY / "prometheus/prometheus.yaml") == ""


@needs_promtool
def test_prometheus_takes_the_jobs_for_kubernetes(tmp_path: Path) -> None:
    text = (DEPLOY / "prometheus/kubernetes.yaml").read_text("utf-8")
    # Debian's promtool is built without Kubernetes; what follows it in a job is the same for every discovery.
    without = re.sub(r"kubernetes_sd_configs: .*", 'static_configs: [{targets: ["pod:9090"]}]', text)
    (tmp_path / "prometheus.yaml").write_text(without)
    assert promtool(tmp_path / "prometheus.yaml") == ""


def test_prometheus_reads_that_configuration_and_scrapes_every_instance_and_the_guard() -> None:
    (path,) = (word.partition("=")[2] for word in SERVICES["prometheus"]["command"] if "config.file" in word)
    configuration = only(mounted("prometheus", path))
    assert (DEPLOY / "prometheus" / configuration["rule_files"][0]).exists()
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in configuration["scrape_configs"]
    }
    instances = [name for name, service in SERVICES.items() if service.get("command") == ["serve"]]
    assert targets == {
        "market-maker": [f"{name}:9090" for name in instances],
        "market-maker-guard": [f"guard:{SERVICES['guard']['environment']['GUARD_METRICS_PORT']}"],
    }


def test_every_job_that_an_alert_names_is_scraped() -> None:
    jobs = {job["job_name"] for job in only("prometheus/prometheus.yaml")["scrape_configs"]}
    named = {part.split('"')[1] for alert in ALERTS for part in alert.expression.split("job=")[1:]}
    assert named
    assert named <= jobs


def test_in_kubernetes_the_jobs_are_the_same_and_find_the_pods_by_their_labels() -> None:
    jobs = {job["job_name"]: job for job in only("prometheus/kubernetes.yaml")["scrape_configs"]}
    assert set(jobs) == {job["job_name"] for job in only("prometheus/prometheus.yaml")["scrape_configs"]}
    deployments = of_kind("Deployment")
    assert set(jobs) == set(deployments)
    for name, job in jobs.items():
        kept = {rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
        labels = deployments[name]["spec"]["template"]["metadata"]["labels"]
        assert kept == {labels["app.kubernetes.io/component"], "metrics"}
        (where,) = job["kubernetes_sd_configs"]
        assert where["namespaces"]["names"] == list(of_kind("Namespace"))


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    provisioned = mounted("grafana", "/etc/grafana/provisioning")
    (source,) = only(f"{provisioned}/datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["type"] == "prometheus"
    (provider,) = only(f"{provisioned}/dashboards/market-maker.yaml")["providers"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(f"{provider['options']['path']}/")
    assert json.loads((DEPLOY / mounted("grafana", home)).read_text("utf-8"))["panels"]


def test_the_collector_listens_where_the_instances_send_and_knows_every_part_of_its_pipeline() -> None:
    (path,) = (word.partition("=")[2] for word in SERVICES["collector"]["command"])
    configuration = only(mounted("collector", path))
    endpoint = configuration["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    port = endpoint.rpartition(":")[2]
    assert (
        SERVICES["market-maker-1"]["environment"]["OPENOBSERVE_OTLP_ENDPOINT"] == f"http://collector:{port}"
    )
    for pipeline in configuration["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(configuration[kind])


def test_no_key_stands_twice_in_any_file(tmp_path: Path) -> None:
    assert all(documents(path) for path in DEPLOY.rglob("*.yaml"))
    (tmp_path / "twice.yaml").write_text("a: 1\nb: {c: 1, c: 2}\n")
    with pytest.raises(AssertionError, match="a key twice"):
        documents(tmp_path / "twice.yaml")
