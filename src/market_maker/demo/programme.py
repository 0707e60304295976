"""The market maker programme that the demo keeps: made up, so that there is presence to look at."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import yaml


def write_programme(path: Path, symbols: Sequence[str], now: datetime) -> None:
    """Two tiers for every symbol, from this minute of the UTC day on: what was before could not be kept."""
    programme = {
        "name": "demo",
        "symbols": list(symbols),
        "measure": "time",
        "since": now.date(),
        "window": {"from": f"{now:%H:%M}"},
        "tiers": [
            {"name": "two-way", "max_spread_bps": 40, "min_size_quote": 50, "min_share_pct": 50},
            {"name": "tight", "max_spread_bps": 12, "min_size_quote": 50, "min_share_pct": 25},
        ],
    }
    path.write_text(yaml.safe_dump({"programmes": [programme]}, sort_keys=False))
