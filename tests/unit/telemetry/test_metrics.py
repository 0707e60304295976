import gzip
import http.client
import math
import socket
import urllib.request
from contextlib import ExitStack, closing, suppress
from decimal import Decimal

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from tests.support.counted import samples

from market_maker.core.results import Markout, Missing, Parts
from market_maker.core.side import Side
from market_maker.core.states import KillReason, State
from market_maker.telemetry.metrics import METRICS, Kind, Metrics
from market_maker.telemetry.metrics_server import CONNECTIONS_MAX, MetricsPortError, MetricsServer
from market_maker.telemetry.symbol_metrics import SymbolMetrics

DOCUMENT = {
    "mm_inventory_usdt": ("gauge", {"symbol"}),
    "mm_open_orders": ("gauge", {"symbol"}),
    "mm_spread_bps": ("gauge", {"symbol"}),
    "mm_pnl_usdt": ("gauge", {"symbol", "type"}),
    "mm_kill_switch_total": ("counter", {"symbol", "reason"}),
    "mm_quote_compute_latency_seconds": ("histogram", set()),
    "mm_order_placement_latency_seconds": ("histogram", set()),
    "mm_kafka_lag_seconds": ("gauge", {"topic"}),
    "mm_state_gauge": ("gauge", {"symbol", "state"}),
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_every_metric_of_the_document_is_exposed_with_its_name_type_and_labels(metrics: Metrics) -> None:
    SymbolMetrics(metrics, "BTC-USDT")
    metrics.gauge("mm_kafka_lag_seconds", topic="md.trades.v1").set(1)
    text = metrics.text().decode()
    exposed = {line.split()[2]: line.split()[3] for line in text.splitlines() if line.startswith("# TYPE")}
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            labels.setdefault(name, set()).update(set(sample.labels) - {"le"})
    assert {name: (exposed.get(name), labels.get(name)) for name in DOCUMENT} == DOCUMENT


def test_no_series_is_exposed_that_is_not_on_the_list(metrics: Metrics) -> None:
    SymbolMetrics(metrics, "BTC-USDT")
    allowed = {metric.name for metric in METRICS}
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            allowed |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    assert {name.partition("{")[0] for name in samples(metrics)} <= allowed


def test_every_metric_is_listed_once_with_a_help_and_its_unit_in_the_name() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert metric.help
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)


def test_a_symbols_figures_show_under_its_label(metrics: Metrics) -> None:
    bound = SymbolMetrics(metrics, "BTC-USDT")
    bound.inventory.set(-12.5)
    bound.show_state(State.ACTIVE)
    bound.show_state(State.HALTED)
    bound.show_pnl(Decimal("1.5"), Decimal("-2.5"))
    bound.killed(KillReason.KAFKA_LAG)
    bound.filled(Side.SELL)
    bound.answered("place", "ok")
    bound.answered("place", "ok")
    bound.suppressed("stale")
    bound.suppressed("stale", 3)
    bound.show_open_orders_at_exchange(4)
    shown = samples(metrics)
    assert shown["mm_inventory_usdt{symbol=BTC-USDT}"] == -12.5
    assert shown["mm_state_gauge{state=ACTIVE,symbol=BTC-USDT}"] == 0
    assert shown["mm_state_gauge{state=HALTED,symbol=BTC-USDT}"] == 1
    assert shown["mm_pnl_usdt{symbol=BTC-USDT,type=realized}"] == 1.5
    assert shown["mm_pnl_usdt{symbol=BTC-USDT,type=unrealized}"] == -2.5
    assert shown["mm_kill_switch_total{reason=KAFKA_LAG,symbol=BTC-USDT}"] == 1
    assert shown["mm_kill_switch_total{reason=MANUAL,symbol=BTC-USDT}"] == 0
    assert shown["mm_fills_total{side=sell,symbol=BTC-USDT}"] == 1
    assert shown["mm_order_requests_total{outcome=ok,request=place,symbol=BTC-USDT}"] == 2
    assert shown["mm_quotes_suppressed_total{reason=stale,symbol=BTC-USDT}"] == 4
    assert shown["mm_open_orders_at_exchange{symbol=BTC-USDT}"] == 4


def test_gains_and_losses_of_markouts_count_apart_and_missing_ones_by_reason(metrics: Metrics) -> None:
    bound = SymbolMetrics(metrics, "BTC-USDT")
    fill = ("t1", Side.SELL, 0, Decimal(1000), Decimal("0.5"), 10_000)
    bound.marked_out([Markout(*fill, Decimal(1001)), Markout(*fill, Decimal(998))])
    bound.marked_out([Markout(*fill, None, Missing.STALE)])
    bound.show_parts(Parts(Decimal(3), Decimal(-2), Decimal("0.5")))
    shown = samples(metrics)
    assert shown["mm_markout_usdt_total{horizon=10,side=sell,sign=loss,symbol=BTC-USDT}"] == 0.5
    assert shown["mm_markout_usdt_total{horizon=10,side=sell,sign=gain,symbol=BTC-USDT}"] == 1
    assert shown["mm_markouts_total{horizon=10,outcome=measured,symbol=BTC-USDT}"] == 2
    assert shown["mm_markouts_total{horizon=10,outcome=stale,symbol=BTC-USDT}"] == 1
    assert shown["mm_markouts_total{horizon=0.1,outcome=measured,symbol=BTC-USDT}"] == 0
    assert shown["mm_pnl_part_usdt{part=inventory,symbol=BTC-USDT}"] == -2


