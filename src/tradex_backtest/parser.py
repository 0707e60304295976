"""How the commands of this package read their words."""

import argparse
from typing import NoReturn

from tradex_backtest.errors import BacktestError


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
