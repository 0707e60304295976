"""deploy/compose.yaml is what Compose accepts and what the code knows."""

import json
import re
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.support.deployment import DEPLOY, ROOT, compose, ours

from market_maker.guard.settings import GuardSettings
from market_maker.settings import Settings, variables
from tradex_sandbox.settings import parse_settings

SERVICES = compose()["services"]
OURS = ours(SERVICES)
INSTANCES = ("market-maker-1", "market-maker-2")
SANDBOX_VARIABLES = {"ORDER_SERVICE_TOKEN"}
THIRD_PARTY_VARIABLES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "registry": {"APICURIO_STORAGE_KIND", "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"},
    "grafana": {
        "GF_AUTH_ANONYMOUS_ENABLED",
        "GF_AUTH_ANONYMOUS_ORG_ROLE",
        "GF_SECURITY_ADMIN_PASSWORD",
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH",
    },
}


def environment(name: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[name].get("environment", {})
    assert all(isinstance(value, str) for value in found.values()), "YAML made it something else: quote it"
    return found


def command(name: str) -> list[str]:
    words: list[str] = SERVICES[name]["command"]
    return words


def published(name: str) -> list[tuple[str, int, int]]:
    """Address and port of the host, port of the container."""
    parts = [port.split(":") for port in SERVICES[name].get("ports", [])]
    return [(address, int(outside), int(inside)) for address, outside, inside in parts]


# --- the file itself -----------------------------------------------------------------------------


def test_it_is_valid_by_the_compose_specification() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    errors = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(compose())
    ]
    assert errors == []


def test_on_the_host_everything_listens_on_the_loopback_address_and_on_a_port_of_its_own() -> None:
    ports = list(chain.from_iterable(published(name) for name in SERVICES))
    assert {address for address, _, _ in ports} == {"127.0.0.1"}
    outside = [port for _, port, _ in ports]
    assert len(set(outside)) == len(outside)


def test_every_folder_and_file_that_is_mounted_exists() -> None:
    mounts = [volume.split(":") for service in SERVICES.values() for volume in service.get("volumes", [])]
    named = compose()["volumes"]
    assert {source for source, *_ in mounts if not source.startswith(".")} == set(named)
    for source, _target, *mode in (mount for mount in mounts if mount[0].startswith(".")):
        assert (DEPLOY / source).exists(), source
        assert mode == ["ro"], source


def test_the_servers_are_of_the_versions_that_the_integration_tests_run_on() -> None:
    for name, pom in (("kafka", "kafka.pom.xml"), ("registry", "registry.pom.xml")):
        version = SERVICES[name]["image"].partition(":")[2]
        assert f"<version>{version}</version>" in (ROOT / "lab" / pom).read_text("utf-8")


