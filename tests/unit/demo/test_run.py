from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.demo_service import DemoService, demo_service

from market_maker.demo.arguments import parse_arguments
from market_maker.demo.http import AnswerError
from market_maker.demo.run import Demo
from market_maker.demo.stack import Stack
from market_maker.demo.summary import summary


@pytest.fixture
async def service() -> AsyncIterator[DemoService]:
    async with demo_service("BTCUSDT", "ETHUSDT") as running:
        yield running


@pytest.fixture
async def demo(service: DemoService) -> AsyncIterator[Demo]:
    """Trades for half a second: about five looks."""
    arguments = parse_arguments(["--for", "500ms", "--json"])
    stack = Stack(Path("unused"), sandbox_url=service.url, api_url=service.url)
    async with aiohttp.ClientSession() as session:
        yield Demo(arguments, stack, session)


async def whole_run(demo: Demo) -> tuple[dict[str, Any], list[str]]:
    """The symbols' figures at the end, and the problems."""
    seconds = await demo.trade()
    report, overall = await demo.finish()
    problems = demo.problems(report)
    figures = summary(seconds, demo.desk.spreads, demo.statuses, overall, report, demo.checker, "-")
    symbols: dict[str, Any] = figures["symbols"]
    return symbols, problems


async def test_a_run_in_which_nothing_happens_is_clean(demo: Demo) -> None:
    symbols, problems = await whole_run(demo)
    assert problems == []
    assert {figures["state"] for figures in symbols.values()} == {"PAUSED"}
    assert symbols["BTCUSDT"]["quotes_computed"] == 0


async def test_a_symbol_deleted_meanwhile_keeps_the_last_figures_seen(
    demo: Demo, service: DemoService
) -> None:
    service.deleted_at = {2: "ETHUSDT"}
    symbols, problems = await whole_run(demo)
    assert problems == []
    assert demo.desk.symbols == ["BTCUSDT"]
    assert (symbols["ETHUSDT"]["fills"], symbols["ETHUSDT"]["quotes_computed"]) == (3, None)
    assert symbols["BTCUSDT"]["state"] == "PAUSED"


async def test_orders_that_a_deleted_symbol_left_at_the_exchange_are_still_a_problem(
    demo: Demo, service: DemoService
) -> None:
    service.deleted_at = {2: "ETHUSDT"}
    service.report["ETHUSDT"]["open_orders"] = 2
    _, problems = await whole_run(demo)
    assert problems == ["ETHUSDT: 2 orders left at the exchange"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_busy_for_a_moment_is_asked_again(
    demo: Demo, service: DemoService, status: int
) -> None:
    service.busy = {1: status, 2: status}
    _, problems = await whole_run(demo)
    assert problems == []
    assert service.looks > 3


async def test_a_refusal_that_does_not_pass_ends_the_run(demo: Demo, service: DemoService) -> None:
    service.busy = {1: 401}
    with pytest.raises(AnswerError, match="401"):
        await demo.trade()


async def test_a_service_that_is_busy_at_the_end_is_asked_again(demo: Demo, service: DemoService) -> None:
    await demo.trade()
    service.busy = {service.looks + 1: 503}
    report, overall = await demo.finish()
    assert demo.problems(report) == []
    assert overall["outbox_pending"] == 0


async def test_mismatches_of_the_feed_and_gaps_in_the_book_are_problems(
    demo: Demo, service: DemoService
) -> None:
    service.report["BTCUSDT"]["feed_mismatches"] = 2
    service.counters["book_gaps"] = 1
    _, problems = await whole_run(demo)
    assert problems == [
        "BTCUSDT: 2 mismatches in the exchange's feed",
        "BTCUSDT: 1 gaps in the book's sequence",
        "ETHUSDT: 1 gaps in the book's sequence",
    ]


async def test_the_reason_of_a_kill_stands_in_the_summary(demo: Demo, service: DemoService) -> None:
    service.killed = {"reason": "KAFKA_LAG", "measured": "9 s"}
    symbols, _ = await whole_run(demo)
    assert {figures["kill_reason"] for figures in symbols.values()} == {"KAFKA_LAG"}


async def test_a_halted_symbol_alone_is_clean_and_next_to_a_problem_it_is_told(
    demo: Demo, service: DemoService
) -> None:
    service.killed = {"reason": "MANUAL", "measured": "drill"}
    await demo.trade()
    report, _ = await demo.finish()
    assert demo.problems(report) == []
    report["symbols"]["BTCUSDT"]["open_orders"] = 1
    assert demo.problems(report)[1:] == ["BTCUSDT: HALTED, MANUAL", "ETHUSDT: HALTED, MANUAL"]


async def test_mids_are_checked_against_what_others_bid_and_ask(demo: Demo, service: DemoService) -> None:
    service.counters |= {"active_ms": 8_000, "mid_uncertain_ms": 80}
    symbols, problems = await whole_run(demo)
    assert problems == []
    assert (symbols["BTCUSDT"]["mid_checks"], symbols["BTCUSDT"]["mid_mismatches"]) == (1, 0)
    assert symbols["BTCUSDT"]["mid_uncertain_share"] == 0.01


async def test_a_mid_that_our_own_orders_have_moved_is_a_problem(demo: Demo, service: DemoService) -> None:
    service.others = ("99.50", "100.15")
    symbols, problems = await whole_run(demo)
    assert symbols["BTCUSDT"]["mid_mismatches"] == 1
    assert problems[0] == "BTCUSDT: sequence 1: the service's mid 100.05, others 99.50 / 100.15"
