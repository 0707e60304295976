"""What clients may send: every field with its range, nothing else accepted."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from market_maker.api.decimals import DecimalRange, SignedRange, WholeRange
from market_maker.api.model_schemas import chosen_by_model, parameters_schema
from market_maker.api.validation import REASON_PATTERN, SYMBOL_PATTERN
from market_maker.core.config import FairValue, SymbolConfig
from market_maker.core.pricing.models.registry import model_kinds

WAIT_S_MAX = 30
VERSION_MAX = 10**15
_DEFAULT = SymbolConfig(symbol="-")

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

Enabled = Annotated[
    StrictBool,
    Field(description="Whether `resume` may start it. False pauses an ACTIVE symbol; true starts nothing."),
]
BaseSpreadBps = Annotated[
    Decimal, DecimalRange("0.0001", "1000"), Field(description="Spread around the mid, in bps.")
]
OrderSizeUsdt = Annotated[
    Decimal, DecimalRange("0.0001", "1000000000"), Field(description="Size of one order, in quote currency.")
]
InventorySkewFactor = Annotated[
    Decimal,
    DecimalRange("0", "10"),
    Field(description="How far inventory moves the quotes; 0 is not at all."),
]
MaxPositionUsdt = Annotated[
    Decimal,
    DecimalRange("0.0001", "1000000000000"),
    Field(description="Largest inventory either way, in quote currency; at least `order_size_usdt`."),
]
MaxLossUsdt = Annotated[
    Decimal,
    DecimalRange("0.0001", "1000000000000"),
    Field(description="Loss beyond which the kill switch fires, in quote currency."),
]
VolatilityMultiplier = Annotated[StrictBool, Field(description="Whether volatility widens the spread.")]
NumLevels = Annotated[int, WholeRange(1, 20), Field(description="Price levels per side.")]
LevelSpacingBps = Annotated[
    Decimal, DecimalRange("0", "1000"), Field(description="Distance between levels, in bps of the mid.")
]
CheckStaleness = Annotated[StrictBool, Field(description="Whether `staleness_threshold_ms` counts.")]
StalenessThresholdMs = Annotated[
    Decimal, DecimalRange("1", "600000"), Field(description="Age of the book beyond which nothing is quoted.")
]
QuoteIntervalMs = Annotated[
    Decimal, DecimalRange("10", "60000"), Field(description="Shortest time between two quotes.")
]
PriceThresholdBps = Annotated[
    Decimal,
    DecimalRange("0", "1000"),
    Field(description="How far a resting order may stand from its target before it is replaced."),
]
PositionHeadroomPct = Annotated[
    Decimal,
    DecimalRange("0", "50"),
    Field(description="Share of `max_position_usdt`, in percent, that only reducing orders may use."),
]
ReferenceMinNotionalUsdt = Annotated[
    Decimal,
    DecimalRange("0", "1000000000"),
    Field(
        description="Levels of the book worth less than this, in quote currency, do not count for the"
        " reference mid; 0: all count."
    ),
]
MarkDivergenceBps = Annotated[
    Decimal,
    DecimalRange("0.0001", "10000"),
    Field(description="Distance of the mid from a fresh mark price beyond which nothing is quoted, in bps."),
]
ResumeOnCleanHandover = Annotated[
    StrictBool,
    Field(
        description="Continue ACTIVE when the symbol moves to another instance in an orderly way; never"
        " after a kill."
    ),
]

Model = Annotated[
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
]
ModelParameters = Annotated[
    dict[str, Any],
    WithJsonSchema(parameters_schema()),
    Field(description="The model's own parameters; what is left out has its default."),
]
FairValueChoice = Annotated[
    FairValue,
    Field(
        description="The price around which quotes stand, of others' orders only: the mid, or the mid"
        " weighted by the sizes at the best prices."
    ),
]
SizeSkewEta = Annotated[
    Decimal,
    DecimalRange("0", "10"),
    Field(
        description="Orders that add to a position of q order sizes are e^(-eta q) as large; 0: all alike."
    ),
]
MakerFeeBps = Annotated[
    Decimal,
    SignedRange("100"),
    Field(description="What the exchange takes of a fill of ours, in bps; negative for a rebate."),
]
MinEdgeBps = Annotated[
    Decimal,
    DecimalRange("0", "1000"),
    Field(
        description="Quotes stand at least the fee and this from the fair value, in bps; no rule while the"
        " sum is 0 or less."
    ),
]
FillPauseMs = Annotated[
    Decimal, DecimalRange("0", "3000000"), Field(description="How long a side is not quoted after its fill.")
]
FillBurstQuantity = Annotated[
    Decimal,
    DecimalRange("0", "1000000000000"),
    Field(
        description="Nothing is quoted once more than this, in base currency, filled within"
        " `fill_burst_window_ms`; 0: no limit."
    ),
]
FillBurstUsdt = Annotated[
    Decimal,
    DecimalRange("0", "1000000000000"),
    Field(description="The same by value, in quote currency."),
]
FillBurstWindowMs = Annotated[
    Decimal, DecimalRange("1", "3000000"), Field(description="The window in which fills are added up.")
]
FillBurstPauseMs = Annotated[
    Decimal,
    DecimalRange("1", "3000000"),
    Field(
        description="Quotes return so long after the last fill of a burst, unless something else forbids it."
    ),
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


class ConfigCreate(BaseModel):
    """A new configuration; what is left out takes its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=chosen_by_model)
    symbol: Symbol
    enabled: Enabled = _DEFAULT.enabled
    base_spread_bps: BaseSpreadBps = _DEFAULT.base_spread_bps
    order_size_usdt: OrderSizeUsdt = _DEFAULT.order_size_usdt
    inventory_skew_factor: InventorySkewFactor = _DEFAULT.inventory_skew_factor
    max_position_usdt: MaxPositionUsdt = _DEFAULT.max_position_usdt
    max_loss_usdt: MaxLossUsdt = _DEFAULT.max_loss_usdt
    volatility_multiplier: VolatilityMultiplier = _DEFAULT.volatility_multiplier
    num_levels: NumLevels = _DEFAULT.num_levels
    level_spacing_bps: LevelSpacingBps = _DEFAULT.level_spacing_bps
    check_staleness: CheckStaleness = _DEFAULT.check_staleness
    staleness_threshold_ms: StalenessThresholdMs = _DEFAULT.staleness_threshold_ms
    quote_interval_ms: QuoteIntervalMs = _DEFAULT.quote_interval_ms
    price_threshold_bps: PriceThresholdBps = _DEFAULT.price_threshold_bps
    position_headroom_pct: PositionHeadroomPct = _DEFAULT.position_headroom_pct
    reference_min_notional_usdt: ReferenceMinNotionalUsdt = _DEFAULT.reference_min_notional_usdt
    mark_divergence_bps: MarkDivergenceBps = _DEFAULT.mark_divergence_bps
    resume_on_clean_handover: ResumeOnCleanHandover = _DEFAULT.resume_on_clean_handover
    model: Model = _DEFAULT.model
    model_parameters: ModelParameters = Field(default_factory=dict)
    fair_value: FairValueChoice = _DEFAULT.fair_value
    size_skew_eta: SizeSkewEta = _DEFAULT.size_skew_eta
    maker_fee_bps: MakerFeeBps = _DEFAULT.maker_fee_bps
    min_edge_bps: MinEdgeBps = _DEFAULT.min_edge_bps
    fill_pause_ms: FillPauseMs = _DEFAULT.fill_pause_ms
    fill_burst_quantity: FillBurstQuantity = _DEFAULT.fill_burst_quantity
    fill_burst_usdt: FillBurstUsdt = _DEFAULT.fill_burst_usdt
    fill_burst_window_ms: FillBurstWindowMs = _DEFAULT.fill_burst_window_ms
    fill_burst_pause_ms: FillBurstPauseMs = _DEFAULT.fill_burst_pause_ms
    reason: Reason = _left_out()
    dry_run: DryRun = False

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration."""
        return {name: value for name, value in self if name not in ("reason", "dry_run")}


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


class ConfigUpdate(BaseModel):
    """A changed configuration; what is left out keeps its current value.

    A parameter of the model that is left out keeps its value, too, unless the model changes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=chosen_by_model)
    symbol: Symbol = _left_out()
    enabled: Enabled = _left_out()
    base_spread_bps: BaseSpreadBps = _left_out()
    order_size_usdt: OrderSizeUsdt = _left_out()
    inventory_skew_factor: InventorySkewFactor = _left_out()
    max_position_usdt: MaxPositionUsdt = _left_out()
    max_loss_usdt: MaxLossUsdt = _left_out()
    volatility_multiplier: VolatilityMultiplier = _left_out()
    num_levels: NumLevels = _left_out()
    level_spacing_bps: LevelSpacingBps = _left_out()
    check_staleness: CheckStaleness = _left_out()
    staleness_threshold_ms: StalenessThresholdMs = _left_out()
    quote_interval_ms: QuoteIntervalMs = _left_out()
    price_threshold_bps: PriceThresholdBps = _left_out()
    position_headroom_pct: PositionHeadroomPct = _left_out()
    reference_min_notional_usdt: ReferenceMinNotionalUsdt = _left_out()
    mark_divergence_bps: MarkDivergenceBps = _left_out()
    resume_on_clean_handover: ResumeOnCleanHandover = _left_out()
    model: Model = _left_out()
    model_parameters: ModelParameters = _left_out()
    fair_value: FairValueChoice = _left_out()
    size_skew_eta: SizeSkewEta = _left_out()
    maker_fee_bps: MakerFeeBps = _left_out()
    min_edge_bps: MinEdgeBps = _left_out()
    fill_pause_ms: FillPauseMs = _left_out()
    fill_burst_quantity: FillBurstQuantity = _left_out()
    fill_burst_usdt: FillBurstUsdt = _left_out()
    fill_burst_window_ms: FillBurstWindowMs = _left_out()
    fill_burst_pause_ms: FillBurstPauseMs = _left_out()
    confirm: Confirm = _left_out()
    reason: Reason = _left_out()
    replaces: Replaces = _left_out()
    dry_run: DryRun = _left_out()

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the configuration that were sent."""
        told = {"confirm", "reason", "replaces", "dry_run"}
        return {name: getattr(self, name) for name in self.model_fields_set - told}


class RollbackRequest(BaseModel):
    """Which version a symbol shall have the settings of again, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Annotated[
        int, WholeRange(1, VERSION_MAX), Field(description="As the symbol's versions count them.")
    ]
    reason: Reason
    confirm: Confirm = False
    replaces: Replaces = _left_out()


class DecisionRequest(BaseModel):
    """Why a proposal is approved or rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    reason: Reason


class DeleteRequest(BaseModel):
    """Why a configuration is deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    confirm: Confirm = False
    reason: Reason | None = None


class ControlRequest(BaseModel):
    """Why a symbol is enabled, paused or resumed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    reason: Reason | None = None


class ActivationRequest(ControlRequest):
    """Why a symbol is enabled or resumed, and how long that may take."""

    wait: Wait = 0


class SeveralRequest(BaseModel):
    """Which symbols to act on, and why. Without `symbol` and `symbols` it means every symbol."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"not": {"required": ["symbol", "symbols"]}}
    )
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

    rebase_pnl: Annotated[
        StrictBool, Field(description="Count profit and loss from now on: the way back from a loss kill.")
    ] = False
