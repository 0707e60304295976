"""What the tree of the service keeps to, beside the layers that import-linter checks."""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
SERVICE = SRC / "market_maker"
BESIDE = ("simulation", "benchmarks", "lab")
"""What stands beside the packages, by the names under which it is imported."""


def _name(path: Path) -> str:
    root = SRC if path.is_relative_to(SRC) else ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _modules(folder: Path = SERVICE) -> dict[str, ast.Module]:
    """Every module in a folder that is written by hand, by its dotted name."""
    paths = (path for path in folder.rglob("*.py") if "generated" not in path.parts)
    return {_name(path): ast.parse(path.read_text("utf-8")) for path in paths}


def _imported(module: ast.Module, known: set[str]) -> Iterator[str]:
    """Modules of the service that it imports, wherever in it, for types alone or in running."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("folder", [SERVICE, *(ROOT / name for name in BESIDE)], ids=lambda one: one.name)
def test_no_modules_import_each_other_not_even_for_types(folder: Path) -> None:
    modules = _modules(folder)
    known = set(modules)
    graph = {name: known & {*_imported(tree, known)} - {name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        raise AssertionError(" -> ".join(found.args[1])) from None


@pytest.mark.parametrize("folder", ["src", "tools", *BESIDE])
def test_nothing_outside_the_tests_imports_from_them(folder: str) -> None:
    users = {
        name
        for name, tree in _modules(ROOT / folder).items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tests")
        or (isinstance(node, ast.Import) and any(one.name.split(".")[0] == "tests" for one in node.names))
    }
    assert users == set()


def test_only_the_pre_trade_check_holds_the_seal_of_an_order() -> None:
    holders = {
        name
        for name, tree in _modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "SEAL")
        or (isinstance(node, ast.alias) and node.name == "SEAL")
    }
    assert holders == {"market_maker.core.orders.checked_order", "market_maker.core.risk.pre_trade_check"}


@pytest.mark.parametrize(
    "packages", [("market_maker", "mmctl", "tradex_backtest"), ("tradex_sandbox",)], ids=" ".join
)
def test_no_public_class_has_the_name_of_another(packages: tuple[str, ...]) -> None:
    """The sandbox stands for the exchange, which names its own things."""
    names = Counter(
        node.name
        for package in packages
        for tree in _modules(SRC / package).values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_package_is_in_what_is_built() -> None:
    project = tomllib.loads((SRC.parent / "pyproject.toml").read_text("utf-8"))
    found = {".".join(path.parent.relative_to(SRC).parts) for path in SRC.rglob("*.py")}
    assert found <= set(project["tool"]["setuptools"]["packages"])
