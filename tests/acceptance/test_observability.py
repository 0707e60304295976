"""What one sees of the running service: metrics, logs, and traces from a message to the order's answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from confluent_kafka import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from tests.support.kafka import TopicReader
from tests.support.operator import until
from tests.support.service import ExchangeServers, Site

from market_maker.core.states import KillReason
from market_maker.streams import envelope
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT, RISK_TRIGGERED
from market_maker.telemetry.metrics import METRICS

BTC = "BTCUSDT"
DOCUMENT = {
    "mm_inventory_usdt": {"symbol"},
    "mm_open_orders": {"symbol"},
    "mm_spread_bps": {"symbol"},
    "mm_pnl_usdt": {"symbol", "type"},
    "mm_kill_switch_total": {"symbol", "reason"},
    "mm_quote_compute_latency_seconds": set(),
    "mm_order_placement_latency_seconds": set(),
    "mm_kafka_lag_seconds": {"topic"},
    "mm_state_gauge": {"symbol", "state"},
}
"""The user's document, "Observability"."""

StartSite = Callable[..., Awaitable[Site]]


class Sample(NamedTuple):
    """One line of the metrics page."""

    name: str
    labels: dict[str, str]
    value: float


async def scrape(site: Site) -> list[Sample]:
    """What Prometheus would get."""
    port = site.service.environment["METRICS_PORT"]
    async with site.operator.session.get(f"http://127.0.0.1:{port}/metrics") as response:
        assert response.status == 200
        text = await response.text()
    families = text_string_to_metric_families(text)
    return [Sample(s.name, dict(s.labels), s.value) for family in families for s in family.samples]


async def value(site: Site, name: str, **labels: str) -> float:
    """The one series with these labels."""
    [found] = [s.value for s in await scrape(site) if s.name == name and s.labels == labels]
    return found


def log_lines(site: Site) -> list[dict[str, Any]]:
    """What the service logged so far."""
    return [json.loads(line) for line in site.service.log.read_text("utf-8").splitlines()]


# --- metrics -----------------------------------------------------------------------------------


def base_name(sample: str) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        sample = sample.removesuffix(suffix)
    return sample


async def test_every_metric_is_exposed_by_its_name_and_labels(site: Site) -> None:
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)

    async def all_shown() -> bool:
        return {base_name(s.name) for s in await scrape(site)} >= set(DOCUMENT)

    await until("every metric of the document is shown", all_shown)
    shown: dict[str, set[str]] = {}
    for sample in await scrape(site):
        shown.setdefault(base_name(sample.name), set()).update(set(sample.labels) - {"le"})
    assert {name: shown.get(name) for name in DOCUMENT} == DOCUMENT
    sometimes = {
        "mm_quotes_suppressed_total",
        "mm_unclaimed_events_total",
        "mm_publish_failures_total",
        "mm_obligation_presence_ratio",
        "mm_obligation_slack_ratio",
    }
    for metric in METRICS:
        if metric.name in shown or metric.name not in sometimes:
            assert shown.get(metric.name) == set(metric.labels), metric.name
    assert set(shown) <= {metric.name for metric in METRICS}


async def test_the_figures_are_those_of_the_status(site: Site) -> None:
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.trade_against(BTC)
    await site.operator.control(BTC, "pause")
    await site.operator.clear(BTC)

    async def equal() -> bool:
        # Asked for each time: a fill from before the cancels may be heard of after their proof.
        status = await site.operator.status(BTC)
        wanted = {
            ("mm_inventory_usdt", ""): float(status["inventory_usdt"]),
            ("mm_pnl_usdt", "realized"): float(status["pnl"]["realized"]),
            ("mm_open_orders_at_exchange", ""): 0.0,
            ("mm_open_orders", ""): 0.0,
            ("mm_state_gauge", "PAUSED"): 1.0,
            ("mm_state_gauge", "ACTIVE"): 0.0,
        }
        found = {
            (s.name, s.labels.get("state", s.labels.get("type", ""))): s.value
            for s in await scrape(site)
            if s.labels.get("symbol") == BTC
        }
        nearly = abs(found["mm_inventory_usdt", ""] - wanted["mm_inventory_usdt", ""]) < 1
        return nearly and all(found[key] == wanted[key] for key in wanted if key[0] != "mm_inventory_usdt")

    await until("metrics and status agree", equal)
    fills = [s.value for s in await scrape(site) if s.name == "mm_fills_total" and s.labels["symbol"] == BTC]
    assert sum(fills) >= 1


