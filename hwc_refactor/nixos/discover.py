"""Finding the places that define something under an option path, in whatever shape they are written.

A place is found by the bytes of one telling name of the path and looked at outwards: what stands around
it gives the rest of the path, the conditions and the scope. Where a function of the root holds it, the
calls of that function are looked for in the whole root, and each call gives a definition of its own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hwc_refactor.nix import library
from hwc_refactor.nix.scope import MODULE_ARGUMENTS, Env, attrpath_of, env_along, formals_of, inner, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Closure, Condition, Expr, ListValue, Ref, Slot, Unknown
from hwc_refactor.nixos.tree import Tree

MODULE_NAMES = MODULE_ARGUMENTS | {
    "inputs",
    "self",
    "modulesPath",
    "utils",
    "specialArgs",
    "nixpkgs",
    "system",
}
MAX_CALL_DEPTH = 3
MAX_CALLS = 400
_APPLIED = re.compile(rb"[)\s]*[\w({\"'\[./<~]")
"""What has to follow a function's name where it is called: the beginning of an argument."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One definition below an option path.

    Attributes:
        name: the attribute's name, or the expression of a name that is not known.
        slot: the definition; its `rest` and `expr` lead to the attribute's value.
        calls: the calls of functions of the root that it was found through, outermost first.
        assumed: what was taken for granted, in words for the user.
    """

    name: str | Expr
    slot: Slot
    calls: tuple[Expr, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One way into the place that a chain of nodes leads to."""

    env: Env
    conditions: tuple[Condition, ...] = ()
    modifiers: tuple[str, ...] = ()
    calls: tuple[Expr, ...] = ()


def definitions(tree: Tree, parent: str | None, word: str, below: tuple[str, ...]) -> Iterator[Found]:
    """All definitions of attributes below `parent.word.below` in the tree.

    Args:
        tree: the files.
        parent: the name that has to stand before `word` (`virtualisation` before `oci-containers`).
        word: the telling name whose bytes decide which files are looked at.
        below: the names between `word` and the attribute.
    """
    needle = word.encode()
    for path in tree.holding(needle):
        file = tree.sound(path)
        if file is None:
            continue
        for offset in tree.words(path, needle):
            anchor = _anchor(file, offset, len(needle))
            if anchor is not None:
                yield from _below(tree, file, anchor, parent, below)


@dataclass(frozen=True, slots=True, eq=False)
class _Anchor:
    chain: tuple[Node, ...]
    index: int  # of the binding in the chain
    position: int  # of the word in the attribute path


def _anchor(file: ParsedFile, offset: int, length: int) -> _Anchor | None:
    chain = file.chain(offset, offset + length)
    for index in range(len(chain) - 1, 0, -1):
        if chain[index].type == "attrpath":
            if chain[index - 1].type != "binding":
                return None
            component = chain[index + 1] if index + 1 < len(chain) else None
            path = attrpath_of(chain[index - 1])
            if component is None or component not in path:
                return None
            return _Anchor(tuple(chain[:index]), index - 1, path.index(component))
        if chain[index].type == "interpolation":
            return None
    return None


def _below(
    tree: Tree, file: ParsedFile, anchor: _Anchor, parent: str | None, below: tuple[str, ...]
) -> Iterator[Found]:
    binding = anchor.chain[anchor.index]
    outer = _outer_names(file, anchor)
    if "options" in outer[-8:]:
        return
    assumed: tuple[str, ...] = ()
    if parent is not None:
        before = next((name for name in reversed(outer) if name is not None), None)
        if outer and outer[-1] != parent:
            return
        if not outer:
            assumed = (f"the file is taken to be read below '{parent}'",)
        del before
    value = binding.child_by_field_name("expression")
    if value is None or (file.pipes and any(binding.start_byte <= p < binding.end_byte for p in file.pipes)):
        return
    path = attrpath_of(binding)
    for entry in entries(tree, file, anchor.chain):
        holder = Expr(file, anchor.chain[anchor.index - 2], entry.env)
        rest = tuple(
            name if (name := attr_name(file, node)) is not None else Expr(file, node, entry.env)
            for node in path[anchor.position + 1 :]
        )
        slot = Slot(
            rest,
            Expr(file, value, entry.env),
            binding,
            holder,
            anchor.position + 1,
            entry.conditions,
            entry.modifiers,
        )
        for attribute, found in _walk(tree, (slot,), below):
            yield Found(attribute, found, entry.calls, assumed)


