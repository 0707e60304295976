"""Variables of the environment: what is known of one, how it is read, and what is said when it is wrong."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

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


def setting(
    name: str,
    parse: Callable[[str], Any],
    meaning: str,
    default: str | None = None,
    *,
    required: bool = False,
) -> Any:
    """A field of a class of settings, which this variable gives its value."""
    return set_by(Variable(name, parse, meaning, default, required))


def set_by(variable: Variable) -> Any:
    """The same of a variable that other settings have, too."""
    return field(metadata={Variable: variable})


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
        shown = (
            to.MASK
            if variable.parse in (to.secret, to.password, to.fleet_secret)
            else repr(to.redacted_url(given)[:200])
        )
        raise SettingsError((SettingProblem(variable.name, shown, str(error)),)) from None


class Section(Protocol):
    """A dataclass whose fields are set by variables."""

    def __init__(self, **values: Any) -> None:
        """From the value of each field."""

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[SettingProblem]:  # noqa: ARG004 - for those who have some
        """What is wrong between variables that are each well-formed; others are missing in `values`."""
        return iter(())


def fields_of(settings: type) -> tuple[tuple[str, Variable], ...]:
    """Each field's name and variable, in the order of the class."""
    return tuple((one.name, one.metadata[Variable]) for one in fields(settings) if one.metadata)


def read_fields(settings: type, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[SettingProblem]]:
    """The value of every field that is well-formed, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems: list[SettingProblem] = []
    for field_name, variable in fields_of(settings):
        try:
            values[field_name] = read(variable, environ)
        except SettingsError as error:
            problems.extend(error.problems)
    return values, problems


def read_settings(
    settings: type,
    sections: Mapping[str, type[Section]],
    environ: Mapping[str, str],
    conflicts: Callable[[Mapping[str, Any]], Iterable[SettingProblem]] = lambda _: (),
) -> dict[str, Any]:
    """The value of every field, and each section under the name of its field.

    `conflicts` tells what is wrong between variables that are each well-formed.
    Raises SettingsError with everything that is missing or malformed.
    """
    values, problems = read_fields(settings, environ)
    for name, section in sections.items():
        found, wrong = read_fields(section, environ)
        wrong.extend(section.conflicts(found))
        if not wrong:
            values[name] = section(**found)
        problems.extend(wrong)
    problems.extend(conflicts(values))
    if problems:
        raise SettingsError(tuple(problems))
    return values


def secret_texts(settings: object, sections: Iterable[str]) -> tuple[str, ...]:
    """What no log line may hold, of settings and of their sections."""
    owners = (settings, *(getattr(settings, name) for name in sections))
    values = (getattr(owner, name) for owner in owners for name, _ in fields_of(type(owner)))
    return tuple(value.reveal() for value in values if isinstance(value, to.Secret))


def typos(environ: Mapping[str, str], prefixes: tuple[str, ...], known: Sequence[str]) -> Iterator[str]:
    """A sentence about each variable that looks like ours and is not."""
    for name in sorted(environ):
        if name.startswith(prefixes) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield f"{name} is not a setting of this service and has no effect{hint}"
