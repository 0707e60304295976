import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
import structlog

from market_maker.setting_types import Secret
from market_maker.telemetry.log_writer import LINES_WAITING_MAX, LogWriter
from market_maker.telemetry.logging import Logging, _Bridge, configure_logging
from market_maker.telemetry.redaction import Redactor

Configure = Callable[..., Logging]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configures logging, and gives it back afterwards."""
    root_level, before = logging.getLogger().level, structlog.get_config()
    made: list[Logging] = []

    def begin(*args: Any, **kwargs: Any) -> Logging:
        made.append(configure_logging(*args, **kwargs))
        return made[-1]

    yield begin
    for each in made:
        each.close()
    logging.getLogger().setLevel(root_level)
    structlog.configure(**before)


def fail(reason: str) -> NoReturn:
    raise ValueError(reason)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_service_timestamp_level_symbol_and_trace(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("INFO", "json", stream=stream)
    structlog.get_logger().warning("cancel_failed", symbol="BTC-USDT", trace_id="abc", attempt=2)
    logs.close()
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "WARN",
        "service": "market-maker",
        "message": "cancel_failed",
        "symbol": "BTC-USDT",
        "trace_id": "abc",
        "attempt": 2,
    }


def test_an_error_carries_its_stack_trace(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("INFO", "json", stream=stream)
    try:
        fail("no such tick")
    except ValueError:
        structlog.get_logger().exception("worker_failed", symbol="BTC-USDT")
    logs.close()
    (line,) = lines(stream)
    assert line["level"] == "ERROR"
    assert line["stack_trace"].startswith("Traceback")
    assert line["stack_trace"].endswith("ValueError: no such tick")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["DEBUG", "INFO", "WARN", "ERROR"]),
        ("WARN", ["WARN", "ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_lines_below_the_level_are_left_out(configure: Configure, level: str, expected: list[str]) -> None:
    stream = io.StringIO()
    logs = configure(level, "json", stream=stream)
    log = structlog.get_logger()
    log.debug("a")
    log.info("a")
    log.warning("a")
    log.error("a")
    logs.close()
    assert [line["level"] for line in lines(stream)] == expected


def test_a_librarys_log_record_becomes_a_line_like_any_other(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("INFO", "json", stream=stream)
    logging.getLogger("uvicorn.error").warning("port %s is %s", 8080, "taken")
    _Bridge().emit(logging.LogRecord("x", logging.INFO, "", 1, "port %s", (1, 2), None))
    logs.close()
    first, second = lines(stream)
    assert (first["message"], first["level"], first["logger"]) == (
        "port 8080 is taken",
        "WARN",
        "uvicorn.error",
    )
    assert second["message"] == "port %s"


def test_no_secret_reaches_a_line_in_whatever_way_it_is_logged(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("INFO", "json", secrets=["hunter2", 'qu"ote'], stream=stream)
    log = structlog.get_logger()
    log.info("hunter2 in the message", detail="and hunter2 here", other='qu"ote')
    log.info("b", password="open sesame", Authorization="Bearer open sesame")
    log.info("c", url="postgresql://mm:p@ss@db:5432/mm", header="Bearer abc.def-ghi")
    log.info("d", secret=Secret("open sesame"), wrapped={"x": Secret("open sesame")})
    try:
        fail("cannot reach redis://:hunter2@cache")
    except ValueError:
        log.exception("e")
    logs.close()
    text = stream.getvalue()
    assert len(lines(stream)) == 5
    for secret in ("hunter2", "qu\\", "open sesame", "p@ss", "abc.def"):
        assert secret not in text, secret
    assert "postgresql://mm:***@db:5432/mm" in text
    assert "Bearer ***" in text


def test_a_terminal_gets_readable_lines_without_local_variables(configure: Configure) -> None:
    stream = io.StringIO()
    logs = configure("INFO", "console", stream=stream)
    harmless_local = "open sesame"
    try:
        fail(f"{len(harmless_local)} letters")
    except ValueError:
        structlog.get_logger().exception("worker_failed", symbol="BTC-USDT")
    logs.close()
    text = stream.getvalue()
    assert "worker_failed" in text
    assert "symbol=BTC-USDT" in text
    assert "ValueError: 11 letters" in text
    assert "open sesame'" not in text.replace("harmless_local = ", "")


def test_a_value_that_cannot_be_shown_does_not_raise_into_the_caller(configure: Configure) -> None:
    class Unshowable:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    stream = io.StringIO()
    logs = configure("INFO", "json", stream=stream)
    structlog.get_logger().info("fill", value=Unshowable())
    logs.close()
    (line,) = lines(stream)
    assert (line["message"], line["code"], line["level"]) == ("log_line_failed", "fill", "ERROR")


def test_a_stream_that_fails_loses_lines_and_counts_them(configure: Configure) -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    logs = configure("INFO", "json", stream=FullDisk())
    structlog.get_logger().info("a")
    structlog.get_logger().info("b")
    logs.close()
    structlog.get_logger().info("after the end")
    assert logs.dropped == 3


def test_a_closed_stream_does_not_raise_into_the_caller(configure: Configure) -> None:
    stream = io.StringIO()
    stream.close()
    logs = configure("INFO", "json", stream=stream)
    structlog.get_logger().info("a")
    logs.close()
    assert logs.dropped == 1


def test_a_stream_that_blocks_never_holds_the_caller_up() -> None:
    go_on = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            go_on.wait()
            return super().write(text)

    stream = Stuck()
    writer = LogWriter(stream)
    for number in range(LINES_WAITING_MAX + 5_000):
        writer.write(str(number))
    dropped = writer.dropped
    go_on.set()
    writer.close()
    written = stream.getvalue().splitlines()
    assert dropped > 0
    assert len(written) + dropped == LINES_WAITING_MAX + 5_000
    assert written[:3] == ["0", "1", "2"]


def test_a_line_without_secrets_is_left_as_it_is() -> None:
    line = '{"url": "http://localhost:8080/path", "at": "12:30:00", "mail": "a@b"}'
    assert Redactor(["", "x9x"]).line(line) == line


def test_a_terminal_gets_no_control_characters_from_what_others_say(configure: Configure) -> None:
    nasty = "\x1b[2J\x1b]0;x\x07 a\r\n2026-11-21 ERROR forged\x7f\x9b31m\u2028\u202e"
    stream = io.StringIO()
    logs = configure("INFO", "console", stream=stream)
    structlog.get_logger().warning(f"denied: {nasty}", symbol=nasty, names=[nasty])
    try:
        fail(nasty)
    except ValueError:
        structlog.get_logger().exception("failed")
    logs.close()
    written = stream.getvalue()
    assert not set(written) & {chr(code) for code in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0))}
    assert "\u2028" not in written
    assert not any(line.startswith("2026-11-21 ERROR") for line in written.splitlines())
    assert "\\x1b[2J" in written
    assert "Traceback" in written
