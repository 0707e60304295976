"""deploy/kubernetes is what Kubernetes accepts, gives no rights away, and agrees with the code."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
from tests.support.deployment import (
    DEPLOY,
    OUR_IMAGE,
    container,
    documents,
    environment,
    manifests,
    of_kind,
    plain_variables,
    secret_variables,
    stages,
    workloads,
)

from lab.tls import Authority
from market_maker import __version__
from market_maker.api.security import ACCESS
from market_maker.bootstrap.ending import CLEAR_S_MAX, FLUSH_S_MAX
from market_maker.cli import USAGE
from market_maker.guard.settings import GuardSettings
from market_maker.settings import Settings, variables

OLDEST, NEWEST = "1.30", "1.37"
KUBECTL = shutil.which("kubectl")
PODS = workloads()
SECRET = {
    "POSTGRES_URL": "postgresql://mm:hunter2@postgres.tradex.svc:5432/mm?sslmode=verify-full",
    "REDIS_URL": "rediss://:hunter2@redis.tradex.svc:6379/0",
    "FLEET_SECRET": "hunter2-hunter2-hunter2-hunter2-hunter2",
    "ORDER_SERVICE_TOKEN": "hunter2",
    "KAFKA_SASL_USERNAME": "market-maker",
    "KAFKA_SASL_PASSWORD": "hunter2",
}
"""What deploy/README.md says that the operator puts there."""
AUTHORITIES = "/etc/market-maker/authorities"


def loaded(name: str, directory: Path) -> dict[str, str]:
    """The environment of a pod, with the files that it mounts in a directory here."""
    pod = PODS[name]
    secret = {variable: SECRET[key] for variable, key in secret_variables(pod).items()}
    given = {**plain_variables(pod), **secret, "INSTANCE_NAME": f"{name}-7d4b9c-x2x"}
    Authority(directory).ca_file.rename(directory / "authorities.pem")
    return {
        variable: value.replace(f"{AUTHORITIES}/ca.pem", str(directory / "authorities.pem"))
        for variable, value in given.items()
    }


# --- the files themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "manifest", manifests(), ids=lambda found: f"{found['kind']} {found['metadata']['name']}"
)
def test_every_object_is_valid_for_kubernetes_and_has_no_unknown_field(
    manifest: dict[str, Any], version: str
) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True) == version


def test_the_kustomization_names_every_file_and_the_versions_image() -> None:
    (kustomization,) = documents(DEPLOY / "kubernetes/kustomization.yaml")
    others = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == others
    assert kustomization["images"] == [{"name": OUR_IMAGE, "newTag": __version__}]
    assert kustomization["namespace"] == next(iter(of_kind("Namespace")))


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kustomize_puts_them_together() -> None:
    assert KUBECTL is not None
    built = subprocess.run(
        [KUBECTL, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=True
    )
    kinds = re.findall(r"^kind: (\w+)$", built.stdout, flags=re.MULTILINE)
    assert sorted(kinds) == sorted(manifest["kind"] for manifest in manifests())


# --- rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_as_the_images_user_without_rights_or_token_on_a_read_only_file_system(name: str) -> None:
    pod, process = PODS[name], container(PODS[name])
    user, group = next(each.text for each in stages()[-1] if each.name == "USER").split(":")
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(user),
        "runAsGroup": int(group),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert process["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert of_kind("ServiceAccount")[pod["serviceAccountName"]]["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in process["volumeMounts"]}
    assert mounts == {AUTHORITIES: True, environment(stages()[-1])["HOME"]: False}
    assert {"memory"} == set(process["resources"]["limits"]), "a limit on the processor would stall the loop"


def test_no_secret_is_in_the_repository() -> None:
    assert of_kind("Secret") == {}
    for pod in PODS.values():
        assert not {*SECRET} & {*plain_variables(pod)}
        assert secret_variables(pod), "a process without the database is none of ours"
        assert set(secret_variables(pod).values()) <= {*SECRET}


# --- environment, arguments, ports, probes ---------------------------------------------------------


def test_an_instance_starts_with_its_environment(tmp_path: Path) -> None:
    given = loaded("market-maker", tmp_path)
    settings = Settings.load(given)
    assert settings.warnings == ()
    assert set(given) <= {variable.name for variable in variables()}
    assert settings.kafka_security.properties()["security.protocol"] == "SASL_SSL"
    assert settings.metadata_tls.tls
    urls = (settings.order_service_url, settings.schema_registry_url, settings.auth_service_url)
    assert all(url is not None and url.reveal().startswith("https://") for url in urls)


def test_the_guard_starts_with_its_environment(tmp_path: Path) -> None:
    given = loaded("market-maker-guard", tmp_path)
    settings = GuardSettings.load(given)
    assert settings.warnings == ()
    assert settings.silence_ns == GuardSettings.load({**given, "GUARD_SILENCE": ""}).silence_ns


def test_every_process_is_a_command_of_the_program() -> None:
    commands = re.findall(r"^  (\w+)  ", USAGE, flags=re.MULTILINE)
    arguments = {name: container(pod)["args"] for name, pod in PODS.items()}
    assert arguments == {
        "market-maker": ["serve"],
        "market-maker-guard": ["guard"],
        "market-maker-migrate": ["migrate"],
    }
    assert {word for words in arguments.values() for word in words} <= set(commands)
    assert {container(pod)["image"] for pod in PODS.values()} == {f"{OUR_IMAGE}:{__version__}"}


def test_ports_are_those_that_the_processes_listen_on(tmp_path: Path) -> None:
    settings = Settings.load(loaded("market-maker", tmp_path))
    ports = {port["name"]: port["containerPort"] for port in container(PODS["market-maker"])["ports"]}
    assert ports == {"http": settings.http_port, "metrics": settings.metrics_port}
    guard = GuardSettings.load(loaded("market-maker-guard", tmp_path))
    ports = {port["name"]: port["containerPort"] for port in container(PODS["market-maker-guard"])["ports"]}
    assert ports == {"metrics": guard.metrics_port}
    for name, deployment in of_kind("Deployment").items():
        scraped = deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"]
        named = {port["name"]: port["containerPort"] for port in container(PODS[name])["ports"]}
        assert scraped == str(named["metrics"])


def test_probes_ask_pages_that_need_no_token() -> None:
    process = container(PODS["market-maker"])
    paths = {kind: process[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {kind: asked["path"] for kind, asked in paths.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    for asked in paths.values():
        assert ACCESS["GET", asked["path"]] is None
        assert asked["port"] == "http"
    guard = container(PODS["market-maker-guard"])
    for kind in ("livenessProbe", "readinessProbe"):
        assert guard[kind]["httpGet"] == {"path": "/metrics", "port": "metrics"}


# --- how they come and go --------------------------------------------------------------------------


def test_instances_are_replaced_one_by_one_and_have_the_time_that_an_orderly_end_takes() -> None:
    deployment = of_kind("Deployment")["market-maker"]["spec"]
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    assert PODS["market-maker"]["terminationGracePeriodSeconds"] >= 15 > CLEAR_S_MAX + FLUSH_S_MAX


def test_budgets_services_and_policies_select_the_pods_that_they_are_for() -> None:
    owners = {**of_kind("Deployment"), **of_kind("Job")}
    labels = {name: owner["spec"]["template"]["metadata"]["labels"] for name, owner in owners.items()}
    for name, deployment in of_kind("Deployment").items():
        assert deployment["spec"]["selector"]["matchLabels"] == labels[name]
        assert PODS[name]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == labels[name]
        budget = of_kind("PodDisruptionBudget")[name]["spec"]
        assert (budget["selector"]["matchLabels"], budget["maxUnavailable"]) == (labels[name], 1)
    for name, policy in of_kind("NetworkPolicy").items():
        assert policy["spec"]["podSelector"]["matchLabels"] == labels[name]
    assert set(of_kind("NetworkPolicy")) == set(owners)
    service = of_kind("Service")["market-maker"]["spec"]
    assert service["selector"] == labels["market-maker"]
    assert service["publishNotReadyAddresses"] is True, "an unready instance must still take a kill"


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_go_out_to_the_ports_of_its_addresses_and_nowhere_else(name: str) -> None:
    pod = PODS[name]
    keys = secret_variables(pod).values()
    texts = [*plain_variables(pod).values(), *(SECRET[key] for key in keys)]
    wanted = {urlsplit(text).port for text in texts if "://" in text}
    wanted |= {int(port) for text in texts if "://" not in text for port in re.findall(r"\.svc:(\d+)", text)}
    rules = of_kind("NetworkPolicy")[name]["spec"]["egress"]
    allowed = {port["port"] for rule in rules for port in rule["ports"]}
    assert allowed == wanted | {53}


def test_only_operators_and_monitoring_may_come_in() -> None:
    for name, policy in of_kind("NetworkPolicy").items():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        rules = policy["spec"].get("ingress", [])
        assert all(rule["from"] for rule in rules)
        named = {port["name"] for port in container(PODS[name]).get("ports", [])}
        assert {port["port"] for rule in rules for port in rule["ports"]} == named
