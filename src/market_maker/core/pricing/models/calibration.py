"""sigma, k and A of one symbol, from its book and its trades.

Trades of one side at one time of the exchange are one order of a taker. Its deepest price, measured from
others' mid just before it, is how far it reached: a quote of ours at that distance or nearer would have
been filled. So the rate at which a quote at a depth is reached is the number of orders that reached as
deep, over the time and both sides. ln rate = ln A - k depth is fitted over the depths at which the model
quotes, each weighted by its orders, as the variance of the logarithm of a count is one over the count. Where
that tells nothing, it is fitted over those at which the formula quotes when it stands in for the model.

Depths are counted in half ticks. A mid on a tick and one between two ticks have different depths, so each
of the two has its own time and its own counts. One that seldom stands is left out: in a market whose spread
is a tick, the other kind of mid is there only for the moment after a sweep, and what happens then is no rate
at which quotes are reached. sigma is the root of the mean squared change of the mid over
a second.

The past is a ring of slices of the window. Counts and times are whole numbers: what is learned does not
depend on the machine. All times are the exchange's, in microseconds.
"""

import json
from collections import deque
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from typing import Any

from market_maker.core.pricing.models.fit import FIT_MIN, Line, fitted
from market_maker.core.pricing.models.proposal import BookSeen, NotReady, QuotedAt, Seen, TradeSeen
from market_maker.core.side import Side

SLICES = 20
"""The window slides by a part of so many."""
SECOND_US = 1_000_000
FIT_EVERY_US = 10 * SECOND_US
GAP_MAX_US = 10 * SECOND_US
"""A silence of the book longer than this counts neither as time nor as a change of the mid."""
DEPTH_MAX = 4_096
"""Half ticks; deeper orders count as this deep."""
MIDS_MAX = 64
"""Mids remembered to find the one before a trade, which may be read after the book that shows it."""
COUNT_MIN = 10
"""A depth that fewer orders have reached says nothing."""
ORDERS_MIN = 100
CHANGES_MIN = 60
"""Seconds with a mid at both ends."""
POINTS_MIN = 4
POINTS_MAX = 40
KIND_TIME_MIN = 10
"""A mid on a tick (or between two) that stood for less than one part in so many of the time is left out."""
_QUOTED_MARGIN = 2
"""The fit looks from a part of the nearest depth quoted to as many times the deepest."""
_ANYWHERE = QuotedAt(0, DEPTH_MAX, own=False)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """What the market is like; units as in `proposal`."""

    sigma: Decimal
    k: Decimal
    a: Decimal
    fit: Decimal
    """Share of the variance of ln rate that the line explains, weighted (R squared)."""
    orders: int
    """Takers' orders that reached the nearest depth of the fit."""
    seconds: int
    at_us: int


@dataclass(slots=True)
class Slice:
    """What was counted in one part of the window."""

    number: int
    time_us: list[int] = field(default_factory=lambda: [0, 0])
    """With the mid on a tick, and between two."""
    reached: dict[int, int] = field(default_factory=dict)
    """Orders by their deepest price, in half ticks."""
    changes: int = 0
    squares: int = 0
    """Sum of squared changes of the mid over a second, in half ticks squared."""


@dataclass(slots=True)
class _Order:
    """A taker's order of which more trades may come."""

    at_us: int
    side: Side
    mid: int
    depth: int


