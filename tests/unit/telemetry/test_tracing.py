import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lab.tls import Authority
from market_maker.telemetry.tracing import (
    NoTracing,
    make_tracing,
    parse_traceparent,
    trace_id_of,
)

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Collector(HTTPServer):
    """An OTLP collector: keeps what it gets."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.received: list[ExportTraceServiceRequest] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.append(self.path)
        self.server.received.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_span_continues_the_trace_of_the_message_and_is_sent_to_the_endpoint(collector: Collector) -> None:
    tracing = make_tracing(f"http://127.0.0.1:{collector.server_port}/api/default")
    span = tracing.order_span("place_order", PARENT, {"mm.symbol": "BTC-USDT"})
    assert span.traceparent is not None
    assert trace_id_of(span.traceparent) == TRACE_ID
    assert span.traceparent != PARENT
    span.end("UNCERTAIN", failed=True)
    tracing.close()
    assert collector.paths == ["/api/default/v1/traces"]
    (resource,) = collector.received[0].resource_spans
    assert [pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name"]
    sent = resource.scope_spans[0].spans[0]
    assert (sent.name, sent.trace_id.hex()) == ("place_order", TRACE_ID)
    assert sent.parent_span_id.hex() == "b7ad6b7169203331"
    attributes = {pair.key: pair.value.string_value for pair in sent.attributes}
    assert attributes == {"mm.symbol": "BTC-USDT", "mm.outcome": "UNCERTAIN"}
    assert sent.status.message == "UNCERTAIN"


def test_spans_go_by_tls_to_a_collector_with_our_authoritys_certificate_and_to_no_other(
    collector: Collector, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("127.0.0.1")
    collector.socket = context.wrap_socket(collector.socket, server_side=True)
    for ca_file in (str(authority.ca_file), None):
        tracing = make_tracing(f"https://127.0.0.1:{collector.server_port}", ca_file)
        tracing.order_span("place_order", None, {}).end("OK")
        tracing.close()
        assert collector.paths == ["/v1/traces"]


def test_without_a_parent_a_new_trace_begins(collector: Collector) -> None:
    tracing = make_tracing(f"http://127.0.0.1:{collector.server_port}/v1/traces")
    span = tracing.order_span("place_order", None, {})
    span.end("OK")
    tracing.close()
    assert collector.paths == ["/v1/traces"]
    sent = collector.received[0].resource_spans[0].scope_spans[0].spans[0]
    assert trace_id_of(span.traceparent) == sent.trace_id.hex()
    assert sent.parent_span_id == b""


def test_without_an_endpoint_the_messages_own_context_is_passed_on() -> None:
    tracing = make_tracing(None)
    assert isinstance(tracing, NoTracing)
    span = tracing.order_span("place_order", PARENT, {})
    span.end("OK")
    assert span.traceparent == PARENT
    assert tracing.order_span("place_order", None, {}).traceparent is None
    assert tracing.order_span("place_order", "x\r\nInjected: 1", {}).traceparent is None
    tracing.close()


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "garbage",
        PARENT.upper(),
        PARENT + "-more",
        PARENT.replace("00-", "ff-"),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        PARENT + "\n",
    ],
)
def test_a_malformed_context_is_no_context(value: str | None) -> None:
    assert parse_traceparent(value) is None
    assert trace_id_of(value) is None


def test_a_later_version_of_the_context_is_understood_as_far_as_known() -> None:
    assert trace_id_of(PARENT.replace("00-", "01-") + "-what-may-come") == TRACE_ID
