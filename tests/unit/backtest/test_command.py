"""`market-maker backtest` as a desk uses it, in this process."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.backtest import backtested, config_file, wandering

from tradex_backtest.calibrate_command import main as calibrate
from tradex_backtest.command import main
from tradex_backtest.configs import parse_sweep, read_configs


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return wandering(60).write(tmp_path / "market.gz")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_file(tmp_path / "a.yaml")


def test_a_backtest_ends_with_one_line_that_tells_every_run(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = backtested(capsys, "--capture", market, "--config", config)
    (run,) = told["runs"]
    assert set(told) == {"market_seconds", "wall_seconds", "runs"}
    assert told["market_seconds"] == pytest.approx(60, abs=0.1)
    assert (run["config"], run["symbol"], run["model"], run["state"]) == (
        "a",
        "BTCUSDT",
        "linear_skew",
        "ACTIVE",
    )
    assert run["fills"] > 10
    assert Decimal(run["volume_usdt"]) > 0
    assert run["two_sided_share"] > 0.9
    assert set(run["markout_bps"]) == {"0.1", "1", "10", "60"}


def test_the_same_backtest_gives_the_same_runs(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    once = backtested(capsys, "--capture", market, "--config", config)
    again = backtested(capsys, "--capture", market, "--config", config)
    assert once["runs"] == again["runs"]


def test_runs_side_by_side_do_not_touch_each_other(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (alone,) = backtested(capsys, "--capture", market, "--config", config)["runs"]
    swept = backtested(capsys, "--capture", market, "--config", config, "--sweep", "base_spread_bps=4,2")
    wide, narrow = swept["runs"]
    assert (wide["config"], narrow["config"]) == ("a base_spread_bps=4", "a base_spread_bps=2")
    assert wide["fills"] < narrow["fills"]
    assert {**narrow, "config": "a"} == alone


def test_several_processes_tell_what_one_does(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--capture", market, "--config", config, "--sweep", "half_spread_bps=1,2,3")
    one = backtested(capsys, *words)["runs"]
    assert backtested(capsys, *words, "--jobs", "2")["runs"] == one


def test_a_capture_that_breaks_off_is_played_as_far_as_it_goes(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = wandering(30)
    capture.lines[200] = capture.lines[200][:40]
    path = capture.write(tmp_path / "broken.gz")
    assert main(["--json", "--jobs", "1", "--capture", str(path), "--config", str(config)]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert f"{path}, line 201: the message is not valid JSON" in said.err
    assert '"fills": ' in said.out


def test_a_capture_that_breaks_before_its_market_opens_leaves_the_report_of_the_others(
    tmp_path: Path, market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = wandering(5)
    capture.lines[1] = capture.lines[1][:40]
    broken, report = capture.write(tmp_path / "broken.gz"), tmp_path / "report.html"
    words = ["--capture", broken, market, "--config", config, "--out", report]
    for jobs in ("1", "2"):
        assert main([str(word) for word in (*words, "--json", "--jobs", jobs)]) == 1
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert f"{broken}, line 2: the message is not valid JSON" in said.err
        assert said.out.count('"fills": ') == 1
        assert f"{broken}, line 2: " in report.read_text()
        report.unlink()


def test_a_sweep_over_nothing_but_a_broken_capture_is_one_sentence(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = wandering(1)
    capture.lines[0] = "nonsense"
    words = ["--config", config, "--sweep", "half_spread_bps=1,2", "--jobs", "2"]
    words += ["--capture", capture.write(tmp_path / "broken.gz")]
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "broken.gz, line 1: must start with the receive time" in said.err
    assert said.out == ""


def test_a_receive_time_far_ahead_ends_the_run_at_its_line(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = wandering(10)
    capture.lines[50] = "9223372036854775808 " + capture.lines[50].partition(" ")[2]
    path = capture.write(tmp_path / "ahead.gz")
    assert main(["--json", "--jobs", "1", "--capture", str(path), "--config", str(config)]) == 1
    assert f"{path}, line 51: the receive time 9223372036854775808 is not" in capsys.readouterr().err
    assert calibrate(["--capture", str(path)]) == 1
    assert f"{path}, line 51: the receive time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--capture", "nowhere.gz"], "nowhere.gz is not a file"),
        (["--capture", "{market}", "--config", "{bad}"], "base_spread_bps: must be between 0.0001 and 1000"),
        (["--capture", "{market}", "--sweep", "spread"], "--sweep: 'spread': write it as field=value"),
        (
            ["--capture", "{market}", "--sweep", "spread=1"],
            "'default spread=1': spread: is not a field of this request: remove it",
        ),
        (
            ["--capture", "{market}", "--sweep", "half_spread_bps=1", "--sweep", "base_spread_bps=2"],
            "half_spread_bps is half of base_spread_bps: give one of them",
        ),
        (["--capture", "{market}", "--feed-latency", "fast"], "must be a number with a unit"),
        (["--capture", "{market}", "--jobs", "0"], "--jobs: must be a whole number of processes, 1 or more"),
        (["--capture", "{market}", "--jobs", "-3"], "--jobs: must be a whole number of processes, 1 or more"),
        ([], "the following arguments are required: --capture"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(
    tmp_path: Path, market: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = config_file(tmp_path / "bad.yaml", base_spread_bps=0)
    assert main([word.format(market=market, bad=bad) for word in words]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1


def test_a_sweep_of_the_spread_replaces_the_half_spread_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "half.yaml"
    path.write_text("half_spread_bps: 3")
    swept = read_configs([path], [parse_sweep("base_spread_bps=2,4")])
    assert [named.config.base_spread_bps for named in swept] == [2, 4]


def test_an_answer_beyond_the_response_timeout_halts(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--capture", market, "--config", config, "--order-latency", "40ms")
    (run,) = backtested(capsys, *words, "--answer-latency", "20ms")["runs"]
    assert run["state"] == "HALTED"
    (run,) = backtested(capsys, *words, "--answer-latency", "5ms")["runs"]
    assert run["state"] == "ACTIVE"


def test_latencies_come_from_a_record_of_the_service(
    tmp_path: Path, market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "record.jsonl"
    record.write_text("{}\n")
    assert main(["--capture", str(market), "--config", str(config), "--latency-from", str(record)]) == 2
    assert f"--latency-from: {record}: " in capsys.readouterr().err


def test_an_engine_that_only_watches_a_part_is_judged_on_the_rest(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (whole,) = backtested(capsys, "--capture", market, "--config", config)["runs"]
    (rest,) = backtested(capsys, "--capture", market, "--config", config, "--learn", "50%")["runs"]
    assert 0 < rest["fills"] < whole["fills"]
    assert main(["--capture", str(market), "--learn", "100%"]) == 2
    assert "must be a share such as 50%" in capsys.readouterr().err


def test_a_comparison_is_told_as_a_table_of_markdown(
    market: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--capture", str(market), "--config", str(config), "--jobs", "1", "--markdown"]) == 0
    head, rule, row = capsys.readouterr().out.splitlines()
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "| BTCUSDT (market.gz) | a | " in row


def test_a_model_that_hardly_quoted_itself_is_named_under_the_table_and_in_the_report(
    market: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    words = ["--capture", str(market), "--config", str(config), "--jobs", "1", "--out", str(report)]
    assert main([*words, "--sweep", "model=linear_skew,glft"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if " quoted as " in line]
    assert said == [
        "BTCUSDT (market.gz), a model=glft: glft quoted as linear_skew 100.0 % of the time: too_few_samples"
    ]
    assert said[0] in report.read_text()
    assert main([*words, "--sweep", "base_spread_bps=2,4"]) == 0
    assert " quoted as " not in capsys.readouterr().out
    assert '"warnings":[]' in report.read_text()


def test_a_sweep_ends_with_its_runs_beside_the_first_and_says_where_the_report_is(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    words = ["--capture", str(market), "--sweep", "half_spread_bps=2,4", "--jobs", "1", "--out", str(report)]
    assert main(words) == 0
    head, first, second, sum_of, _, where = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["market", "configuration", "P&L"]
    assert " +0.00 " in first
    assert "  fees paid  " in head
    assert sum_of == "P&L = spread + inventory - fees paid"
    pnl, _, spread, inventory, fees_paid = (Decimal(amount) for amount in first.split()[4:9])
    assert abs(pnl - (spread + inventory - fees_paid)) <= Decimal("0.02")
    assert all(line.startswith("BTCUSDT (market.gz)  ") for line in (first, second))
    assert where == f"The report: {report}"
    assert report.exists()
