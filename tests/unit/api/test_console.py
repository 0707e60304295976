"""The built console as the service sends it: its own files and no others, under a strict policy."""

import re
import tomllib
from pathlib import Path

import pytest

from lab.api import Api
from market_maker.api.pages import files
from market_maker.api.security import ACCESS, INCLUDES

COMPRESSED_MAX = 150_000


async def test_the_page_loads_its_own_files_and_nothing_from_elsewhere(api: Api) -> None:
    answer = await api.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert loaded
    for target in loaded:
        assert (await api.get(target)).status == 200, target
    assert not re.search(r"https?://|<style|<iframe|\son[a-z]+=|style=|<script>", answer.text)


async def test_the_policy_lets_the_browser_run_and_reach_this_service_only(api: Api) -> None:
    for target in ("/", "/console/console.js", "/docs"):
        policy = (await api.get(target)).headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert "unsafe" not in policy
        assert "http" not in policy
    assert "script-src" not in policy, "the documentation needs no script"


def test_the_console_is_small() -> None:
    assert sum(len(file.compressed) for file in files().values()) <= COMPRESSED_MAX


def test_no_file_of_the_console_names_another_host() -> None:
    for name, file in files().items():
        found = set(re.findall(rb"https?://[\w.-]+", file.content))
        assert found <= {b"http://www.w3.org"}, name  # the names of SVG and MathML, which are no addresses


def test_every_file_of_the_console_is_in_the_wheel() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "market_maker.console" in project["packages"]
    packed = {pattern.removeprefix("*") for pattern in project["package-data"]["*"]}
    assert {Path(name).suffix for name in files()} <= packed


def test_the_console_knows_what_each_role_of_the_service_opens() -> None:
    source = (Path(__file__).parents[3] / "console/src/session.ts").read_text("utf-8")
    told = dict(re.findall(r'^  "(mm:\w+)": \[(.*)\],$', source, re.MULTILINE))
    assert {role: set(re.findall(r"mm:\w+", opens)) for role, opens in told.items()} == {
        role.value: {opened.value for opened in opens} for role, opens in INCLUDES.items()
    }


async def test_the_console_calls_only_routes_that_exist() -> None:
    text = files()["console.js"].content.decode() + files()["hub.js"].content.decode()
    called = set(re.findall(r"[\"'`](/v1/[^\"'`?$]*)", text))
    known = {path for _, path in ACCESS}
    assert len(called) > 3
    for path in called:
        assert any(one.startswith(path) for one in known), path


@pytest.mark.parametrize("name", ["..%2fapi%2fapp.py", "__init__.py", "nothing.js"])
async def test_only_built_files_are_sent(api: Api, name: str) -> None:
    assert (await api.get(f"/console/{name}")).status == 404


async def test_a_file_that_the_browser_has_is_not_sent_again(api: Api) -> None:
    first = await api.get("/console/console.js")
    again = await api.call("GET", "/console/console.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert first.headers["cache-control"] == "no-cache"