async def test_a_kill_is_counted_and_timed_until_it_is_proven(site: Site) -> None:
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    counted = {"symbol": BTC, "reason": KillReason.MANUAL.value}
    kills = await value(site, "mm_kill_switch_total", **counted)
    timed = await value(site, "mm_kill_latency_seconds_count", symbol=BTC)
    proven = await value(site, "mm_kill_clear_seconds_count", symbol=BTC)
    await site.operator.emergency("kill", BTC)
    await site.operator.clear(BTC)

    async def measured() -> bool:
        return (
            await value(site, "mm_kill_switch_total", **counted) == kills + 1
            and await value(site, "mm_kill_latency_seconds_count", symbol=BTC) == timed + 1
            and await value(site, "mm_kill_clear_seconds_count", symbol=BTC) == proven + 1
        )

    await until("the kill is measured", measured, 3.0)
    assert await value(site, "mm_kill_latency_seconds_sum", symbol=BTC) < 1.0


async def test_what_cannot_be_decoded_is_counted_with_its_copy(site: Site) -> None:
    await site.operator.configure(BTC)
    topic = {"topic": "md.trades.v1"}
    errors = await value(site, "mm_decode_errors_total", **topic)
    letters = await value(site, "mm_dead_letters_total", **topic)
    await site.exchange.feed(BTC, "undecodable", topic="md.trades.v1")

    async def counted() -> bool:
        return (
            await value(site, "mm_decode_errors_total", **topic) == errors + 1
            and await value(site, "mm_dead_letters_total", **topic) == letters + 1
        )

    await until("the message is counted", counted)


async def test_each_dependency_is_shown(site: Site) -> None:
    names = ("postgres", "kafka", "redis", "order_service", "metadata", "schema_registry")

    async def all_up() -> bool:
        return [await value(site, "mm_dependency_up", dependency=name) for name in names] == [1.0] * 6

    await until("all are up", all_up)


# --- logs --------------------------------------------------------------------------------------


async def test_every_log_line_is_json_with_the_fields_of_the_document(site: Site) -> None:
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.emergency("kill", BTC)
    await site.operator.state(BTC, "HALTED")

    async def logged() -> bool:
        return any(line["message"] == "kill_switch" for line in log_lines(site))

    await until("the kill is logged", logged)
    lines = log_lines(site)
    for line in lines:
        assert line["service"] == "market-maker"
        assert line["timestamp"].endswith("Z")
        assert line["level"] in ("DEBUG", "INFO", "WARN", "ERROR")
    killed = [line for line in lines if line["message"] == "kill_switch"][-1]
    assert (killed["level"], killed["symbol"], killed["reason"]) == ("ERROR", BTC, "MANUAL")
    assert any(line["message"] == "state_changed" and line["symbol"] == BTC for line in lines)


# --- traces ------------------------------------------------------------------------------------


