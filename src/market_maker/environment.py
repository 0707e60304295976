"""One variable of the environment: what is known of it, how it is read, and what is said when it is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from market_maker import setting_types as to


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: how to read it and what to tell of it."""

    name: str
    parse: Callable[[str], Any]
    help: str
    """What it means, its unit, and an example when it is required."""
    default: str | None = None
    """As it would be written in the environment; None: not set is a value of its own, or refused."""
    required: bool = False


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """What is wrong with one variable; `given` never holds a secret."""

    name: str
    given: str | None
    fix: str

    def __str__(self) -> str:
        """One line for the operator."""
        given = "is not set" if self.given is None else f"is {self.given}"
        return f"{self.name} {given}: {self.fix}"


class SettingsError(ValueError):
    """The environment cannot start the service; `problems` lists everything that is wrong."""

    def __init__(self, problems: tuple[SettingProblem, ...]) -> None:
        self.problems = problems
        count = f"{len(problems)} setting{'s' if len(problems) != 1 else ''}"
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"cannot start: {count} must be corrected in the environment{lines}")


def read(variable: Variable, environ: Mapping[str, str]) -> Any:
    """The variable's value; not set and empty are the same. Raises SettingsError with one problem."""
    given = environ.get(variable.name, "").strip()
    if not given:
        if variable.required:
            raise SettingsError((SettingProblem(variable.name, None, f"required: {variable.help}"),))
        return None if variable.default is None else variable.parse(variable.default)
    try:
        return variable.parse(given)
    except ValueError as error:
        shown = to.MASK if variable.parse is to.secret else repr(to.redacted_url(given)[:200])
        raise SettingsError((SettingProblem(variable.name, shown, str(error)),)) from None
