"""Spans that are recorded and sent to an OTLP/HTTP endpoint."""

from collections.abc import Mapping
from typing import Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_SERVICE: Final = "market-maker"
_EXPORT_TIMEOUT_S: Final = 2.0
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class _RecordedSpan:
    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Span) -> None:
        context = span.get_span_context()
        self._span = span
        self.traceparent: str | None = (
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        )

    def end(self, outcome: str, *, failed: bool = False) -> None:
        self._span.set_attribute("mm.outcome", outcome)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR, outcome))
        self._span.end()


class OtlpTracing:
    """Spans recorded and sent in batches by a thread of their own."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": _SERVICE}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(_SERVICE)

    def order_span(self, name: str, parent: str | None, attributes: Mapping[str, str]) -> _RecordedSpan:
        """Start a recorded span."""
        context = _PROPAGATOR.extract({} if parent is None else {"traceparent": parent})
        return _RecordedSpan(
            self._tracer.start_span(name, context, kind=SpanKind.CLIENT, attributes=attributes)
        )

    def close(self) -> None:
        """Send what is waiting and stop."""
        self._provider.shutdown()


def otlp_exporter(url: str, ca_file: str | None) -> SpanExporter:
    """An exporter to this address; `ca_file` as for `make_tracing`."""
    session = None
    if ca_file is not None:
        session = requests.Session()
        session.trust_env = False  # REQUESTS_CA_BUNDLE would otherwise take the place of our file
    return OTLPSpanExporter(
        endpoint=url, certificate_file=ca_file, session=session, timeout=_EXPORT_TIMEOUT_S
    )
