"""`python -m tradex_sandbox`: the exchange as a process. Exit 0 ended, 1 cannot start, 2 wrong option."""

import logging
import sys
from collections.abc import Sequence

from tradex_sandbox.app import StartError, run
from tradex_sandbox.external_registry import RegistryUnavailable
from tradex_sandbox.settings import SettingsError, parse_settings
from tradex_sandbox.topic_creation import BrokerUnavailable, TopicRefused


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox with these arguments (default: the command line's); the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        run(parse_settings(sys.argv[1:] if arguments is None else arguments))
    except SettingsError as error:
        return _refused(str(error), 2)
    except (StartError, BrokerUnavailable, RegistryUnavailable, TopicRefused) as error:
        return _refused(str(error), 1)
    return 0


def _refused(problem: str, code: int) -> int:
    sys.stderr.write(f"market-maker sandbox: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
