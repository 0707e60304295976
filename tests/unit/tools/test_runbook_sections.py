from pathlib import Path

from tools.runbook_sections import page, sections

from market_maker.core.states import KillReason

FILE = Path(__file__).parents[3] / "src/market_maker/console/runbook.json"


def test_the_console_says_of_each_kill_reason_what_the_runbook_says() -> None:
    assert FILE.read_text("utf-8") == page(), "run `make generate`"


def test_a_section_ends_where_the_next_heading_begins() -> None:
    names = [reason.value for reason in KillReason]
    text = "".join(f"### {name}\n\nOf {name}.\n\n" for name in names)
    assert sections(f"## Kills\n{text}## Else\nx\n") == {name: f"Of {name}." for name in names}
