"""`mm_fills`: every execution of our account, each once. It is written by the journal."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from market_maker.core.side import Side
from market_maker.repositories.executor import Executor
from market_maker.repositories.generated import fills as sql
from market_maker.repositories.generated.models import StoredFill
from market_maker.repositories.markouts import StoredMid
from market_maker.repositories.paging import ALWAYS, ID_MAX, PAGE_ROWS_MAX, Period, page_limit
from market_maker.repositories.rows import record_of

_SIDES: Final = {side.value: side for side in Side}


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One fill; price and fee in quote currency, quantity in base currency."""

    id: int
    """Rises in the order in which the fills of a symbol were applied."""
    symbol: str
    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    """Negative is a rebate."""
    order_id: str
    client_order_id: str | None
    is_maker: bool
    sequence: int
    executed_at: datetime
    recorded_at: datetime
    mid: Decimal | None
    """The price that valued the position when it was counted; None: there was none."""
    level: int | None
    """The level that its order served; None when the order was not known."""
    markouts: Sequence[StoredMid] = ()
    """Those that are there, where they were asked for."""


@dataclass(slots=True)
class FoldedFill:
    """What the fold needs of a fill, and nothing else: a start and a check read very many."""

    id: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    order_id: str
    mid: Decimal | None


class FillRepository:
    """The fill history of all symbols."""

    def __init__(self, db: Executor) -> None:
        self._db = db

    async def list(
        self, symbol: str, before_id: int | None = None, limit: int = 100, period: Period = ALWAYS
    ) -> Sequence[FillRecord]:
        """Fills that were executed in the period, with an id under `before_id`, newest first."""
        rows = await sql.list_fills(
            self._db,
            symbol=symbol,
            before_id=ID_MAX if before_id is None else before_id,
            since=period.since,
            until=period.until,
            row_limit=page_limit(limit),
        )
        return [_record(row) for row in rows]

    async def recent_keys(self, symbol: str, limit: int) -> Sequence[tuple[str, str]]:
        """(trade id, side) of the last fills, oldest of them first: what the engine has seen already."""
        row = await sql.recent_fill_keys(self._db, symbol=symbol, row_limit=limit)
        return [] if row is None else list(zip(row.trade_ids, row.sides, strict=True))

    async def fold_rows(
        self, symbol: str, page_rows: int = PAGE_ROWS_MAX, after_id: int = 0
    ) -> AsyncIterator[FoldedFill]:
        """The symbol's fills above an id in the order in which they were applied, read page by page."""
        while page := await self.page_after(symbol, after_id, page_rows):
            for fill in page:
                yield fill
            after_id = page[-1].id

    async def page_after(self, symbol: str, after_id: int, rows_max: int) -> Sequence[FoldedFill]:
        """The next fills above an id, in that order; empty when there are none."""
        rows = await sql.list_fills_after(
            self._db, symbol=symbol, after_id=after_id, row_limit=page_limit(rows_max)
        )
        return [
            FoldedFill(row.id, _SIDES[row.side], row.price, row.quantity, row.fee, row.order_id, row.mid)
            for row in rows
        ]


def _record(row: StoredFill) -> FillRecord:
    return record_of(FillRecord, row, side=Side(row.side), markouts=())
