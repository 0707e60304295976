"""A fold that goes on from a checkpoint is the fold of everything, wherever the checkpoint was made."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.conversation import INSTRUMENT

from lab.journal_records import Fills, entry
from market_maker.bootstrap import restore
from market_maker.bootstrap.restore import Restorer
from market_maker.core.config import SymbolConfig
from market_maker.core.engine.symbol import Restored
from market_maker.core.ledger import fold as fold_module
from market_maker.core.ledger.fold import Fold, UnreadableFoldError
from market_maker.core.side import Side
from market_maker.repositories.executor import Database
from market_maker.repositories.journal_store import JournalStore
from market_maker.repositories.owners import OwnerRepository


@dataclass(frozen=True)
class Stored:
    id: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    order_id: str
    mid: Decimal | None


def decimals(lowest: str, highest: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(lowest, highest, places=places, allow_nan=False)


fills = st.builds(
    Stored,
    st.just(0),
    st.sampled_from(Side),
    st.one_of(decimals("0.01", "100000", 2), decimals("0.00000001", "0.001", 8)),
    st.one_of(decimals("0.00001", "10", 5), decimals("1", "1000000", 0)),
    decimals("-10", "10", 6),
    st.sampled_from([f"o{number}" for number in range(7)]),
    st.one_of(st.none(), decimals("0.01", "100000", 2)),
)
histories = st.lists(fills, max_size=30).map(
    lambda made: [replace(fill, id=3 * number + 1) for number, fill in enumerate(made)]
)


def folded(history: Iterable[Stored], after: Fold | None = None) -> Fold:
    fold = after or Fold()
    for fill in history:
        fold.apply(fill)
    return fold


@given(histories, st.lists(st.integers(0, 30), max_size=3))
def test_a_fold_that_is_written_down_and_goes_on_is_that_of_the_whole_history(
    history: list[Stored], cuts: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold_module, "RECENT_ORDERS_MAX", 4)
        fold, begun = Fold(), 0
        for cut in sorted(cuts):
            fold = folded(history[begun:cut], fold)
            begun = max(begun, cut)
            fold = Fold.from_json(fold.last_id, json.loads(json.dumps(fold.to_json())))
        fold = folded(history[begun:], fold)
        whole = folded(history)
    assert fold.difference(whole) == ""
    assert fold.to_json() == whole.to_json()


@given(histories.filter(bool), st.data())
def test_a_history_that_lacks_a_fill_makes_another_fold(history: list[Stored], data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, len(history) - 1))
    assert folded(history).difference(folded(history[:missing] + history[missing + 1 :]))


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"version": 0},
        {"version": fold_module.VERSION},
        {**Fold().to_json(), "position": "many"},
        {**Fold().to_json(), "filled": [["o1"]]},
    ],
)
def test_a_checkpoint_that_is_none_is_unreadable(written: dict[str, object]) -> None:
    with pytest.raises(UnreadableFoldError):
        Fold.from_json(1, written)


def started(restored: Restored) -> tuple[object, ...]:
    """What of a start follows from the fills."""
    return restored.inventory.to_row(), restored.filled_by_order, restored.trade_keys, restored.applied


@given(
    made=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 10**9)), min_size=1, max_size=25),
    restarts=st.sets(st.integers(1, 25)),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_start_from_a_checkpoint_is_the_start_from_all_fills(
    pool: asyncpg.Pool, made: list[tuple[Side, int]], restarts: set[int]
) -> None:
    await pool.execute("TRUNCATE mm_fills, mm_positions, mm_checkpoints, mm_owners")
    database, symbol = Database(pool), SymbolConfig("BTC-USDT")
    fills = Fills()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "FILLS_MAX", 3)
        for number, (side, quantity) in enumerate(made, 1):
            await JournalStore(pool).write([entry(fills.next(side, f"{quantity}e-8", fee="0.00001"))])
            if number in restarts:
                [claim] = await OwnerRepository(database).claim([symbol.symbol], "north")
                await Restorer(database).restore(symbol, INSTRUMENT, claim.epoch)
        from_checkpoint, _ = await Restorer(database).restore(symbol, INSTRUMENT, None)
        await pool.execute("DELETE FROM mm_checkpoints")
        from_all, _ = await Restorer(database).restore(symbol, INSTRUMENT, None)
    assert started(from_checkpoint) == started(from_all)
    assert from_all.inventory.to_row() == fills.position
