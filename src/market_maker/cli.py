"""The command line: serve, guard, migrate, demo and others. An error is one sentence and an exit code."""

import gc
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
  maintain  delete old history, after exporting it (maintain --help)
  demo      everything on this machine: real servers, a sandbox exchange, the service (demo --help)
  sandbox   the sandbox exchange alone (sandbox --help)
  replay    feed a recorded run to the engine and compare what it decides (replay --help)
  backtest  the engine in recorded markets, faster than they were (backtest --help)
  capture   record the market that Kafka tells into a file for backtests (capture --help)
  calibrate sigma, k and A of a recorded market, for quoting models (calibrate --help)
  report    a period from the database as one page: result, fills, orders (report --help)
  evidence  one document on the controls of a period (evidence --help)
  version   print the version
"""


HELP: Final = {
    "serve": """usage: market-maker serve

Runs the service until SIGTERM or SIGINT, then cancels, proves zero and ends within 10 s.
Everything is set by environment variables: docs/settings.md lists them with their defaults.
Required: POSTGRES_URL, REDIS_URL, KAFKA_BROKERS, SCHEMA_REGISTRY_URL, and AUTH_SERVICE_URL or
DISABLE_AUTH=true.
Before the first start, and after an update: market-maker migrate.
exit codes: 0 ended in order, 1 could not start or not end in order, 2 wrong settings
""",
    "guard": """usage: market-maker guard

Watches the instances of the service in Redis and PostgreSQL. One that is silent for GUARD_SILENCE has its
symbols' orders cancelled and its symbols HALTED. Takes the environment of the service; see docs/settings.md.
""",
    "migrate": """usage: market-maker migrate

Brings the database at POSTGRES_URL to the current schema. Running it again changes nothing.
""",
    "version": """usage: market-maker version

Prints the version.
""",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {
        "serve": _serve,
        "guard": _guard,
        "migrate": _migrate,
        "maintain": _maintain,
        "demo": _demo,
        "sandbox": _sandbox,
        "replay": _replay,
        "backtest": _backtest,
        "report": _report,
        "capture": _capture,
        "calibrate": _calibrate,
        "evidence": _evidence,
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
    if words[0] in HELP and any(word in ("-h", "--help") for word in words[1:]):
        sys.stdout.write(HELP[words[0]])
        return 0
    return commands[words[0]](words[1:])


def _serve(words: list[str]) -> int:
    # Imported here: no other command should wait for, or need, what the service imports.
    if (broken := _installed_models("serve")) != 0:
        return broken
    gc.disable()  # what is imported stays: to look through it while it grows takes a tenth of a start
    from market_maker.serve import leave, serve  # noqa: PLC0415

    gc.enable()
    return leave(_no_arguments("serve", words) or serve(os.environ))


def _guard(words: list[str]) -> int:
    from market_maker.guard.command import guard  # noqa: PLC0415

    return _no_arguments("guard", words) or guard(os.environ)


def _migrate(words: list[str]) -> int:
    import asyncio  # noqa: PLC0415

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


def _maintain(words: list[str]) -> int:
    from market_maker.maintenance.command import maintain  # noqa: PLC0415

    return maintain(words, os.environ)


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


def _evidence(words: list[str]) -> int:
    from market_maker.evidence.command import main as evidence  # noqa: PLC0415

    return evidence(words)


def _replay(words: list[str]) -> int:
    from market_maker.replay.command import main as replay  # noqa: PLC0415

    return _installed_models("replay") or replay(words)


def _backtest(words: list[str]) -> int:
    """The service never imports backtests; this command and the three below are their doors."""
    gc.disable()  # as for serve
    if (broken := _installed_models("backtest")) != 0:
        return broken
    from tradex_backtest.command import main as backtest  # noqa: PLC0415

    gc.freeze()  # else all that was imported is looked through at once
    gc.enable()
    code = backtest(words)
    gc.freeze()  # what is left ends with the process: no need to look through it
    return code


def _report(words: list[str]) -> int:
    from tradex_backtest.report_command import main as report  # noqa: PLC0415

    return report(words, os.environ)


def _capture(words: list[str]) -> int:
    from tradex_backtest.capture_command import main as capture  # noqa: PLC0415

    return capture(words, os.environ)


def _calibrate(words: list[str]) -> int:
    if (broken := _installed_models("calibrate")) != 0:
        return broken
    from tradex_backtest.calibrate_command import main as calibrate  # noqa: PLC0415

    return calibrate(words)


def _installed_models(command: str) -> int:
    """Add the models of installed packages, before the API's schema is made of them; 1 for a broken one."""
    from market_maker.quoting_models import ModelLoadError, load_installed_models  # noqa: PLC0415

    try:
        load_installed_models()
    except ModelLoadError as error:
        return _error(f"{command}: {error}")
    return 0


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
