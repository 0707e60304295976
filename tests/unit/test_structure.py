"""What the tree of the service keeps to, beside the layers that import-linter checks."""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"
SERVICE = SRC / "market_maker"


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


def _modules() -> dict[str, ast.Module]:
    """Every module that is written by hand, by its dotted name."""
    paths = (path for path in SERVICE.rglob("*.py") if "generated" not in path.parts)
    return {_name(path): ast.parse(path.read_text("utf-8")) for path in paths}


def _imported(module: ast.Module, known: set[str]) -> Iterator[str]:
    """Modules of the service that it imports, wherever in it, for types alone or in running."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_modules_import_each_other_not_even_for_types() -> None:
    modules = _modules()
    known = set(modules)
    graph = {name: known & {*_imported(tree, known)} - {name} for name, tree in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        raise AssertionError(" -> ".join(found.args[1])) from None


def test_only_the_pre_trade_check_holds_the_seal_of_an_order() -> None:
    holders = {
        name
        for name, tree in _modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "SEAL")
        or (isinstance(node, ast.alias) and node.name == "SEAL")
    }
    assert holders == {"market_maker.core.orders.checked_order", "market_maker.core.risk.pre_trade_check"}


def test_no_public_class_has_the_name_of_another() -> None:
    names = Counter(
        node.name
        for tree in _modules().values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_package_is_in_what_is_built() -> None:
    project = tomllib.loads((SRC.parent / "pyproject.toml").read_text("utf-8"))
    found = {".".join(path.parent.relative_to(SRC).parts) for path in SRC.rglob("*.py")}
    assert found <= set(project["tool"]["setuptools"]["packages"])
