"""How the commands of this package read their words."""

import argparse
from collections.abc import Callable
from typing import NoReturn

from tradex_backtest.errors import BacktestError
from tradex_sandbox.instruments import InstrumentError


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
