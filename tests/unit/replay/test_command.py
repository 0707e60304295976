import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.recorded import conversation, edited, recorded

from market_maker.cli import main as market_maker
from market_maker.replay.command import main


@pytest.fixture
def record(tmp_path: Path) -> Path:
    (path,) = recorded(tmp_path, conversation())
    return path


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(words, out, err), out.getvalue(), err.getvalue()


def test_an_identical_replay_counts_its_events(record: Path) -> None:
    assert run(str(record)) == (0, f"{len(conversation())} events, identical\n", "")


def test_a_tampered_record_prints_the_first_difference(record: Path) -> None:
    lines = record.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, start=1) if '"PlaceOrder"' in line)
    edited(record, number, lambda text: text.replace('"BUY",0,9995,', '"BUY",0,9994,', 1))
    code, out, err = run(str(record))
    assert (code, err) == (1, "")
    head, event, recorded_line, replayed_line = out.splitlines()
    assert head == f"event {number - 2} (line {number}) gives other commands than recorded"
    assert event.startswith("  event     Control(at_ns=")
    assert "cause='enable', actor='alice'" in event
    assert recorded_line.startswith("  recorded  PlaceOrder(order=[")
    assert "9994" in recorded_line
    assert "9995" in replayed_line


def test_a_different_start_is_told_as_the_start(record: Path) -> None:
    edited(record, 2, lambda _: '["Start",[],[]]\n')
    code, out, _ = run(str(record))
    assert code == 1
    assert out.splitlines() == [
        "the start (line 2) gives other commands than recorded",
        "  recorded  nothing",
        "  replayed  CancelAll()",
    ]


def test_a_truncated_last_line_is_noted(record: Path) -> None:
    record.write_text(record.read_text()[:-40])
    code, out, _ = run(str(record))
    assert code == 0
    note, result = out.splitlines()
    assert note.startswith("note: the last line is incomplete and was left out")
    assert result.endswith(" events, identical")


def test_what_cannot_be_replayed_is_one_sentence(tmp_path: Path) -> None:
    code, out, err = run(str(tmp_path / "missing.jsonl"))
    assert (code, out) == (2, "")
    assert (
        err == f"market-maker replay: {tmp_path}/missing.jsonl: cannot be read: No such file or directory\n"
    )


@pytest.mark.parametrize("words", [(), ("a", "b")])
def test_anything_but_one_file_is_refused(words: tuple[str, ...]) -> None:
    code, _, err = run(*words)
    assert (code, err.splitlines()[0]) == (2, "market-maker replay: give one FILE")


def test_help_says_what_it_does() -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert "usage: market-maker replay FILE" in out


def test_another_process_with_other_hashes_decides_the_same(record: Path) -> None:
    """No decision may hang on the order of a set or on the hash of a text."""
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "market_maker", "replay", str(record)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, f"{len(conversation())} events, identical\n"), (
            done.stderr
        )


def test_the_command_line_knows_it(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert market_maker(["replay", str(record) + ".gone"]) == 2
    assert "cannot be read" in capsys.readouterr().err
