from tradex_sandbox.clock import MarketClock

START_US = 1_700_000_000_000_000


class Hands:
    """Two clocks that a test moves."""

    def __init__(self) -> None:
        self.monotonic_ns = 5_000_000_000
        self.wall_ns = START_US * 1000

    def pass_s(self, seconds: float) -> None:
        self.monotonic_ns += int(seconds * 1e9)
        self.wall_ns += int(seconds * 1e9)

    def clock(self, speed: float = 1.0) -> MarketClock:
        return MarketClock(speed, lambda: self.monotonic_ns, lambda: self.wall_ns)


def test_market_time_begins_at_the_wall_time_and_passes_at_its_speed() -> None:
    hands = Hands()
    clock = hands.clock(speed=10)
    hands.pass_s(2)
    assert clock.now_us() == START_US + 20_000_000
    assert clock.wall_us(START_US + 20_000_000) == START_US + 2_000_000
    assert clock.wall_us(START_US + 10_000_000) == START_US + 1_000_000
    assert clock.seconds_until(START_US + 30_000_000) == 1.0
    assert clock.seconds_until(START_US) == 0.0


def test_an_exchange_time_has_one_wall_time_whenever_it_is_told() -> None:
    hands = Hands()
    clock = hands.clock(speed=3.7)
    hands.pass_s(1)
    then_us = clock.now_us()
    told_us = clock.wall_us(then_us)
    hands.pass_s(5)
    hands.wall_ns -= 1_000_000
    clock.follow_wall()
    assert clock.wall_us(then_us) == told_us


def test_a_step_of_the_wall_clock_does_not_move_the_market() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns -= 3_600_000_000_000
    hands.pass_s(1)
    assert clock.now_us() == START_US + 1_000_000


def test_after_the_machine_slept_what_happens_is_told_in_the_wall_clocks_time_again() -> None:
    hands = Hands()
    clock = hands.clock(speed=2)
    hands.pass_s(1)
    before_us = clock.now_us()
    hands.wall_ns += 3_600_000_000_000
    clock.follow_wall()
    hands.pass_s(1)
    assert clock.wall_us(before_us - 2) == START_US + 999_999
    assert clock.wall_us(clock.now_us()) == hands.wall_ns // 1000


def test_a_wall_clock_that_was_set_back_lets_no_time_repeat() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_s(1)
    before_us = clock.now_us()
    hands.wall_ns -= 3_600_000_000_000
    clock.follow_wall()
    hands.pass_s(1)
    assert clock.wall_us(clock.now_us()) == clock.wall_us(before_us) + 1_000_000
