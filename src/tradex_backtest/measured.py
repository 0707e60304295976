"""Latencies as they were measured; the default of a backtest.

Where: the demo (`market-maker demo --for 75s --capture usdm_btcusdt_20240808.gz`), everything on one machine
with two cores of an AMD EPYC that other work kept busy (load 8 to 13), Python 3.11, read from the record of
the service by `latency_record`. Feed: from the exchange's time of a book message to the engine. Order: from
the engine's decision to the exchange, half of the way to the answer. A service beside its exchange on idle
machines is faster; one on another continent is slower: measure your own with `--latency-from RECORD`.
"""

from typing import Final

from tradex_backtest.latencies import Distribution, OneWayLatencies

NS_PER_US: Final = 1_000

FEED_US: Final = (
    711,
    1_616,
    2_234,
    2_600,
    3_013,
    3_343,
    3_668,
    3_942,
    4_197,
    4_454,
    4_767,
    4_995,
    5_294,
    5_545,
    5_799,
    6_088,
    6_401,
    6_641,
    6_943,
    7_272,
    7_711,
    8_151,
    8_820,
    9_724,
    11_913,
    45_374,
)
"""At the 0th, 4th, 8th ... 100th percentile."""
ORDER_US: Final = (
    951,
    1_078,
    1_128,
    1_232,
    1_604,
    1_769,
    1_921,
    1_977,
    2_003,
    2_082,
    2_190,
    2_380,
    2_423,
    2_736,
    3_005,
    3_081,
    3_169,
    3_265,
    3_384,
    3_506,
    3_539,
    3_778,
    3_850,
    4_428,
    8_958,
    22_235,
)

_ORDER = Distribution(tuple(us * NS_PER_US for us in ORDER_US))
MEASURED: Final = OneWayLatencies(Distribution(tuple(us * NS_PER_US for us in FEED_US)), _ORDER, _ORDER)
