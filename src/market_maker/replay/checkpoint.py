"""A whole engine as text and back, so that a long record may begin anew in the middle of a run.

Pickle writes it, because it is quick and complete. Reading is restricted to the plain data classes of
the core, so that a file can bring nothing else to life; and only the very build of the core that wrote
a checkpoint reads it, because the state inside an engine is no contract.
"""

import base64
import copyreg
import hashlib
import io
import pickle
import sys
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import attrgetter
from typing import Any, Final, Self

from market_maker.core.engine.engine import SymbolEngine
from market_maker.core.orders.order_tracker import Order
from market_maker.replay.codec import decoder, encode_values, field_names

_CORE: Final = "market_maker.core"
_PLAIN: Final = frozenset(
    {("builtins", "range"), ("collections", "OrderedDict"), ("collections", "deque"), ("decimal", "Decimal")}
)

_UNREADABLE: Final = (
    ValueError,
    zlib.error,
    pickle.UnpicklingError,
    EOFError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
)
_ORDER_VALUES: Final = attrgetter(*field_names(Order))


class CheckpointError(ValueError):
    """The text is no checkpoint of an engine."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An engine as it stood; later steps do not change it.

    What there may be many of is kept apart, as references to values that never change: taking a
    checkpoint holds the symbol up, encoding it does not.
    """

    state: bytes
    orders: tuple[tuple[Any, ...], ...]
    trade_keys: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, engine: SymbolEngine) -> Self:
        """The engine between two steps."""
        symbol = engine.symbol
        keys, symbol.trade_keys = symbol.trade_keys, OrderedDict()
        try:
            writer = _Writer()
            writer.dump(engine)
        finally:
            symbol.trade_keys = keys
        # An OrderedDict's own iterator looks every key up again: thirty times the cost. Keys are only
        # ever appended and taken from the front, so the order of the plain dictionary is the same.
        return cls(writer.written(), tuple(writer.orders), tuple(dict.__iter__(keys)))

    def to_json(self) -> dict[str, Any]:
        """For the head of a record."""
        return {
            "state": base64.b64encode(zlib.compress(self.state, level=1)).decode("ascii"),
            "orders": [encode_values(Order, values) for values in self.orders],
            "trade_keys": self.trade_keys,
        }


def engine_of(head: object) -> SymbolEngine:
    """The engine of what `to_json` gave. Raises CheckpointError."""
    try:
        if not isinstance(head, dict):
            raise TypeError("it is not an object")
        orders = [decoder(Order)(values) for values in head["orders"]]
        state = zlib.decompress(base64.b64decode(head["state"], validate=True))
        found = _Reader(state, orders).load()
        keys = OrderedDict.fromkeys((str(trade), str(side)) for trade, side in head["trade_keys"])
    except _UNREADABLE as error:
        raise CheckpointError(f"the checkpoint cannot be read: {error}") from None
    if not isinstance(found, SymbolEngine):
        raise CheckpointError("the checkpoint holds no engine")
    found.symbol.trade_keys = keys
    return found


@cache
def core_build() -> str:
    """A digest of the core's source: two equal ones decide alike."""
    digest = hashlib.sha256()
    for path, source in sorted(_sources(files(_CORE), "")):
        digest.update(path.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()[:16]


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _sources(one, f"{path}{one.name}/")
        elif one.name.endswith(".py"):
            yield path + one.name, one.read_bytes()


class OrderAt:
    """Stands in a checkpoint for the order of a number."""


class _Writer(pickle.Pickler):
    """Writes an engine, with the values of its orders beside it."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        super().__init__(self._file, protocol=5)
        self.dispatch_table = {**copyreg.dispatch_table, Order: self._reduce_order}
        self.orders: list[tuple[Any, ...]] = []

    def written(self) -> bytes:
        """What has been written."""
        return self._file.getvalue()

    def _reduce_order(self, order: Order) -> tuple[type, tuple[int]]:
        self.orders.append(_ORDER_VALUES(order))
        return OrderAt, (len(self.orders) - 1,)


class _Reader(pickle.Unpickler):
    """Makes objects of the core's own classes and of a few plain ones, nothing else."""

    def __init__(self, state: bytes, orders: Sequence[Order]) -> None:
        super().__init__(io.BytesIO(state))
        self._orders = orders

    def find_class(self, module: str, name: str) -> Any:
        """The class, when it is allowed."""
        if (module, name) == (__name__, OrderAt.__name__):
            return self._orders.__getitem__
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith(f"{_CORE}.") and name.isidentifier():
            found = getattr(sys.modules.get(module), name, None)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not part of an engine")
