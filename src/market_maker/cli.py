"""The command line: serve, guard, migrate, demo and others. An error is one sentence and an exit code."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from market_maker import __version__

USAGE: Final = """usage: market-maker COMMAND [ARGUMENTS]

commands:
  serve     run the service on the servers that the environment names (see README)
  guard     watch the instances of the service; clear the orders of one that has fallen silent
  migrate   bring the database at POSTGRES_URL to the current schema
  demo      everything on this machine: real servers, a sandbox exchange, the service (demo --help)
  sandbox   the sandbox exchange alone (sandbox --help)
  replay    feed a recorded run to the engine and compare what it decides (replay --help)
  version   print the version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {
        "serve": _serve,
        "guard": _guard,
        "migrate": _migrate,
        "demo": _demo,
        "sandbox": _sandbox,
        "replay": _replay,
        "version": _version,
    }
    if words and words[0] in ("-h", "--help", "help"):
        sys.stdout.write(USAGE)
        return 0
    if not words or words[0] not in commands:
        sys.stderr.write(
            f"market-maker: {'unknown command ' + repr(words[0]) if words else 'no command'}\n{USAGE}"
        )
        return 2
    return commands[words[0]](words[1:])


def _serve(words: list[str]) -> int:
    # Imported here: no other command should wait for, or need, what the service imports.
    from market_maker.serve import leave, serve  # noqa: PLC0415

    leave(_no_arguments("serve", words) or serve(os.environ))


def _guard(words: list[str]) -> int:
    from market_maker.guard.command import guard  # noqa: PLC0415

    return _no_arguments("guard", words) or guard(os.environ)


def _migrate(words: list[str]) -> int:
    from market_maker.repositories.errors import DatabaseError  # noqa: PLC0415
    from market_maker.repositories.migrations import migrate  # noqa: PLC0415

    if (wrong := _no_arguments("migrate", words)) != 0:
        return wrong
    url = os.environ.get("POSTGRES_URL", "")
    if not url:
        return _error(
            "migrate: POSTGRES_URL is not set; set it to postgresql://user:password@host:5432/database"
        )
    try:
        applied = asyncio.run(migrate(url))
    except DatabaseError as error:
        return _error(f"migrate: {error}")
    sys.stdout.write(f"applied {', '.join(applied)}\n" if applied else "the database is current\n")
    return 0


def _demo(words: list[str]) -> int:
    from market_maker.demo.arguments import parse_arguments  # noqa: PLC0415
    from market_maker.demo.run import main as run  # noqa: PLC0415

    return run(parse_arguments(words))


def _sandbox(words: list[str]) -> int:
    """The sandbox is a program of its own: the service never imports it.

    It takes this process's place, so that signals, which a container sends to its first process, arrive.
    """
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "tradex_sandbox", *words])  # noqa: S606 -- our own module


def _replay(words: list[str]) -> int:
    from market_maker.replay.command import main as replay  # noqa: PLC0415

    return replay(words)


def _version(words: list[str]) -> int:
    sys.stdout.write(f"{__version__}\n")
    return _no_arguments("version", words)


def _no_arguments(command: str, words: list[str]) -> int:
    if not words:
        return 0
    sys.stderr.write(f"market-maker {command}: takes no arguments, got {' '.join(words)}\n")
    return 2


def _error(text: str) -> int:
    sys.stderr.write(f"market-maker {text}\n")
    return 1
