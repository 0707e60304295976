"""How much of the published book is ours, so that the reference mid can be that of the others.

An order of ours is in the book from the message that shows it to the message that no longer does. Which
messages these are is told

- by the exchange's own times: an acceptance, fill or end is in the book as soon as a book message carries
  its time or a later one;
- by what changed at its level, where a time is not known yet: an order can only have come where the level
  rose by its size, and can only have gone where the level fell by more than what is known of ours explains.

What others took away and what of ours went unheard look alike: that much of the level is in *doubt*, until
the matching engine's stream has told of a later time, or the exchange was asked and knew of no change. So
the answer for a level is the least and the most that can be ours; no elapsed time decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from market_maker.core.book.levels import highest_beyond, lowest_beyond
from market_maker.core.book.order_book import BookChange, OrderBook
from market_maker.core.events import BookDelta, BookSnapshot
from market_maker.core.side import Side

_APPLIED, _BUY, _SELL = BookChange.APPLIED, Side.BUY, Side.SELL


def _is_in(at_us: int, book_us: int, touched_us: int) -> bool:
    """A book of `book_us` has what happened at a level at `at_us`.

    What happened at the very time of the book's latest message is in it when that message changed the level.
    """
    return at_us < book_us or at_us == book_us == touched_us


@dataclass(slots=True, eq=False)
class Resident:
    """One order of ours that the book may show; times in `_us` are the exchange's, since 1970."""

    lots: int
    accepted_us: int | None = None
    ended_us: int | None = None
    ended_ns: int | None = None
    """When its end was learned (monotonic) as long as the exchange's time of it is not known."""
    fills: list[tuple[int, int]] = field(default_factory=list)
    """(time, lots) of each."""
    may_show: bool = False
    """Its level rose by its size before its acceptance was known, or the book began anew meanwhile."""
    asked_us: int = 0
    """The book's time when the exchange was last asked about it."""
    known_us: int = 0
    """All that happened to it until this time is known."""

    def shown(self, book_us: int, touched_us: int) -> tuple[int, int]:
        """The least and the most of it that a book of `book_us` shows, doubt apart."""
        if self.has_left(book_us, touched_us):
            return 0, 0
        filled = sum(lots for at_us, lots in self.fills if _is_in(at_us, book_us, touched_us))
        left = max(0, self.lots - filled)
        if self.accepted_us is not None and _is_in(self.accepted_us, book_us, touched_us):
            return left, left
        return 0, left if self.may_show else 0

    def has_left(self, book_us: int, touched_us: int) -> bool:
        """A book of `book_us` and every later one is without it."""
        return self.ended_us is not None and _is_in(self.ended_us, book_us, touched_us)


@dataclass(slots=True, eq=False)
class OwnLevel:
    """One price at which orders of ours stand or stood."""

    residents: dict[str, Resident] = field(default_factory=dict)
    """By client order id."""
    touched_us: int = 0
    """Time of the latest book message that changed the level."""
    doubt: int = 0
    """Lots by which the level fell without a known reason of ours."""

    def shown(self, book_us: int) -> tuple[int, int]:
        """The least and the most lots of ours that a book of that time shows here, doubt apart."""
        least = most = 0
        for resident in self.residents.values():
            low, high = resident.shown(book_us, self.touched_us)
            least += low
            most += high
        return least, most

    def least_and_most(self, published: int, book_us: int, heard_us: int) -> tuple[int, int]:
        """The least and the most lots of the published level that are ours."""
        least, most = self.shown(book_us)
        if self.doubt and not self._all_is_known(heard_us):
            least = max(0, least - self.doubt)
        most = min(most, published)
        return min(least, most), most

    def took(self, others_before: int, published: int, message_us: int, heard_us: int) -> bool:
        """Follow a message that set the level to `published`; returns whether others must have acted."""
        if self._all_is_known(heard_us):
            self.doubt = 0
        self.touched_us = message_us
        fell = others_before - (published - self.shown(message_us)[0])
        if fell > 0:
            self.doubt += fell
            return fell > sum(resident.lots for resident in self.residents.values())
        unseen = [resident for resident in self.residents.values() if self._is_unseen(resident)]
        for resident in unseen:
            if -fell >= resident.lots:
                resident.may_show = True
        return fell < 0 and not unseen

    def began_anew(self, message_us: int) -> None:
        """Messages were lost: everything of ours that was not heard of may have happened."""
        self.touched_us = message_us
        self.doubt = sum(resident.lots for resident in self.residents.values())
        for resident in self.residents.values():
            resident.may_show = resident.may_show or resident.accepted_us is None

    def explain(self, lots: int, at_us: int) -> None:
        """It became known that so much of ours went at that time: if the book showed it, that is no doubt."""
        if at_us <= self.touched_us:
            self.doubt = max(0, self.doubt - lots)

    def _all_is_known(self, heard_us: int) -> bool:
        touched_us = self.touched_us
        return heard_us > touched_us or all(
            resident.known_us >= touched_us for resident in self.residents.values()
        )

    def _is_unseen(self, resident: Resident) -> bool:
        return resident.accepted_us is None or resident.accepted_us > self.touched_us


