"""The scopes in which a place of a file counts: its own, or one for each call of the function around it.

A call is found by name or by the path of an import, and proven by resolution: what is called there has to
be this very function. So helpers are followed through `let`, `inherit`, `import` with arguments and
re-exports alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix import calling
from hwc_refactor.nix.imports import package_frame
from hwc_refactor.nix.names import MODIFIERS, is_library
from hwc_refactor.nix.scope import MODULE_ARGUMENTS, Env, attrpath_of, env_along, formals_of, inner, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Closure, Condition, Expr, ListValue, Ref, Unknown
from hwc_refactor.nixos.arguments import hands_out
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
_TRANSPARENT = frozenset(
    {
        "function_expression",
        "parenthesized_expression",
        "let_expression",
        "with_expression",
        "assert_expression",
    }
)


class Entry(Struct, frozen=True, eq=False):
    """One way into the place that a chain of nodes leads to.

    Attributes:
        env: the scope of the place.
        conditions, modifiers: what stands around it: `mkIf`, `if`, `mkForce`.
        calls: the calls of functions of the root on the way, outermost first.
    """

    env: Env
    conditions: tuple[Condition, ...] = ()
    modifiers: tuple[str, ...] = ()
    calls: tuple[Expr, ...] = ()


def entries(tree: Tree, file: ParsedFile, chain: Sequence[Node], depth: int = 0) -> list[Entry]:
    """The scopes in which the last node of a chain counts: one, or one for each call of its function."""
    functions = [
        index
        for index, node in enumerate(chain[:-1])
        if node.type == "function_expression" and chain[index + 1] == node.child_by_field_name("body")
    ]
    if depth < MAX_CALL_DEPTH:
        for index in reversed(functions):
            if _is_module(tree, file, chain, index):
                continue
            called = _called(tree, file, chain, index, depth)
            if called:
                return [_descend(tree, file, chain[index + 1 :], entry) for entry in called]
    return [_descend(tree, file, chain, Entry(root_env(file)))]


def _descend(tree: Tree, file: ParsedFile, chain: Sequence[Node], entry: Entry) -> Entry:
    """Walk down a chain whose first node has the entry's scope, gathering scopes and conditions."""
    env, conditions, modifiers = entry.env, list(entry.conditions), list(entry.modifiers)
    for node, child in pairwise(chain):
        if node.type == "apply_expression" and child == node.child_by_field_name("argument"):
            function = node.child_by_field_name("function")
            assert function is not None
            value = tree.resolver.value(Expr(file, function, env))
            if isinstance(value, Call) and is_library(value.function) and len(value.args) == 1:
                if value.name in ("mkIf", "optionalAttrs"):
                    conditions.append(Condition(value.args[0]))
            path = value.path if isinstance(value, Ref) else getattr(value, "function", ())
            if path and path[-1] in MODIFIERS:
                modifiers.append(path[-1])
        elif node.type == "if_expression":
            condition = node.child_by_field_name("condition")
            if condition is not None and child != condition:
                holds = child == node.child_by_field_name("consequence")
                conditions.append(Condition(Expr(file, condition, env), holds))
        env = inner(env, file, node, child)
    return Entry(env, tuple(conditions), tuple(modifiers), entry.calls)


def _is_module(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int) -> bool:
    """Whether a function is a module rather than a helper: the module system calls it, nobody else.

    It hands every module more than most of them name, so a module takes `...` (NixOS manual, "Writing NixOS
    Modules"); a function without it that also asks for what no module is given is called with `import`.
    """
    whole, formals, ellipsis = formals_of(file, chain[index])
    if formals is None:
        return whole in MODULE_NAMES or whole in ("args", "_", "__")
    names = set(formals)
    outermost = not any(node.type in ("function_expression", "binding") for node in chain[:index])
    asked = {name for name, default in formals.items() if default is None} - MODULE_NAMES
    if outermost and not ellipsis and asked and tree.imports_of(file.source.path):
        return False
    if names & {"config", "options"} or names <= MODULE_NAMES:
        return True
    return outermost and ellipsis and bool(names & {"pkgs", "lib"})


def _called(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int, depth: int) -> list[Entry]:
    key = ("called", file.source.path, chain[index].start_byte, chain[index].end_byte, depth)
    known = tree.memo.get(key)
    if not isinstance(known, list):
        tree.memo[key] = []
        known = tree.memo[key] = _find_calls(tree, file, chain, index, depth)
    return known


