from datetime import UTC, datetime
from pathlib import Path

from market_maker.demo.programme import write_programme
from market_maker.programme_files import programmes
from market_maker.repositories.wall_time import microseconds


def test_the_demos_programme_is_one_that_the_service_reads_and_begins_with_the_demo(tmp_path: Path) -> None:
    file = tmp_path / "programmes.yaml"
    write_programme(file, ("BTCUSDT", "ETHUSDT"), datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC))
    found = programmes(str(file))
    assert [one.symbol for one in found] == ["BTCUSDT", "ETHUSDT"]
    assert {(one.from_minute, one.until_minute) for one in found} == {(23 * 60 + 59, 24 * 60)}
    assert {one.since_us for one in found} == {microseconds(datetime(2026, 11, 22, tzinfo=UTC))}
