"""What sqlc generated, against the queries it came from and against a real server."""

import base64
import os
import subprocess
import sysconfig
import types
import typing
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest
from tools.sqlc_gen_asyncpg.request import UnsupportedError, read_request

GENERATED = Path("src/market_maker/repositories/generated")
QUERIES = Path("src/market_maker/repositories/sql/queries")
MODULES = sorted(path.stem for path in QUERIES.glob("*.sql"))

COLUMN = {"name": "x", "not_null": True, "is_array": False, "table": None, "type": {"name": "int8"}}

POSTGRES_TYPES = {
    "bool": "bool",
    "int4": "int",
    "int8": "int",
    "numeric": "Decimal",
    "text": "str",
    "varchar": "str",
    "jsonb": "str",
    "uuid": "UUID",
    "timestamptz": "datetime",
}


def sqlc(*arguments: str, config: Path = Path("sqlc.yaml")) -> subprocess.CompletedProcess[str]:
    scripts = sysconfig.get_path("scripts")
    command = [f"{scripts}/sqlc", "--file", str(config), *arguments]
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_generating_again_gives_the_committed_bytes() -> None:
    again = sqlc("diff")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_every_generated_file_belongs_to_a_query_file() -> None:
    assert sorted(path.stem for path in GENERATED.glob("*.py")) == sorted([*MODULES, "models", "__init__"])


def test_every_query_says_what_it_does_and_has_a_function() -> None:
    names = [
        line.split()[2]
        for module in MODULES
        for line in (QUERIES / f"{module}.sql").read_text().splitlines()
        if line.startswith("-- name:")
    ]
    functions = [function.__name__ for _, function in all_functions()]
    assert sorted(name.lower() for name in names) == sorted(f.replace("_", "") for f in functions)
    assert all(function.__doc__ for _, function in all_functions())


async def test_the_server_agrees_with_every_inferred_type(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        for sql, function in all_functions():
            statement = await connection.prepare(sql)
            hints = typing.get_type_hints(function)
            answer = hints.pop("return")
            del hints["db"]
            found = [python_type(parameter) for parameter in statement.get_parameters()]
            assert found == [type_name(hint) for hint in hints.values()], function.__name__
            columns = [(column.name, python_type(column.type)) for column in statement.get_attributes()]
            assert columns == answered(answer, columns), function.__name__


def test_a_query_that_cannot_be_generated_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (a bigint NOT NULL);")
    (tmp_path / "query.sql").write_text("-- name: Bad :one\n-- Text.\nSELECT 1.5::float8 AS x;")
    config = Path("sqlc.yaml").read_text().replace("mm_configs:", "t: T\n            mm_configs:")
    for old, new in (
        ("src/market_maker/repositories/sql/schema.sql", "schema.sql"),
        ("src/market_maker/repositories/sql/queries", "query.sql"),
        ("src/market_maker/repositories/generated", "out"),
        ("cmd: tools", f"cmd: {Path('tools').absolute()}"),
    ):
        assert old in config
        config = config.replace(old, new)
    (tmp_path / "sqlc.yaml").write_text(config)
    refused = sqlc("generate", config=tmp_path / "sqlc.yaml")
    assert refused.returncode == 1
    assert "query.sql: Bad: x has type 'float8'" in refused.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"comments": []}, "say what it does"),
        ({"cmd": ":copyfrom"}, ":copyfrom is not written"),
        ({"columns": [COLUMN | {"name": "class"}]}, "'class' cannot be a Python name"),
        ({"text": r"SELECT '\d'"}, "a backslash"),
    ],
)
def test_the_plugin_refuses_what_it_would_write_wrongly(change: dict[str, object], complaint: str) -> None:
    options = base64.b64encode(b'{"package": "p", "executor": "e", "models": {}}').decode()
    query = {
        "filename": "q.sql",
        "name": "Bad",
        "cmd": ":one",
        "comments": ["Text."],
        "text": "SELECT 1 AS x",
        "params": [],
        "columns": [COLUMN],
    }
    request = {
        "settings": {"codegen": {"options": options}},
        "catalog": {"default_schema": "public", "schemas": [{"name": "public", "tables": []}]},
        "queries": [query],
    }
    assert read_request(request).queries[0].function == "bad"
    request["queries"] = [query | change]
    with pytest.raises(UnsupportedError, match=complaint):
        read_request(request)


def all_functions() -> Iterator[tuple[str, types.FunctionType]]:
    for name in MODULES:
        module = import_module(f"market_maker.repositories.generated.{name}")
        for function in vars(module).values():
            if isinstance(function, types.FunctionType) and function.__module__ == module.__name__:
                yield getattr(module, function.__name__.upper()), function


def python_type(found: asyncpg.Type) -> str:
    name = found.name.removesuffix("[]")
    return POSTGRES_TYPES[name] + ("[]" if found.kind == "array" else "")


def type_name(hint: object) -> str:
    """The annotation as in POSTGRES_TYPES, optional or not."""
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    if isinstance(hint, types.UnionType):
        (hint,) = options
        return type_name(hint)
    if options:  # list[...] or Sequence[...]
        return f"{type_name(options[0])}[]"
    assert isinstance(hint, type)
    return hint.__name__


def answered(hint: object, columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The result columns that a function's return annotation promises."""
    if not columns:
        assert hint is int
        return []
    row: object = next(option for option in typing.get_args(hint) if option is not types.NoneType)
    fields = typing.get_type_hints(row) if hasattr(row, "__dataclass_fields__") else {columns[0][0]: row}
    return [(name, type_name(hint)) for name, hint in fields.items()]
