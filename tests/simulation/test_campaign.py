"""Many seeds: what they add up to, and what the command line says of them."""

import pytest

from simulation import __main__ as command
from simulation.campaign import Campaign
from simulation.coverage import HAPPENS_SOMETIMES, Coverage
from simulation.decisions import Kind
from simulation.plan import script_of


def test_a_few_seeds_hold_and_are_added_up() -> None:
    campaign = Campaign(range(40, 52))
    assert list(campaign.run()) == []
    assert campaign.runs == 12
    assert campaign.steps > 12 * 500
    assert campaign.coverage.counts["fill"] > 0


def test_every_kind_of_decision_is_drawn_within_200_seeds() -> None:
    drawn = {decision.kind for seed in range(200) for decision in script_of(seed)}
    assert drawn == set(Kind)


def test_what_never_happened_is_told() -> None:
    coverage = Coverage()
    for name in HAPPENS_SOMETIMES[1:]:
        coverage.hit(name)
    assert coverage.never() == [HAPPENS_SOMETIMES[0]]


def test_the_command_prints_its_base_seed_and_its_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["simulation", "--seeds", "2", "--base-seed", "40"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "again: --base-seed 40 --seeds 2" in printed
    assert "seeds/s" in printed
    assert "0 failed" in printed


def test_the_command_fails_when_something_never_happened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PROVES_COVERAGE_FROM", 1)
    monkeypatch.setattr("sys.argv", ["simulation", "--seeds", "1", "--base-seed", "40"])
    assert command.main() == 1
    assert "NEVER HAPPENED" in capsys.readouterr().out
