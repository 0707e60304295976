"""docs/api is what the OpenAPI document and the recorded examples say, and no route is without an example."""

from tools.api_pages import PAGES, document, examples, pages, route_of


def test_the_pages_of_the_api_are_what_the_document_says() -> None:
    for name, text in pages().items():
        assert (PAGES / name).read_text("utf-8") == text.rstrip("\n") + "\n", f"{name}: run `make generate`"


def test_every_route_of_the_document_has_an_example() -> None:
    routes = {f"{method.upper()} {path}" for path, ones in document()["paths"].items() for method in ones}
    assert routes == {route_of(example) for example in examples()}


def test_no_page_holds_a_token() -> None:
    assert not any("eyJ" in text for text in pages().values())
