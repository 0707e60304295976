"""The demo's desk: configures the symbols, enables them, watches them, and stops them in the end."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import aiohttp

from market_maker.demo.arguments import DemoArguments
from market_maker.demo.http import AnswerError, JsonClient
from market_maker.demo.order_size import quotable
from market_maker.demo.processes import DemoError

WAIT_S_MAX = 60.0
RETRY_S = 0.1
NARROWER = Decimal("0.8")
"""Of a spread: what the proposal that waits would make of it."""

SymbolStatus = dict[str, Any]


@dataclass(slots=True)
class DemoOperator:
    """The service's admin API as an operator uses it."""

    api: JsonClient
    go_on: Callable[[], None]
    """Raises DemoError when waiting has become pointless: the service died, or Ctrl-C was pressed."""
    second: JsonClient | None = None
    """Who approves what this one proposes; None: nothing waits for approval."""
    symbols: list[str] = field(default_factory=list)
    """What the desk still has: a symbol that somebody deletes through the API is dropped."""
    spreads: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Sampled quoted spreads per symbol, bps."""

    async def wait_until_live(self) -> None:
        """Return when the API answers."""

        async def live() -> bool:
            await self.api.get("/health/live")
            await self.api.get("/v1/mm/session")  # with tokens on: once it has the keys
            return True

        await self._until("the service answers on its API", live)

    async def configure(self, symbols: Iterable[str], arguments: DemoArguments) -> None:
        """Create a configuration per symbol."""
        self.symbols = sorted(symbols)
        for symbol in self.symbols:
            await self.api.post("/v1/mm-configs", symbol_config(symbol, arguments))

    async def enable(self) -> list[str]:
        """Enable each symbol as soon as nothing speaks against it; returns what that took to configure."""
        changes: list[str] = []
        for symbol in tuple(self.symbols):

            async def enabled(symbol: str = symbol) -> bool:
                status = await self.status(symbol)
                if status is None:
                    return True
                if status["enable_problems"] or status["mid"] is None:
                    return False
                if needed := quotable(status):
                    await self._change(symbol, {**needed, "confirm": True})
                    changes.extend(f"{symbol} {name}={value}" for name, value in needed.items())
                if self.second is not None:
                    await self._change(symbol, {"enabled": True})
                await self.api.post(f"/v1/mm-configs/{symbol}/enable")
                return True

            await self._until(f"{symbol} can be enabled", enabled)
        return changes

    async def _change(self, symbol: str, changes: dict[str, Any]) -> None:
        """Change a configuration, approved by the second person where it waits for one."""
        path = f"/v1/mm-configs/{symbol}"
        answer = await self.api.put(path, {**changes, "reason": "the demo's start"})
        if self.second is not None and answer.get("state") == "PENDING":
            decision = {"reason": "the demo's start"}
            await self.second.post(f"{path}/proposals/{answer['id']}/approve", decision)

    async def propose(self) -> None:
        """Leave one change waiting, for whoever looks at it."""
        path = f"/v1/mm-configs/{self.symbols[0]}"
        spread = Decimal((await self.api.get(path))["base_spread_bps"])
        body = {
            "base_spread_bps": f"{(spread * NARROWER).normalize():f}",
            "reason": "the demo: approve it, or reject it",
        }
        await self.api.put(path, body)

    async def overview(self) -> dict[str, SymbolStatus]:
        """Every symbol at a glance; notes the quoted spreads."""
        overall = await self.api.get("/v1/mm/status")
        statuses = {status["symbol"]: status for status in overall["symbols"]}
        for symbol, status in statuses.items():
            if status["spread_bps"] is not None:
                self.spreads[symbol].append(float(status["spread_bps"]))
        return statuses

    async def status(self, symbol: str) -> SymbolStatus | None:
        """Everything about one symbol; None when it was deleted, which drops it from `symbols`."""
        try:
            status: SymbolStatus = await self.api.get(f"/v1/mm-configs/{symbol}/status")
        except AnswerError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if symbol in self.symbols:
                self.symbols.remove(symbol)
            return None
        return status

    async def statuses(self) -> dict[str, SymbolStatus]:
        """Everything about every symbol that still is."""
        asked = {symbol: await self.status(symbol) for symbol in tuple(self.symbols)}
        return {symbol: status for symbol, status in asked.items() if status is not None}

    async def pause(self, symbol: str) -> None:
        """Pause the symbol if it is ACTIVE."""
        status = await self.status(symbol)
        if status is not None and status["state"]["value"] == "ACTIVE":
            await self.api.post(f"/v1/mm-configs/{symbol}/pause")

    async def stop(self, *, shadow: bool) -> None:
        """Pause what is ACTIVE and wait for the proof that no order is left (shadow: none was)."""

        async def paused() -> bool:
            for symbol in tuple(self.symbols):
                await self.pause(symbol)
            return True

        async def empty() -> bool:
            statuses = await self.statuses()
            return shadow or all(status["proven_zero_since"] is not None for status in statuses.values())

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
