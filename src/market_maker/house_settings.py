"""What the whole house may hold and lose, over all symbols and instances."""

import re
from dataclasses import dataclass
from decimal import Decimal

from market_maker import setting_types as to
from market_maker.core.risk.house_limits import HouseLimits
from market_maker.environment import Section, setting

_MAX = Decimal(10**15)


def _time_of_day(value: str) -> int:
    """Minutes after midnight."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("must be a time of day in UTC, such as 00:00 or 17:30")
    hours, minutes = value.split(":")
    return int(hours) * 60 + int(minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseSettings(Section):
    """Limits over all symbols; a breach kills everything."""

    gross_usdt: Decimal | None = setting(
        "HOUSE_MAX_GROSS_USDT",
        to.decimal(_MAX),
        "largest sum of absolute inventories of all symbols, in USDT; what cannot be known counts with "
        "the symbol's max_position_usdt; unset: no limit",
    )
    net_usdt: Decimal | None = setting(
        "HOUSE_MAX_NET_USDT",
        to.decimal(_MAX),
        "largest absolute sum of the inventories of all symbols, in USDT; unset: no limit",
    )
    loss_usdt: Decimal | None = setting(
        "HOUSE_MAX_LOSS_USDT",
        to.decimal(_MAX),
        "largest loss of all symbols since HOUSE_DAY_STARTS, in USDT; unset: no limit",
    )
    day_starts_minute: int = setting(
        "HOUSE_DAY_STARTS",
        _time_of_day,
        "time of day, in UTC, from which HOUSE_MAX_LOSS_USDT counts",
        default="00:00",
    )

    @property
    def limits(self) -> HouseLimits:
        """As the core takes them."""
        return HouseLimits(self.gross_usdt, self.net_usdt, self.loss_usdt)
