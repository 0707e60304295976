"""`market-maker serve`: settings, logging and the event loop around the service."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import structlog
import uvloop

from market_maker.api.server import CannotListenError
from market_maker.bootstrap.deadline import Deadline, leave_at_once
from market_maker.bootstrap.service import Service
from market_maker.clients.metadata import MetadataError
from market_maker.environment import SettingsError
from market_maker.repositories.errors import DatabaseError
from market_maker.repositories.migrations import SchemaOutdatedError
from market_maker.settings import Settings
from market_maker.streams.topic_counts import TopicsDifferError
from market_maker.telemetry.logging import configure_logging
from market_maker.telemetry.metrics_server import MetricsPortError

KAFKA_THREADS: Final = "kafka-"
START_ERRORS = (
    CannotListenError,
    SchemaOutdatedError,
    MetadataError,
    DatabaseError,
    MetricsPortError,
    TopicsDifferError,
)
"""What can prevent a start; the message of each says why and what to do."""
SWITCH_INTERVAL_S: Final = 0.0005
"""How long a thread that computes (a scrape, a batch being decoded) may keep the event loop waiting. With
Python's own 5 ms a scrape of 200 symbols held up every tick of its tenth of a second by as much."""


def serve(environ: Mapping[str, str]) -> int:
    """Run the service; returns the exit code: 0 after an orderly end, 1 failure, 2 wrong settings."""
    try:
        settings = Settings.load(environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging = configure_logging(settings.log_level, settings.log_format, settings.secret_texts())
    log = structlog.get_logger()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for warning in settings.warnings:
        log.warning("setting", detail=warning)
    deadline = Deadline(lambda given_up: leave_at_once(given_up, logging))
    try:
        return uvloop.run(_run(settings, lambda: logging.dropped, deadline))
    except START_ERRORS as error:
        log.error("cannot_start", reason=str(error))  # noqa: TRY400 -- the reason is the message, not the stack
        return 1
    finally:
        deadline.over()
        logging.close()


def leave(code: int) -> NoReturn:
    """End the process. A Kafka thread that a silent broker still holds must not meet a dying interpreter."""
    if any(thread.name.startswith(KAFKA_THREADS) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


async def _run(settings: Settings, lines_dropped: Callable[[], int], deadline: Deadline) -> int:
    return await Service(settings, lines_dropped, deadline).run()
