"""Runs the benchmarks: `python -m benchmarks [NAME ...] [--json]`, all of them without names.

`python -m benchmarks capacity` (how much it carries), `soak` (whether anything grows), `rebalance` (what
stops when instances come and go), `console` (200 symbols in a browser), `history` (what a long history
costs) and `peers` (the service beside NautilusTrader, `make bench-peers`) have options of their own.

Alone on the machine for figures that mean something; on a shared one compare ratios within one run.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module

from benchmarks import (
    bench_core,
    bench_database,
    bench_decode,
    bench_engine,
    bench_flood,
    bench_intake,
    bench_kill,
    bench_orders,
    bench_recording,
    bench_requote,
    bench_tick_to_order,
    rebalance,
)
from benchmarks.capacity import matrix
from benchmarks.history import measure
from benchmarks.peers import command as peers
from benchmarks.report import Row, table
from benchmarks.soak import command

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "core": bench_core.rows,
    "engine": bench_engine.rows,
    "recording": bench_recording.rows,
    "requote": bench_requote.rows,
    "decode": bench_decode.rows,
    "intake": bench_intake.rows,
    "orders": bench_orders.rows,
    "kill": bench_kill.rows,
    "flood": bench_flood.rows,
    "database": bench_database.rows,
    "tick_to_order": bench_tick_to_order.rows,
}


def _console(arguments: list[str]) -> None:
    """Only this one needs Playwright (make test-browser installs it)."""
    import_module("benchmarks.bench_console").main(arguments)


TOOLS: dict[str, Callable[[list[str]], None]] = {
    "capacity": matrix.main,
    "soak": command.main,
    "rebalance": rebalance.main,
    "console": _console,
    "history": measure.main,
    "peers": peers.main,
}
"""They run for minutes, only when asked for by name, with arguments of their own."""


def main() -> None:
    """Print a table as it goes; with --json, everything as one line on standard output at the end."""
    if sys.argv[1:2] and (tool := TOOLS.get(sys.argv[1])) is not None:
        tool(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--json", action="store_true", help="one line of JSON; the table goes to standard error"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    found: dict[str, list[Row]] = {}
    for name in options.names or BENCHMARKS:
        found[name] = BENCHMARKS[name]()
        print(table(name, found[name]), file=sys.stderr if options.json else sys.stdout, flush=True)
    if options.json:
        print(json.dumps({name: [row.as_json() for row in rows] for name, rows in found.items()}))


if __name__ == "__main__":
    main()
