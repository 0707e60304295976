"""When a tier is kept, and how much of the time: exact figures for scripts of orders."""

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.support.folding import OrderLife, recomputed

from market_maker.core.ledger.presence import Presence
from market_maker.core.obligations import (
    DAY_US,
    MINUTE_US,
    SECOND_US,
    Measure,
    PresenceSpan,
    Programme,
    ProgrammeDay,
    Resting,
    Tier,
    is_present,
    samples,
)
from market_maker.core.side import Side

HOUR_US = 60 * MINUTE_US
MONDAY_US = 4 * DAY_US
"""5 January 1970."""
NOON_US = MONDAY_US + 12 * HOUR_US
TIER = Tier("t", Decimal(10), Decimal(1_000), in_base=False, min_share_pct=Decimal(50))
PROGRAMME = Programme("p", "BTC-USDT", (TIER,), Measure.TIME)


def resting(side: Side, price: str, quantity: str = "1") -> Resting:
    return Resting(side, Decimal(price), Decimal(quantity))


BID, ASK = resting(Side.BUY, "1000"), resting(Side.SELL, "1001")


def quoting(programme: Programme = PROGRAMME, at_us: int = NOON_US) -> Presence:
    presence = Presence((programme,))
    presence.orders({"bid": BID, "ask": ASK}, at_us)
    presence.quotes(active=True, now_us=at_us)
    return presence


def ended(presence: Presence, at_us: int) -> list[PresenceSpan]:
    return presence.quotes(active=False, now_us=at_us)


@pytest.mark.parametrize(
    ("orders", "kept"),
    [
        ([BID, ASK], True),
        ([BID], False),
        ([], False),
        ([BID, resting(Side.SELL, "1001.001")], False),
        ([resting(Side.BUY, "1000", "0.999"), ASK], False),
        ([resting(Side.BUY, "1000", "0.5"), resting(Side.BUY, "999.9", "0.501"), ASK], False),
        ([resting(Side.BUY, "1000.5", "0.5"), resting(Side.BUY, "1000", "0.5"), ASK], True),
    ],
)
def test_a_tier_is_kept_by_the_size_on_both_sides_within_the_spread(
    orders: list[Resting], kept: bool
) -> None:
    assert is_present(TIER, orders) is kept


def test_a_size_may_be_base_currency() -> None:
    tier = replace(TIER, in_base=True, min_size=Decimal("1.5"), max_spread_bps=Decimal(11))
    assert not is_present(tier, [BID, ASK])
    assert is_present(tier, [BID, ASK, resting(Side.BUY, "999.9"), resting(Side.SELL, "1001")])


def test_time_counts_from_the_acknowledgement_to_the_end() -> None:
    presence = quoting()
    presence.orders({"ask": None}, NOON_US + 3 * SECOND_US)
    presence.orders({"ask2": ASK}, NOON_US + 5 * SECOND_US)
    (span,) = ended(presence, NOON_US + 10 * SECOND_US)
    assert (span.present_us, span.from_us, span.until_us) == (
        8 * SECOND_US,
        NOON_US,
        NOON_US + 10 * SECOND_US,
    )


def test_what_of_an_order_has_filled_counts_no_more() -> None:
    presence = quoting()
    presence.orders({"bid": replace(BID, quantity=Decimal("0.9"))}, NOON_US + SECOND_US)
    (span,) = ended(presence, NOON_US + 10 * SECOND_US)
    assert span.present_us == SECOND_US


def test_time_that_is_not_active_is_absent_though_orders_rest() -> None:
    presence = quoting()
    first = ended(presence, NOON_US + SECOND_US)
    presence.quotes(active=True, now_us=NOON_US + 61 * SECOND_US)
    second = ended(presence, NOON_US + 62 * SECOND_US)
    assert [span.present_us for span in (*first, *second)] == [SECOND_US, SECOND_US]


def test_stretches_are_cut_at_full_hours_and_written_again_meanwhile() -> None:
    presence = quoting(at_us=NOON_US + 59 * MINUTE_US)
    assert presence.record_again(NOON_US + 59 * MINUTE_US + SECOND_US) == []
    (so_far,) = presence.record_again(NOON_US + 59 * MINUTE_US + 6 * SECOND_US)
    assert so_far.present_us == 6 * SECOND_US
    hour, begun = presence.record_again(NOON_US + 61 * MINUTE_US)
    assert (hour.from_us, hour.until_us, hour.present_us) == (so_far.from_us, NOON_US + HOUR_US, MINUTE_US)
    assert (begun.from_us, begun.present_us) == (NOON_US + HOUR_US, MINUTE_US)


