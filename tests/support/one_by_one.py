"""How tests that start servers are shared out among processes: for the conftest.py of a folder of them."""

from collections.abc import Mapping

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class OneByOne(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each test to whoever is free: files take from seconds to minutes, single tests do not.

    `together` has the files whose tests go to one process, by what they share there.
    """

    def __init__(self, config: pytest.Config, log: Producer, together: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(config, log)
        self._shared = {file: what for what, files in together.items() for file in files}

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].rpartition("/")[2]
        return self._shared.get(file, nodeid)
