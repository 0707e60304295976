"""The fold of all fills of a symbol, whether or not the older ones are deleted meanwhile."""

from collections.abc import Awaitable, Callable

from market_maker.core.ledger.fold import Fold
from market_maker.repositories.checkpoints import CheckpointRepository
from market_maker.repositories.executor import Database
from market_maker.repositories.fills import FillRepository
from market_maker.repositories.paging import ID_MAX


async def _at_once() -> None:
    """No rest."""


async def whole_history(
    database: Database,
    symbol: str,
    page_rows: int,
    last_id: int = ID_MAX,
    rest: Callable[[], Awaitable[None]] = _at_once,
) -> Fold:
    """The fold of everything up to a fill; `rest` is awaited after each page, and may raise.

    It begins at what deleted fills came to. When more of them are deleted while it reads, it begins anew:
    what it read of them may have holes. Raises UnreadableFoldError.
    """
    checkpoints, fills = CheckpointRepository(database), FillRepository(database)
    fold, begun = Fold(), None
    while begun != (beginning := await checkpoints.beginning(symbol)).last_id:
        fold, begun = beginning, beginning.last_id
        while fold.last_id < last_id and (page := await fills.page_after(symbol, fold.last_id, page_rows)):
            for fill in page:
                if fill.id <= last_id:
                    fold.apply(fill)
            if page[-1].id > last_id:
                break
            await rest()
    return fold