def test_outcomes_that_alerts_rest_on_show_as_zero_before_they_happen(metrics: Metrics) -> None:
    SymbolMetrics(metrics, "BTC-USDT")
    shown = samples(metrics)
    for request, outcome in (("place", "rejected"), ("cancel", "timeout"), ("query", "uncertain")):
        assert shown[f"mm_order_requests_total{{outcome={outcome},request={request},symbol=BTC-USDT}}"] == 0


def test_what_is_not_known_shows_as_nan_and_not_as_zero(metrics: Metrics) -> None:
    bound = SymbolMetrics(metrics, "BTC-USDT")
    bound.show_pnl(Decimal(0), None)
    bound.show_open_orders_at_exchange(None)
    shown = samples(metrics)
    assert math.isnan(shown["mm_pnl_usdt{symbol=BTC-USDT,type=unrealized}"])
    assert math.isnan(shown["mm_open_orders_at_exchange{symbol=BTC-USDT}"])


def test_a_symbol_that_is_no_longer_configured_disappears_alone(metrics: Metrics) -> None:
    SymbolMetrics(metrics, "BTC-USDT").answered("place", "ok")
    SymbolMetrics(metrics, "ETH-USDT")
    metrics.remove_symbol("BTC-USDT")
    shown = samples(metrics)
    assert not [name for name in shown if "BTC-USDT" in name]
    assert "mm_inventory_usdt{symbol=ETH-USDT}" in shown


def test_a_metric_is_asked_for_by_its_own_name_and_type(metrics: Metrics) -> None:
    with pytest.raises(KeyError, match="mm_nonsense"):
        metrics.gauge("mm_nonsense")
    with pytest.raises(TypeError, match="mm_outbox_backlog is a Gauge, not a Counter"):
        metrics.counter("mm_outbox_backlog")
    with pytest.raises(ValueError, match="mm_fills_total has the labels"):
        metrics.counter("mm_fills_total", symbol="BTC-USDT")


def test_the_endpoint_serves_the_registry_and_frees_its_port(metrics: Metrics) -> None:
    metrics.gauge("mm_outbox_backlog").set(3)
    with MetricsServer(metrics, "127.0.0.1", 0) as server:
        port = server.port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
            assert b"mm_outbox_backlog 3.0" in response.read()
    MetricsServer(Metrics(), "127.0.0.1", port).close()


def test_a_scraper_gets_the_format_that_it_asks_for_and_packed_where_it_may_be(metrics: Metrics) -> None:
    with MetricsServer(metrics, "127.0.0.1", 0) as server:
        accepts = {"Accept": "application/openmetrics-text;version=1.0.0,*/*", "Accept-Encoding": "gzip"}
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
            connection.request("GET", "/metrics", headers=accepts)
            answer = connection.getresponse()
            text = gzip.decompress(answer.read()).decode()
        assert answer.getheader("Content-Type", "").startswith("application/openmetrics-text; version=1.0.0")
        families = openmetrics_families(text)  # type: ignore[no-untyped-call]  # the library's gap
        assert {family.name for family in families} > {"mm_inventory_usdt", "mm_fills"}
        assert text.endswith("# EOF\n")
        plain = _scraped(server.port)
    assert plain == metrics.text()


def test_a_port_in_use_is_one_clear_error_that_names_the_setting_and_the_fix() -> None:
    with (
        MetricsServer(Metrics(), "127.0.0.1", 0) as first,
        pytest.raises(MetricsPortError) as caught,
    ):
        MetricsServer(Metrics(), "127.0.0.1", first.port)
    message = f"METRICS_PORT: cannot listen on 127.0.0.1:{first.port} (Address already in use)"
    assert message in str(caught.value)
    assert "choose another METRICS_PORT" in str(caught.value)


def test_an_address_that_is_not_ours_names_its_setting() -> None:
    with pytest.raises(MetricsPortError, match="correct METRICS_HOST"):
        MetricsServer(Metrics(), "192.0.2.1", 0)


def test_half_sent_scrapes_hold_few_threads_and_keep_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with MetricsServer(Metrics(), "127.0.0.1", 0) as server, ExitStack() as held:
        for _ in range(3 * CONNECTIONS_MAX):
            half = held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            half.sendall(b"GET /met")
            assert b"mm_" in _scraped(server.port)
        assert len(server._server._began_s) <= CONNECTIONS_MAX
        monkeypatch.setattr("market_maker.telemetry.metrics_server.CONNECTION_S_MAX", 0.0)
        half.settimeout(10)
        with suppress(ConnectionError):
            assert half.recv(1) == b""


def _scraped(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        body: bytes = answer.read()
    return body
