"""An operator of the service: a client of its admin API that waits for conditions."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

WAIT_S_MAX = 20.0
FIRST_LOOK_S, LOOK_EVERY_S = 0.01, 0.1
"""How long between two looks: less often the longer it takes, because each look is work for the service."""

RESTING = frozenset({"open", "partially_filled"})
"""An order's statuses in which it is acknowledged and waits."""

Status = dict[str, Any]


async def until(what: str, condition: Callable[[], Awaitable[bool]], timeout_s: float = WAIT_S_MAX) -> None:
    """Return once the condition holds. A server that does not answer yet is asked again."""
    deadline = time.monotonic() + timeout_s
    last = "it never held"
    pause_s = FIRST_LOOK_S
    while True:
        try:
            if await condition():
                return
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            last = repr(error)
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s in vain until {what}: {last}"
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the API."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        code: str = self.body["code"]
        return code

    @property
    def reasons(self) -> set[str]:
        """The codes of every reason of a refusal."""
        return {problem["code"] for problem in self.body["problems"]}


class Operator:
    """Asks the admin API at `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request, whatever its answer."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with self.session.request(method, self.url + path, json=body, timeout=timeout) as response:
            text = await response.text()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Answer(response.status, await response.json(content_type=None) if is_json else text)

    async def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        return await self._succeed("GET", path, None)

    async def post(self, path: str, body: Any = None) -> Any:
        """The body of a POST that must succeed."""
        return await self._succeed("POST", path, body)

    async def _succeed(self, method: str, path: str, body: Any) -> Any:
        answer = await self.ask(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.body}"
        return answer.body

    async def live(self) -> None:
        """Wait until the service answers."""

        async def answers() -> bool:
            return (await self.ask("GET", "/health/live")).status == 200

        await until("the service answers on its API", answers)

    async def ready(self) -> None:
        """Wait until the service finds everything that it depends on."""

        async def is_ready() -> bool:
            return (await self.ask("GET", "/health/ready")).status == 200

        await until("the service is ready", is_ready)

    async def configure(self, symbol: str, **fields: Any) -> None:
        """Create a configuration that quotes tightly and is always the nearest to the mid."""
        config = {"symbol": symbol, "base_spread_bps": "1", "volatility_multiplier": False, **fields}
        await self.post("/v1/mm-configs", config)

    async def change(self, symbol: str, **fields: Any) -> Answer:
        """PUT these fields, and mean it."""
        return await self.ask("PUT", f"/v1/mm-configs/{symbol}", {"confirm": True, **fields})

    async def control(self, symbol: str, action: str, **details: Any) -> Answer:
        """enable, pause or resume."""
        return await self.ask("POST", f"/v1/mm-configs/{symbol}/{action}", {"reason": "test", **details})

    async def emergency(self, action: str, *symbols: str, **details: Any) -> Answer:
        """kill, flatten or reset, of these symbols or of all."""
        body = {"reason": "test", **({"symbols": list(symbols)} if symbols else {}), **details}
        path = "/v1/mm/reset" if action == "reset" else f"/v1/mm/emergency/{action}"
        return await self.ask("POST", path, body)

    async def status(self, symbol: str) -> Status:
        """The symbol's status, once an instance has taken the symbol."""
        found: Status | None = None

        async def is_owned() -> bool:
            nonlocal found
            found = await self._status(symbol)
            return found is not None

        await until(f"an instance owns {symbol}", is_owned)
        assert found is not None
        return found

    async def _status(self, symbol: str) -> Status | None:
        """The symbol's status; None while no instance has taken the symbol."""
        answer = await self.ask("GET", f"/v1/mm-configs/{symbol}/status")
        if answer.status == 503 and answer.code in ("NO_OWNER", "OWNER_SILENT"):
            return None
        assert answer.status == 200, f"{symbol}: {answer.status} {answer.body}"
        status: Status = answer.body
        return status

    async def until(
        self, symbol: str, what: str, condition: Callable[[Status], bool], timeout_s: float = WAIT_S_MAX
    ) -> Status:
        """Wait until the symbol's status fulfils a condition; returns that status."""
        last: Status = {}

        async def holds() -> bool:
            nonlocal last
            found = await self._status(symbol)
            last = found or last
            return found is not None and condition(found)

        try:
            await until(f"{symbol}: {what}", holds, timeout_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last status: {last}") from None
        return last

    async def state(self, symbol: str, state: str, timeout_s: float = WAIT_S_MAX) -> Status:
        """Wait for a state."""
        return await self.until(symbol, state, lambda status: status["state"]["value"] == state, timeout_s)

    async def halted(self, symbol: str, reason: str, timeout_s: float = WAIT_S_MAX) -> Status:
        """Wait for HALTED; the reason must be this one."""
        status = await self.state(symbol, "HALTED", timeout_s)
        assert status["kill"]["reason"] == reason, status["kill"]
        return status

    async def enable(self, symbol: str) -> None:
        """Enable as soon as nothing speaks against it; what speaks against it may still change in between."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S_MAX
        while True:
            await self.until(symbol, "it can be enabled", lambda status: not status["enable_problems"])
            answer = await self.control(symbol, "enable")
            if answer.status != 409 or loop.time() > deadline:
                break
        assert answer.status == 200, answer.body

    async def quoting(self, symbol: str, timeout_s: float = WAIT_S_MAX) -> Status:
        """Wait for an acknowledged order on each side."""

        def two_sided(status: Status) -> bool:
            resting = {order["side"] for order in status["orders"] if order["status"] in RESTING}
            return status["state"]["value"] == "ACTIVE" and resting == {"BUY", "SELL"}

        return await self.until(symbol, "quotes on both sides", two_sided, timeout_s)

    async def clear(self, symbol: str, timeout_s: float = WAIT_S_MAX) -> Status:
        """Wait for the proof that the exchange holds no order of ours.

        A symbol whose last owner did not release it is cleared once more when that owner's lease is over.
        """
        return await self.until(symbol, "proven zero", _is_proven_zero, timeout_s)

    async def rows(self, symbol: str, kind: str) -> list[Any]:
        """Every row of the history `fills`, `orders` or `events`, oldest first."""
        rows: list[Any] = []
        cursor = ""
        while True:
            page = await self.get(f"/v1/mm-configs/{symbol}/{kind}?limit=500{cursor}")
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows[::-1]
            cursor = f"&cursor={page['next_cursor']}"


def _is_proven_zero(status: Status) -> bool:
    waits_for = {problem["code"] for problem in status["enable_problems"]}
    return status["proven_zero_since"] is not None and "RETIRED" not in waits_for
