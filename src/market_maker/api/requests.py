"""What clients may send: every field with its range, nothing else accepted."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_jsonable_python

from market_maker.api.decimals import DecimalRange, WholeRange, plain
from market_maker.api.model_schemas import chosen_by_model, parameters_schema
from market_maker.api.validation import REASON_PATTERN, SYMBOL_PATTERN
from market_maker.core.config import FairValue, SymbolConfig
from market_maker.core.pricing.models.registry import model_kinds

WAIT_S_MAX = 30
VERSION_MAX = 10**15
_DEFAULT = SymbolConfig(symbol="-")
_SETTINGS = frozenset(SymbolConfig.__dataclass_fields__)

Symbol = Annotated[
    str,
    StringConstraints(strict=True, pattern=SYMBOL_PATTERN),
    Field(
        description="Trading symbol: capital letters, digits, dot, underscore and hyphen.",
        examples=["BTCUSDT"],
    ),
]
Reason = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=500, pattern=REASON_PATTERN),
    Field(description="Why, for the audit trail: 1 to 500 characters, not blank."),
]
Symbols = Annotated[
    list[Symbol],
    Field(min_length=1, max_length=1000, description="The symbols meant; leave out (or null) for all."),
]


def _left_out() -> Any:
    """A field that may be left out without having a default: only the fields that were sent are read."""
    return Field(default_factory=lambda: None)


DryRun = Annotated[
    StrictBool,
    Field(
        description="Answer what would be answered: everything is checked, nothing is changed or recorded."
    ),
]


class Body(BaseModel):
    """Base of every body: exactly these fields, each documented by the text below it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ConfigFields(Body):
    """What may be set of a symbol; only the fields that were sent are read."""

    symbol: Symbol = _left_out()
    enabled: StrictBool = _left_out()
    """Whether `resume` may start it. False pauses an ACTIVE symbol; true starts nothing."""
    base_spread_bps: Annotated[Decimal, DecimalRange("0.0001", "1000")] = _left_out()
    """Spread around the mid, in bps."""
    order_size_usdt: Annotated[Decimal, DecimalRange("0.0001", "1000000000")] = _left_out()
    """Size of one order, in quote currency."""
    inventory_skew_factor: Annotated[Decimal, DecimalRange("0", "10")] = _left_out()
    """How far inventory moves the quotes; 0 is not at all."""
    max_position_usdt: Annotated[Decimal, DecimalRange("0.0001", "1000000000000")] = _left_out()
    """Largest inventory either way, in quote currency; at least `order_size_usdt`."""
    max_loss_usdt: Annotated[Decimal, DecimalRange("0.0001", "1000000000000")] = _left_out()
    """Loss beyond which the kill switch fires, in quote currency."""
    volatility_multiplier: StrictBool = _left_out()
    """Whether volatility widens the spread."""
    num_levels: Annotated[int, WholeRange(1, 20)] = _left_out()
    """Price levels per side."""
    level_spacing_bps: Annotated[Decimal, DecimalRange("0", "1000")] = _left_out()
    """Distance between levels, in bps of the mid."""
    check_staleness: StrictBool = _left_out()
    """Whether `staleness_threshold_ms` counts."""
    staleness_threshold_ms: Annotated[Decimal, DecimalRange("1", "600000")] = _left_out()
    """Age of the book beyond which nothing is quoted."""
    quote_interval_ms: Annotated[Decimal, DecimalRange("10", "60000")] = _left_out()
    """Shortest time between two quotes."""
    price_threshold_bps: Annotated[Decimal, DecimalRange("0", "1000")] = _left_out()
    """How far a resting order may stand from its target before it is replaced."""
    position_headroom_pct: Annotated[Decimal, DecimalRange("0", "50")] = _left_out()
    """Share of `max_position_usdt`, in percent, that only reducing orders may use."""
    reference_min_notional_usdt: Annotated[
        Decimal,
        DecimalRange("0", "1000000000"),
        Field(
            description="Levels of the book worth less than this, in quote currency, do not count for the"
            " reference mid; 0: all count."
        ),
    ] = _left_out()
    mark_divergence_bps: Annotated[Decimal, DecimalRange("0.0001", "10000")] = _left_out()
    """Distance of the mid from a fresh mark price beyond which nothing is quoted, in bps."""
    resume_on_clean_handover: StrictBool = _left_out()
    """Continue ACTIVE when the symbol moves to another instance in an orderly way; never after a kill."""
    model: Annotated[
        str,
        StringConstraints(strict=True, min_length=1, max_length=64),
        WithJsonSchema(
            {
                "type": "string",
                "enum": [kind.name for kind in model_kinds()],
                "description": "The quoting model: "
                + " ".join(f"`{kind.name}`: {kind.says}" for kind in model_kinds()),
            }
        ),
    ] = _left_out()
    model_parameters: Annotated[dict[str, Any], WithJsonSchema(parameters_schema())] = _left_out()
    """The model's own parameters; what is left out has its default."""
    fair_value: Annotated[
        FairValue,
        Field(
            description="The price around which quotes stand, of others' orders only: the mid, or the mid"
            " weighted by the sizes at the best prices."
        ),
    ] = _left_out()
    size_skew_eta: Annotated[Decimal, DecimalRange("0", "10")] = _left_out()
    """Orders that add to a position of q order sizes are e^(-eta q) as large; 0: all alike."""
    maker_fee_bps: Annotated[Decimal, DecimalRange("-100", "100")] = _left_out()
    """What the exchange takes of a fill of ours, in bps; negative for a rebate."""
    min_edge_bps: Annotated[
        Decimal,
        DecimalRange("0", "1000"),
        Field(
            description="Quotes stand at least the fee and this from the fair value, in bps; no rule while"
            " the sum is 0 or less."
        ),
    ] = _left_out()
    fill_pause_ms: Annotated[Decimal, DecimalRange("0", "3000000")] = _left_out()
    """How long a side is not quoted after its fill."""
    fill_burst_quantity: Annotated[
        Decimal,
        DecimalRange("0", "1000000000000"),
        Field(
            description="Nothing is quoted once more than this, in base currency, filled within"
            " `fill_burst_window_ms`; 0: no limit."
        ),
    ] = _left_out()
    fill_burst_usdt: Annotated[Decimal, DecimalRange("0", "1000000000000")] = _left_out()
    """The same by value, in quote currency."""
    fill_burst_window_ms: Annotated[Decimal, DecimalRange("1", "3000000")] = _left_out()
    """The window in which fills are added up."""
    fill_burst_pause_ms: Annotated[Decimal, DecimalRange("1", "3000000")] = _left_out()
    """Quotes return so long after the last fill of a burst, unless something else forbids it."""

    @property
    def settings(self) -> dict[str, Any]:
        """The fields of the configuration that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set & _SETTINGS}


def _with_defaults(schema: dict[str, JsonValue]) -> None:
    """Say in a new configuration's schema what stands for what is left out."""
    chosen_by_model(schema)
    properties: Any = schema["properties"]
    for name in _SETTINGS - {"symbol", "model_parameters"}:
        value = getattr(_DEFAULT, name)
        properties[name]["default"] = to_jsonable_python(
            plain(value) if isinstance(value, Decimal) else value
        )


