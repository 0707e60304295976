"""For how long a symbol has had no order at the exchange."""


class Presence:
    """The longest time without any order of each symbol that ever had one, since it was last asked."""

    def __init__(self) -> None:
        self._empty_since_us: dict[str, int] = {}
        self._longest_us: dict[str, int] = {}

    def came(self, symbol: str, at_us: int) -> None:
        """An order rests where none did."""
        since_us = self._empty_since_us.pop(symbol, at_us)
        self._longest_us[symbol] = max(self._longest_us.get(symbol, 0), at_us - since_us)

    def emptied(self, symbol: str, at_us: int) -> None:
        """The last order is gone."""
        self._empty_since_us[symbol] = at_us

    def longest_s(self, at_us: int) -> dict[str, float]:
        """By symbol, what has not ended yet included; from now on it is counted anew."""
        for symbol, since_us in self._empty_since_us.items():
            self._longest_us[symbol] = max(self._longest_us[symbol], at_us - since_us)
            self._empty_since_us[symbol] = at_us
        found = {symbol: longest_us / 1e6 for symbol, longest_us in self._longest_us.items()}
        self._longest_us = dict.fromkeys(self._longest_us, 0)
        return found
