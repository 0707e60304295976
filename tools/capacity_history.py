"""The part of docs/capacity.md about what is stored, from docs/measured/history.json."""

from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]

NOT_MEASURED: Final = "Not measured yet.\n"
DAY_S: Final = 86_400
_STARTS: Final = (
    ("folding_everything", "folding every fill"),
    ("from_checkpoints", "from checkpoints"),
)
_HEADINGS: Final = (
    "| start | load of the machine | median s | slowest s | CPU s | MiB at the end |\n"
    "|---|---:|---:|---:|---:|---:|\n"
)


def stored(history: Document | None) -> str:
    """Rows and bytes of a symbol that quotes all day."""
    if history is None:
        return NOT_MEASURED
    traded, symbols = history["traded"], history["symbols"]
    lines = ["| table | rows a day and symbol | bytes a row | MB a day and symbol |\n|---|---:|---:|---:|\n"]
    for table in traded["tables"]:
        if not table["rows"]:
            continue
        rows = table["rows"] / symbols / traded["seconds"] * DAY_S
        size = table["bytes"] / table["rows"]
        lines.append(f"| `{table['table']}` | {rows:,.0f} | {size:.0f} | {rows * size / 1e6:.1f} |\n")
    without = [f"`{table['table']}`" for table in traded["tables"] if not table["rows"]]
    largest_kb = history["checkpoint_bytes"] / 1e3
    lines.append(
        f"\n{traded['seconds']:.0f} s, {symbols} symbols, {traded['rate']:g} deltas a second each. Bytes are "
        f"with indexes. Nothing was added to {', '.join(without)}: they grow with what operators and kills "
        f"do. A fill in a table of {history['fills']:,} takes {history['fill_bytes']:.0f} bytes, a "
        f"checkpoint up to {largest_kb:.0f} kB, one a symbol.\n"
    )
    if "learned_bytes" in traded:
        presence, learned_kb = traded["presence_row_bytes"], traded["learned_bytes"] / 1e3
        lines.append(
            f"`mm_presence` gets at least 24 rows a day, symbol and tier of a programme, {presence:.0f} "
            f"bytes each. What a model has learned (`mm_learned`) takes {learned_kb:.1f} kB, one a symbol "
            "that such a model quotes.\n"
        )
    return "".join(lines)


def starts(history: Document | None) -> str:
    """How long a start takes on a long history, and what its check costs."""
    if history is None:
        return NOT_MEASURED
    lines = [_HEADINGS]
    for key, name in _STARTS:
        for start in history["starts"][key]:
            figures = [start[figure] for figure in ("load", "median_s", "slowest_s", "cpu_s")]
            told = " | ".join("-" if figure is None else f"{figure:.1f}" for figure in figures)
            lines.append(f"| {name} | {told} | {start['rss_mib']:.0f} |\n")
    check = history["check"]
    begun, most, ended = check["rss_mib"]
    lines.append(
        f"\nThe check behind it read the history of {check['symbols']} of {history['symbols']} symbols to "
        f"its end in {check['seconds']:.0f} s. Memory was {begun:.0f} MiB at its beginning, {most:.0f} at "
        f"the most and {ended:.0f} at its end; {check['kills']} kills. {check.get('note', '')}\n"
    )
    return "".join(lines)
