"""A person at a browser, and the service looked at. Needs Playwright (requirements/browser.txt)."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.async_api import ConsoleMessage, Page, expect
from tests.support.guarded import Guarded
from tests.support.operator import until

EVERYTHING = ("mm:read", "mm:operate", "mm:emergency")
PATIENCE_MS = 20_000
"""For a condition of the page; a busy machine may need a part of it."""
OWNED_S_MAX = 60.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
ROOT = Path(__file__).parents[2]
AXE = ROOT / "console/node_modules/axe-core/axe.min.js"
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll("main, main *")]
  .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.tagName} ${one.className}: ${one.scrollWidth} of ${one.clientWidth}`)"""

People = Callable[..., Any]
"""Somebody new at a browser of the own: `await people(url, color_scheme="dark")`."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Person:
    """One page of a browser, and what its console complained about."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of complaints that the test brings about itself."""

    def listen(self) -> None:
        """Note every complaint of the page."""
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        """Complaints that nothing explains."""
        return [one for one in self.errors if not any(re.search(known, one) for known in self.expected)]

    async def open(self, place: str = "") -> None:
        """Go to a part of the console."""
        await self.page.goto(f"{self.url}/#/{place}")

    async def sign_in(self, token: str, place: str = "") -> None:
        """With a token, as a person does."""
        await self.open(place)
        await self.page.get_by_label(re.compile("token", re.IGNORECASE)).fill(token)
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("banner")).to_be_visible()

    async def reads(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page shows a text."""
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands, one line each."""
        await self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {node['target']} {node.get('failureSummary', '')}"
            for one in found["violations"]
            for node in one["nodes"][:3]
        ]

    async def cut_or_scrolling(self) -> list[str]:
        """What is wider than there is room for, the page itself included."""
        found: list[str] = await self.page.evaluate(TOO_WIDE)
        return found

    async def picture(self, name: str) -> None:
        """Keep one where CONSOLE_PICTURES says (make pictures)."""
        if directory := os.environ.get("CONSOLE_PICTURES"):
            await self.page.screenshot(path=f"{directory}/{name}.png")

    def row(self, symbol: str) -> Any:
        """A symbol's row of the fleet."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_role("link", name=symbol, exact=True))

    @property
    def last_log(self) -> Any:
        """What this person did last and what came of it."""
        return self.page.locator("footer summary")


@dataclass
class Desk:
    """The service that a test's people look at, and tokens for them."""

    guarded: Guarded

    @property
    def url(self) -> str:
        """Where its console is."""
        return f"http://127.0.0.1:{self.guarded.service.environment['HTTP_PORT']}"

    async def token(self, *roles: str, **claims: Any) -> str:
        """A token of the sandbox's Auth Service; with every role unless some are named."""
        return await self.guarded.exchange.token(*(roles or EVERYTHING), **claims)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request that must succeed, beside the browser."""
        answer = await self.guarded.ask(method, path, await self.token(), body)
        assert answer.status < 300, (method, path, answer)
        return answer.body

    async def quoting(self, *symbols: str) -> None:
        """Bring symbols to ACTIVE, with orders on both sides, from whatever they are in."""
        await until("the service has the keys that tokens are verified with", self._lets_in)
        known = {one["symbol"] for one in (await self.ask("GET", "/v1/mm-configs"))["items"]}
        for symbol in symbols:
            if symbol not in known:
                await self.ask("POST", "/v1/mm-configs", {"symbol": symbol})
        for symbol in symbols:
            await until(f"{symbol} is ACTIVE", partial(self._active, symbol))
        for symbol in symbols:
            await until(f"{symbol} quotes", partial(self._two_sided, symbol))

    async def _lets_in(self) -> bool:
        return (await self.guarded.ask("GET", "/v1/mm/session", await self.token())).status == 200

    async def state(self, symbol: str) -> str:
        """A symbol's state, asked of the service itself; empty while nobody has it."""
        answer = await self.guarded.ask("GET", f"/v1/mm-configs/{symbol}/status", await self.token())
        return str(answer.body["state"]["value"]) if answer.status == 200 else ""

    async def owned(self, symbol: str) -> None:
        """Wait until an instance has the symbol; the dead one's place in the group must run out first."""

        async def has_state() -> bool:
            return await self.state(symbol) != ""

        await until(f"{symbol} is owned", has_state, OWNED_S_MAX)

    async def _active(self, symbol: str) -> bool:
        state = await self.state(symbol)
        token = await self.token()
        if state == "HALTED":
            body = {"symbol": symbol, "reason": "next test", "rebase_pnl": True}
            await self.guarded.ask("POST", "/v1/mm/reset", token, body)
        elif state == "PAUSED":
            await self.guarded.ask("POST", f"/v1/mm-configs/{symbol}/enable", token, {"wait": 2})
        return state == "ACTIVE"

    async def _two_sided(self, symbol: str) -> bool:
        symbols = (await self.ask("GET", "/v1/mm/status"))["symbols"]
        return any(one["symbol"] == symbol and one["spread_bps"] is not None for one in symbols)
