import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lab.api import Api, in_process
from lab.desk import FakeDesk
from market_maker.api import validation
from market_maker.api.security import ACCESS, Principal
from market_maker.demo.arguments import DEFAULT_SYMBOLS


class Refuses:
    """Lets nobody in; only its being required matters here."""

    required = True

    async def authenticate(self, authorization: str | None) -> Principal:
        raise NotImplementedError


@pytest.fixture
async def document(api: Api) -> dict[str, Any]:
    body: dict[str, Any] = (await api.get("/openapi.json")).body
    return body


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    if isinstance(value, list):
        for child in value:
            yield from nodes(child)


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")


def test_every_route_of_the_access_table_exists_and_no_other(document: dict[str, Any]) -> None:
    pages = {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/"), ("GET", "/console/{name}")}
    assert {(method, path) for method, path, _ in operations(document)} == set(ACCESS) - pages


def test_every_operation_says_what_it_does_and_which_role_it_needs(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["description"], path
        role = ACCESS[method, path]
        assert operation.get("x-required-role") == (None if role is None else role.value)


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert {"422", "500"} <= set(operation["responses"]), (method, path)
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and not path.startswith("/health"):
                assert list(response["content"]) == ["application/problem+json"], (method, path, status)


def test_every_object_is_strict(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            assert schema["additionalProperties"] is False, name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    references = [node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)]
    assert len(references) > 50
    for reference in references:
        assert reference.rpartition("/")[2] in schemas


def test_every_decimal_field_states_its_range(document: dict[str, Any]) -> None:
    for model in ("ConfigCreate", "ConfigUpdate"):
        for name, field in document["components"]["schemas"][model]["properties"].items():
            assert field["description"], name
            if re.search(r"_(bps|usdt|ms|factor)$", name):
                text, number = field["anyOf"]
                assert text["pattern"].startswith("^(")
                assert number["minimum"] < number["maximum"]


def test_example_symbols_are_those_of_the_sandbox(document: dict[str, Any]) -> None:
    shown = {example for node in nodes(document) for example in node.get("examples", ())}
    assert shown
    assert shown <= set(DEFAULT_SYMBOLS)


def test_no_pattern_is_left_without_a_sentence(document: dict[str, Any]) -> None:
    patterns = {
        node["pattern"] for node in nodes(document) if node.get("type") == "string" and "pattern" in node
    }
    own = {pattern for pattern in patterns if not pattern.startswith(("^(", "^-?"))}
    assert own <= validation.PATTERNS.keys()


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"symbols": None},
        {"symbols": ["BTC-USDT"]},
        {"symbol": "BTC-USDT"},
        {"symbol": "BTC-USDT", "symbols": ["BTC-USDT"]},
        {"symbol": "BTC-USDT", "symbols": None},
    ],
)
async def test_document_and_service_agree_on_how_symbols_may_be_named(
    api: Api, document: dict[str, Any], named: dict[str, Any]
) -> None:
    routes = 0
    for method, path, operation in operations(document):
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        model = schema and document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2])
        if not model or "symbols" not in model["properties"]:
            continue
        body = {**named, "reason": "drill"}
        fits = Draft202012Validator({**schema, "components": document["components"]}).is_valid(body)
        answer = await api.call(method, path, body=body)
        assert fits is (answer.status != 422), (path, answer.text)
        routes += 1
    assert routes == 6


def test_an_update_has_no_defaults(document: dict[str, Any]) -> None:
    update = document["components"]["schemas"]["ConfigUpdate"]
    assert "required" not in update
    assert not any("default" in field for field in update["properties"].values())


def test_without_access_control_no_security_is_declared(document: dict[str, Any]) -> None:
    assert not any("security" in operation for _, _, operation in operations(document))


async def test_with_access_control_every_route_declares_it_but_health_and_signing_in(desk: FakeDesk) -> None:
    async with in_process(desk, Refuses()) as api:
        document = api.app.openapi()
    for _, path, operation in operations(document):
        guarded = not path.startswith(("/health", "/v1/mm/session"))
        assert ("security" in operation) is guarded
        if path != "/v1/mm/session":
            assert ("401" in operation["responses"]) is guarded
            assert ("403" in operation["responses"]) is guarded


class Outside(HTMLParser):
    """Collects what a page would load from elsewhere, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("script", "link", "img", "iframe"):
            self.loaded.append(tag)
        if href := named.get("href"):
            self.anchors.append(href)
        if identity := named.get("id"):
            self.ids.add(identity)


async def test_the_docs_need_no_outside_host_and_every_link_works(api: Api) -> None:
    answer = await api.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    page = Outside()
    page.feed(answer.text)
    assert page.loaded == []
    assert len(page.anchors) > 50
    for anchor in page.anchors:
        assert anchor == "/openapi.json" or anchor.removeprefix("#") in page.ids


async def test_the_docs_show_every_route(api: Api) -> None:
    text = (await api.get("/docs")).text
    for method, path in ACCESS:
        if path.startswith(("/v1", "/health")):
            assert f"<b class=m>{method}</b><code>{path}</code>" in text
