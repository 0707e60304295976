"""The service's book and reference mid, compared with what the exchange has on record."""

from typing import Any

import pytest

from market_maker.demo.book_checker import BookChecker

ACCOUNT = "ours"
TOP = {"best_bid": "100.0", "best_ask": "100.4", "others_bid": "99.8", "others_ask": "100.4"}


class Exchange:
    """Answers as the sandbox does; `asked` keeps the sequences of each question."""

    def __init__(self, tops: dict[int, dict[str, Any] | None]) -> None:
        self.tops = tops
        self.asked: list[list[str]] = []

    async def get(self, path: str, params: Any) -> Any:
        assert path == "/sandbox/book/BTCUSDT"
        assert params[0] == ("account_id", ACCOUNT)
        sequences = [value for name, value in params if name == "sequence"]
        self.asked.append(sequences)
        tops = {sequence: self.tops.get(int(sequence)) for sequence in sequences}
        return {"symbol": "BTCUSDT", "sequence": 9, "tick_size": "0.1", "tops": tops}


def checker(tops: dict[int, dict[str, Any] | None]) -> BookChecker:
    exchange: Any = Exchange(tops)
    return BookChecker(exchange, ACCOUNT)


def status(at: int, claimed: str, /, **changes: Any) -> dict[str, Any]:
    """What the service's status says of one symbol, as far as the checker reads it."""
    reference = {"mid": claimed, "source": "book", "sequence": at, "uncertain": False}
    return {
        "book": {"valid": True, "sequence": at, "best_bid": "100.0", "best_ask": "100.4"},
        "reference": reference | changes,
    }


@pytest.mark.parametrize(("mid", "wrong"), [("100.1", 0), ("100.2", 0), ("100.0", 0), ("100.21", 1)])
async def test_a_mid_may_differ_by_one_tick_from_the_middle_of_others(mid: str, wrong: int) -> None:
    check = checker({5: TOP})
    check.sample("BTCUSDT", status(5, mid))
    await check.compare()
    assert check.mid_checks["BTCUSDT"] == 1
    assert len(check.mid_mismatches["BTCUSDT"]) == wrong
    assert (check.checks["BTCUSDT"], check.mismatches["BTCUSDT"]) == (1, [])


async def test_a_mismatch_names_the_sequence_and_both_pictures() -> None:
    check = checker({5: TOP})
    check.sample("BTCUSDT", status(5, "100.21"))
    await check.compare()
    assert check.mid_mismatches["BTCUSDT"] == ["sequence 5: the service's mid 100.21, others 99.8 / 100.4"]


@pytest.mark.parametrize(
    "reference", [{"uncertain": True}, {"source": "mark"}, {"source": "last_trade"}, {"mid": None}]
)
async def test_an_uncertain_mid_and_one_of_another_source_claim_nothing(reference: dict[str, Any]) -> None:
    check = checker({5: TOP})
    check.sample("BTCUSDT", status(5, "200", **reference))
    await check.compare()
    assert check.mid_checks["BTCUSDT"] == 0
    assert check.mid_mismatches["BTCUSDT"] == []


@pytest.mark.parametrize("top", [None, TOP | {"others_bid": None}, TOP | {"others_ask": None}])
async def test_a_sequence_that_is_not_on_record_or_has_one_side_of_others_is_not_counted(
    top: dict[str, Any] | None,
) -> None:
    check = checker({5: top})
    check.sample("BTCUSDT", status(5, "200"))
    await check.compare()
    assert check.mid_checks["BTCUSDT"] == 0
    assert check.mid_mismatches["BTCUSDT"] == []


async def test_each_sequence_is_counted_once_however_often_it_is_seen() -> None:
    check = checker({5: TOP, 6: TOP})
    for sequence in (5, 5, 6):
        check.sample("BTCUSDT", status(sequence, "100.1"))
        await check.compare()
    check.sample("BTCUSDT", status(5, "100.1"))
    await check.compare()
    assert check.mid_checks["BTCUSDT"] == 2
    assert check.checks["BTCUSDT"] == 2


async def test_the_mid_is_held_to_its_own_sequence_not_to_the_books() -> None:
    check = checker({4: TOP | {"others_bid": "99.0"}, 5: TOP})
    check.sample("BTCUSDT", status(5, "99.7", sequence=4))
    await check.compare()
    assert (check.mid_checks["BTCUSDT"], check.mid_mismatches["BTCUSDT"]) == (1, [])
    assert check.checks["BTCUSDT"] == 1


async def test_a_book_that_differs_from_the_published_one_is_a_mismatch() -> None:
    check = checker({5: TOP | {"best_bid": "100.1"}})
    check.sample("BTCUSDT", status(5, "100.1"))
    await check.compare()
    assert len(check.mismatches["BTCUSDT"]) == 1
