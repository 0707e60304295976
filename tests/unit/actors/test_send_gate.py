"""The last look before an order leaves."""

from market_maker.actors.send_gate import SECOND_NS, ActorGate, SendGate


class Engine:
    """Says what it was told to, and remembers when it was asked."""

    def __init__(self) -> None:
        self.may = True
        self.asked: list[int] = []

    def may_send_at(self, now_ns: int) -> bool:
        self.asked.append(now_ns)
        return self.may


def test_orders_of_a_burst_beyond_the_rate_are_withheld() -> None:
    gate = SendGate(Engine(), 3)
    assert [gate.lets_pass(5) for _ in range(5)] == [True, True, True, False, False]


def test_the_second_slides_and_holds_both_of_its_ends() -> None:
    gate = SendGate(Engine(), 2)
    assert gate.lets_pass(0)
    assert gate.lets_pass(600_000_000)
    assert not gate.lets_pass(SECOND_NS)
    assert gate.lets_pass(SECOND_NS + 1)
    assert not gate.lets_pass(SECOND_NS + 2)


def test_the_engine_is_asked_for_the_present_moment() -> None:
    engine = Engine()
    assert SendGate(engine, 1).lets_pass(77)
    assert engine.asked == [77]


def test_what_the_engine_forbids_takes_no_place() -> None:
    engine = Engine()
    gate = SendGate(engine, 1)
    engine.may = False
    assert not gate.lets_pass(0)
    engine.may = True
    assert gate.lets_pass(1)


def test_asking_whether_the_gate_is_open_takes_no_place() -> None:
    gate = SendGate(Engine(), 1)
    assert [gate.is_open(0) for _ in range(3)] == [True] * 3
    assert gate.lets_pass(0)
    assert not gate.is_open(SECOND_NS)
    assert gate.is_open(SECOND_NS + 1)


def test_the_gate_of_an_actor_that_is_not_well_is_shut() -> None:
    engine, well = Engine(), False
    gate = ActorGate(SendGate(engine, 10), lambda: well, lambda: 77)
    assert not gate.is_open()
    assert not gate.lets_pass()
    well = True
    assert gate.is_open()
    assert gate.lets_pass()
    assert engine.asked == [77, 77]
