"""Latencies as they were measured; the default of a backtest."""

from typing import Final

from tradex_backtest.latencies import Distribution, Latencies

MS = 1_000_000

MEASURED: Final = Latencies(Distribution((MS,)), Distribution((MS,)), Distribution((MS,)))
