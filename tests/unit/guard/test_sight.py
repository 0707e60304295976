"""What interventions ask of the newest look."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from market_maker.fleet.heartbeat import Heartbeat
from market_maker.guard.sight import Sight
from market_maker.guard.signs import Records
from market_maker.repositories.errors import DatabaseUnavailableError
from market_maker.repositories.interventions import Holder

BTC = "BTCUSDT"


@dataclass
class Places:
    """Redis and PostgreSQL in memory."""

    heartbeats: tuple[Heartbeat, ...] | None = ()
    records: Records | None = field(default_factory=lambda: Records({}, {}))

    async def instances(self) -> tuple[Heartbeat, ...] | None:
        return self.heartbeats

    async def read(self) -> Records:
        if self.records is None:
            raise DatabaseUnavailableError("down")
        return self.records


async def seen(places: Places, sight: Sight | None = None, **owners: Holder) -> Sight:
    sight = sight or Sight(places, places, 3_000_000_000)
    places.records = Records({}, owners)
    await sight.look()
    return sight


async def test_an_instance_lives_as_long_as_its_sign_is_new() -> None:
    places = Places((Heartbeat("a", 1, datetime.now(UTC), (BTC,), "0"),))
    now = [0]
    sight = Sight(places, places, 3, clock_ns=lambda: now[0])
    assert not sight.lives("a")
    await sight.look()
    assert sight.lives("a")
    now[0] = 2
    await sight.look()
    assert sight.lives("a")
    now[0] = 4
    await sight.look()
    assert not sight.lives("a")


async def test_a_symbol_is_taken_over_by_a_later_epoch_of_somebody() -> None:
    places = Places()
    sight = await seen(places, BTCUSDT=Holder(5, "lost"))
    assert not sight.taken_over(BTC, 5)
    assert not sight.taken_over(BTC, 6)
    await seen(places, sight, BTCUSDT=Holder(6, None))
    assert not sight.taken_over(BTC, 5)
    assert not sight.taken_over(BTC, 6)
    await seen(places, sight, BTCUSDT=Holder(7, "other"))
    assert sight.taken_over(BTC, 6)


async def test_a_symbol_that_was_given_up_in_order_is_taken_over_once_that_can_be_known() -> None:
    places = Places()
    sight = await seen(places)
    assert not sight.taken_over(BTC, 1)  # it may be younger than what was read
    await seen(places, sight, BTCUSDT=Holder(1, "lost"))
    await seen(places, sight)
    assert sight.taken_over(BTC, 1)
    assert not sight.taken_over(BTC, 2)


async def test_what_was_read_last_holds_while_postgresql_is_away() -> None:
    places = Places()
    sight = await seen(places, BTCUSDT=Holder(7, "other"))
    places.records = None
    assert not (await sight.look()).is_blind
    assert not sight.reads_records
    assert sight.taken_over(BTC, 6)
    places.heartbeats = None
    assert (await sight.look()).is_blind
    assert sight.taken_over(BTC, 6)
