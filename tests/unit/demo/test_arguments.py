from pathlib import Path

import pytest

from market_maker.demo.arguments import parse_arguments


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--symbols", ","), "--symbols: ',' names no symbol; write them as BTCUSDT,ETHUSDT"),
        (("--symbols", ""), "--symbols: '' names no symbol"),
        (("--for", "soon"), "--for: "),
        (("--for", "0s"), "--for: '0s' must be positive"),
        (("--seed", "9223372036854775808"), "is not a whole number from 0 to 9223372036854775807"),
        (("--seed", "9" * 5_000), "is not a whole number from 0 to 9223372036854775807"),
        (("--spread-bps", "-1"), "--spread-bps: "),
        (("--capture", "/nowhere.gz"), "--capture: /nowhere.gz is not a file"),
        (("--depth", "deep"), "--depth: "),
        (("--queue", "fair"), "--queue: "),
        (("--feed-delay", "300"), "--feed-delay: "),
        (("--feed-delay", "61s"), "--feed-delay: '61s' must be at most 60000ms"),
        (("--colour",), "--colour"),
    ],
)
def test_a_mistake_is_one_sentence_without_the_usage(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_arguments(options)
    output = capsys.readouterr()
    assert (ended.value.code, output.out) == (2, "")
    assert output.err.startswith("market-maker demo: ")
    assert said in output.err
    assert len(output.err.splitlines()) == 1


def test_the_largest_seed_that_the_error_names_is_allowed() -> None:
    assert parse_arguments(["--seed", "9223372036854775807"]).seed == 2**63 - 1


def test_a_capture_alone_means_no_simulated_market(tmp_path: Path) -> None:
    capture = tmp_path / "a.gz"
    capture.touch()
    assert parse_arguments(["--capture", str(capture)]).symbols == ()
    assert parse_arguments([]).symbols == ("BTCUSDT", "ETHUSDT")
