"""The fixtures that every part of the tests may use."""

import gc
from importlib.util import find_spec

import pytest
import structlog
from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right. A change is judged by
# the same examples each time; `make search` looks for new ones.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("default")

# Tracebacks as the service writes them: with the values of all variables, as structlog does where rich is
# installed, one takes the event loop a second, on a busy machine half a minute.
_renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _renderer])

# The browser's tests need what `make test-browser` installs.
collect_ignore = [] if find_spec("playwright") else ["browser"]

# What is imported and collected stays. The collector of garbage would look through it again and again, which
# takes a tenth of the time of all tests.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that it does not run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Whatever is there now is looked at no more."""
    gc.freeze()
    gc.enable()


pytest_plugins = [
    "tests.support.kafka",
    "tests.support.postgres",
    "tests.support.sandbox",
    "tests.support.sandbox_http",
    "tests.support.service",
    "tests.support.guard",
    "tests.support.guarded",
    "tests.support.instances",
    "tests.support.order_proxy",
    "tests.support.valkey",
    "tests.support.buses",
]
