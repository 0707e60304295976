"""The demo's desk: configures the symbols, enables them, watches them, and stops them in the end."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from market_maker.demo.arguments import DemoArguments
from market_maker.demo.http import JsonClient
from market_maker.demo.processes import DemoError

WAIT_S_MAX = 60.0
RETRY_S = 0.1

SymbolStatus = dict[str, Any]


@dataclass(slots=True)
class Desk:
    """The service's admin API as an operator uses it."""

    api: JsonClient
    go_on: Callable[[], None]
    """Raises DemoError when waiting has become pointless: the service died, or Ctrl-C was pressed."""
    symbols: list[str] = field(default_factory=list)
    spreads: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Sampled quoted spreads per symbol, bps."""

    async def wait_until_live(self) -> None:
        """Return when the API answers."""

        async def live() -> bool:
            await self.api.get("/health/live")
            return True

        await self._until("the service answers on its API", live)

    async def configure(self, symbols: Iterable[str], arguments: DemoArguments) -> None:
        """Create a configuration per symbol."""
        self.symbols = sorted(symbols)
        for symbol in self.symbols:
            await self.api.post("/v1/mm-configs", symbol_config(symbol, arguments))

    async def enable(self) -> None:
        """Enable each symbol as soon as nothing speaks against it."""
        for symbol in self.symbols:

            async def enabled(symbol: str = symbol) -> bool:
                status = await self.status(symbol)
                if status["enable_problems"]:
                    return False
                await self.api.post(f"/v1/mm-configs/{symbol}/enable")
                return True

            await self._until(f"{symbol} can be enabled", enabled)

    async def status(self, symbol: str) -> SymbolStatus:
        """The symbol's status as the API shows it."""
        status: SymbolStatus = await self.api.get(f"/v1/mm-configs/{symbol}/status")
        if status["spread_bps"] is not None:
            self.spreads[symbol].append(float(status["spread_bps"]))
        return status

    async def stop(self, *, shadow: bool) -> None:
        """Pause what is ACTIVE and wait for the proof that no order is left (shadow: none was)."""

        async def paused() -> bool:
            for symbol in self.symbols:
                if (await self.status(symbol))["state"]["value"] == "ACTIVE":
                    await self.api.post(f"/v1/mm-configs/{symbol}/pause")
            return True

        async def empty() -> bool:
            statuses = [await self.status(symbol) for symbol in self.symbols]
            return shadow or all(status["proven_zero_since"] is not None for status in statuses)

        await self._until("every symbol is paused", paused)
        await self._until("the exchange reports zero open orders", empty)

    async def _until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition, asking again while the service does not answer; DemoError after a minute."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S_MAX
        last = "it never held"
        while loop.time() < deadline:
            self.go_on()
            try:
                if await condition():
                    return
            except (aiohttp.ClientError, TimeoutError, DemoError) as error:
                last = str(error) or type(error).__name__
            await asyncio.sleep(RETRY_S)
        raise DemoError(f"waited {WAIT_S_MAX:g} s in vain until {what}: {last}")


def symbol_config(symbol: str, arguments: DemoArguments) -> dict[str, Any]:
    """The configuration that the demo gives a symbol; what it does not name keeps the document's default."""
    config: dict[str, Any] = {"symbol": symbol, "num_levels": arguments.levels}
    if arguments.spread_bps is not None:
        config["base_spread_bps"] = f"{arguments.spread_bps:f}"
    return config
