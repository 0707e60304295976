"""What the API answers of the whole fleet."""

from typing import Annotated

from pydantic import Field

from market_maker.api.answers import Answer, SymbolSummary
from market_maker.api.decimals import DecimalText, Timestamp
from market_maker.core.states import State


class HouseLimit(Answer):
    """A limit over all symbols and how much of it is used, in quote currency."""

    name: str
    limit_usdt: DecimalText
    known_usdt: DecimalText
    worst_usdt: DecimalText = Field(
        description="With what is not known: such symbols count with all that their own limits allow."
    )
    left_usdt: DecimalText = Field(description="What is left of it in the worst case; below 0: broken.")
    unknown: list[str] = Field(description="Symbols that nobody can tell enough of.")


class Totals(Answer):
    """Sums over `symbols`, whoever runs them; amounts in quote currency, unknown parts count as zero."""

    symbols: int
    active: int
    paused: int
    halted: int
    open_orders: int
    unknown_orders: int
    fills: int
    gross_inventory_usdt: DecimalText = Field(description="Sum of absolute inventories.")
    net_inventory_usdt: DecimalText
    realized_pnl_usdt: DecimalText
    unrealized_pnl_usdt: DecimalText
    total_pnl_usdt: DecimalText
    volume_usdt: DecimalText
    house_limits: list[HouseLimit] = Field(
        default=[], description="Limits over all symbols, as the instance that answers has measured them."
    )


Latencies = Annotated[
    dict[str, float | None],
    Field(
        description="Percentiles since the start of the process, microseconds; null: nothing measured yet."
    ),
]


class KillSwitch(Answer):
    """Which symbols are stopped by a kill switch."""

    latched: bool
    symbols: list[str]


class InstanceStatus(Answer):
    """One instance of the fleet, by what it last published of itself."""

    instance: str
    symbols: list[str] = Field(description="The symbols that it runs.")
    at: Timestamp = Field(description="When its picture was taken.")
    silent_ms: int | None = Field(description="Not null: it has given no sign of life for so long.")
    latency_us: Latencies
    outbox_pending: int
    version: str | None = Field(
        description="Of its program; null: it does not tell, because it is of an older one."
    )
    is_self: bool = Field(serialization_alias="self", description="Whether it is the one that answers.")


class FleetGlance(Answer):
    """What stands around the symbols, as the instance that answers sees it."""

    instances: int = Field(description="That show themselves, the one that answers included.")
    silent: list[str] = Field(description="Those of them that have given no sign of life of late.")
    guards: int | None = Field(description="That live; null: not known.")
    lag_ms: int | None = Field(
        description="How far this instance is behind the slowest consumed topic, to a tenth of a second;"
        " null: not measurable."
    )
    house_limits: list[HouseLimit]


class WithoutPicture(Answer):
    """A configured symbol of which no instance shows a picture."""

    symbol: str
    owner: str | None = Field(description="Not null: it has an owner, whose picture is missing.")
    state: State | None = Field(description="As stored; null while the database does not answer.")
    reason: str | None
    since: Timestamp | None


class SystemStatus(Answer):
    """The whole fleet, as the answering instance sees it."""

    shadow_mode: bool
    kill_switch: KillSwitch
    totals: Totals
    latency_us: Latencies
    outbox_pending: int = Field(description="Events that the broker has not acknowledged yet.")
    complete: bool = Field(
        description="False: the totals lack symbols that nobody shows (`without_owner`), or have old figures"
        " of some, because their instance is silent."
    )
    symbols: list[SymbolSummary]
    instances: list[InstanceStatus]
    without_owner: list[WithoutPicture] = Field(
        description="Symbols that no instance shows: nobody owns them, or their owner publishes nothing."
    )
