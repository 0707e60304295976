"""The files under deploy/ and the Dockerfile, read for tests as the programs that they are for read them."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OUR_IMAGE = "tradex/market-maker"
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*))?\}")

Mapping = dict[str, Any]


class OnceLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, as Compose and Kubernetes do; PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(set(keys)) == len(keys), f"{node.start_mark}: a key twice in {keys}"
        return super().construct_mapping(node, deep)


def documents(path: Path) -> list[Mapping]:
    """The documents of a YAML file."""
    found = yaml.load_all(path.read_text("utf-8"), OnceLoader)
    return [document for document in found if document is not None]


# --- Docker Compose ----------------------------------------------------------------------------------------


def compose() -> Mapping:
    """deploy/compose.yaml as it is when the environment sets none of its variables."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    without = [name for name, default in _VARIABLE.findall(text) if not default]
    assert not without, f"{without}: `docker compose up` alone must do, so each variable has a default"
    made: Mapping = _interpolated(yaml.load(text, OnceLoader))  # noqa: S506 - a safe loader
    return made


def _interpolated(node: Any) -> Any:
    """Compose puts variables into the texts of the parsed file, so that they stay texts."""
    if isinstance(node, dict):
        return {name: _interpolated(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value) for value in node]
    return _VARIABLE.sub(lambda found: found[2], node) if isinstance(node, str) else node


def ours(services: Mapping) -> dict[str, Mapping]:
    """The services that run our image."""
    return {name: service for name, service in services.items() if service["image"].startswith(OUR_IMAGE)}


# --- Kubernetes --------------------------------------------------------------------------------------------


def manifests() -> list[Mapping]:
    """Every object of deploy/kubernetes."""
    paths = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [document for path in paths for document in documents(path) if document["kind"] != "Kustomization"]


def of_kind(kind: str) -> dict[str, Mapping]:
    """The objects of a kind, by name."""
    return {found["metadata"]["name"]: found for found in manifests() if found["kind"] == kind}


def workloads() -> dict[str, Mapping]:
    """The pod of each Deployment and Job, by the owner's name."""
    owners = {**of_kind("Deployment"), **of_kind("Job")}
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def container(pod: Mapping) -> Mapping:
    """A pod's only container."""
    (only,) = pod["containers"]
    made: Mapping = only
    return made


def plain_variables(pod: Mapping) -> dict[str, str]:
    """What a pod's ConfigMaps put into its environment."""
    maps = of_kind("ConfigMap")
    found: dict[str, str] = {}
    for source in container(pod).get("envFrom", []):
        for name, value in maps[source["configMapRef"]["name"]]["data"].items():
            assert name not in found, f"{name} is set twice"
            found[name] = value
    return found


def secret_variables(pod: Mapping) -> dict[str, str]:
    """The variables that come from the Secret, and their keys there."""
    return {
        variable["name"]: variable["valueFrom"]["secretKeyRef"]["key"]
        for variable in container(pod).get("env", [])
        if "secretKeyRef" in variable.get("valueFrom", {})
    }


# --- Dockerfile --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its arguments as a shell would split them."""
        return shlex.split(self.text)


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, stage by stage; each begins with its FROM."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found: list[list[Instruction]] = []
    for line in lines:
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, " ".join(rest.split())))
    return found


def environment(stage: list[Instruction]) -> dict[str, str]:
    """What a stage's ENV instructions set."""
    pairs = (word.partition("=") for each in stage if each.name == "ENV" for word in each.words)
    return {name: value for name, _, value in pairs}
