"""The walls of the house: who may import whom. See docs/architecture.md.

Imports are read from the source, those within functions too. What stands under `TYPE_CHECKING` counts for the
walls, but not for circles: it is not carried out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest
from example import REPOSITORY

LAYERS = ("nix", "nixos", "words", "codemods", "engine", "storage", "report", "commands")
"""From below to above. A module imports from its own layer and from those below."""

WORDS = {"codemod", "model", "parts", "patch", "rewriting", "settings"}
"""What a codemod is written with, by folder or module of the top level."""
COMMANDS = {"__main__", "cli", "commands", "streams"}
"""Flags and exit codes. What stands on the top level and is not named here is the engine."""

PROGRAMS = frozenset({"click", "rich", "shutil", "socket", "subprocess", "sys", "tempfile"})
FILES = frozenset({"io", "os", "pathlib"})
OUTSIDE: Mapping[str, frozenset[str]] = {
    "codemods": PROGRAMS | FILES,
    "nix": PROGRAMS | FILES,
    "nixos": PROGRAMS | FILES,
    "words": PROGRAMS | {"io", "os"},
    "engine": frozenset({"click", "rich", "socket"}),
    "storage": frozenset({"click", "rich", "socket"}),
}
"""What a layer has nothing to do with: files, other programs, the terminal."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import: who, what, where, and whether it is carried out when the module is loaded."""

    importer: str
    target: str
    line: int
    at_load: bool


@cache
def modules() -> Mapping[str, ast.Module]:
    """The modules of the program, by dotted name."""
    found: dict[str, ast.Module] = {}
    for package in ("hwc_refactor", "codemods"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(one for name, tree in modules().items() for one in _imports(name, tree, at_load=True))


def _imports(importer: str, node: ast.AST, *, at_load: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        if isinstance(child, ast.Import):
            for name in child.names:
                yield Import(importer, name.name, child.lineno, at_load)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{importer}:{child.lineno}: a relative import"
            for name in child.names:
                below = f"{child.module}.{name.name}"
                target = below if below in modules() else str(child.module)
                yield Import(importer, target, child.lineno, at_load)
        else:
            yield from _imports(importer, child, at_load=at_load and not late)


def layer(module: str) -> str:
    """The layer that a module of the program lives on."""
    package, _, rest = module.partition(".")
    if package == "codemods":
        return "codemods"
    first = rest.partition(".")[0]
    if first in ("nix", "nixos", "storage", "report"):
        return first
    if first in WORDS:
        return "words"
    return "commands" if first in COMMANDS else "engine"


def inner() -> list[Import]:
    """The imports of the program's own modules; the empty top package is on no layer."""
    return [one for one in imports() if one.target in modules() and one.target != "hwc_refactor"]


def say(found: list[Import]) -> list[str]:
    return [f"{one.importer}:{one.line} imports {one.target}" for one in found]


def test_no_import_climbs() -> None:
    climbing = [one for one in inner() if LAYERS.index(layer(one.importer)) < LAYERS.index(layer(one.target))]
    assert say(climbing) == []


def test_syntax_knows_nothing_else() -> None:
    assert say([one for one in inner() if layer(one.importer) == "nix" != layer(one.target)]) == []


def test_codemods_know_nothing_of_each_other() -> None:
    assert say([one for one in inner() if layer(one.importer) == layer(one.target) == "codemods"]) == []


def test_codemods_are_found_by_being_there() -> None:
    named = [one for one in inner() if layer(one.importer) != "codemods" == layer(one.target)]
    assert say(named) == []


def test_storage_and_engine_do_not_meet() -> None:
    """What writes files knows nothing of what is written, nor the other way round."""
    pair = {"engine", "storage"}
    assert say([one for one in inner() if {layer(one.importer), layer(one.target)} == pair]) == []


@pytest.mark.parametrize("name", OUTSIDE)
def test_layer_keeps_away_from(name: str) -> None:
    found = [
        one
        for one in imports()
        if layer(one.importer) == name and one.target.partition(".")[0] in OUTSIDE[name]
    ]
    assert say(found) == []


@pytest.mark.parametrize("name", ["nix", "nixos", "words", "codemods"])
def test_layer_calls_nothing_outside(name: str) -> None:
    calls = [
        f"{module}:{node.lineno} calls {node.func.id}"
        for module, tree in modules().items()
        if layer(module) == name
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"breakpoint", "eval", "exec", "input", "open", "print", "__import__"}
    ]
    assert calls == []


def test_no_circle_is_loaded() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for one in inner():
        if one.at_load and one.importer != one.target:
            graph[one.importer].add(one.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_every_module_says_what_it_is() -> None:
    assert [name for name, tree in modules().items() if not ast.get_docstring(tree)] == []
