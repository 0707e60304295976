"""Changes that a slip of the finger would make dear: they need `confirm` in the same request."""

from decimal import Decimal
from http import HTTPStatus

from market_maker.api.decimals import plain
from market_maker.api.problems import ProblemError
from market_maker.api.validation import FieldError
from market_maker.core.config import SymbolConfig
from market_maker.core.view import PnlView

FACTOR_MAX = 10
"""A size or a limit may grow, and a spread shrink, by this factor without being confirmed."""
_GROWING = ("order_size_usdt", "max_position_usdt", "max_loss_usdt", "mark_divergence_bps")
_SHRINKING = ("base_spread_bps",)
_HOW = 'send "confirm": true in the same request if that is meant'


def require_confirmed_change(before: SymbolConfig, after: SymbolConfig, pnl: PnlView | None) -> None:
    """409 for a leap in a size, a limit or a spread, and for a limit that is broken already.

    `pnl` is None for a symbol that nobody runs: what it is worth now is not known.
    """
    errors = unconfirmed(before, after, pnl)
    if errors:
        detail = "; ".join(f"{error.field}: {error.detail}" for error in errors)
        raise ProblemError(HTTPStatus.CONFLICT, "CONFIRMATION_NEEDED", f"{detail}: {_HOW}", errors=errors)


def unconfirmed(before: SymbolConfig, after: SymbolConfig, pnl: PnlView | None) -> list[FieldError]:
    """What of a change needs `confirm`."""
    return [*_leaps(before, after), *([] if pnl is None else _broken(before, after, pnl))]


def require_confirmed_removal(symbol: str, position: Decimal) -> None:
    """409 while the symbol has a position."""
    if not position:
        return
    detail = (
        f"{symbol} has a position of {plain(position)}: without its configuration neither status nor"
        f" totals show it, and nobody watches its loss: {_HOW}"
    )
    raise ProblemError(HTTPStatus.CONFLICT, "CONFIRMATION_NEEDED", detail)


def _leaps(before: SymbolConfig, after: SymbolConfig) -> list[FieldError]:
    errors = []
    for name in _GROWING:
        old, new = getattr(before, name), getattr(after, name)
        if new > FACTOR_MAX * old:
            errors.append(_error(name, f"{plain(new)} is more than {FACTOR_MAX} times {plain(old)}"))
    for name in _SHRINKING:
        old, new = getattr(before, name), getattr(after, name)
        if FACTOR_MAX * new < old:
            errors.append(_error(name, f"{plain(new)} is less than a {FACTOR_MAX}th of {plain(old)}"))
    return errors


def _broken(before: SymbolConfig, after: SymbolConfig, pnl: PnlView) -> list[FieldError]:
    """New limits that the symbol is beyond already: ACTIVE it would halt at once."""
    errors = []
    if after.max_position_usdt != before.max_position_usdt and pnl.inventory_usdt is not None:
        inventory = abs(pnl.inventory_usdt)
        if inventory > after.max_position_usdt:
            detail = f"{plain(after.max_position_usdt)} is below the present inventory of {plain(inventory)}"
            errors.append(_error("max_position_usdt", f"{detail} and would halt the symbol at once"))
    if after.max_loss_usdt != before.max_loss_usdt and -pnl.total > after.max_loss_usdt:
        detail = f"{plain(after.max_loss_usdt)} is below the present loss of {plain(-pnl.total)}"
        errors.append(_error("max_loss_usdt", f"{detail} and would halt the symbol at once"))
    return errors


def _error(field: str, detail: str) -> FieldError:
    return FieldError(location="body", field=field, detail=detail)
