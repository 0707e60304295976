"""The pages for people: every command of the tutorial is run on the real service, the others exist."""

import re
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.support.mmctl import Ended, Mmctl
from tests.support.service import Site

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("tuning", "access", "adding-a-symbol", "upgrading")
BTC = "BTCUSDT"


def commands(page: str) -> list[list[str]]:
    """The words of each `mmctl` line of a page, in order."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    lines = re.findall(r"^ {4,8}mmctl (.+)$", text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def files(page: str) -> dict[str, str]:
    """The files that a page tells to write, by the name in their first line."""
    text = (DOCS / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"^( *)```yaml\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    bodies = [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in blocks]
    return {body.splitlines()[0].removeprefix("# "): body for body in bodies}


async def test_every_command_of_the_tutorial_does_what_it_says(
    start_site: Callable[..., Awaitable[Site]], tmp_path: Path
) -> None:
    site = await start_site()
    await site.operator.configure(BTC, base_spread_bps="10")
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    mmctl = Mmctl(tmp_path, site.operator.url)
    for name, body in files("tutorial").items():
        (tmp_path / name).write_text(body)
    ran = 0
    for words in commands("tutorial"):
        meant = [str(tmp_path / word) if word.endswith(".yaml") else word for word in words]
        meant = [site.operator.url if word == "http://127.0.0.1:8080" else word for word in meant]
        ended: Ended = await mmctl.plain(*meant)
        assert ended.code == 0, (words, ended)
        ran += 1
    assert ran > 20


@pytest.mark.parametrize("page", PAGES)
async def test_every_command_of_the_other_pages_exists_with_its_options(page: str, tmp_path: Path) -> None:
    mmctl = Mmctl(tmp_path, "http://127.0.0.1:1")
    for name, body in files(page).items():
        (tmp_path / name).write_text(body)
    for words in commands(page):
        meant = [str(tmp_path / word) if word.endswith(".yaml") else word for word in words]
        ended = await mmctl.plain("--url", "http://127.0.0.1:1", *meant)
        assert ended.code != 2, (words, ended)
