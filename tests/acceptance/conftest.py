"""The running service: `make test-acceptance` runs several tests at once, each on its own servers."""

import pytest
from tests.support.one_by_one import OneByOne
from xdist.remote import Producer

TOGETHER = {
    "a service that asks for tokens": ("test_access.py",),
    "a run of the demo": ("test_demo.py",),
    "runs on captures": ("test_recorded_markets.py",),
    "a service whose requests are on record": ("test_safety_constraints.py",),
}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneByOne:
    """Instead of the one that `--dist` names."""
    return OneByOne(config, log, TOGETHER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The shared servers work from when they are first asked for: tests that need none of them come first."""

    def shared(item: pytest.Item) -> list[bool]:
        assert isinstance(item, pytest.Function)
        return [server in item.fixturenames for server in ("site", "shared_exchange")]

    items.sort(key=shared)