class Collector:
    """An OTLP/HTTP collector: keeps every span that it gets."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Span] = []

    async def take(self, request: web.Request) -> web.Response:
        exported = ExportTraceServiceRequest.FromString(await request.read())
        for resource in exported.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """A collector on loopback."""
    made = Collector()
    app = web.Application()
    app.add_routes([web.post("/api/default/v1/traces", made.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/default"
    yield made
    await runner.cleanup()


def attributes(span: Span) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in span.attributes}


@pytest.fixture
def read_from_now(shared_exchange: ExchangeServers) -> Iterator[Callable[[str], TopicReader]]:
    """Open a reader of what is written to a topic of the shared exchange from now on."""
    opened: list[TopicReader] = []

    def read(topic: str) -> TopicReader:
        opened.append(TopicReader(shared_exchange.kafka, topic, from_now=True))
        return opened[-1]

    yield read
    for reader in opened:
        reader.close()


async def messages(text: str, *readers: TopicReader) -> list[Message]:
    """Every message that holds a text among those that the first reader which meets it had at hand."""
    found: list[Message] = []

    async def is_found() -> bool:
        nonlocal found
        for reader in readers:
            batch = await asyncio.to_thread(reader.read, 50, 0.1)
            found = [message for message in batch if text.encode() in (message.value() or b"")]
            if found:
                return True
        return False

    await until(f"{text} is read", is_found)
    return found


def traceparents(found: list[Message]) -> set[str]:
    """The contexts in the messages' headers."""
    pairs = [pair for message in found for pair in envelope.header_pairs(message.headers())]
    return {bytes(text).decode() for name, text in pairs if name == "traceparent" and isinstance(text, bytes)}


async def test_one_trace_leads_from_the_market_data_to_the_orders_answer_and_its_events(
    start_site: StartSite, collector: Collector, read_from_now: Callable[[str], TopicReader]
) -> None:
    books = [read_from_now(topic) for topic in (ORDER_BOOK_DELTA, ORDER_BOOK_SNAPSHOT)]
    engine = read_from_now(ENGINE_EVENT)
    site = await start_site(OPENOBSERVE_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100")
    await site.operator.configure(BTC)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)

    def caused() -> list[Span]:
        """Orders taken that a message of the market led to: a fill or an operator may lead to one, too.

        One that is refused (it would have crossed a market that has moved) is not told on the engine's topic.
        """
        return [
            span
            for span in collector.spans
            if span.name == "place order" and span.parent_span_id and attributes(span)["mm.outcome"] == "OK"
        ]

    async def exported() -> bool:
        return bool(caused())

    await until("an order's span is exported", exported)
    span = caused()[0]
    told = attributes(span)
    assert told["mm.symbol"] == BTC
    trace_id = span.trace_id.hex()
    sources = await messages(trace_id, *books)
    assert [message.key() for message in sources] == [BTC.encode()]
    accepted = await messages(told["mm.client_order_id"], engine)
    # The exchange puts the context of the HTTP request on what the request causes.
    assert f"00-{trace_id}-{span.span_id.hex()}-01" in traceparents(accepted)


async def test_a_kill_by_a_fill_belongs_to_the_trace_of_that_fill(
    start_site: StartSite, collector: Collector, read_from_now: Callable[[str], TopicReader]
) -> None:
    risks, engine = read_from_now(RISK_TRIGGERED), read_from_now(ENGINE_EVENT)
    site = await start_site(OPENOBSERVE_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100")
    await site.operator.configure(BTC, quote_interval_ms="10000", num_levels=4)
    await site.operator.enable(BTC)
    await site.operator.quoting(BTC)
    # The next evaluation, which would withdraw the quotes, is seconds away: a fill comes first.
    await site.breach_exposure(BTC)
    await site.operator.halted(BTC, "EXPOSURE_BREACH")

    async def logged() -> bool:
        return bool(kill_lines(site))

    await until("the kill is logged", logged)
    [killed] = kill_lines(site)
    trace_id = killed["trace_id"]
    [risk] = await messages(trace_id, risks)
    assert {parent.split("-")[1] for parent in traceparents([risk])} == {trace_id}
    assert await messages(trace_id, engine)
    [changed] = [line for line in log_lines(site) if line.get("to_state") == "HALTED"]
    assert changed["trace_id"] == trace_id

    async def exported() -> bool:
        return "cancel all" in {span.name for span in collector.spans if span.trace_id.hex() == trace_id}

    await until("the span of the cancel that it caused is exported", exported)


def kill_lines(site: Site) -> list[dict[str, Any]]:
    return [line for line in log_lines(site) if line["message"] == "kill_switch"]
