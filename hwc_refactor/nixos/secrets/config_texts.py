"""Secrets in files of settings that the configuration writes: they lie in the Nix store, readable for everybody.

A file is text (`pkgs.writeText`, `builtins.toFile`, `environment.etc`) or made of a set (`builtins.toJSON`,
`pkgs.formats`, `lib.generators`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hwc_refactor.nix.values import Attrs, Call, Expr, Gap, Str, Value
from hwc_refactor.nixos.scripts.executables import file_of, script_text
from hwc_refactor.nixos.secrets.judging import Inline, judged
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, plain_name, telling
from hwc_refactor.nixos.tree import Tree

_SETTING = re.compile(
    r"""\s*(?:export\s+|-\s+)?["']?(?P<name>[A-Za-z_][\w.-]*)["']?\s*(?:=|:(?=\s))\s*"""
    r"""(?P<value>"[^"]*"|'[^']*'|[^\s"',;{}\[\]()]+)\s*[,;]?\s*(?:\#.*)?"""
)
_HOLE = re.compile(r"__nix(\d+)__\Z")
_MAKERS = re.compile(r"to(?:JSON|YAML|TOML|INI\w*|KeyValue|Plist|Lua|Dhall|GitINI)\Z")
_PROGRAM = re.compile(r".*\.(?:sh|bash|py|pl|rb|js|ts|lua|php|nix|el|awk|sql)\Z")
_PROSE = re.compile(r"(?i).*\.(?:md|markdown|rst|adoc|txt|html?)\Z")
_DEPTH = 6


class _Text(NamedTuple):
    """A text, interpolations as `__nixN__`, with their expressions."""

    text: str
    holes: tuple[Expr, ...]


def in_value(tree: Tree, value: Value, at: Expr) -> Iterator[Inline]:
    """The secrets in the file of settings that a value is; a script is none."""
    first = value.parts[0] if isinstance(value, Str) and len(value.parts) == 1 else None
    if isinstance(first, Gap):
        value, at = first.value, first.at
    generated = _generated(value, at)
    if generated is not None:
        yield from _in_set(tree, generated, 0)
    if generated is not None or not isinstance(value, Call) or not value.args:
        return
    inner = tree.resolver.value(value.args[-1])
    if isinstance(inner, Call) and inner.args and _MAKERS.match(inner.name or ""):
        yield from _in_set(tree, inner.args[-1], 0)
        return
    file = file_of(tree, value)
    if (
        file is not None
        and file.interpreter is None
        and not _PROGRAM.match(file.name or "")
        and not _PROSE.match(file.name or "")
    ):
        yield from _in_text(tree, _Text(file.data.decode(errors="replace"), file.holes), at)


def _generated(value: Value, at: Expr) -> Expr | None:
    """The set that a format of `pkgs.formats` makes a file of: `format.generate "name" { … }`."""
    if isinstance(value, Call):
        return value.args[-1] if value.name == "generate" and value.args else None
    call = at.node.child_by_field_name("function")
    callee = None if call is None else call.child_by_field_name("function")
    argument = at.node.child_by_field_name("argument")
    if callee is None or argument is None or not at.file.text(callee).endswith(b".generate"):
        return None
    return Expr(at.file, argument, at.env)


def in_text(tree: Tree, name: str, expr: Expr) -> Iterator[Inline]:
    """The secrets in a text of settings that an expression is; what is there for people to read is none.

    Args:
        tree: the snapshot.
        name: the name of the file.
        expr: its text.
    """
    if _PROSE.match(name):
        return
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.args and _MAKERS.match(value.name or ""):
        yield from _in_set(tree, value.args[-1], 0)
        return
    script = script_text(tree, expr)
    if script is not None:
        text = _Text(script.body.data.decode(errors="replace"), script.body.holes)
        yield from _in_text(tree, text, expr)


def _in_text(tree: Tree, text: _Text, at: Expr) -> Iterator[Inline]:
    for line in text.text.splitlines():
        match = _SETTING.fullmatch(line)
        if match is None:
            if not line.lstrip().startswith("#") and has_password(line):
                yield Inline("a URL in its settings", "text", at)
            continue
        name, value = match["name"], match["value"].strip("\"'")
        hole = _HOLE.match(value)
        if hole is not None:
            found = judged(name, tree, text.holes[int(hole[1])])
            if found is not None:
                yield found
        elif has_password(value) or (is_secret_name(plain_name(name)) and telling(value)):
            yield Inline(name, "text", at)


def _in_set(tree: Tree, expr: Expr, depth: int) -> Iterator[Inline]:
    if depth > _DEPTH:
        return
    for first, slots in tree.resolver.attrs(expr).slots.items():
        for slot in slots:
            name = next((part for part in reversed(slot.rest) if isinstance(part, str)), first)
            if isinstance(tree.resolver.value(slot.expr), Attrs):
                yield from _in_set(tree, slot.expr, depth + 1)
            elif (found := judged(name, tree, slot.expr)) is not None:
                yield found
