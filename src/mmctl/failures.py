"""How a command ends when it does not succeed: each kind has its exit code."""

from enum import IntEnum

import typer


class Exit(IntEnum):
    """Exit codes; 2 is a misspelt command line."""

    OK = 0
    REFUSED = 3
    """The service understood and said no: a limit, a state, a right, a body."""
    NOT_FOUND = 4
    """No such symbol, version or proposal."""
    UNREACHABLE = 5
    """Nobody answered, or what the service needs does not: trying again later may work."""
    PARTLY = 6
    """Some symbols took it and some did not."""
    WAITS = 7
    """It is kept as a proposal and waits for a second person."""
    NOT_SIGNED_IN = 8
    """No token, or one that is not accepted."""
    BAD_CONTEXT = 9
    """The context, its token file or the file to apply cannot be used."""


class Failure(Exception):  # noqa: N818 - it is what the user sees, not a fault of the program
    """Ends the command with a sentence and a code."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def why(error: Exception) -> str:
    """What the system says of a file, without its number and the path once more."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def end(failure: Failure) -> typer.Exit:
    """Say it on standard error; raise what this gives."""
    typer.secho(f"mmctl: {failure}", err=True, fg=typer.colors.RED)
    return typer.Exit(int(failure.code))
