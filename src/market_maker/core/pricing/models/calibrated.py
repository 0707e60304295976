"""What models from the literature have in common: figures of the market, calibrated or set by the desk."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from market_maker.core.pricing.models.calibration import Calibration, Estimates
from market_maker.core.pricing.models.proposal import NotReady, Parameter, Seen, Step

GAMMA = Parameter(
    "gamma",
    "1/(tick x order size)",
    "0.000001",
    "1000",
    Decimal("0.1"),
    "Risk aversion: the larger, the wider the quotes and the more they lean against the position.",
)
CALIBRATED = (
    Parameter(
        "window_s",
        "s",
        "100",
        "90000",
        Decimal(600),
        "How much of the past the calibration of sigma, k and A looks at.",
    ),
    Parameter(
        "sigma_ticks",
        "ticks/sqrt(s)",
        "0",
        "1000000",
        Decimal(0),
        "Volatility of the mid; 0: as calibrated.",
    ),
    Parameter(
        "k_per_tick",
        "1/tick",
        "0",
        "1000",
        Decimal(0),
        "How fast the rate of takers decays with the distance from the mid; 0: as calibrated.",
    ),
)
_UNITS = {"sigma": "ticks/sqrt(s)", "k": "1/tick", "a": "1/s"}
_FIELDS = {"sigma": "sigma_ticks", "k": "k_per_tick", "a": "a_per_s"}


class CalibratedMarket(NamedTuple):
    """The figures that a model computes with; 0 for one that it does not need."""

    sigma: Decimal
    k: Decimal
    a: Decimal


class Calibrated:
    """Learns the figures that the desk has not set; to be combined with a `propose`."""

    def __init__(self, values: Mapping[str, Decimal], needs: tuple[str, ...]) -> None:
        self._needs = needs
        self._set = {name: values.get(_FIELDS[name], Decimal(0)) for name in needs}
        self._learns = not all(self._set.values())
        self._calibration = Calibration(int(values["window_s"]))
        self._estimated: Estimates | NotReady | None = None
        self._market: CalibratedMarket | NotReady
        self._refresh()

    @property
    def market(self) -> CalibratedMarket | NotReady:
        """The figures to compute with, or why there are none."""
        if self._learns and self._calibration.result is not self._estimated:
            self._refresh()
        return self._market

    def learn(self, seen: Seen) -> None:
        """Feed the calibration."""
        if self._learns:
            self._calibration.see(seen)

    def checkpoint(self) -> str:
        """What the calibration has counted."""
        return self._calibration.to_text()

    def restore(self, text: str) -> None:
        """Go on from what was counted."""
        self._calibration.read_text(text)
        self._refresh()

    def steps(self, market: CalibratedMarket) -> tuple[Step, ...]:
        """The figures of the market and where they come from."""
        estimated = self._estimated
        learned = "calibrated"
        if isinstance(estimated, Estimates):
            learned = f"calibrated over {estimated.seconds} s from {estimated.orders} orders of takers"
        figures = {"sigma": market.sigma, "k": market.k, "a": market.a}
        return tuple(
            Step(name, figures[name], _UNITS[name], "set by the desk" if self._set[name] else learned)
            for name in self._needs
        )

    def _refresh(self) -> None:
        found = self._estimated = self._calibration.result if self._learns else None
        self._market = found if isinstance(found, NotReady) else self._combined(found)

    def _combined(self, estimates: Estimates | None) -> CalibratedMarket:
        learned = {"sigma": Decimal(0), "k": Decimal(0), "a": Decimal(0)}
        if estimates is not None:
            learned = {"sigma": estimates.sigma, "k": estimates.k, "a": estimates.a}
        chosen = {name: self._set.get(name) or learned[name] for name in learned}
        return CalibratedMarket(chosen["sigma"], chosen["k"], chosen["a"])
