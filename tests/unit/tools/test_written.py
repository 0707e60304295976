"""What is written beside the code names what is there."""

import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[3]
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/glossary.md",
    "docs/runbook.md",
]
PLACES = [
    ROOT,
    ROOT / "src",
    ROOT / "src/market_maker",
    ROOT / "src/market_maker/repositories",
    ROOT / "docs",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = set(re.findall(r"`([\w][\w./]*(?:\.(?:py|md|sql|yaml|json)|/))`", text))
    linked = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}
    missing = {name for name in named if not any((place / name).exists() for place in PLACES)}
    missing |= {link for link in linked if not (ROOT / page).parent.joinpath(link).exists()}
    assert not missing


def test_the_workflow_is_one_that_github_takes_and_runs_what_must_hold() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads the key as a boolean
    schema = files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json"
    jsonschema.validate(workflow, json.loads(schema.read_text("utf-8")))
    assert workflow["jobs"]["run"]["steps"][-1] == {"run": ".ci/run"}


def test_the_hooks_before_a_commit_run_what_make_lint_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook["entry"].removeprefix(".venv/bin/") for repo in config["repos"] for hook in repo["hooks"]]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    assert hooks == [line.strip().removeprefix("$(BIN)/") for line in recipe[1].splitlines()]
