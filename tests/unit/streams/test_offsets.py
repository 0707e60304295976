from hypothesis import given
from hypothesis import strategies as st

from market_maker.core.events import Source
from market_maker.streams.batch import Position
from market_maker.streams.offsets import OffsetTracker
from market_maker.streams.topics import ENGINE_EVENT, ORDER_BOOK_DELTA

ENGINE_0 = (ENGINE_EVENT, 0)
DELTA_0 = (ORDER_BOOK_DELTA, 0)


def read_to(next_offset: int, generation: int = 1) -> Position:
    return Position(next_offset, generation, None, 0)


def tracker(*partitions: tuple[str, int]) -> OffsetTracker:
    made = OffsetTracker()
    made.assign(partitions, 1)
    return made


def test_nothing_is_committed_before_something_was_read() -> None:
    assert tracker(ENGINE_0, DELTA_0).committable() == {}


def test_market_data_is_committable_as_soon_as_it_was_read() -> None:
    offsets = tracker(DELTA_0)
    offsets.consumed({DELTA_0: read_to(8)}, [])
    assert offsets.committable() == {DELTA_0: 8}


def test_an_engine_event_in_flight_holds_the_commit_back() -> None:
    offsets = tracker(ENGINE_0)
    offsets.consumed({ENGINE_0: read_to(10)}, [Source(0, 4, 1), Source(0, 7, 1)])
    assert offsets.committable() == {ENGINE_0: 4}
    offsets.done(Source(0, 7, 1))
    assert offsets.committable() == {ENGINE_0: 4}
    offsets.done(Source(0, 4, 1))
    assert offsets.committable() == {ENGINE_0: 10}


def test_an_event_with_two_sides_is_done_when_both_are() -> None:
    offsets = tracker(ENGINE_0)
    both = Source(0, 4, 1)
    offsets.consumed({ENGINE_0: read_to(5)}, [both, both])
    offsets.done(both)
    assert offsets.committable() == {ENGINE_0: 4}
    assert offsets.in_flight() == 1
    offsets.done(both)
    assert offsets.committable() == {ENGINE_0: 5}


def test_an_event_that_goes_to_several_symbols_is_done_when_all_are() -> None:
    offsets = tracker(ENGINE_0)
    offsets.consumed({ENGINE_0: read_to(6)}, [Source(0, 4, 1), Source(0, 5, 1)])
    offsets.split(Source(0, 4, 1), 3)
    for _ in range(2):
        offsets.done(Source(0, 4, 1))
    assert offsets.committable() == {ENGINE_0: 4}
    offsets.done(Source(0, 4, 1))
    offsets.split(Source(0, 5, 1), 0)  # nobody is concerned
    assert offsets.committable() == {ENGINE_0: 6}


def test_a_committed_offset_is_not_committed_again_unless_it_failed() -> None:
    offsets = tracker(DELTA_0)
    offsets.consumed({DELTA_0: read_to(8)}, [])
    offsets.committed(offsets.committable())
    assert offsets.committable() == {}
    offsets.commit_failed([DELTA_0])
    assert offsets.committable() == {DELTA_0: 8}


def test_nothing_of_a_lost_partition_is_committed() -> None:
    offsets = tracker(ENGINE_0, DELTA_0)
    offsets.consumed({ENGINE_0: read_to(5), DELTA_0: read_to(3)}, [Source(0, 4, 1)])
    offsets.drop([ENGINE_0, DELTA_0])
    offsets.done(Source(0, 4, 1))
    offsets.consumed({ENGINE_0: read_to(9)}, [])
    assert offsets.committable() == {}


def test_what_became_durable_under_an_earlier_assignment_frees_nothing_in_a_later_one() -> None:
    offsets = tracker(ENGINE_0)
    offsets.consumed({ENGINE_0: read_to(5)}, [Source(0, 4, 1)])
    offsets.assign([ENGINE_0], 2)
    offsets.consumed({ENGINE_0: read_to(5, generation=2)}, [Source(0, 4, 2)])
    offsets.done(Source(0, 4, 1))
    assert offsets.committable() == {ENGINE_0: 4}
    offsets.consumed({ENGINE_0: read_to(99, generation=1)}, [])
    offsets.done(Source(0, 4, 2))
    assert offsets.committable() == {ENGINE_0: 5}


def test_nothing_is_committed_from_an_event_on_that_does_not_become_durable() -> None:
    offsets = tracker(ENGINE_0)
    offsets.consumed({ENGINE_0: read_to(10)}, [Source(0, 4, 1), Source(0, 6, 1), Source(0, 7, 1)])
    offsets.hold(Source(0, 6, 1))
    assert offsets.committable() == {ENGINE_0: 4}
    offsets.done(Source(0, 4, 1))
    offsets.done(Source(0, 7, 1))
    assert offsets.committable() == {ENGINE_0: 6}
    offsets.assign([ENGINE_0], 2)
    offsets.consumed({ENGINE_0: read_to(10, generation=2)}, [])
    assert offsets.committable() == {ENGINE_0: 10}


def test_what_is_held_back_takes_no_room_however_much_follows() -> None:
    offsets = tracker(ENGINE_0)
    for offset in range(1_000):
        source = Source(0, offset, 1)
        offsets.consumed({ENGINE_0: read_to(offset + 1)}, [source])
        (offsets.hold if offset % 10 == 0 else offsets.done)(source)
        assert offsets.committable() == {ENGINE_0: 0}
    assert offsets.in_flight() == 0
    assert not offsets._assigned[ENGINE_0].order


@given(st.data())
def test_the_commit_is_never_ahead_of_the_lowest_event_that_is_not_durable(data: st.DataObject) -> None:
    offsets = tracker(ENGINE_0)
    waiting: list[Source] = []
    end = 0
    for _ in range(data.draw(st.integers(1, 25))):
        finish: bool = data.draw(st.booleans())
        if waiting and finish:
            offsets.done(waiting.pop(data.draw(st.integers(0, len(waiting) - 1))))
        else:
            fresh = [Source(0, end + n, 1) for n in range(4) for _ in range(data.draw(st.integers(0, 2)))]
            end += 4
            offsets.consumed({ENGINE_0: read_to(end)}, fresh)
            waiting += fresh
        lowest = min((source.offset for source in waiting), default=end)
        assert offsets.committable().get(ENGINE_0, 0) == lowest
