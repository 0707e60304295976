"""What a seed fixes before anything happens: symbols, configurations, limits, how long, and a script."""

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from market_maker.core.config import TRADE_KEYS_MAX, EngineLimits, FairValue, SymbolConfig
from simulation.clock import MS, SECOND_NS
from simulation.decisions import REQUEST_FAULTS, Decision, Kind, Operation

FAULTY_MS = 14_000
"""How long things go wrong; then a calm follows in which everything must come to rest."""
QUIET_MS = 1_500
"""Before the first fault: time to be enabled and to quote."""

BASES = ("BTC", "ETH", "SOL")
START_PRICES = (Decimal("100.00"), Decimal("64000.0"), Decimal("1.5000"))
GRIDS = (
    (
        (Decimal("0.01"), Decimal("0.001")),
        (Decimal("0.02"), Decimal("0.005")),
        (Decimal("0.005"), Decimal("0.0004")),
    ),
    (
        (Decimal("0.1"), Decimal("0.00001")),
        (Decimal("0.5"), Decimal("0.00002")),
        (Decimal("0.01"), Decimal("0.000003")),
    ),
    (
        (Decimal("0.0001"), Decimal("0.1")),
        (Decimal("0.0002"), Decimal("1")),
        (Decimal("0.00005"), Decimal("0.01")),
    ),
)
"""Per symbol: the grids (tick, lot) that its instrument may change between; the first is the start's."""
MIN_NOTIONAL = Decimal(5)

LOWERED_SHARE = 0.3
LOWERED_POSITION_USDT = Decimal(15)
"""A limit below what is usually held already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The benign part of a run."""

    seed: int
    configs: tuple[SymbolConfig, ...]
    limits: EngineLimits
    desk_interval_ns: int
    """How often the desk looks: what is halted it resets, what is paused it enables."""


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(f"plan:{seed}")
    symbols = BASES[: rng.choice((1, 2, 2, 3))]
    return Plan(
        seed,
        tuple(_config(rng, f"{base}USDT") for base in symbols),
        EngineLimits(
            quote_update_interval_ns=rng.choice((40, 100)) * MS,
            max_orders_per_second=rng.choice((3, 10, 30)),
            market_data_staleness_ns=rng.choice((700, 2_000)) * MS,
            kafka_lag_threshold_ns=rng.choice((1_000, 2_000)) * MS,
            reject_storm_count=rng.choice((2, 4)),
            reject_storm_window_ns=5 * SECOND_NS,
            response_timeout_ns=rng.choice((50, 50, 250)) * MS,
            journal_lag_threshold_ns=rng.choice((400, 900)) * MS,
            shadow_mode=rng.random() < 0.04,
            trade_keys_max=Random(f"keys:{seed}").choice((1, 3, TRADE_KEYS_MAX)),
        ),
        desk_interval_ns=rng.choice((250, 600)) * MS,
    )


def changed(config: SymbolConfig, choice: int) -> SymbolConfig:
    """The configuration after a change that the desk may make; some of them kill or pause at once."""
    rng = Random(f"config:{choice}")
    other = replace(_config(rng, config.symbol), enabled=rng.random() < 0.85)
    if rng.random() < LOWERED_SHARE:
        return replace(other, max_position_usdt=LOWERED_POSITION_USDT)
    return other


def _config(rng: Random, symbol: str) -> SymbolConfig:
    config = SymbolConfig(
        symbol=symbol,
        base_spread_bps=Decimal(rng.choice(("0", "0", "3", "8", "20"))),
        order_size_usdt=Decimal(100),
        inventory_skew_factor=Decimal(rng.choice(("0", "0.5", "2"))),
        max_position_usdt=Decimal(rng.choice((120, 250, 250, 420, 2_000))),
        max_loss_usdt=Decimal(rng.choice(("0.05", "0.5", "50", "500"))),
        volatility_multiplier=rng.random() < 0.7,
        num_levels=rng.choice((1, 2, 3)),
        level_spacing_bps=Decimal(rng.choice(("1", "4", "9"))),
        check_staleness=rng.random() < 0.4,
        staleness_threshold_ms=Decimal(rng.choice((500, 1_000))),
        quote_interval_ms=Decimal(rng.choice((20, 100, 200))),
        price_threshold_bps=Decimal(rng.choice(("0", "2", "6"))),
        position_headroom_pct=Decimal(rng.choice(("0", "5", "5", "20"))),
    )
    return _with_model(config)


MODELS: tuple[tuple[str, tuple[tuple[str, Decimal], ...]], ...] = (
    ("linear_skew", ()),
    ("glft", ()),
    ("glft", (("a_per_s", Decimal(2)), ("k_per_tick", Decimal("0.2")), ("sigma_ticks", Decimal(3)))),
    ("avellaneda_stoikov", (("k_per_tick", Decimal("0.1")), ("sigma_ticks", Decimal(5)))),
    (
        "avellaneda_stoikov",
        (
            ("gamma", Decimal(1)),
            ("k_per_tick", Decimal(2)),
            ("sigma_ticks", Decimal(1)),
            ("tau_s", Decimal(10)),
        ),
    ),
)


def _with_model(config: SymbolConfig) -> SymbolConfig:
    """The same with a quoting model and further choices, drawn apart: what a seed drew before stays."""
    rng = Random(f"model:{config}")
    model, parameters = rng.choice(MODELS)
    return replace(
        config,
        model=model,
        model_parameters=parameters,
        fair_value=rng.choice((FairValue.MID, FairValue.MID, FairValue.SIZE_WEIGHTED_MID)),
        size_skew_eta=Decimal(rng.choice(("0", "0", "0.5"))),
        min_edge_bps=Decimal(rng.choice(("0", "0", "2"))),
        fill_pause_ms=Decimal(rng.choice((0, 0, 0, 400))),
        fill_burst_usdt=Decimal(rng.choice((0, 0, 0, 150))),
        fill_burst_pause_ms=Decimal(800),
    )


