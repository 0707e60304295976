"""One run of the demo, from starting the processes to the proof that nothing is left in the market."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from market_maker.demo.arguments import DemoArguments
from market_maker.demo.book_checker import BookChecker
from market_maker.demo.http import AnswerError, JsonClient
from market_maker.demo.people import ITSELF, Pass, write_tokens
from market_maker.demo.processes import DemoError, WrongOptionError
from market_maker.demo.stack import ACCOUNT_ID, Stack, start_stack
from market_maker.demo.summary import summary
from market_maker.demo.table import banner, commands, console, live_table
from market_maker.demo.trading import DemoOperator, SymbolStatus, symbol_config

SAMPLE_S = 0.1
COMPARE_EVERY = 5
"""Samples between two comparisons with the exchange's record."""
TOKENS_EVERY = 150
"""Samples between two new tokens for the people."""
SETTLE_S = 20.0
"""Time for fills on their way; a service that was just started again waits for its consumer group first."""


class Demo:
    """The running demo."""

    def __init__(self, arguments: DemoArguments, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._arguments = arguments
        self._stack = stack
        self._sandbox = JsonClient(session, stack.sandbox_url)
        self._console = console(to_stderr=arguments.json)
        first, second = (
            JsonClient(session, stack.api_url, Pass(self._sandbox, name) if stack.asks_for_tokens else None)
            for name in ITSELF
        )
        self.desk = DemoOperator(first, self._go_on, second if stack.asks_for_tokens else None)
        self.checker = BookChecker(self._sandbox, ACCOUNT_ID)
        self._statuses: dict[str, SymbolStatus] = {}
        self._stopped = asyncio.Event()
        self._trading = False
        self._markets_move = True
        """False once every market's capture has been played to its end."""
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(ending, self._stopped.set)

    async def trade(self) -> float:
        """Configure, enable, watch until the time is up or Ctrl-C; returns the seconds traded."""
        await self.desk.wait_until_live()
        await self._write_tokens()
        health = await self._sandbox.get("/health")
        await self.desk.configure(health["symbols"], self._arguments)
        self._console.print(banner(self._stack, self._changes(), self.desk.symbols))
        for line in commands(self._stack, self.desk.symbols):
            self._console.print(line, soft_wrap=True, highlight=False)
        await self._sandbox.post("/sandbox/start")
        for change in await self.desk.enable():
            self._console.print(f"the smallest order of this market is worth more than the default: {change}")
        if self._stack.asks_for_tokens:
            await self.desk.propose()
        self._trading = True
        self._console.print("every symbol is enabled")
        return await self._watch()

    async def finish(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Stop quoting, wait until fills here and there agree and all events are published.

        Returns the exchange's report and the service's own picture of itself.
        """
        await self._revive()
        await self.desk.wait_until_live()
        await self.desk.stop(shadow=self._arguments.shadow)
        await self.checker.compare()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE_S
        while True:
            try:
                report, overall = await self._last_look()
            except AnswerError as error:
                if not error.is_passing or loop.time() > deadline:
                    raise
            else:
                settled = self._agrees(report) and overall["outbox_pending"] == 0
                if settled or loop.time() > deadline:
                    return report, overall
            await asyncio.sleep(SAMPLE_S)

    async def _last_look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Everything about every symbol, the exchange's report and the service's picture of itself."""
        self._statuses |= await self.desk.statuses()
        return await self._report(), await self._overall()

    async def _overall(self) -> dict[str, Any]:
        """The service's own picture of itself."""
        answer: dict[str, Any] = await self.desk.api.get("/v1/mm/status")
        return answer

    @property
    def statuses(self) -> dict[str, SymbolStatus]:
        """Each symbol's status as of the end; of a symbol that was deleted the last one seen."""
        return self._statuses

    def problems(self, report: dict[str, Any]) -> list[str]:
        """What is not as it must be; empty for a clean run.

        HALTED alone is no problem, somebody may have wanted it; next to one it is told, as it may explain it.
        """
        found = [
            f"{symbol}: {text}"
            for differing in (self.checker.mismatches, self.checker.mid_mismatches)
            for symbol, texts in differing.items()
            for text in texts
        ]
        for symbol, at_exchange in report["symbols"].items():
            if at_exchange["open_orders"]:
                found.append(f"{symbol}: {at_exchange['open_orders']} orders left at the exchange")
            if at_exchange["capture_error"]:
                found.append(f"{symbol}: the capture breaks off: {at_exchange['capture_error']}")
            if at_exchange["feed_mismatches"]:
                found.append(f"{symbol}: {at_exchange['feed_mismatches']} mismatches in the exchange's feed")
        for symbol, status in self._statuses.items():
            if gaps := status.get("counters", {}).get("book_gaps"):
                found.append(f"{symbol}: {gaps} gaps in the book's sequence")
        if not self._agrees(report):
            found.append("fills here and at the exchange differ")
        return found + (self._halted() if found else [])

    def _halted(self) -> list[str]:
        return [
            f"{symbol}: HALTED, {status['kill']['reason']}"
            for symbol, status in self._statuses.items()
            if status["kill"] is not None
        ]

    async def _watch(self) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit_s = self._arguments.for_s
        with Live(console=self._console, refresh_per_second=4, transient=False) as live:
            samples = 0
            while not self._stopped.is_set():
                elapsed_s = loop.time() - began
                if limit_s is not None and elapsed_s >= limit_s:
                    break
                await self._sample(samples)
                if not self._markets_move:
                    self._console.print("every capture has been played to its end")
                    break
                samples += 1
                live.update(live_table(self._statuses, self.checker, elapsed_s))
                pause_s = began + samples * SAMPLE_S - loop.time()
                await self._pause(max(pause_s, 0.0))
        return loop.time() - began

    async def _sample(self, count: int) -> None:
        await self._revive()
        try:
            await self._look()
            if count % COMPARE_EVERY == 0:
                await self.checker.compare()
                await self._pause_ended()
            if count % TOKENS_EVERY == 0:
                await self._write_tokens()
        except (aiohttp.ClientError, TimeoutError):
            # A service that was killed does not answer; `_revive` starts it again.
            await self._pause(SAMPLE_S)
        except AnswerError as error:
            # Somebody else asks too much of it, or its database is down: that passes.
            if not error.is_passing:
                raise
            await self._pause(SAMPLE_S)

    async def _write_tokens(self) -> None:
        if self._stack.asks_for_tokens:
            await write_tokens(self._stack.directory, self._sandbox)

    async def _pause_ended(self) -> None:
        """Pause the symbols whose capture has ended: a book that stands still is none to quote on."""
        markets = (await self._report())["symbols"]
        ended = {symbol for symbol, at_exchange in markets.items() if at_exchange["finished"]}
        for symbol in ended:
            await self.desk.pause(symbol)
        self._markets_move = len(ended) < len(markets)

    async def _look(self) -> None:
        """One picture of all symbols: one request, however many there are."""
        for symbol, status in (await self.desk.overview()).items():
            self._statuses[symbol] = status
            self.checker.sample(symbol, status)

    async def _revive(self) -> None:
        """Start the service again after it died, as a process supervisor would; it then stays PAUSED."""
        service = self._stack.service
        if service is None or service.runs:
            return
        code = service.process.returncode if service.process is not None else None
        started = await self._stack.start_service()
        self._console.print(f"the service ended with code {code}: started again, process {started.pid}")

    def _go_on(self) -> None:
        """Stop waiting for a service that has ended, or for a start that somebody interrupted."""
        self._stack.require_service()
        if self._stopped.is_set() and not self._trading:
            raise DemoError("stopped before trading began")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            pass

    async def _report(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self._sandbox.get("/sandbox/report", {"account_id": ACCOUNT_ID})
        return answer

    def _agrees(self, report: dict[str, Any]) -> bool:
        """Whether fills here and there are the same; the last status of a deleted symbol may be too old."""
        return all(
            self._statuses[symbol]["fill_count"] == report["symbols"][symbol]["executions"]
            for symbol in self.desk.symbols
        )

    def _changes(self) -> list[str]:
        changes = [f"KILL_SWITCH_RESPONSE_TIMEOUT_MS={self._arguments.response_timeout_ms}"]
        environment = self._stack.environment
        if self._stack.asks_for_tokens:
            changes.append("CHANGES_NEED_APPROVAL=true")
        if file := environment.get("MM_PROGRAMMES_FILE"):
            changes.append(f"MM_PROGRAMMES_FILE={file}")
        config = symbol_config("", self._arguments)
        changes += [f"{name}={value}" for name, value in config.items() if name != "symbol"]
        return changes


async def run_demo(arguments: DemoArguments) -> int:
    """Run the demo; returns the exit code: 0 clean, 1 when something went wrong."""
    out = console(to_stderr=arguments.json)
    async with AsyncExitStack() as resources:
        stack = await start_stack(arguments, programme=True)
        resources.push_async_callback(_quietly(stack.stop))
        session = await resources.enter_async_context(aiohttp.ClientSession())
        demo = Demo(arguments, stack, session)
        seconds = await demo.trade()
        report, overall = await demo.finish()
        problems = demo.problems(report)
        resources.pop_all()
        await session.close()
        code = await stack.stop()
    if code != 0:
        problems.append(
            f"the service ended with exit code {code}; its log: {stack.directory / 'service.log'}"
        )
    word = "clean" if not problems else "; ".join(problems)
    result = summary(seconds, demo.desk.spreads, demo.statuses, overall, report, demo.checker, word)
    _tell(out, result, as_json=arguments.json)
    return 0 if not problems else 1


def _tell(out: Console, result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    else:
        out.print_json(data=result)


def _quietly(stop: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    async def stopping() -> None:
        await stop()

    return stopping


def main(arguments: DemoArguments) -> int:
    """Run the demo and turn its errors into one sentence."""
    try:
        return asyncio.run(run_demo(arguments))
    except WrongOptionError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2
    except DemoError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
