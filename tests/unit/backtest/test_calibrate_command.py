"""`market-maker calibrate` on a capture of a market whose intensity was planted."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.support import planted
from tests.support.backtest import wandering
from tests.support.demo_run import PERPETUAL

from lab.sandbox_market import BTC
from market_maker.core.config import SymbolConfig
from market_maker.core.pricing.models.registry import resolved
from tradex_backtest.calibrate_command import main
from tradex_backtest.configs import read_configs
from tradex_backtest.latencies import Distribution, OneWayLatencies
from tradex_backtest.run import Run
from tradex_backtest.run_settings import RunSettings
from tradex_backtest.tapes.binance import BinanceFeed
from tradex_backtest.tapes.market import RecordedStream
from tradex_sandbox.market_events import BookSnapshot, Levels, PublicTrade
from tradex_sandbox.orders import Side

SECONDS = 100


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "planted.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(_lines())
    return path


def _received_apart(lines: Iterable[str]) -> Iterator[str]:
    """No two lines at the same time: the trades of one taker come one after the other."""
    latest_ns = 0
    for line in lines:
        at_ns, _, body = line.partition(" ")
        latest_ns = max(latest_ns + 1_000, int(at_ns))
        yield f"{latest_ns} {body}"


def _lines() -> Iterator[str]:
    for number, told in enumerate(planted.planted_market(BTC, SECONDS)):
        if isinstance(told, BookSnapshot):
            body: object = {
                "lastUpdateId": told.sequence,
                "bids": _levels(told.bids),
                "asks": _levels(told.asks),
            }
            yield f"{planted.START_US * 1000} {json.dumps(body)}\n"
            continue
        if isinstance(told, PublicTrade):
            sells = told.taker_side is Side.SELL
            price, quantity = str(told.price), str(told.quantity)
            data = {"s": "BTCUSDT", "T": told.at_us, "t": number, "p": price, "q": quantity, "m": sells}
            body = {"stream": "btcusdt@trade", "data": data}
        else:
            ids = {"s": "BTCUSDT", "T": told.at_us, "U": told.sequence, "u": told.sequence}
            data = {**ids, "b": _levels(told.bids), "a": _levels(told.asks)}
            body = {"stream": "btcusdt@depth", "data": data}
        yield f"{told.at_us * 1000} {json.dumps(body)}\n"


def _levels(levels: Levels) -> list[list[str]]:
    return [[str(price), str(quantity)] for price, quantity in levels]


def test_the_planted_intensity_is_told_within_five_percent(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--capture", str(capture), "--symbol", "BTCUSDT", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert abs(float(told["a_per_s"]) / planted.A - 1) < 0.05
    assert abs(float(told["k_per_tick"]) / planted.K - 1) < 0.05
    assert float(told["fit"]) > 0.95
    assert (told["symbol"], told["sigma_ticks"], told["why_not"]) == ("BTCUSDT", "0", None)
    assert told["market_seconds"] == pytest.approx(SECONDS, abs=1)


def test_a_backtest_counts_the_trades_of_one_taker_as_one_order(tmp_path: Path) -> None:
    path = tmp_path / "apart.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(_received_apart(_lines()))
    stream = RecordedStream(BinanceFeed(path))
    settings = RunSettings(OneWayLatencies(*[Distribution((1_000_000,))] * 3))
    run = Run(stream, SymbolConfig("BTCUSDT", model="glft"), settings, learn_us=SECONDS * 1_000_000)
    while (due_us := stream.due_us) is not None:
        run.advance(due_us * 1000)
        if (step := stream.take()) is not None:
            run.play(step)
    run.finish(stream.now_us * 1000)
    symbol = run.engine.symbol
    assert symbol.model_quotes is not None
    learned = json.loads(symbol.model_quotes.learned("glft", symbol.instrument))
    _, k, a, *_ = map(float, learned["estimates"])
    assert abs(a / planted.A - 1) < 0.05
    assert abs(k / planted.K - 1) < 0.05


@pytest.mark.captures
@pytest.mark.skipif(not PERPETUAL.exists(), reason=f"the recorded market is not at {PERPETUAL}")
def test_moments_after_sweeps_do_not_hide_how_takers_reach_quotes_on_the_recorded_perpetual(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Its mid stands between two ticks but for 1.2 of 344 s, which hold 178 of 5,103 orders.
    assert main(["--capture", str(PERPETUAL), "--depths", "60:120", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert float(told["fit"]) > 0.85
    assert 0.1 < float(told["a_per_s"]) < 2


def test_a_poor_fit_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "steps.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(_in_two_steps())
    assert main(["--capture", str(path)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert "poor_fit: the rates fit no line: R squared" in said[0]
    assert said[1].startswith("# What to do: fit only where quotes are to stand, --depths NEAREST:DEEPEST")
    assert main(["--capture", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["what_to_do"].startswith("fit only where quotes are to stand")


def _in_two_steps() -> Iterator[str]:
    """Takers reach either one of the three nearest ticks or, half of them, the twentieth."""
    levels = {
        "bids": [[str(price), "9"] for price in range(1000, 980, -1)],
        "asks": [[str(price), "9"] for price in range(1001, 1021)],
    }
    began_us = planted.START_US
    yield f"{began_us * 1000} {json.dumps({'lastUpdateId': 1, **levels})}\n"
    for number in range(1, 2000):
        at_us = began_us + number * 50_000
        ids = {"s": "BTCUSDT", "T": at_us, "U": number + 1, "u": number + 1}
        book = {"stream": "btcusdt@depth", "data": {**ids, "b": [["981", str(number)]], "a": []}}
        yield f"{at_us * 1000} {json.dumps(book)}\n"
        price = 1020 if number % 2 else 1001 + number % 3
        data = {"s": "BTCUSDT", "T": at_us + 1, "t": number, "p": str(price), "q": "1", "m": False}
        yield f"{(at_us + 1) * 1000} {json.dumps({'stream': 'btcusdt@trade', 'data': data})}\n"


def test_what_is_printed_is_a_configuration_of_the_model(
    capture: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for model, names in (("glft", 3), ("avellaneda_stoikov", 2)):
        assert main(["--capture", str(capture), "--depths", "1:10", "--model", model]) == 0
        path = tmp_path / f"{model}.yaml"
        path.write_text(capsys.readouterr().out, "utf-8")
        assert len(yaml.safe_load(path.read_text())["model_parameters"]) == names
        [config] = read_configs([path], [])
        assert (config.symbol, config.config.model) == ("BTCUSDT", model)
        parameters = dict(resolved(model, dict(config.config.model_parameters)))
        assert float(parameters["k_per_tick"]) == pytest.approx(planted.K, rel=0.05)


def test_a_market_that_tells_too_little_says_so_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = wandering(20).write(tmp_path / "short.gz")
    assert main(["--capture", str(short)]) == 1
    assert "too_few_samples: the mid has been seen for" in capsys.readouterr().out
    assert main(["--capture", str(short), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["a_per_s"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--capture", "nowhere.gz"], "nowhere.gz is not a file; check the path"),
        (["--capture", __file__, "--depths", "9:2"], "the first distance must be below the second"),
        (["--capture", __file__, "--depths", "near"], "must be two distances in ticks, such as 2:10"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_broken_capture_names_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = wandering(20).line("nonsense").write(tmp_path / "broken.gz")
    assert main(["--capture", str(path)]) == 1
    assert f"{path}, line " in capsys.readouterr().err
