"""What a person reads of a campaign."""

from collections.abc import Sequence

from simulation.campaign import Campaign
from simulation.runner import Result

NS_PER_S = 1e9


def print_failure(result: Result, flag: str = "") -> None:
    """A failing run: its seed, what broke, and the script to play it again with."""
    print(f"\nseed {result.seed} FAILS at {result.at_ms} ms: {result.violation}")
    print(f"# {len(result.decisions)} decisions; save them to FILE, then:")
    print(f"# python -m simulation {flag}--seed {result.seed} --script FILE")
    for decision in result.decisions:
        print(decision.line())
    print(flush=True)


def print_summary(campaign: Campaign, elapsed_s: float, never: Sequence[str]) -> None:
    """What the campaign came to."""
    counts = campaign.coverage.counts
    for name in sorted(counts):
        print(f"{counts[name]:>10}  {name}")
    runs = max(1, campaign.runs)
    virtual_s = campaign.virtual_ns / NS_PER_S / runs
    print(
        f"{campaign.runs} seeds in {elapsed_s:.1f} s ({campaign.runs / elapsed_s:.1f} seeds/s),"
        f" {campaign.steps // runs} steps and {virtual_s:.1f} virtual seconds each:"
        f" {len(campaign.failures)} failed"
    )
    for name in never:
        print(f"NEVER HAPPENED: {name}")