class OwnShare:
    """Our orders as the published book of one symbol shows them."""

    __slots__ = ("_levels", "_where", "heard_us")

    def __init__(self) -> None:
        self._levels: dict[Side, dict[int, OwnLevel]] = {_BUY: {}, _SELL: {}}
        self._where: dict[str, tuple[Side, int]] = {}
        self.heard_us = 0
        """The latest time of what the matching engine's stream said of our account."""

    def __len__(self) -> int:
        """How many orders the book may show."""
        return len(self._where)

    # --- what becomes of our orders ----------------------------------------------------------------

    def sent(self, order_id: str, side: Side, ticks: int, lots: int, *, may_show: bool = False) -> None:
        """An order is on its way; `may_show`: it may have been in the book before we knew of it."""
        self._where[order_id] = side, ticks
        level = self._levels[side].setdefault(ticks, OwnLevel())
        level.residents[order_id] = Resident(lots, may_show=may_show)

    def accepted(self, order_id: str, at_us: int | None) -> None:
        """The exchange took it, and when."""
        level = self._level(order_id)
        if level is not None and at_us is not None:
            level.residents[order_id].accepted_us = at_us

    def filled(self, order_id: str, at_us: int, lots: int) -> None:
        """So much of it traded."""
        level = self._level(order_id)
        if level is not None:
            level.residents[order_id].fills.append((at_us, lots))
            level.explain(lots, at_us)

    def ended(self, order_id: str, at_us: int | None, now_ns: int) -> None:
        """It is over; without the exchange's time it leaves the book as its level says.

        With fills heard of out of their order the one that completes it need not be the latest.
        """
        level = self._level(order_id)
        if level is None:
            return
        resident = level.residents[order_id]
        if at_us is None:
            resident.ended_ns = now_ns if resident.ended_ns is None else resident.ended_ns
        elif resident.ended_us is None:
            at_us = max([at_us, *[fill_us for fill_us, _ in resident.fills]])
            resident.ended_us = at_us
            level.explain(resident.lots - sum(lots for _, lots in resident.fills), at_us)

    def never_rested(self, order_id: str) -> None:
        """It was refused, or did not leave."""
        level = self._level(order_id)
        if level is not None:
            self._drop(order_id, level)

    def asked(self, order_id: str, book_us: int) -> None:
        """The exchange is asked about it, after a book of that time was seen."""
        level = self._level(order_id)
        if level is not None:
            level.residents[order_id].asked_us = book_us

    def confirmed(self, order_id: str) -> None:
        """The exchange, being asked, knew of no more fills than we do, and of no end."""
        level = self._level(order_id)
        if level is not None:
            resident = level.residents[order_id]
            resident.known_us = max(resident.known_us, resident.asked_us)

    def heard(self, at_us: int) -> None:
        """The matching engine's stream told of our account at this time; it tells in order."""
        self.heard_us = max(self.heard_us, at_us)

    def clear(self) -> None:
        """Prices and sizes mean something else from here on."""
        self._levels = {_BUY: {}, _SELL: {}}
        self._where = {}

    # --- what the book says ------------------------------------------------------------------------

    def apply_delta(self, book: OrderBook, delta: BookDelta) -> BookChange:
        """Apply a delta to the book. One that changes nothing but our own orders makes it no fresher."""
        if not self._where:
            return book.apply_delta(delta)
        before: dict[tuple[Side, int], int] = {}
        for side, changes in ((_BUY, delta.bids), (_SELL, delta.asks)):
            if levels := self._levels[side]:
                for ticks, _ in changes:
                    if ticks in levels:
                        before[side, ticks] = self._others(book, side, ticks)
        data_ns = book.data_ns
        change = book.apply_delta(delta)
        if change is _APPLIED and before:
            others_acted = len(before) < len(delta.bids) + len(delta.asks)
            for (side, ticks), others in before.items():
                level = self._levels[side][ticks]
                published = book.lots_at(side, ticks)
                others_acted |= level.took(others, published, book.exchange_us, self.heard_us)
            if not others_acted:
                book.data_ns = data_ns
        return change

    def apply_snapshot(self, book: OrderBook, snapshot: BookSnapshot) -> BookChange:
        """Apply a snapshot to the book."""
        if not self._where:
            return book.apply_snapshot(snapshot)
        was_valid = book.valid
        prices = [(side, ticks) for side, levels in self._levels.items() for ticks in levels]
        before = {key: self._others(book, *key) for key in prices}
        sequence = book.sequence
        change = book.apply_snapshot(snapshot)
        if book.valid and (book.sequence != sequence or not was_valid):
            for (side, ticks), others in before.items():
                level = self._levels[side][ticks]
                if was_valid:
                    level.took(others, book.lots_at(side, ticks), book.exchange_us, self.heard_us)
                else:
                    level.began_anew(book.exchange_us)
        return change

    def best(self, book: OrderBook, side: Side, units_min: int = 0) -> tuple[int | None, int | None]:
        """Others' best price of a side in ticks: the best that is possible, and the best that is certain.

        They differ while it is undecided whether a level holds others' orders. Levels of less than
        `units_min` (ticks * lots) of others do not count.
        """
        best = book.best_bid if side is _BUY else book.best_ask
        levels = self._levels[side]
        if best is None or (best not in levels and not units_min):
            return best, best
        least: dict[int, int] = {}
        most: dict[int, int] = {}
        for ticks, level in levels.items():
            published = book.lots_at(side, ticks)
            least[ticks], most[ticks] = level.least_and_most(published, book.exchange_us, self.heard_us)
        find = highest_beyond if side is _BUY else lowest_beyond
        side_levels = book.levels(side)
        possible = find(side_levels, best, least, units_min)
        return possible, possible if least == most else find(side_levels, best, most, units_min)

    def others_lots(self, book: OrderBook, side: Side, ticks: int) -> tuple[int, int]:
        """The least and the most lots of others at a price."""
        published, level = book.lots_at(side, ticks), self._levels[side].get(ticks)
        if level is None:
            return published, published
        least, most = level.least_and_most(published, book.exchange_us, self.heard_us)
        return published - most, published - least

    def doubtful(self, side: Side, ticks: int) -> Iterator[str]:
        """Orders whose part in a level is in doubt, by client order id."""
        level = self._levels[side].get(ticks)
        if level is not None and level.doubt:
            yield from level.residents

    def forget_gone(self, book: OrderBook) -> None:
        """Let go of orders that no later book shows."""
        gone = []
        for order_id, (side, ticks) in self._where.items():
            level = self._levels[side][ticks]
            resident = level.residents[order_id]
            if resident.ended_us is not None:
                if resident.has_left(book.exchange_us, level.touched_us):
                    gone.append((order_id, level))
            elif resident.ended_ns is not None and (book.data_ns or 0) > resident.ended_ns:
                gone.append((order_id, level))
        for order_id, level in gone:
            self._drop(order_id, level)

    # --- inside --------------------------------------------------------------------------------------

    def _level(self, order_id: str) -> OwnLevel | None:
        where = self._where.get(order_id)
        return None if where is None else self._levels[where[0]][where[1]]

    def _drop(self, order_id: str, level: OwnLevel) -> None:
        side, ticks = self._where.pop(order_id)
        del level.residents[order_id]
        if not level.residents:
            del self._levels[side][ticks]

    def _others(self, book: OrderBook, side: Side, ticks: int) -> int:
        """Others' lots at a price where orders of ours stand, as far as is known."""
        return book.lots_at(side, ticks) - self._levels[side][ticks].shown(book.exchange_us)[0]