class Calibration:
    """Counts what it sees and fits every ten seconds; `result` is the latest outcome."""

    __slots__ = (
        "_fit_us",
        "_in_place",
        "_mids",
        "_next_second_us",
        "_order",
        "_quoted",
        "_second_mid",
        "_slice_us",
        "_slices",
        "result",
    )

    def __init__(self, window_s: int) -> None:
        self._slice_us = window_s * SECOND_US // SLICES
        self._slices: deque[Slice] = deque(maxlen=SLICES)
        self._mids: deque[tuple[int, int | None]] = deque(maxlen=MIDS_MAX)
        self._order: _Order | None = None
        self._quoted: QuotedAt | None = None
        """Where the model quoted last."""
        self._in_place = _ANYWHERE
        """Where the formula did, in its place."""
        self._next_second_us = 0
        self._second_mid: int | None = None
        self._fit_us = 0
        self.result: Estimates | NotReady = NotReady(
            "too_few_samples", "nothing has been seen of the market yet"
        )

    def see(self, seen: Seen) -> None:
        """Take in one observation."""
        if isinstance(seen, BookSeen):
            self._see_book(seen.at_us, seen.mid_half_ticks)
        elif isinstance(seen, TradeSeen):
            self._see_trade(seen)
        elif seen.own:
            self._quoted = seen
        else:
            self._in_place = seen

    def _see_book(self, at_us: int, mid: int | None) -> None:
        if not self._mids:
            self._mids.append((at_us, mid))
            self._fit_us = at_us + FIT_EVERY_US
            return
        last_us, last = self._mids[-1]
        elapsed_us = at_us - last_us
        if elapsed_us < 0:
            return
        if last is None or elapsed_us > GAP_MAX_US:
            self._second_mid = None
        else:
            self._slice(at_us).time_us[last & 1] += elapsed_us
            self._seconds_until(at_us, last)
        if self._second_mid is None and mid is not None:
            self._second_mid, self._next_second_us = mid, at_us + SECOND_US
        self._mids.append((at_us, mid))
        if at_us >= self._fit_us:
            self._fit_us = at_us + FIT_EVERY_US
            self.fit_now(at_us)

    def fit_now(self, at_us: int) -> Estimates | NotReady:
        """Fit what has been counted until now; the result."""
        self._take_order()
        self._forget(at_us)
        self.result = self._fitted(at_us)
        return self.result

    def _seconds_until(self, at_us: int, mid: int) -> None:
        """Count how the mid changed over the seconds that ended; `mid` stood since the last message."""
        while self._second_mid is not None and self._next_second_us <= at_us:
            part = self._slice(self._next_second_us)
            part.changes += 1
            part.squares += (mid - self._second_mid) ** 2
            self._second_mid = mid
            self._next_second_us += SECOND_US

    def _see_trade(self, seen: TradeSeen) -> None:
        order = self._order
        if order is None or (order.at_us, order.side) != (seen.at_us, seen.taker_side):
            self._take_order()
            mid = self._mid_before(seen.at_us)
            if mid is None:
                return
            order = self._order = _Order(seen.at_us, seen.taker_side, mid, 0)
        depth = order.side.sign * (2 * seen.price_ticks - order.mid)
        order.depth = min(max(order.depth, depth), DEPTH_MAX - ((order.mid ^ DEPTH_MAX) & 1))

    def _take_order(self) -> None:
        """Count the order of which no more trades come."""
        order, self._order = self._order, None
        if order is not None and order.depth > 0:
            reached = self._slice(order.at_us).reached
            reached[order.depth] = reached.get(order.depth, 0) + 1

    def _mid_before(self, at_us: int) -> int | None:
        for mid_us, mid in reversed(self._mids):
            if mid_us < at_us:
                return mid if at_us - mid_us <= GAP_MAX_US else None
        return None

    def _slice(self, at_us: int) -> Slice:
        """The part of the window that a time belongs to; one of the past belongs to the newest."""
        number = at_us // self._slice_us
        slices = self._slices
        if not slices or number > slices[-1].number:
            slices.append(Slice(number))
            self._forget(at_us)
        return slices[-1]

    def _forget(self, at_us: int) -> None:
        """Drop what has left the window, also after a silence or a restart in which nothing was counted."""
        while self._slices and self._slices[0].number <= at_us // self._slice_us - SLICES:
            self._slices.popleft()

    # --- the fit -----------------------------------------------------------------------------------

    def _fitted(self, at_us: int) -> Estimates | NotReady:
        changes = sum(part.changes for part in self._slices)
        if changes < CHANGES_MIN:
            detail = f"the mid has been seen for {changes} s, {CHANGES_MIN} are needed"
            return NotReady("too_few_samples", detail)
        rates = self._rates()
        found = None if self._quoted is None else self._fitted_around(self._quoted, rates, changes, at_us)
        if isinstance(found, Estimates):
            return found
        # A model that stays where no line can be told would be silent until takers follow it there.
        return self._fitted_around(self._in_place, rates, changes, at_us)

    def _fitted_around(
        self, quoted: QuotedAt, rates: dict[int, tuple[int, int]], changes: int, at_us: int
    ) -> Estimates | NotReady:
        nearest = max(1, quoted.nearest // _QUOTED_MARGIN)
        deepest = max(quoted.deepest * _QUOTED_MARGIN, nearest + POINTS_MIN)
        near = max((count for depth, (count, _) in rates.items() if depth >= nearest), default=0)
        if near < ORDERS_MIN:
            reached = f"{near} orders of takers reached {nearest / 2:g} ticks in {changes} s"
            detail = f"{reached}, {ORDERS_MIN} are needed"
            return NotReady("too_few_samples", detail)
        counted = {
            depth: rate
            for depth, rate in rates.items()
            if nearest <= depth <= deepest and rate[0] >= COUNT_MIN
        }
        if len(counted) < POINTS_MIN:
            detail = f"takers reached {len(counted)} depths often enough, {POINTS_MIN} are needed for a slope"
            return NotReady("too_few_samples", detail)
        line = fitted([(depth, *counted[depth]) for depth in _thinned(sorted(counted))])
        if line.k <= 0:
            return NotReady(
                "no_decay", f"deeper quotes are not reached more seldom: k = {line.k:.4f} per tick"
            )
        if line.fit < FIT_MIN:
            return NotReady(
                "poor_fit", f"the rates fit no line: R squared {line.fit:.3f}, {FIT_MIN} is needed"
            )
        return self._estimates(line, near, changes, at_us)

    def _estimates(self, line: Line, orders: int, changes: int, at_us: int) -> Estimates:
        squares = sum(part.squares for part in self._slices)
        sigma = (Decimal(squares) / (4 * changes)).sqrt()
        return Estimates(round(sigma, 9), line.k, line.a, line.fit, orders, changes, at_us)

    def _rates(self) -> dict[int, tuple[int, int]]:
        """By depth: how many orders reached it, and in how many microseconds of one side."""
        reached: dict[int, int] = {}
        for part in self._slices:
            for depth, count in part.reached.items():
                reached[depth] = reached.get(depth, 0) + count
        time_us = [2 * sum(part.time_us[parity] for part in self._slices) for parity in (0, 1)]
        least_us = sum(time_us) // KIND_TIME_MIN
        beyond = [0, 0]
        rates = {}
        for depth in range(max(reached, default=0), 0, -1):
            beyond[depth & 1] += reached.get(depth, 0)
            if time_us[depth & 1] >= least_us:
                rates[depth] = beyond[depth & 1], time_us[depth & 1]
        return rates

    # --- all that is known, as text ------------------------------------------------------------------

    def to_text(self) -> str:
        """Everything: a calibration that reads it goes on as this one does."""
        order, result = self._order, self.result
        state = {
            "slices": [
                [
                    part.number * self._slice_us,
                    part.time_us,
                    list(part.reached.items()),
                    part.changes,
                    part.squares,
                ]
                for part in self._slices
            ],
            "mids": list(self._mids),
            "order": None if order is None else [order.at_us, order.side.value, order.mid, order.depth],
            "quoted": self._quoted,
            "in_place": self._in_place,
            "second": [self._next_second_us, self._second_mid],
            "fit_us": self._fit_us,
            "estimates": [str(value) for value in astuple(result)] if isinstance(result, Estimates) else None,
            "why_not": result if isinstance(result, NotReady) else None,
        }
        return json.dumps(state, separators=(",", ":"))

    def read_text(self, text: str) -> None:
        """Take over what `to_text` gave, maybe of a window of another length. Raises ValueError."""
        try:
            self._read(json.loads(text))
        except (TypeError, KeyError, ArithmeticError, ValueError) as error:
            raise ValueError(f"what was learned of the market cannot be read: {error!r}") from None

    def _read(self, state: Any) -> None:
        for start_us, (on_us, between_us), reached, changes, squares in state["slices"]:
            part = self._slice(int(start_us))
            part.time_us = [part.time_us[0] + int(on_us), part.time_us[1] + int(between_us)]
            for depth, count in reached:
                part.reached[int(depth)] = part.reached.get(int(depth), 0) + int(count)
            part.changes += int(changes)
            part.squares += int(squares)
        self._mids.extend((int(at_us), None if mid is None else int(mid)) for at_us, mid in state["mids"])
        if state["order"] is not None:
            at_us, side, mid, depth = state["order"]
            self._order = _Order(int(at_us), Side(side), int(mid), int(depth))
        for quoted in (state["quoted"], state.get("in_place")):
            if quoted is not None:
                nearest, deepest, *own = quoted
                self.see(QuotedAt(int(nearest), int(deepest), all(own)))
        self._next_second_us, self._second_mid = state["second"]
        self._fit_us = int(state["fit_us"])
        if state["estimates"] is not None:
            sigma, k, a, fit, orders, seconds, at_us = state["estimates"]
            figures = Decimal(sigma), Decimal(k), Decimal(a), Decimal(fit)
            self.result = Estimates(*figures, int(orders), int(seconds), int(at_us))
        else:
            code, detail = state["why_not"]
            self.result = NotReady(str(code), str(detail))


def _thinned(depths: list[int]) -> list[int]:
    """At most POINTS_MAX of them, evenly."""
    if len(depths) <= POINTS_MAX:
        return depths
    last = len(depths) - 1
    return [depths[last * number // (POINTS_MAX - 1)] for number in range(POINTS_MAX)]
