"""Writes the option tables of docs/modules.md from the module files, between their markers.

With `--check` nothing is written, and the exit code is 1 when a table is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import marked

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.strings import attr_name, decode
from hwc_refactor.nix.syntax import Node, ParsedFile, parse, text_of

MODULES = marked.ROOT / "codemods" / "modules"
TABLES = {
    "container options": ("hwc-container.nix", "containerModule"),
    "container defaults": ("hwc-container.nix", ""),
    "monitor options": ("hwc-monitor.nix", "monitorModule"),
}
"""Each table's marker, with the file and the binding whose `options` it lists; none for the file's own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option as its declaration has it, default and description in Markdown.

    The default is None where a value has to be given.
    """

    name: str
    type: str
    default: str | None
    description: str


def main() -> int:
    """Make or check the page; the exit code."""
    tables = {name: table(options(MODULES / file, owner)) for name, (file, owner) in TABLES.items()}
    return marked.keep("docs/modules.md", "scripts/make_module_docs.py", tables)


def table(rows: Sequence[Option]) -> str:
    """Options as a table."""
    lines = ["| option | type | default | what it is |", "| --- | --- | --- | --- |"]
    for row in rows:
        default = "*to be given*" if row.default is None else row.default
        lines.append(f"| `{row.name}` | `{row.type}` | {default} | {row.description} |")
    return "\n".join(lines) + "\n"


def options(path: Path, owner: str) -> list[Option]:
    """The options that a module file declares below a binding, in order.

    Submodules are bindings of their own there, so that an option's declaration never stands within another one.
    """
    file = parse(Source(path.name, path.read_bytes()))
    below = (owner, "options") if owner else ("options",)
    return [
        _option(file, ".".join(names[len(below) :]), value)
        for names, value in _declared(file, file.root, ())
        if names[: len(below)] == below
    ]


def _declared(file: ParsedFile, node: Node, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    names = above
    if node.type == "binding":
        path, value = node.child_by_field_name("attrpath"), node.child_by_field_name("expression")
        assert path is not None
        assert value is not None
        names = (*above, *(attr_name(file, part) or "?" for part in path.named_children))
        if _function(file, value) in ("mkOption", "mkEnableOption"):
            yield names, value
            return
    for child in node.named_children:
        yield from _declared(file, child, names)


def _function(file: ParsedFile, node: Node) -> str:
    function = node.child_by_field_name("function") if node.type == "apply_expression" else None
    return "" if function is None else text_of(file, function).removeprefix("lib.")


def _option(file: ParsedFile, name: str, value: Node) -> Option:
    argument = value.child_by_field_name("argument")
    assert argument is not None
    if _function(file, value) == "mkEnableOption":
        return Option(name, "bool", "`false`", f"Whether to enable {_words(file, argument)}.")
    given = {
        text_of(file, path): expression
        for (path, expression) in (
            (binding.child_by_field_name("attrpath"), binding.child_by_field_name("expression"))
            for holder in argument.named_children
            for binding in holder.named_children
            if binding.type == "binding"
        )
        if path is not None and expression is not None
    }
    default: str | None = None
    if "defaultText" in given:
        default = _words(file, given["defaultText"])
    elif "default" in given:
        default = f"`{_source(file, given['default'])}`"
    kind = _source(file, given["type"]).replace("types.", "")
    return Option(name, kind, default, _words(file, given["description"]))


def _words(file: ParsedFile, node: Node) -> str:
    """The text of a string on one line, or else the source."""
    if node.type not in ("string_expression", "indented_string_expression"):
        return _source(file, node)
    shown = decode(file, node).render(lambda _, hole: "NAME").data.decode()
    return " ".join(shown.split())


def _source(file: ParsedFile, node: Node) -> str:
    return " ".join(text_of(file, node).split()).replace("( ", "(").replace(" )", ")")


if __name__ == "__main__":
    sys.exit(main())
