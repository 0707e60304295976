"""Client order ids: UUIDv7, never twice, the same again in a replay."""

import uuid

import pytest

from market_maker.core.orders.ids import IdSeed, OrderIds

SEED = IdSeed(random=2**62 - 3, wall_ms=1_790_000_000_000, at_ns=5_000_000_000)


def test_an_id_is_a_uuid_of_version_7_and_the_rfc_variant() -> None:
    made = uuid.UUID(OrderIds(SEED).next(SEED.at_ns))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_an_id_carries_the_wall_time_of_its_order() -> None:
    ids = OrderIds(SEED)
    for later_ms in (0, 1, 999, 86_400_000):
        made = uuid.UUID(ids.next(SEED.at_ns + later_ms * 1_000_000))
        assert made.int >> 80 == SEED.wall_ms + later_ms


def test_no_id_is_made_twice_even_at_the_same_time_and_beyond_the_counters_width() -> None:
    ids = OrderIds(SEED)
    made = {ids.next(SEED.at_ns) for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(str(uuid.UUID(text)) == text for text in made)


def test_the_same_seed_makes_the_same_ids_and_another_seed_others() -> None:
    def first(seed: IdSeed) -> list[str]:
        ids = OrderIds(seed)
        return [ids.next(seed.at_ns + n) for n in range(50)]

    assert first(SEED) == first(SEED)
    assert not set(first(SEED)) & set(first(IdSeed(1, SEED.wall_ms, SEED.at_ns)))


@pytest.mark.parametrize("random", [0, 2**62 - 1])
def test_the_random_part_may_have_any_value(random: int) -> None:
    ids = OrderIds(IdSeed(random, SEED.wall_ms, SEED.at_ns))
    assert {uuid.UUID(ids.next(SEED.at_ns)).version for _ in range(10)} == {7}


def test_an_id_is_recognised_by_whoever_made_it_and_by_nobody_else() -> None:
    ids, others = OrderIds(SEED), OrderIds(IdSeed(77, SEED.wall_ms, SEED.at_ns))
    made = [ids.next(SEED.at_ns) for _ in range(5)]
    assert all(map(ids.made, made))
    assert not any(map(others.made, [*made, others.next(SEED.at_ns)[::-1]]))
    assert not ids.made(others.next(SEED.at_ns))
    assert not any(map(ids.made, ("", "manual-1", "ffffffff")))
    later = OrderIds(SEED)
    assert not later.made(made[0]), "not made yet"
