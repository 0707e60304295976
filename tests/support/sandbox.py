"""The sandbox exchange for tests: an embedded broker and the exchange as processes, and a client to tell it.

Fixtures: `embedded_broker` (a broker of its own), `sandbox` (simulated BTCUSDT and ETHUSDT, markets moving),
`start_sandbox` (the same with arguments of your own; several may run).
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from lab.processes import ServerProcess

ACCOUNT = "00000000-0000-0000-0000-000000000001"
OTHER_ACCOUNT = "00000000-0000-0000-0000-000000000002"


@dataclass(frozen=True, slots=True)
class SandboxServers:
    """Where one sandbox listens."""

    process: ServerProcess
    kafka: str
    """Kafka bootstrap servers."""
    url: str
    """Order Service, Schema Registry, Auth Service and control API."""
    metadata: str
    """HOST:PORT of the Metadata Service."""


class SandboxClient:
    """Speaks to a sandbox as its operator and as a trader. Answers other than 2xx raise AssertionError."""

    def __init__(self, session: aiohttp.ClientSession, servers: SandboxServers) -> None:
        self.session = session
        self.servers = servers
        self.url = servers.url

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request; its JSON."""
        pairs = [
            (name, str(item))
            for name, value in query.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        async with self.session.request(method, f"{self.url}{path}", json=body, params=pairs) as response:
            assert response.ok, f"{method} {path}: {response.status} {await response.text()}"
            return await response.json()

    async def fault(self, operation: str, kind: str, **details: Any) -> int:
        """Put a fault into force; its number."""
        body = {"operation": operation, "kind": kind, **details}
        number: int = (await self.ask("POST", "/sandbox/faults", body))["id"]
        return number

    async def clear_faults(self) -> None:
        """Everything behaves again, feeds too (a stopped feed sends from its next snapshot on)."""
        await self.ask("DELETE", "/sandbox/faults")

    async def feed(self, symbol: str, fault: str, **details: Any) -> None:
        """Spoil a feed: gap, duplicate, off_grid, crossed, undecodable, unknown_schema, stop, resume."""
        await self.ask("POST", f"/sandbox/feed/{symbol}", {"fault": fault, **details})

    async def halt(self, symbol: str, reason: str = "test") -> None:
        """Halt a symbol."""
        await self.ask("POST", f"/sandbox/halt/{symbol}", {"reason": reason})

    async def resume(self, symbol: str, reason: str = "test") -> None:
        """Let a halted symbol trade again."""
        await self.ask("POST", f"/sandbox/resume/{symbol}", {"reason": reason})

    async def start(self) -> None:
        """Let the markets of a sandbox that was started paused move."""
        await self.ask("POST", "/sandbox/start")

    async def report(self, account_id: str = ACCOUNT) -> Any:
        """The exchange's own record of an account."""
        return await self.ask("GET", "/sandbox/report", account_id=account_id)

    async def trades(self, symbol: str, account_id: str = ACCOUNT) -> list[Any]:
        """Every trade of the account in a symbol."""
        answer = await self.ask("GET", "/sandbox/trades", symbol=symbol, account_id=account_id)
        trades: list[Any] = answer["trades"]
        return trades

    async def tops(self, symbol: str, *sequences: int) -> Any:
        """Best bid and ask as published, per sequence (a string)."""
        return (await self.ask("GET", f"/sandbox/book/{symbol}", sequence=list(sequences)))["tops"]

    async def token(self, *roles: str, **claims: Any) -> str:
        """A token of the Auth Service."""
        body = {"roles": list(roles), **claims}
        token: str = (await self.ask("POST", "/sandbox/auth/token", body))["token"]
        return token

    async def trade(
        self,
        symbol: str,
        side: str,
        quantity: str,
        account_id: str = OTHER_ACCOUNT,
        price: str | None = None,
    ) -> Any:
        """An order of somebody else that trades at once, at any price or down to (up to) this one."""
        order = new_order(symbol, side, price, quantity, account_id)
        kind = "market" if price is None else "limit"
        order.update(type=kind, time_in_force="ioc", post_only=False, account_type="USER")
        return await self.ask("POST", "/v1/orders", order)


def new_order(
    symbol: str, side: str, price: str | None, quantity: str, account_id: str = ACCOUNT
) -> dict[str, Any]:
    """The body of an order as a market maker sends it."""
    client_order_id = str(uuid4())
    return {
        "symbol": symbol,
        "side": side,
        "type": "limit",
        "time_in_force": "gtc",
        "post_only": True,
        "price": price,
        "quantity": quantity,
        "client_order_id": client_order_id,
        "idempotency_key": client_order_id,
        "account_id": account_id,
        "user_id": account_id,
        "account_type": "SYSTEM_MARKET_MAKER",
    }


@pytest.fixture
def embedded_broker(tmp_path: Path) -> Iterator[ServerProcess]:
    """An embedded broker; `ready["kafka"]` is its address."""
    broker = ServerProcess("tradex_sandbox.embedded_broker", directory=tmp_path)
    yield broker
    broker.close()


@pytest.fixture
def start_sandbox(embedded_broker: ServerProcess, tmp_path: Path) -> Iterator[Callable[..., SandboxServers]]:
    """Start a sandbox with these arguments on this test's broker; `environment` adds variables."""
    started: list[ServerProcess] = []

    def start(*arguments: str, environment: dict[str, str] | None = None) -> SandboxServers:
        address = embedded_broker.ready["kafka"]
        process = ServerProcess(
            "tradex_sandbox", "--broker", address, *arguments, directory=tmp_path, environment=environment
        )
        started.append(process)
        return SandboxServers(process, address, process.ready["control"], process.ready["metadata"])

    yield start
    for process in started:
        process.close()


@pytest.fixture
async def sandbox(start_sandbox: Callable[..., SandboxServers]) -> AsyncIterator[SandboxClient]:
    """A sandbox with simulated BTCUSDT and ETHUSDT, seed 7, snapshots every second."""
    servers = start_sandbox("--symbols", "BTCUSDT,ETHUSDT", "--seed", "7", "--snapshot-interval", "1")
    async with aiohttp.ClientSession() as session:
        yield SandboxClient(session, servers)