def _find_calls(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int, depth: int) -> list[Entry]:
    function = chain[index]
    mapped = _mapped(tree, file, chain, index)
    if mapped:
        return mapped
    found: list[Entry] = []
    for caller, above in _sites(tree, file, chain, index):
        if len(found) >= MAX_CALLS:
            break
        found += _calls_at(tree, caller, above, file, function, depth)
    return found


def _mapped(tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int) -> list[Entry]:
    """The scopes of a function that is handed to `map`, `genAttrs` and the like."""
    function = chain[index]
    position = index
    while position and chain[position - 1].type == "parenthesized_expression":
        position -= 1
    if not position or chain[position - 1].type != "apply_expression":
        return []
    scopes = {node.id: env for node, env in env_along(file, chain[: index + 1], root_env(file))}
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
            outer = _descend(tree, file, chain[: position + 1], Entry(root_env(file)))
            return [
                Entry(expr.env, (*outer.conditions, *conditions), outer.modifiers, (applied,))
                for expr, conditions in frames
            ]
    return []


def _sites(
    tree: Tree, file: ParsedFile, chain: Sequence[Node], index: int
) -> Iterator[tuple[ParsedFile, list[Node]]]:
    """The places where a function may be called: the chain of nodes down to its name or its import."""
    position = next((i for i in range(index - 1, -1, -1) if chain[i].type == "binding"), None)
    if position is None:
        for path, offset in tree.imports_of(file.source.path):
            caller = tree.sound(path)
            if caller is not None:
                around = caller.chain(offset, offset + 1)
                while around and around[-1].type != "path_expression":
                    around.pop()
                if len(around) > 1:
                    yield caller, around
        return
    if not all(node.type in _TRANSPARENT for node in chain[position + 1 : index]):
        return
    names = attrpath_of(chain[position])
    name = attr_name(file, names[-1]) if names else None
    if name is None:
        return
    needle = name.encode()
    paths = [file.source.path]
    if exported(file, chain[position - 2], needle):
        paths += [path for path in tree.importers(file.source.path) if needle in (tree.data(path) or b"")]
        paths += [path for path in tree.naming(needle) if path not in paths] if hands_out(tree) else []
    for path in paths:
        caller = tree.sound(path)
        for offset in tree.words(path, needle) if caller is not None else ():
            assert caller is not None
            if not _APPLIED.match(caller.source.data, offset + len(needle)):
                continue
            around = caller.chain(offset, offset + len(needle))
            while around and around[-1].type in ("identifier", "attrpath"):
                around.pop()
            named = around[-1].type in ("variable_expression", "select_expression")
            if named and around[-1].end_byte == offset + len(needle):
                yield caller, around


def exported(file: ParsedFile, holder: Node, name: bytes) -> bool:
    """Whether a name may be part of the file's value: it stands in a set, or is inherited into one."""
    if holder.type != "let_expression":
        return True
    return re.search(rb"inherit[^;]*[\s(]" + re.escape(name) + rb"[\s;]", file.source.data) is not None


def _calls_at(
    tree: Tree, caller: ParsedFile, chain: Sequence[Node], file: ParsedFile, function: Node, depth: int
) -> list[Entry]:
    """The calls of a function in which the last node of a chain is what is called, or imported."""
    applied: list[int] = []
    top = len(chain) - 1
    while top and chain[top - 1].type in ("apply_expression", "parenthesized_expression"):
        top -= 1
        if chain[top].type == "apply_expression":
            applied.append(top)
    found: list[Entry] = []
    for index in applied:
        callee = chain[index].child_by_field_name("function")
        argument = chain[index].child_by_field_name("argument")
        if callee is None or argument is None or callee not in chain[index:]:
            continue
        for entry in entries(tree, caller, chain[: index + 1], depth + 1):
            value = tree.resolver.value(Expr(caller, callee, entry.env))
            value = (tree.resolver.given(value) or value) if isinstance(value, Ref) else value
            if isinstance(value, Call) and value.name == "callPackage" and len(value.args) == 1:
                frame = package_frame(tree.resolver, value.args[0], Expr(caller, argument, entry.env))
            elif isinstance(value, Closure):
                frame = calling.frame_of(tree.resolver, value, Expr(caller, argument, entry.env))
            else:
                continue
            if isinstance(frame, Unknown) or frame.node != function or frame.file is not file:
                continue
            call = Expr(caller, chain[index], entry.env)
            found.append(replace(entry, env=frame, calls=(*entry.calls, call)))
    return found