def _walk(tree: Tree, slots: tuple[Slot, ...], below: Sequence[str]) -> Iterator[tuple[str | Expr, Slot]]:
    view = tree.resolver.step(slots)
    if view is None:
        return
    if below:
        if below[0] in view.slots:
            yield from _walk(tree, view.slots[below[0]], below[1:])
        return
    for name, found in view.slots.items():
        for slot in found:
            yield name, slot
    yield from view.dynamic
    for reason in view.open:
        if reason.at is not None:
            yield reason.at, Slot((), reason.at, None, None)


def _outer_names(file: ParsedFile, anchor: _Anchor) -> list[str | None]:
    """The names before the anchor's word: of its own attribute path and of the bindings around it."""
    names: list[str | None] = []
    for node in anchor.chain[: anchor.index]:
        if node.type == "binding":
            names += [attr_name(file, component) for component in attrpath_of(node)]
        elif node.type in ("let_expression", "function_expression"):
            names = []
    path = attrpath_of(anchor.chain[anchor.index])
    return names + [attr_name(file, component) for component in path[: anchor.position]]


def entries(tree: Tree, file: ParsedFile, chain: Sequence[Node], depth: int = 0) -> list[_Entry]:
    """The scopes in which the last node of a chain counts: one, or one for each call of its function."""
    functions = [
        index
        for index, node in enumerate(chain[:-1])
        if node.type == "function_expression" and chain[index + 1] == node.child_by_field_name("body")
    ]
    if depth < MAX_CALL_DEPTH:
        for index in reversed(functions):
            if _is_module(file, chain, index):
                continue
            called = _called(tree, file, chain, index, depth)
            if called:
                return [_descend(tree, file, chain[index + 1 :], entry) for entry in called]
    return [_descend(tree, file, chain, _Entry(root_env(file)))]


def _descend(tree: Tree, file: ParsedFile, chain: Sequence[Node], entry: _Entry) -> _Entry:
    """Walk down a chain whose first node has the entry's scope, gathering scopes and conditions."""
    env, conditions, modifiers = entry.env, list(entry.conditions), list(entry.modifiers)
    for node, child in pairwise(chain):
        if node.type == "apply_expression" and child == node.child_by_field_name("argument"):
            function = node.child_by_field_name("function")
            assert function is not None
            value = tree.resolver.value(Expr(file, function, env))
            if isinstance(value, Call) and library.is_library(value.function) and len(value.args) == 1:
                if value.name in ("mkIf", "optionalAttrs"):
                    conditions.append(Condition(value.args[0]))
            path = value.path if isinstance(value, Ref) else getattr(value, "function", ())
            if path and path[-1] in library.MODIFIERS:
                modifiers.append(path[-1])
        elif node.type == "if_expression":
            condition = node.child_by_field_name("condition")
            if condition is not None and child != condition:
                holds = child == node.child_by_field_name("consequence")
                conditions.append(Condition(Expr(file, condition, env), holds))
        env = inner(env, file, node, child)
    return _Entry(env, tuple(conditions), tuple(modifiers), entry.calls)


def _is_module(file: ParsedFile, chain: Sequence[Node], index: int) -> bool:
    """Whether a function is a module rather than a helper: the module system calls it, nobody else."""
    whole, formals, ellipsis = formals_of(file, chain[index])
    if formals is None:
        return whole in MODULE_NAMES or whole in ("args", "_", "__")
    names = set(formals)
    if names & {"config", "options"} or names <= MODULE_NAMES:
        return True
    outermost = not any(node.type in ("function_expression", "binding") for node in chain[:index])
    return outermost and ellipsis and bool(names & {"pkgs", "lib"})


def _called(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int, depth: int) -> list[_Entry]:
    key = ("called", file.source.path, chain[index].id, depth)
    known = tree.memo.get(key)
    if not isinstance(known, list):
        tree.memo[key] = []
        known = tree.memo[key] = _find_calls(tree, file, chain, index, depth)
    return known


