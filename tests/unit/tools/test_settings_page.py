"""The page of settings is what the code says."""

from pathlib import Path

from tools.settings_page import page

PAGE = Path(__file__).parents[3] / "docs/settings.md"


def test_the_settings_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make generate`"
