"""What may become of a level, and why there is no quote at all: one vocabulary with one sentence each.

The formula, the checks before an order and the evaluation say with it what stops a level.
"""

from enum import Enum


class Outcome(Enum):
    """The stable code, as metrics and the API show it."""

    RESTING = "resting"
    PLACED = "placed"
    SIMULATED = "simulated"
    QUOTED = "quoted"

    ZERO_QUANTITY = "zero_quantity"
    BELOW_MIN_NOTIONAL = "below_min_notional"
    PRICE_NOT_POSITIVE = "price_not_positive"
    SAME_PRICE_AS_INNER_LEVEL = "same_price_as_inner_level"

    NOT_ACTIVE = "not_active"
    KILL_LATCHED = "kill_latched"
    LOSS_LIMIT = "loss_limit"
    POSITION_LIMIT = "position_limit"
    WAITING_FOR_ROOM = "waiting_for_room"
    PRICE_COLLAR = "price_collar"
    NOTIONAL_LIMIT = "notional_limit"
    BAD_PRICE = "bad_price"
    BAD_QUANTITY = "bad_quantity"
    OWN_CROSS = "own_cross"
    RATE_LIMIT = "rate_limit"
    EXCHANGE_RATE_LIMIT = "exchange_rate_limit"

    INSTRUMENT_NOT_TRADING = "instrument_not_trading"
    BOOK_INVALID = "book_invalid"
    BOOK_STALE = "book_stale"
    NO_REFERENCE_MID = "no_reference_mid"
    MARK_DIVERGENCE = "mark_divergence"
    MODEL_UNUSABLE = "model_unusable"
    FILL_PAUSE = "fill_pause"
    FILL_BURST = "fill_burst"
    GRID_CHANGING = "grid_changing"
    CLEARING = "clearing"
    LEASE_ENDED = "lease_ended"
    NOT_EVALUATED = "not evaluated yet"

    @property
    def in_market(self) -> bool:
        """Whether the level has its order, or would have it outside of shadow mode."""
        return self in _IN_MARKET

    @property
    def sentence(self) -> str:
        """The same for people."""
        return _SENTENCES[self]


_IN_MARKET = frozenset({Outcome.RESTING, Outcome.PLACED, Outcome.SIMULATED, Outcome.QUOTED})

_SENTENCES = {
    Outcome.RESTING: "an order rests for it",
    Outcome.PLACED: "its order has just been sent",
    Outcome.SIMULATED: "its order would be sent, but this is shadow mode",
    Outcome.QUOTED: "it is to be quoted",
    Outcome.ZERO_QUANTITY: "the order size is less than one lot",
    Outcome.BELOW_MIN_NOTIONAL: "the order would be worth less than the exchange's minimum notional",
    Outcome.PRICE_NOT_POSITIVE: "the price would not be positive",
    Outcome.SAME_PRICE_AS_INNER_LEVEL: "an inner level stands at the same price",
    Outcome.NOT_ACTIVE: "the symbol is not ACTIVE",
    Outcome.KILL_LATCHED: "the kill switch is latched",
    Outcome.LOSS_LIMIT: "the loss is beyond max_loss_usdt",
    Outcome.POSITION_LIMIT: "the position could pass max_position_usdt if this order filled too",
    Outcome.WAITING_FOR_ROOM: "an order that is being cancelled still takes its room below max_position_usdt",
    Outcome.PRICE_COLLAR: "the price is further from the mid than PRICE_COLLAR_BPS",
    Outcome.NOTIONAL_LIMIT: "the order would be worth more than MAX_ORDER_NOTIONAL_USDT allows",
    Outcome.BAD_PRICE: "the price is not on the tick grid",
    Outcome.BAD_QUANTITY: "the quantity is not on the lot grid",
    Outcome.OWN_CROSS: "an order of ours on the other side stands in the way until it is cancelled",
    Outcome.RATE_LIMIT: "MAX_ORDERS_PER_SECOND is used up: it is sent within a second",
    Outcome.EXCHANGE_RATE_LIMIT: "the exchange asked for a pause (429)",
    Outcome.INSTRUMENT_NOT_TRADING: "the exchange does not trade the instrument now",
    Outcome.BOOK_INVALID: "the book cannot be trusted until the next snapshot",
    Outcome.BOOK_STALE: "the book's data is too old: quotes return when the feed does",
    Outcome.NO_REFERENCE_MID: "without our orders one side of the book is empty, and neither mark nor last"
    " trade is fresh",
    Outcome.MARK_DIVERGENCE: "the reference mid and the fresh mark price differ by more than"
    " mark_divergence_bps",
    Outcome.MODEL_UNUSABLE: "what the quoting model proposes is no usable number",
    Outcome.FILL_PAUSE: "its side pauses after a fill for fill_pause_ms",
    Outcome.FILL_BURST: "more filled within fill_burst_window_ms than the configuration allows: quotes return"
    " fill_burst_pause_ms after the last fill of the burst",
    Outcome.GRID_CHANGING: "tick or lot size changed: quotes return once all orders are gone",
    Outcome.CLEARING: "the market is being cleared: quotes return once zero open orders are proven",
    Outcome.LEASE_ENDED: "PostgreSQL has not confirmed lately that the symbol is this instance's:"
    " quotes return when it does",
    Outcome.NOT_EVALUATED: "nothing has been computed yet",
}


def outcome_of(code: str) -> Outcome | None:
    """The outcome with this code; None for a code from elsewhere."""
    return _BY_CODE.get(code)


_BY_CODE = {outcome.value: outcome for outcome in Outcome}
