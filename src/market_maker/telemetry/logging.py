"""Structured logs on standard error: JSON lines, or readable colour on a terminal.

Every line has service, timestamp (ISO 8601, UTC), level and message; symbol and trace_id where they
are known; a stack trace for an error with an exception. Logging never raises into its caller.
"""

import io
import logging
import sys
import textwrap
from collections.abc import Iterable
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from market_maker.telemetry.log_writer import LogWriter
from market_maker.telemetry.redaction import MASK, Redactor, is_secret_key

SERVICE: Final = "market-maker"
_CHATTY: Final = ("httpx2", "uvicorn.error")
"""Libraries that tell of every request, or of their own start and stop, at INFO."""
_CONTROL: Final = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x2028,
    0x2029,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
"""Control characters of both halves of Latin-1, other line ends, and what turns the direction of writing."""
_ESCAPED: Final = {code: repr(chr(code))[1:-1] for code in _CONTROL}
_ESCAPED_BUT_LINES: Final = {code: text for code, text in _ESCAPED.items() if chr(code) not in "\n\t"}
_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40}
_LEVEL_NAMES: Final = {"warning": "WARN", "critical": "ERROR", "exception": "ERROR"}


class Logging:
    """The logging of this process while it lasts; `close` writes what is still waiting."""

    def __init__(self, writer: LogWriter, bridge: logging.Handler) -> None:
        self._writer = writer
        self._bridge = bridge

    @property
    def dropped(self) -> int:
        """Lines that could not be written."""
        return self._writer.dropped

    def close(self) -> None:
        """Write what is waiting and give the standard library's logging back."""
        logging.getLogger().removeHandler(self._bridge)
        self._writer.close()


def configure_logging(
    level: str = "INFO",
    log_format: str | None = None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> Logging:
    """Set up structlog and the standard library's logging for this process.

    `level` is DEBUG, INFO, WARN or ERROR; `log_format` json, console or None (console on a terminal).
    `secrets` are texts that no line may hold. `stream` is standard error unless given.
    """
    stream = stream or sys.stderr
    terminal = not stream.closed and stream.isatty()
    console = log_format == "console" or (log_format is None and terminal)
    writer = LogWriter(stream)
    render = _Render(_processors(console=console, colours=terminal), Redactor(secrets))
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_args: _LineLogger(writer),
        cache_logger_on_first_use=False,
    )
    bridge = _Bridge()
    root = logging.getLogger()
    root.addHandler(bridge)
    root.setLevel(max(_LEVELS[level], logging.INFO))
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return Logging(writer, bridge)


def _processors(*, console: bool, colours: bool) -> list[Processor]:
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _name_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secret_fields,
        structlog.processors.StackInfoRenderer(),
    ]
    if console:
        return [*steps, _escape_control_characters, _console_renderer(colours=colours)]
    return [
        *steps,
        structlog.processors.format_exc_info,
        _shape,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]


def _console_renderer(*, colours: bool) -> structlog.dev.ConsoleRenderer:
    """Plain stack traces: the pretty ones print local variables, and with them secrets."""
    styles = {
        _LEVEL_NAMES.get(name, name.upper()): style
        for name, style in structlog.dev.ConsoleRenderer.get_default_level_styles(colours).items()
    }
    return structlog.dev.ConsoleRenderer(
        colors=colours, level_styles=styles, exception_formatter=_plain_traceback
    )


def _plain_traceback(out: TextIO, failure: ExcInfo) -> None:
    """Indented: an exception's message is somebody's text, whose lines must not pass for lines of the log."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, failure)
    out.write(textwrap.indent(text.getvalue().translate(_ESCAPED_BUT_LINES), "  "))


def _escape_control_characters(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A terminal obeys them, and a line end would make a line that nobody has logged."""
    return {key: one.translate(_ESCAPED) if isinstance(one, str) else one for key, one in event.items()}


def _name_level(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event["level"] = _LEVEL_NAMES.get(method, method.upper())
    return event


def _mask_secret_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in event:
        if is_secret_key(key):
            event[key] = MASK
    return event


def _shape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The fields that every line has come first; the exception is the stack trace."""
    shaped: dict[str, Any] = {
        "timestamp": event.pop("timestamp"),
        "level": event.pop("level"),
        "service": SERVICE,
        "message": event.pop("event", ""),
    }
    for key in ("symbol", "trace_id"):
        if key in event:
            shaped[key] = event.pop(key)
    if "exception" in event:
        shaped["stack_trace"] = event.pop("exception")
    return {**shaped, **event}


class _Render:
    """The whole chain as one processor, so that no failure within it can reach the caller."""

    def __init__(self, steps: list[Processor], redactor: Redactor) -> None:
        self._steps = steps
        self._redactor = redactor

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        code = event.get("event")
        try:
            result: Any = event
            for step in self._steps:
                result = step(logger, method, result)
            return self._redactor.line(str(result))
        except Exception as error:  # noqa: BLE001 -- a value's own __str__ may raise anything, and a kill must go on
            return _unrenderable(logger, code, error)


def _unrenderable(logger: WrappedLogger, code: object, error: Exception) -> str:
    event: EventDict = {"event": "log_line_failed", "code": str(type(code)), "error": type(error).__name__}
    if isinstance(code, str):
        event["code"] = code
    for step in (_name_level, structlog.processors.TimeStamper(fmt="iso", utc=True), _shape):
        event = step(logger, "error", event)
    return str(structlog.processors.JSONRenderer()(logger, "error", event))


class _LineLogger:
    """The last link: takes finished lines of any level."""

    def __init__(self, writer: LogWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write
        self.exception = self.fatal = self.warn = self.msg = writer.write


class _Bridge(logging.Handler):
    """Brings the libraries' log records into the same lines."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # its arguments do not fit its format
            message = str(record.msg)
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.ERROR)
        structlog.get_logger().log(level, message, logger=record.name, exc_info=record.exc_info or None)