# --- the script ----------------------------------------------------------------------------------

_WEIGHTS: dict[Kind, int] = {
    **dict.fromkeys(REQUEST_FAULTS, 6),
    Kind.REFUSE: 9,
    Kind.DELAY_BEFORE: 14,
    Kind.BREAK_LATE: 10,
    Kind.JITTER: 8,
    Kind.OUTAGE: 3,
    Kind.SWEEP: 30,
    Kind.EMPTY_SIDE: 3,
    Kind.HALT: 3,
    Kind.REGRID: 4,
    Kind.FEED_GAP: 4,
    Kind.FEED_TWICE: 3,
    Kind.FEED_HOLD: 4,
    Kind.FEED_CORRUPT: 3,
    Kind.FEED_CROSSED: 3,
    Kind.FEED_LATE_SNAPSHOT: 3,
    Kind.FLOOD: 4,
    Kind.STALE_INSTRUMENT: 2,
    Kind.STREAM_HOLD: 10,
    Kind.STREAM_REWIND: 5,
    Kind.STREAM_SWAP: 4,
    Kind.STREAM_UNREADABLE: 2,
    Kind.DB_DOWN: 3,
    Kind.DB_SLOW: 3,
    Kind.BROKER_DOWN: 4,
    Kind.LAG: 2,
    Kind.LAG_UNKNOWN: 3,
    Kind.STALL: 5,
    Kind.STALL_SENDING: 5,
    Kind.WORKER_FAULT: 2,
    Kind.OWNER_LOST: 2,
    Kind.REVOKE: 3,
    Kind.STEP_RAISES: 3,
    Kind.TERMINATE: 4,
    Kind.CRASH: 9,
    Kind.ENABLE: 3,
    Kind.RESUME: 3,
    Kind.PAUSE: 4,
    Kind.FLATTEN: 3,
    Kind.KILL: 4,
    Kind.RESET: 3,
    Kind.CONFIG: 10,
}

_MILLISECONDS: dict[Kind, tuple[int, ...]] = {
    Kind.DELAY_BEFORE: (30, 40, 40, 45, 120, 220, 220, 600, 1_800),
    Kind.DELAY_AFTER: (5, 40, 120, 600, 1_800),
    Kind.BREAK_LATE: (0, 20, 150, 380, 900, 2_500),
    Kind.RATE_LIMIT: (0, 100, 1_000),
    Kind.ANSWER_TWICE: (0, 3, 200, 900),
    Kind.JITTER: (300, 4_000),
    Kind.OUTAGE: (100, 900, 2_500),
    Kind.SWEEP: (20, 150, 400, 3_000),
    Kind.HALT: (50, 700),
    Kind.REGRID: (0, 1, 2),
    Kind.FLOOD: (20, 70, 100),
    Kind.FEED_HOLD: (200, 900, 2_500),
    Kind.FEED_LATE_SNAPSHOT: (10, 200, 1_200),
    Kind.STREAM_HOLD: (20, 150, 800, 2_500),
    Kind.DB_DOWN: (50, 600, 1_500),
    Kind.DB_SLOW: (200, 1_200),
    Kind.BROKER_DOWN: (30, 400, 2_500),
    Kind.LAG: (300, 5_000),
    Kind.LAG_UNKNOWN: (400, 3_000),
    Kind.STALL: (10, 45, 80, 300, 1_500),
    Kind.STALL_SENDING: (45, 80, 300, 1_500),
    Kind.REVOKE: (300, 1_500),
    Kind.TERMINATE: (1_000, 1_000, 2_500),
    Kind.CRASH: (1_000, 1_000, 2_500),
}
"""What `value` may be; a kind that is not here chooses freely."""

_COUNTS: dict[Kind, tuple[int, ...]] = {
    Kind.REFUSE: (1, 3, 6),
    Kind.DELAY_BEFORE: (1, 4, 12),
    Kind.BREAK_LATE: (2, 6),
    Kind.FEED_GAP: (1, 3),
    Kind.FEED_TWICE: (1, 10),
    Kind.CRASH: tuple(range(1, 40)),
    Kind.SWEEP: (0, 1),
    Kind.EMPTY_SIDE: (0, 1),
}


def script_of(seed: int) -> tuple[Decision, ...]:
    """The decisions of a seed, in order of time."""
    rng = Random(f"script:{seed}")
    symbols = len(plan_of(seed).configs)
    kinds, weights = tuple(_WEIGHTS), tuple(_WEIGHTS.values())
    chosen = rng.choices(kinds, weights, k=rng.choice((12, 30, 60, 110)))
    decisions = [_decision(rng, kind, symbols) for kind in chosen]
    return tuple(sorted(decisions, key=lambda decision: decision.at_ms))


def _decision(rng: Random, kind: Kind, symbols: int) -> Decision:
    values = _MILLISECONDS.get(kind)
    return Decision(
        rng.randrange(QUIET_MS, FAULTY_MS),
        kind,
        rng.randrange(symbols),
        rng.choice((Operation.PLACE, Operation.PLACE, *Operation)),
        rng.choice(values) if values is not None else rng.randrange(1_000),
        rng.choice(_COUNTS.get(kind, (1, 2, 4))),
    )
