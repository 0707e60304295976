import asyncio

from market_maker.actors.tenure import Lease, Tenure

S = 1_000_000_000


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 100 * S

    def __call__(self) -> int:
        return self.now_ns


async def turn() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_lease_that_was_never_confirmed_lets_nothing_out() -> None:
    assert not Lease(Clock(), 3 * S).is_current


def test_a_lease_runs_from_when_postgresql_was_asked_not_from_its_answer() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    asked_ns = clock.now_ns
    clock.now_ns += 2 * S
    lease.renewed(asked_ns)
    assert lease.left_ns == S
    clock.now_ns += S - 1
    assert lease.is_current
    clock.now_ns += 1
    assert not lease.is_current


def test_an_older_answer_does_not_shorten_a_lease() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    lease.renewed(clock.now_ns)
    lease.renewed(clock.now_ns - 2 * S)
    assert lease.left_ns == 3 * S


def test_a_symbol_that_is_given_up_is_not_ours_though_the_lease_runs() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    lease.renewed(clock.now_ns)
    tenure = Tenure(lease, 4)
    assert tenure.is_current
    tenure.end()
    assert [tenure.is_current] == [False]
    tenure.renew(6)
    assert [tenure.is_current, tenure.epoch] == [True, 6]


async def test_a_cancel_waits_after_a_standstill_until_postgresql_has_said_whose_the_symbol_is() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    lease.renewed(clock.now_ns)
    kept, lost = Tenure(lease, 1), Tenure(lease, 1)
    clock.now_ns += 30 * S
    asking = [asyncio.create_task(tenure.may_ask()) for tenure in (kept, lost)]
    await turn()
    assert not any(task.done() for task in asking)
    lost.end()
    lease.renewed(clock.now_ns)
    assert await asking[0]
    await turn()
    assert not asking[1].done()
    lost.close()
    assert not await asking[1]


async def test_no_question_overtakes_a_cancel_of_everything_that_waits_for_the_lease() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    tenure = Tenure(lease, 1)
    waiting = asyncio.create_task(tenure.may_ask())
    await turn()
    lease.renewed(clock.now_ns)
    assert not tenure.lets_go(hits_only_our_own=False)
    assert tenure.lets_go(hits_only_our_own=True)
    assert await waiting
    assert tenure.lets_go(hits_only_our_own=False)


async def test_a_cancel_leaves_when_postgresql_does_not_answer_since_the_lease_ended() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    lease.renewed(clock.now_ns)
    tenure = Tenure(lease, 1)
    clock.now_ns += 30 * S
    asking = asyncio.create_task(tenure.may_ask())
    await turn()
    lease.failed(clock.now_ns - 28 * S)
    await turn()
    assert not asking.done(), "that question was asked before the standstill: its failure says nothing"
    lease.failed(clock.now_ns)
    assert await asking
    assert not tenure.is_current


async def test_a_symbol_that_was_given_up_is_asked_for_once_it_has_come_back() -> None:
    clock = Clock()
    lease = Lease(clock, 3 * S)
    lease.renewed(clock.now_ns)
    tenure = Tenure(lease, 1)
    tenure.end()
    asking = asyncio.create_task(tenure.may_ask())
    await turn()
    assert not asking.done(), "an actor that is told no asks again"
    tenure.renew(2)
    assert await asking


async def test_nothing_is_asked_for_an_actor_that_has_ended() -> None:
    tenure = Tenure(Lease(Clock(), 3 * S), 1)
    tenure.close()
    assert not await tenure.may_ask()


async def test_without_a_lease_everything_is_ours_until_the_actor_ends() -> None:
    tenure = Tenure(None, None)
    assert tenure.is_current
    assert await tenure.may_ask()
    tenure.close()
    assert not await tenure.may_ask()
