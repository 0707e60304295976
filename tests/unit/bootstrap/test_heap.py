import gc

from market_maker.bootstrap.heap import Heap


def test_what_stands_at_the_start_is_walked_by_no_later_collection() -> None:
    before = gc.get_freeze_count()
    standing = [[number] for number in range(50_000)]
    Heap(lambda: 0).settle()
    assert gc.get_freeze_count() >= before + len(standing)
    assert len(gc.get_objects()) < len(standing)


def test_added_symbols_are_set_aside_once_their_number_stands_still() -> None:
    count = 2
    heap = Heap(lambda: count)
    heap.settle()
    frozen = gc.get_freeze_count()
    added = [[number] for number in range(1_000)]
    heap.set_aside_added()
    assert gc.get_freeze_count() <= frozen
    count = 5
    heap.set_aside_added()  # still growing, for all it knows
    assert gc.get_freeze_count() <= frozen
    heap.set_aside_added()
    assert gc.get_freeze_count() >= frozen + len(added)


def test_a_symbol_that_went_and_came_back_is_set_aside_again() -> None:
    count = 5
    heap = Heap(lambda: count)
    heap.settle()
    frozen = gc.get_freeze_count()
    count = 4
    heap.set_aside_added()
    count = 5
    added = [[number] for number in range(1_000)]
    heap.set_aside_added()
    heap.set_aside_added()
    assert gc.get_freeze_count() >= frozen + len(added)
