"""One step of a cell: the load runs at one rate for some seconds, and what was seen meanwhile."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from benchmarks.capacity.exposition import Page, quantile
from benchmarks.capacity.fleet import Fleet
from benchmarks.capacity.generator import DELTA, Dial
from benchmarks.capacity.options import Options
from benchmarks.process_figures import cpu_of_family, cpu_of_machine, look
from market_maker.telemetry.stages import STAGES

SETTLE_S: Final = 1.5
SAMPLE_S: Final = 2.0
LAG_S_MAX: Final = 1.5
"""Lag is measured once a second, so it may be told as one second although nothing waits."""
KEPT_UP_SHARE: Final = 0.9
"""Counters are brought up to date twice a second, so a step of 6 s is known to within a tenth."""
MS: Final = 1e3
US: Final = 1e6


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything counted, at one time."""

    at_s: float
    pages: list[Page]
    sent: int
    sent_bytes: int
    service_cpu_s: float
    beside_cpu_s: dict[str, float]
    machine_cpu_s: float
    transactions: int
    rows: int
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst of what is sampled."""

    mailbox_depth: float = 0.0
    lag_s: float = 0.0
    loop_lag_ms: float = 0.0

    def with_pages(self, pages: list[Page]) -> "Worst":
        """After another look."""
        return Worst(
            max(self.mailbox_depth, *(page.largest("mm_mailbox_depth") for page in pages)),
            max(self.lag_s, *(page.largest("mm_kafka_lag_seconds") for page in pages)),
            max(self.loop_lag_ms, *(page.largest("mm_event_loop_lag_seconds") * MS for page in pages)),
        )


@dataclass(frozen=True, slots=True)
class StepResult:
    """One row of the table. Rates are per second of all symbols; CPU 1.0 is one core."""

    symbols: int
    instances: int
    version: str
    """Of the service."""
    rate: float
    """Deltas per second and symbol that were asked for."""
    sent: float
    sent_mb: float
    consumed: float
    """Messages of all topics that the service took in."""
    deltas_applied: float
    placements: float
    cancels: float
    fills: float
    mailbox_depth: float
    lag_s: float
    loop_lag_ms: float
    tick_to_wire_p50_ms: float | None
    """None where the version does not measure it."""
    tick_to_wire_p99_ms: float | None
    stages_us: dict[str, tuple[float, float]]
    """p50 and p99 of each part of the way from the message to the answer."""
    tick_to_order_p50_ms: float | None
    tick_to_order_p99_ms: float | None
    order_ack_p50_ms: float | None
    order_ack_p99_ms: float | None
    quote_p50_us: float | None
    quote_p99_us: float | None
    cpu: float
    """Of all instances together."""
    cpu_us_per_message: float
    cpu_ms_per_symbol: float
    """Per second."""
    rss_mib: float
    """Of all instances together."""
    beside_cpu: dict[str, float]
    """Of the servers, the generator and this tool."""
    elsewhere_cpu: float
    """Of whatever else ran on the machine: what makes a measurement worth less."""
    transactions: float
    rows: float
    wal_mb: float
    active: int
    kills: int
    verdict: str
    """Empty when it held, else what broke."""


async def run_step(
    fleet: Fleet, dial: Dial, beside: dict[str, int], rate: float, options: Options
) -> StepResult:
    """Run at `rate` and measure; the load goes on at that rate afterwards."""
    dial.rate.value = rate
    await asyncio.sleep(SETTLE_S)
    worst = Worst()
    before = await _moment(fleet, dial, beside)
    end_s = before.at_s + options.seconds
    while (left_s := end_s - time.monotonic()) > 0:
        await asyncio.sleep(min(SAMPLE_S, left_s))
        worst = worst.with_pages(await fleet.scrape())
    after = await _moment(fleet, dial, beside)
    result = _result(fleet, rate, worst.with_pages(after.pages), before, after)
    return result if result.verdict else replace(result, verdict=_too_late(result, options.p99_ms))


async def _moment(fleet: Fleet, dial: Dial, beside: dict[str, int]) -> Moment:
    database = await asyncpg.connect(fleet.database_url)
    [(transactions, rows, wal_bytes)] = await database.fetch(
        "SELECT xact_commit, tup_inserted + tup_updated, pg_current_wal_lsn() - '0/0'::pg_lsn "
        "FROM pg_stat_database WHERE datname = current_database()"
    )
    await database.close()
    pages = await fleet.scrape()
    return Moment(
        time.monotonic(),
        pages,
        dial.sent.value,
        dial.bytes.value,
        sum(look(instance.child.pid).cpu_s for instance in fleet.instances),
        {**{name: cpu_of_family(pid) for name, pid in beside.items()}, "this tool": time.process_time()},
        cpu_of_machine(),
        transactions,
        rows,
        int(wal_bytes),
    )


def _result(fleet: Fleet, rate: float, worst: Worst, before: Moment, after: Moment) -> StepResult:
    took_s = after.at_s - before.at_s
    symbols = len(fleet.symbols)

    def per_s(name: str, **labels: str) -> float:
        grown = sum(page.total(name, **labels) for page in after.pages)
        return (grown - sum(page.total(name, **labels) for page in before.pages)) / took_s

    def percentile(name: str, share: float, unit: float) -> float | None:
        found = quantile(share, _buckets(before.pages, name), _buckets(after.pages, name))
        return None if found is None else found * unit

    sent = (after.sent - before.sent) / took_s
    cpu = (after.service_cpu_s - before.service_cpu_s) / took_s
    consumed = per_s("mm_consumed_messages_total")
    kept_up = per_s("mm_consumed_messages_total", topic=DELTA) / sent if sent else 0.0
    kills = round(sum(page.total("mm_kill_switch_total") for page in after.pages))
    active = round(sum(page.total("mm_state_gauge", state="ACTIVE") for page in after.pages))
    beside_cpu = {
        name: max(0.0, (cpu_s - before.beside_cpu_s[name]) / took_s)
        for name, cpu_s in after.beside_cpu_s.items()
    }
    machine_cpu = (after.machine_cpu_s - before.machine_cpu_s) / took_s
    return StepResult(
        symbols=symbols,
        instances=len(fleet.instances),
        version=fleet.version.name,
        rate=rate,
        sent=sent,
        sent_mb=(after.sent_bytes - before.sent_bytes) / took_s / 1e6,
        consumed=consumed,
        deltas_applied=per_s("mm_book_deltas_total"),
        placements=per_s("mm_order_requests_total", request="place"),
        cancels=per_s("mm_order_requests_total", request="cancel"),
        fills=per_s("mm_fills_total"),
        mailbox_depth=worst.mailbox_depth,
        lag_s=worst.lag_s,
        loop_lag_ms=worst.loop_lag_ms,
        tick_to_wire_p50_ms=percentile("mm_tick_to_wire_latency_seconds", 0.5, MS),
        tick_to_wire_p99_ms=percentile("mm_tick_to_wire_latency_seconds", 0.99, MS),
        stages_us=stages_us(before.pages, after.pages),
        tick_to_order_p50_ms=percentile("mm_tick_to_order_latency_seconds", 0.5, MS),
        tick_to_order_p99_ms=percentile("mm_tick_to_order_latency_seconds", 0.99, MS),
        order_ack_p50_ms=percentile("mm_order_placement_latency_seconds", 0.5, MS),
        order_ack_p99_ms=percentile("mm_order_placement_latency_seconds", 0.99, MS),
        quote_p50_us=percentile("mm_quote_compute_latency_seconds", 0.5, US),
        quote_p99_us=percentile("mm_quote_compute_latency_seconds", 0.99, US),
        cpu=cpu,
        cpu_us_per_message=cpu / consumed * US if consumed else 0.0,
        cpu_ms_per_symbol=cpu / symbols * MS,
        rss_mib=sum(look(instance.child.pid).rss_mib for instance in fleet.instances),
        beside_cpu=beside_cpu,
        elsewhere_cpu=max(0.0, machine_cpu - cpu - sum(beside_cpu.values())),
        transactions=(after.transactions - before.transactions) / took_s,
        rows=(after.rows - before.rows) / took_s,
        wal_mb=(after.wal_bytes - before.wal_bytes) / took_s / 1e6,
        active=active,
        kills=kills,
        verdict=_verdict(worst, sent / (rate * symbols), kept_up, kills, symbols - active),
    )


def _verdict(worst: Worst, sent_share: float, consumed_share: float, kills: int, inactive: int) -> str:
    if kills:
        return f"{kills} kill switches"
    if inactive:
        return f"{inactive} symbols not ACTIVE"
    if consumed_share < KEPT_UP_SHARE:
        return f"only {consumed_share:.0%} consumed"
    if worst.lag_s > LAG_S_MAX:
        return f"lag {worst.lag_s:.1f} s"
    return f"generator: only {sent_share:.0%} sent" if sent_share < KEPT_UP_SHARE else ""


def _too_late(result: StepResult, p99_ms: float | None) -> str:
    named = (
        ("tick to wire", result.tick_to_wire_p99_ms)
        if result.tick_to_wire_p99_ms is not None
        else ("tick to order", result.tick_to_order_p99_ms)
    )
    name, found_ms = named
    if p99_ms is None or found_ms is None or found_ms < p99_ms:
        return ""
    return f"{name} {found_ms:.0f} ms"


def stages_us(before: list[Page], after: list[Page]) -> dict[str, tuple[float, float]]:
    """p50 and p99 of each stage that was seen between two looks."""
    found = {}
    for stage in STAGES:
        counts = [_buckets(pages, "mm_tick_stage_latency_seconds", stage=stage) for pages in (before, after)]
        p50, p99 = (quantile(share, *counts) for share in (0.5, 0.99))
        if p50 is not None and p99 is not None:
            found[stage] = p50 * US, p99 * US
    return found


def _buckets(pages: list[Page], name: str, **labels: str) -> dict[float, float]:
    edges: dict[float, float] = {}
    for page in pages:
        for edge, count in page.buckets(name, **labels).items():
            edges[edge] = edges.get(edge, 0.0) + count
    return edges
