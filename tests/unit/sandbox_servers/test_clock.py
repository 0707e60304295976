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

    def clock(self, speed: float = 1.0, paused: bool = False) -> MarketClock:
        return MarketClock(speed, paused, lambda: self.monotonic_ns, lambda: self.wall_ns)


def test_market_time_begins_at_the_wall_time_and_passes_at_its_speed() -> None:
    hands = Hands()
    clock = hands.clock(speed=10)
    hands.pass_s(2)
    assert clock.now_us() == START_US + 20_000_000
    assert clock.wall_us(START_US + 20_000_000) == START_US + 2_000_000
    assert clock.wall_us(START_US + 10_000_000) == START_US + 1_000_000
    assert clock.seconds_until(START_US + 30_000_000) == 1.0
    assert clock.seconds_until(START_US) == 0.0


def test_a_paused_market_stands_still_and_what_it_says_is_of_now() -> None:
    hands = Hands()
    clock = hands.clock(paused=True)
    hands.pass_s(60)
    assert clock.now_us() == START_US
    assert clock.wall_us(START_US) == START_US + 60_000_000
    assert clock.seconds_until(START_US + 1) is None


def test_a_started_market_goes_on_from_where_it_stood_with_wall_time_beside_it() -> None:
    hands = Hands()
    clock = hands.clock(paused=True)
    hands.pass_s(60)
    assert clock.start()
    assert not clock.start()
    hands.pass_s(1)
    assert clock.now_us() == START_US + 1_000_000
    assert clock.wall_us(START_US + 500_000) == START_US + 60_500_000


def test_a_step_of_the_wall_clock_does_not_move_the_market() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall_ns -= 3_600_000_000_000
    hands.pass_s(1)
    assert clock.now_us() == START_US + 1_000_000
