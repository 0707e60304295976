"""What the servers of the tests import, for the process that they are forked from (see `forked`)."""

import gc
import importlib

for module in (
    "market_maker.serve",
    "market_maker.guard.command",
    "market_maker.demo.run",
    "market_maker.replay.command",
    "market_maker.repositories.migrations",
    "lab.forked",
    "tradex_sandbox.app",
    "tradex_sandbox.mock_cluster",
):
    importlib.import_module(module)

# A fork that collects garbage need not look at, and so copy, what was there before it.
gc.collect()
gc.freeze()