def test_no_image_is_the_latest_but_our_own_which_is_built_here() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert (tag == "latest") == (name in OURS), service["image"]
    build = OURS["migrate"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == ROOT / "Dockerfile"


# --- our processes -------------------------------------------------------------------------------


def test_there_are_two_instances_a_guard_a_sandbox_and_the_migration() -> None:
    commands = sorted(command(name)[0] for name in OURS)
    assert commands == ["guard", "migrate", "sandbox", "serve", "serve"]
    names = {environment(name)["INSTANCE_NAME"] for name in INSTANCES}
    assert len(names) == 2


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights_and_a_file_system_that_is_read_only(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - a path inside the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the image says who runs it"


@pytest.mark.parametrize("name", INSTANCES)
def test_an_instance_starts_with_its_environment(name: str) -> None:
    settings = Settings.load(environment(name))
    assert settings.warnings == ()
    known = {variable.name for variable in variables()}
    assert set(environment(name)) <= known


def test_the_guard_starts_with_its_environment_and_says_what_the_instances_say() -> None:
    given = environment("guard")
    settings = GuardSettings.load(given)
    assert settings.warnings == ()
    shared = set(given) - {"GUARD_METRICS_PORT", "GUARD_SILENCE"}
    for instance in INSTANCES:
        assert {name: environment(instance).get(name) for name in shared} == {
            name: given[name] for name in shared
        }


def test_the_migration_needs_the_database_only() -> None:
    assert environment("migrate") == {"POSTGRES_URL": environment("market-maker-1")["POSTGRES_URL"]}
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["healthcheck"] == {"disable": True}


def test_the_sandbox_takes_its_arguments_and_listens_where_the_others_look_for_it() -> None:
    name, *arguments = command("sandbox")
    assert set(environment("sandbox")) == SANDBOX_VARIABLES
    settings = parse_settings(arguments, environment("sandbox"))
    instance = environment("market-maker-1")
    assert settings.host == "0.0.0.0"
    assert (
        instance["ORDER_SERVICE_URL"] == instance["AUTH_SERVICE_URL"] == f"http://{name}:{settings.http_port}"
    )
    assert instance["METADATA_SERVICE_GRPC_URL"] == f"{name}:{settings.grpc_port}"
    assert instance["ORDER_SERVICE_TOKEN"] == settings.order_service_token
    assert (instance["KAFKA_BROKERS"], instance["SCHEMA_REGISTRY_URL"]) == (
        settings.broker,
        settings.registry,
    )


def test_instances_have_the_time_that_an_orderly_end_takes() -> None:
    for name in INSTANCES:
        assert SERVICES[name]["stop_grace_period"] == "15s"


# --- ports, probes and what waits for what -----------------------------------------------------


def test_ports_inside_are_those_that_the_processes_listen_on() -> None:
    settings = Settings.load(environment("market-maker-1"))
    for name in INSTANCES:
        assert [inside for _, _, inside in published(name)] == [settings.http_port]
    assert {inside for _, _, inside in published("sandbox")} == {3000, 50051}
    listeners = environment("kafka")["KAFKA_LISTENERS"]
    assert all(f"HOST://:{inside}" in listeners for _, _, inside in published("kafka"))
    assert "HOST://localhost:29092" in environment("kafka")["KAFKA_ADVERTISED_LISTENERS"]


def test_every_address_in_an_environment_or_argument_is_a_service_and_a_port_that_it_listens_on() -> None:
    listening = {
        "kafka": {9092, 9093},
        "registry": {8080},
        "postgres": {5432},
        "valkey": {6379},
        "sandbox": {3000, 50051},
        "collector": {4318},
    }
    texts = [(name, value) for name in SERVICES for value in environment(name).values()]
    texts += [(name, word) for name, service in SERVICES.items() for word in service.get("command", [])]
    found = 0
    for name, text in texts:
        for host, port in re.findall(r"(?:@|//|^|=)([a-z][a-z0-9-]*):(\d{4,5})\b", text):
            if host != "localhost":
                assert int(port) in listening.get(host, set()), f"{name}: {host}:{port}"
                found += 1
    assert found > 15


@pytest.mark.parametrize("name", ["guard", "sandbox"])
def test_a_probe_asks_a_page_that_the_process_serves(name: str) -> None:
    program: str = SERVICES[name]["healthcheck"]["test"][-1]
    compile(program, name, "exec")
    port, path = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", program)[0]
    expected = {
        "guard": (GuardSettings.load(environment("guard")).metrics_port, "/metrics"),
        "sandbox": (3000, "/health"),
    }
    assert (int(port), path) == expected[name]


def test_nobody_starts_before_what_it_needs_is_healthy() -> None:
    for name, service in SERVICES.items():
        needs: Any = service.get("depends_on", {})
        for needed, how in needs.items() if isinstance(needs, dict) else ():
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[needed]["healthcheck"], f"{name} waits for {needed}"
    for name in INSTANCES:
        assert set(SERVICES[name]["depends_on"]) == {
            "migrate",
            "kafka",
            "registry",
            "postgres",
            "valkey",
            "sandbox",
        }


# --- the others ------------------------------------------------------------------------------------


def test_variables_of_other_images_are_those_that_are_known_to_mean_something() -> None:
    for name, known in THIRD_PARTY_VARIABLES.items():
        assert set(environment(name)) == known
    others = set(SERVICES) - set(OURS) - set(THIRD_PARTY_VARIABLES)
    assert {name for name in others if environment(name)} == {"kafka"}


def test_kafkas_variables_are_broker_properties_that_the_tests_broker_has_too() -> None:
    source = Path(ROOT / "lab/apache_kafka.py").read_text("utf-8")
    only_here = {
        "advertised.listeners",
        "inter.broker.listener.name",
        "listener.security.protocol.map",
        "log.dirs",
        "listeners",
        "controller.quorum.voters",
    }
    for variable in environment("kafka"):
        name = variable.removeprefix("KAFKA_").lower().replace("_", ".")
        assert name in only_here or f'"{name}"' in source, name
