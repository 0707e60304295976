"""How the commands of this package read their words, and how they end."""

import argparse
import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

from market_maker.environment import SettingsError
from tradex_backtest.errors import BacktestError
from tradex_sandbox.instruments import InstrumentError

_P = ParamSpec("_P")


def command(name: str, *broken: type[Exception]) -> Callable[[Callable[_P, int]], Callable[_P, int]]:
    """What a command raises as a sentence and its exit code: 2 for what was asked, 1 for what broke."""

    def ending(act: Callable[_P, int]) -> Callable[_P, int]:
        @wraps(act)
        def ended(*args: _P.args, **named: _P.kwargs) -> int:
            try:
                return act(*args, **named)
            except (BacktestError, SettingsError) as error:
                return say(name, str(error), 2)
            except broken as error:
                return say(name, str(error), 1)

        return ended

    return ending


def say(name: str, text: str, code: int) -> int:
    """Why a command ends as it does, on standard error; returns the code."""
    sys.stderr.write(f"market-maker {name}: {text}\n")
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence: the usage is what `--help` is for."""
        raise BacktestError(message.removeprefix("argument "))


def command_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser that takes whole options only; what is wrong with the words is a BacktestError."""
    return _Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def read_by(reader: Callable[[str], object]) -> Callable[[str], object]:
    """Let argparse say what a reader says."""

    def read(text: str) -> object:
        try:
            return reader(text)
        except (ValueError, InstrumentError, BacktestError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