class ConfigCreate(ConfigFields):
    """A new configuration; what is left out takes its default."""

    model_config = ConfigDict(json_schema_extra=_with_defaults)
    symbol: Symbol
    reason: Reason = _left_out()
    dry_run: DryRun = False


Wait = Annotated[
    int,
    WholeRange(0, WAIT_S_MAX),
    Field(description="Seconds to wait for reasons that only need time; every other one answers at once."),
]
Confirm = Annotated[
    StrictBool,
    Field(
        description="Needed by what a slip would make dear: a size or limit more than 10 times as large, a"
        " spread less than a tenth, a limit that is broken already, a deletion with a position."
    ),
]


Replaces = Annotated[
    int,
    WholeRange(1, VERSION_MAX),
    Field(description="The version that must be the present one; left out: whichever is."),
]


class ConfigUpdate(ConfigFields):
    """A changed configuration; what is left out keeps its current value.

    A parameter of the model that is left out keeps its value, too, unless the model changes.
    """

    model_config = ConfigDict(json_schema_extra=chosen_by_model)
    confirm: Confirm = _left_out()
    reason: Reason = _left_out()
    replaces: Replaces = _left_out()
    dry_run: DryRun = _left_out()


class RollbackRequest(Body):
    """Which version a symbol shall have the settings of again, and why."""

    version: Annotated[int, WholeRange(1, VERSION_MAX)]
    """As the symbol's versions count them."""
    reason: Reason
    confirm: Confirm = False
    replaces: Replaces = _left_out()


class DecisionRequest(Body):
    """Why a proposal is approved or rejected."""

    reason: Reason


class DeleteRequest(Body):
    """Why a configuration is deleted."""

    confirm: Confirm = False
    reason: Reason | None = None


class ControlRequest(Body):
    """Why a symbol is enabled, paused or resumed."""

    reason: Reason | None = None


class ActivationRequest(ControlRequest):
    """Why a symbol is enabled or resumed, and how long that may take."""

    wait: Wait = 0


class SeveralRequest(Body):
    """Which symbols to act on, and why. Without `symbol` and `symbols` it means every symbol."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["symbol", "symbols"]}})
    symbols: Symbols | None = None
    symbol: Annotated[Symbol, Field(description="One symbol, instead of `symbols`.")] = _left_out()
    reason: Reason

    @model_validator(mode="after")
    def _named_one_way(self) -> Self:
        if {"symbol", "symbols"} <= self.model_fields_set:
            raise PydanticCustomError(
                "named_twice", "symbol and symbols exclude each other: send one of them"
            )
        return self

    @property
    def named(self) -> list[str] | None:
        """The symbols meant; None: every symbol."""
        return [self.symbol] if "symbol" in self.model_fields_set else self.symbols


class StartRequest(SeveralRequest):
    """Which symbols to enable or resume, why, and how long that may take."""

    wait: Wait = 0


class ResetRequest(SeveralRequest):
    """Which symbols to bring back from HALTED to PAUSED, and why."""

    rebase_pnl: StrictBool = False
    """Count profit and loss from now on: the way back from a loss kill."""
