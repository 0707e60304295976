"""The running service: `make test-acceptance` runs several tests at once, each on its own servers."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ONE_AFTER_THE_OTHER = (
    "test_access.py",
    "test_demo.py",
    "test_recorded_markets.py",
    "test_safety_constraints.py",
)
"""Files whose tests look at the same service, or at the same run of one."""


class OneByOne(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each test to whoever is free, except those of a file that share what they look at."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.endswith(ONE_AFTER_THE_OTHER) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Instead of the one that `--dist` names: files take from seconds to minutes, single tests do not."""
    return OneByOne(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that it does not run alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
