"""Traces: one span per request to the exchange, below the Kafka message that caused it, until its answer.

Without an endpoint nothing is recorded and the context that a message brought is passed on as it is.
A span costs about 15 us, so there is none per tick.
"""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from opentelemetry.trace import SpanContext, TraceFlags

_TRACES_PATH: Final = "/v1/traces"
_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class OrderSpan(Protocol):
    """The span of one request to the exchange."""

    @property
    def traceparent(self) -> str | None:
        """W3C context to send along; None when there is nothing to send."""

    def end(self, outcome: str, *, failed: bool = False) -> None:
        """The answer is there."""


class Tracing(Protocol):
    """Makes spans; `close` sends what is waiting, for at most a few seconds."""

    def order_span(self, name: str, parent: str | None, attributes: Mapping[str, str]) -> OrderSpan:
        """Start a span below the `traceparent` of the message that caused it, if that is well-formed."""

    def close(self) -> None:
        """Send what is waiting and stop."""


def parse_traceparent(value: str | None) -> SpanContext | None:
    """The context in a W3C `traceparent` header; None when missing or malformed, as the standard asks."""
    if value is None or (match := _PARENT.fullmatch(value)) is None:
        return None
    version, trace_id, span_id, flags = match.groups()
    if version == "ff" or (version == "00" and len(value) != 55):
        return None
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=_flags(flags))
    return context if context.is_valid else None


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id in a `traceparent`, for log lines; None when there is none."""
    context = parse_traceparent(traceparent)
    return None if context is None else f"{context.trace_id:032x}"


class _PassedOn:
    """No span of ours: the message's own context goes on."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str | None) -> None:
        self.traceparent = traceparent

    def end(self, outcome: str, *, failed: bool = False) -> None:
        """Nothing was recorded."""


class NoTracing:
    """Tracing when no endpoint is set."""

    def order_span(self, name: str, parent: str | None, attributes: Mapping[str, str]) -> OrderSpan:  # noqa: ARG002 -- the protocol's signature
        """A span that records nothing and passes on a well-formed parent."""
        return _PassedOn(parent if parent is not None and _PARENT.fullmatch(parent) else None)

    def close(self) -> None:
        """Nothing is waiting."""


def make_tracing(endpoint: str | None, ca_file: str | None = None) -> Tracing:
    """Tracing to an OTLP/HTTP endpoint (`/v1/traces` is added when missing), or none.

    `ca_file` holds the certificates that an https endpoint's one must come from.
    """
    if endpoint is None:
        return NoTracing()
    # Imported here: the SDK and what it sends with take a tenth of a second; only who records waits for it.
    from market_maker.telemetry.otlp import OtlpTracing, otlp_exporter  # noqa: PLC0415

    url = endpoint if endpoint.endswith(_TRACES_PATH) else endpoint.rstrip("/") + _TRACES_PATH
    return OtlpTracing(otlp_exporter(url, ca_file))


def _flags(text: str) -> TraceFlags:
    return TraceFlags(int(text, 16) & TraceFlags.SAMPLED)