def _find_calls(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int, depth: int) -> list[_Entry]:
    function = chain[index]
    mapped = _mapped(tree, file, chain, index)
    if mapped:
        return mapped
    found: list[_Entry] = []
    for name, path in _callers(tree, file, chain, index):
        caller = tree.sound(path)
        if caller is None:
            continue
        data = caller.source.data
        for offset in tree.words(path, name):
            if len(found) >= MAX_CALLS:
                return found
            if not _APPLIED.match(data, offset + len(name)):
                continue
            found += _calls_at(tree, caller, offset, len(name), file, function, depth)
    return found


def _mapped(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int) -> list[_Entry]:
    """The scopes of a function that is handed to `map`, `genAttrs` and the like."""
    function = chain[index]
    position = index
    while position and chain[position - 1].type == "parenthesized_expression":
        position -= 1
    if not position or chain[position - 1].type != "apply_expression":
        return []
    scopes = dict((node.id, env) for node, env in env_along(file, chain[: index + 1], root_env(file)))
    body = function.child_by_field_name("body")
    assert body is not None
    while position and chain[position - 1].type == "apply_expression":
        position -= 1
        applied = Expr(file, chain[position], scopes[chain[position].id])
        value = tree.resolver.value(applied)
        exprs: list[tuple[Expr, tuple[Condition, ...]]] = []
        if isinstance(value, ListValue):
            exprs = [(item.expr, item.conditions) for item in value.items]
        elif isinstance(value, Attrs):
            exprs = [(slot.expr, slot.conditions) for slots in value.slots.values() for slot in slots]
        frames = [(expr, conditions) for expr, conditions in exprs if expr.node == body]
        if frames:
            outer = _descend(tree, file, chain[: position + 1], _Entry(root_env(file)))
            return [
                _Entry(expr.env, (*outer.conditions, *conditions), outer.modifiers, (applied,))
                for expr, conditions in frames
            ]
    return []


def _callers(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int) -> Iterator[tuple[bytes, str]]:
    """Names under which a function may be called, each with a file in which the name stands."""
    binding = next((node for node in reversed(chain[:index]) if node.type == "binding"), None)
    between = chain[chain.index(binding) + 1 : index] if binding is not None else chain[:index]
    if binding is not None and all(
        node.type
        in (
            "function_expression",
            "parenthesized_expression",
            "let_expression",
            "with_expression",
            "assert_expression",
        )
        for node in between
    ):
        path = attrpath_of(binding)
        name = attr_name(file, path[-1]) if path else None
        if name is not None:
            needle = name.encode()
            yield needle, file.source.path
            for path_ in tree.holding(needle):
                if path_ != file.source.path:
                    yield needle, path_
        return
    if binding is None:
        stem = posixpath.splitext(posixpath.basename(file.source.path))[0]
        if stem == "default":
            stem = posixpath.basename(posixpath.dirname(file.source.path))
        if stem:
            for path_ in tree.holding(stem.encode()):
                if path_ != file.source.path:
                    yield b"import", path_
                    yield b"callPackage", path_


def _calls_at(
    tree: Tree, caller: ParsedFile, offset: int, length: int, file: ParsedFile, function: Node, depth: int
) -> list[_Entry]:
    """The calls of a function that begin with the name at `offset`."""
    chain = caller.chain(offset, offset + length)
    position = len(chain) - 1
    while position and chain[position].type in ("identifier", "attrpath"):
        position -= 1
    if chain[position].type not in ("variable_expression", "select_expression"):
        return []
    if chain[position].end_byte != offset + length:
        return []
    applied: list[int] = []
    top = position
    while top and chain[top - 1].type in ("apply_expression", "parenthesized_expression"):
        node = chain[top - 1]
        if node.type == "apply_expression" and chain[top] != node.child_by_field_name("function"):
            break
        top -= 1
        if node.type == "apply_expression":
            applied.append(top)
    found: list[_Entry] = []
    for index in applied:
        callee = chain[index].child_by_field_name("function")
        argument = chain[index].child_by_field_name("argument")
        if callee is None or argument is None:
            continue
        for entry in entries(tree, caller, chain[: index + 1], depth + 1):
            value = tree.resolver.value(Expr(caller, callee, entry.env))
            if not isinstance(value, Closure) or value.at.node != function or value.at.file is not file:
                continue
            frame = tree.resolver.frame(value, Expr(caller, argument, entry.env))
            if not isinstance(frame, Unknown):
                call = Expr(caller, chain[index], entry.env)
                found.append(replace(entry, env=frame, calls=(*entry.calls, call)))
    return found
