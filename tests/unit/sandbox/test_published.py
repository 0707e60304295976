from decimal import Decimal

from tradex_sandbox.published import PublishedTops


def test_the_last_sequences_stay_on_record_and_older_ones_are_not_told_wrongly() -> None:
    tops = PublishedTops(Decimal("0.1"), first=5, size=3)
    for sequence in range(5, 10):
        tops.record(sequence, (sequence, None if sequence == 9 else sequence + 1))
    assert [tops.at(sequence) for sequence in (4, 5, 6, 10)] == [None] * 4
    assert [tops.at(sequence) for sequence in (7, 8, 9)] == [
        (Decimal("0.7"), Decimal("0.8")),
        (Decimal("0.8"), Decimal("0.9")),
        (Decimal("0.9"), None),
    ]
