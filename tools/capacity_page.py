"""Prints docs/capacity.md from what was measured.

`python -m benchmarks capacity --json docs/measured/capacity.json`, then
`python -m tools.capacity_page > docs/capacity.md`. The soak's part is made from docs/measured/soak.json and
docs/measured/soak-real.json (`python -m benchmarks soak [--real 15m] --json FILE`) where they are there, what
is said of the history from docs/measured/history.json (`python -m benchmarks history --json FILE`), and of
NautilusTrader from docs/measured/peers.json (`make bench-peers ARGS="--json docs/measured/peers.json"`).
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity.model import (
    ELSEWHERE_MAX,
    Cost,
    Plan,
    Traffic,
    Wish,
    believed,
    cost,
    plan,
    traffic,
    undisturbed,
)
from tools.capacity_history import starts, stored
from tools.capacity_peers import peers
from tools.capacity_wire import wire

MEASURED: Final = Path(__file__).parents[1] / "docs" / "measured"
TEXT: Final = Path(__file__).parent / "capacity_page.md"
"""What the page says around its figures; `{name}` is where one goes."""

REAL: Final = "the real stack"

Document = Mapping[str, Any]


def page(
    measured: Document,
    soaks: Mapping[str, Document],
    history: Document | None = None,
    beside: Document | None = None,
    ways: Document | None = None,
) -> str:
    """The page as Markdown. ValueError when the measurement cannot carry a plan."""
    steps = [step for cell in measured["cells"] for step in cell["steps"]]
    costs, per_symbol, wish = cost(believed(steps)), traffic(believed(steps)), Wish()
    grown_mib = _grown_mib(soaks)
    found = plan(costs, per_symbol, wish, grown_mib)
    parts = {
        "machine": "{cores} cores, Python {python}, Linux {kernel}".format(**measured["machine"]),
        "steps": "".join(_step(step) for step in steps),
        "knees": "".join(_knee(cell) for cell in measured["cells"]),
        "costs": _costs(costs, per_symbol, grown_mib),
        "believed": _believed(steps),
        "plan": _plan(found, wish, costs, per_symbol, grown_mib) + _held(steps),
        "stored": stored(history),
        "starts": starts(history),
        "peers": peers(beside),
        "wire": wire(ways),
        "soak": "".join(_soak(name, soak) for name, soak in soaks.items()) or "Not measured yet.\n",
        "burst_rate": f"{wish.deltas_per_s * wish.burst:g}",
        "rate": f"{wish.deltas_per_s:g}",
        "core_share": f"{wish.core_share:.0%}",
        "lost_share": f"{wish.lost_share:.0%}",
    }
    text = TEXT.read_text()
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part.rstrip("\n") if part.endswith("\n") else part)
    return text


def _step(step: Mapping[str, Any]) -> str:
    beside = sum(step["beside_cpu"].values())
    cells = (
        step["instances"],
        step["symbols"],
        f"{step['rate']:g}",
        f"{step['consumed']:,.0f}",
        f"{step['placements']:.0f}",
        f"{step['mailbox_depth']:.0f}",
        f"{step['lag_s']:.1f}",
        f"{step['loop_lag_ms']:.0f}",
        _pair(step, "tick_to_order"),
        _pair(step, "order_ack"),
        f"{step['cpu']:.2f}",
        f"{step['cpu_ms_per_symbol']:.1f}",
        f"{step['rss_mib']:.0f}",
        f"{beside:.2f} + {step['elsewhere_cpu']:.2f}",
        step["verdict"] or "held",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


def _knee(cell: Mapping[str, Any]) -> str:
    held = [step for step in cell["steps"] if not step["verdict"]]
    broke = [step for step in cell["steps"] if step["verdict"]]
    most = f"{held[-1]['rate']:g} ({held[-1]['consumed']:,.0f})" if held else "none"
    end = f"{broke[0]['verdict']} at {broke[0]['rate']:g}" if broke else "nothing: the steps ended"
    return (
        f"| {cell['instances']} | {cell['symbols']} | {most} | {end} | "
        f"{cell['start_s']:.1f} s | {cell['enable_s']:.1f} s |\n"
    )


def _believed(steps: Sequence[Mapping[str, Any]]) -> str:
    used = believed(steps)
    if len(undisturbed(used)) == len(used):
        return (
            f"{len(used)} of {len(steps)} steps: held, and at most {ELSEWHERE_MAX:g} of a core used by others"
        )
    return (
        f"the {len(used)} of {len(steps)} steps that held. **The machine was busy with other work** "
        "(`beside`, after the plus): latencies and limits are worse than they are, costs somewhat too high"
    )


def _grown_mib(soaks: Mapping[str, Document]) -> float:
    """What a symbol's memory grows by until its caches are full, from the real stack's soak."""
    real = soaks.get(REAL)
    if real is None:
        return 0.0
    memory: list[float] = [sample["rss_mib"] for sample in real["samples"]]
    symbols: int = real["symbols"]
    return (memory[-1] - memory[0]) / symbols


def _costs(costs: Cost, per_symbol: Traffic, grown_mib: float) -> str:
    rows = (
        ("CPU of an instance without symbols", f"{costs.cpu_per_instance * 1e3:.0f} ms/s"),
        ("CPU of a symbol that quotes", f"{costs.cpu_per_symbol * 1e3:.2f} ms/s"),
        ("CPU of a message", f"{costs.cpu_per_message * 1e6:.0f} us"),
        ("memory of an instance", f"{costs.mib_per_instance:.0f} MiB"),
        ("memory of a symbol that has just begun", f"{costs.mib_per_symbol:.2f} MiB"),
        ("and what it grows by until its caches are full", f"{grown_mib:.1f} MiB"),
        ("placements of a symbol, and as many cancels", f"{per_symbol.placements:.2f} /s"),
        ("rows written to PostgreSQL per symbol", f"{per_symbol.rows:.2f} /s"),
        ("PostgreSQL's log per symbol", f"{per_symbol.wal_bytes / 1e3:.2f} kB/s"),
        ("bytes of a delta, with its share of snapshots", f"{per_symbol.bytes_per_delta:.0f}"),
    )
    return "".join(f"| {name} | {value} |\n" for name, value in rows)


def _plan(found: Plan, wish: Wish, costs: Cost, per_symbol: Traffic, grown_mib: float) -> str:
    burst = wish.deltas_per_s * wish.burst
    symbol_ms = (costs.cpu_per_symbol + costs.cpu_per_message * burst) * 1e3
    room = f"({wish.core_share:g} core - {costs.cpu_per_instance * 1e3:.0f} ms/s) / {symbol_ms:.2f} ms/s"
    spread = f"{wish.partitions_per_instance} per instance, so that many others share what a lost one had"
    fleet = f"{wish.symbols:,} / {found.symbols_per_instance}; {wish.lost_share:.0%} of them may be gone"
    a_symbol = costs.mib_per_symbol + grown_mib
    memory = (
        f"{costs.mib_per_instance:.0f} MiB an instance, {a_symbol:.1f} MiB a symbol that has traded for long"
    )
    sent = f"{per_symbol.bytes_per_delta:.0f} bytes each, uncompressed; read once by the fleet"
    orders = f"{per_symbol.placements:.2f} placements and as many cancels a second and symbol"
    wal = f"{per_symbol.wal_bytes / 1e3:.2f} kB a second and symbol"
    rows = (
        ("symbols per instance", f"{found.symbols_per_instance}", f"{room} of a symbol in a burst"),
        ("instances", f"{found.instances}", fleet),
        ("partitions of each topic", f"{found.partitions}", spread),
        ("CPU of all instances", f"{found.cores:,.0f} cores", "the same costs, in a burst"),
        ("memory of all instances", f"{found.gib:.1f} GiB", memory),
        ("messages into the service", f"{found.messages_per_s:,.0f} /s", f"{burst:g} a second and symbol"),
        ("Kafka, deltas alone", f"{found.kafka_mb_per_s:.0f} MB/s", sent),
        ("requests to the Order Service", f"{found.orders_per_s:,.0f} /s", orders),
        ("rows into PostgreSQL", f"{found.rows_per_s:,.0f} /s", f"{per_symbol.rows:.2f} a second and symbol"),
        ("PostgreSQL's log", f"{found.wal_mb_per_s:.1f} MB/s", wal),
    )
    return "".join(f"| {name} | {value} | {how} |\n" for name, value, how in rows)


def _held(steps: Sequence[Mapping[str, Any]]) -> str:
    """What the first line of the plan has to be held against."""
    held = [step for step in steps if step["instances"] == 1 and not step["verdict"]]
    best = max(held, key=lambda step: (step["symbols"], step["rate"]))
    return (
        f"| the most symbols that one instance held here | {best['symbols']} | the table: "
        f"{best['rate']:g} deltas a second each, beside everything else on this machine |\n"
    )


def _soak(name: str, soak: Document) -> str:
    samples: Sequence[Mapping[str, Any]] = soak["samples"]
    last = samples[-1]
    head = (
        f"**{name}**: {last['at_s'] / 3600:.2f} hours, {last['placed']:,} orders, {last['fills']:,} fills; "
        f"warm-up {soak['warm_up_s'] / 3600:.2f} hours.\n\n"
        "| measure | after the warm-up | at the end | growth | |\n|---|---:|---:|---:|---|\n"
    )
    return head + "".join(_verdicts(soak["verdicts"])) + "\n"


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for verdict in verdicts:
        judged = "flat" if verdict["flat"] else "**grows**"
        values = f"{verdict['at_warm_up']:,.1f} | {verdict['at_end']:,.1f} | {verdict['told']}"
        yield f"| {verdict['name']} | {values} | {judged} |\n"


def _pair(step: Mapping[str, Any], name: str) -> str:
    p50, p99 = step[f"{name}_p50_ms"], step[f"{name}_p99_ms"]
    return "-" if p50 is None else f"{p50:.1f} / {p99:.1f}"


def read(folder: Path) -> str:
    """The page from the files of a folder. FileNotFoundError without a capacity measurement."""
    names = {"24 hours in virtual time": "soak.json", REAL: "soak-real.json"}
    soaks = {
        name: json.loads((folder / file).read_text())
        for name, file in names.items()
        if (folder / file).exists()
    }
    others = (_optional(folder / name) for name in ("history.json", "peers.json", "wire.json"))
    return page(json.loads((folder / "capacity.json").read_text()), soaks, *others)


def _optional(path: Path) -> Document | None:
    if not path.exists():
        return None
    document: Document = json.loads(path.read_text())
    return document


if __name__ == "__main__":
    sys.stdout.write(read(MEASURED))