def stored(*lives: tuple[int, int]) -> int:
    """The presence of processes that each quoted from one second to another, as far as it was written."""
    written: dict[int, PresenceSpan] = {}
    for from_s, killed_s in lives:
        presence = quoting(at_us=NOON_US + from_s * SECOND_US)
        for now_s in range(from_s + 1, killed_s + 1):
            spans = presence.record_again(NOON_US + now_s * SECOND_US)
            written.update({span.from_us: span for span in spans})
    return sum(span.present_us for span in written.values())


def test_a_minute_in_which_the_process_was_killed_lowers_the_presence_by_that_minute() -> None:
    whole = stored((0, 900))
    assert whole == 900 * SECOND_US
    assert stored((0, 300), (360, 900)) == whole - MINUTE_US
    assert stored((0, 303), (363, 900)) == whole - MINUTE_US - 5 * SECOND_US, (
        "3 s were not written, 2 at the end"
    )


def test_samples_are_those_of_the_clock() -> None:
    presence = quoting(replace(PROGRAMME, measure=Measure.SAMPLES, sample_us=10 * SECOND_US), NOON_US + 1)
    presence.orders({"ask": None}, NOON_US + 20 * SECOND_US)
    presence.orders({"ask": ASK}, NOON_US + 20 * SECOND_US + 1)
    (span,) = ended(presence, NOON_US + 40 * SECOND_US)
    assert span.samples == 2, "at 10 s and at 30 s"
    assert samples(0, 10, 10) == 1
    assert samples(1, 10, 10) == 0
    assert samples(1, 11, 10) == 1


def test_a_minute_counts_when_enough_of_it_was_covered() -> None:
    presence = quoting(replace(PROGRAMME, measure=Measure.MINUTES, minute_pct=50))
    presence.orders({"ask": None}, NOON_US + 90 * SECOND_US)
    presence.orders({"ask": ASK}, NOON_US + 151 * SECOND_US)
    (span,) = ended(presence, NOON_US + 4 * MINUTE_US)
    assert span.minutes == 3, "all but the third, of which 29 s were covered"


def test_only_the_window_counts() -> None:
    window = replace(PROGRAMME, from_minute=12 * 60 + 1, until_minute=12 * 60 + 2)
    presence = quoting(window)
    (span,) = ended(presence, NOON_US + 5 * MINUTE_US)
    assert span.present_us == MINUTE_US
    presence = quoting(replace(PROGRAMME, days=(1, 2)))
    (span,) = ended(presence, NOON_US + 5 * MINUTE_US)
    assert span.present_us == 0


def test_the_same_comes_of_the_stored_orders() -> None:
    presence = quoting()
    presence.orders({"bid": replace(BID, quantity=Decimal("0.4"))}, NOON_US + 7 * SECOND_US)
    presence.orders({"more": BID}, NOON_US + 9 * SECOND_US)
    live = [*presence.record_again(NOON_US + 50 * MINUTE_US), *ended(presence, NOON_US + 70 * MINUTE_US)]
    lives = [
        OrderLife("bid", ((NOON_US, BID), (NOON_US + 7 * SECOND_US, replace(BID, quantity=Decimal("0.4"))))),
        OrderLife("ask", ((NOON_US, ASK),)),
        OrderLife("more", ((NOON_US + 9 * SECOND_US, BID),)),
    ]
    last = {(span.tier, span.from_us): span for span in live}
    again = recomputed((PROGRAMME,), [(span.from_us, span.until_us) for span in last.values()], lives)
    assert again == list(last.values())
    assert sum(span.present_us for span in again) == 70 * MINUTE_US - 2 * SECOND_US


@pytest.mark.parametrize(
    ("present_h", "now_h", "slack_h", "met"),
    [(0, 0, 12, None), (6, 6, 12, None), (0, 6, 6, None), (0, 13, -1, False), (12, 14, 10, True)],
)
def test_a_day_stands_by_what_may_still_be_absent(
    present_h: int, now_h: int, slack_h: int, met: bool | None
) -> None:
    standing = ProgrammeDay.of(PROGRAMME, TIER, present_h * HOUR_US, MONDAY_US, MONDAY_US + now_h * HOUR_US)
    assert (standing.slack, standing.is_met) == (slack_h * HOUR_US, met)
    assert standing.slack_ratio == slack_h / 12


def test_a_day_that_is_none_of_the_programmes_asks_for_nothing() -> None:
    standing = ProgrammeDay.of(replace(PROGRAMME, days=(1,)), TIER, 0, MONDAY_US, NOON_US)
    assert (standing.total, standing.needed, standing.slack, standing.is_met) == (0, 0, 0, True)
