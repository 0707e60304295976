"""The capture's own word on its book: best bid and ask of a bookTicker against the rebuilt book.

Both streams carry update ids; where a depth message ends at the id of a ticker, both tell of the same
book. Either may come first in the file, so each side waits for the other.
"""

from tradex_sandbox.capture import FieldError
from tradex_sandbox.capture_grid import Grid

WAITING_MAX = 10_000
"""How many tickers wait for their depth message, at most; the oldest are given up first. Most wait in
vain, since few of their ids end a depth message."""

REMEMBERED_MAX = 4096
"""How many depth messages wait for their ticker, at most."""

Top = tuple[int | None, int | None]
"""Best bid and ask in ticks."""


class FeedOracle:
    """Counts comparisons and mismatches as a capture is played."""

    def __init__(self) -> None:
        self.checks = 0
        self.mismatches = 0
        self._tickers: dict[int, tuple[str, str]] = {}
        self._tops: dict[int, Top] = {}

    def ticker(self, update_id: int, bid: str, ask: str, grid: Grid) -> None:
        """A ticker arrived; FieldError when its price cannot be read."""
        top = self._tops.pop(update_id, None)
        if top is not None:
            self._compare(top, (bid, ask), grid)
            return
        self._tickers[update_id] = (bid, ask)
        if len(self._tickers) > WAITING_MAX:
            del self._tickers[next(iter(self._tickers))]

    def book(self, update_id: int, top: Top, grid: Grid) -> None:
        """The rebuilt book reached `update_id` with this top; FieldError as above."""
        ticker = self._tickers.pop(update_id, None)
        if ticker is not None:
            self._compare(top, ticker, grid)
            return
        self._tops[update_id] = top
        if len(self._tops) > REMEMBERED_MAX:
            del self._tops[next(iter(self._tops))]

    def regrid(self) -> None:
        """The grid changes: forget tops in old ticks; tickers wait as strings."""
        self._tops.clear()

    def _compare(self, top: Top, ticker: tuple[str, str], grid: Grid) -> None:
        try:
            told = (grid.ticks[ticker[0]], grid.ticks[ticker[1]])
        except FieldError as error:
            raise FieldError(f"bookTicker: {error}") from None
        self.checks += 1
        self.mismatches += told != top
