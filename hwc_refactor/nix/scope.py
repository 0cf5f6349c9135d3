"""Scopes: which binding a name means at a place.

An `Env` is a chain of frames, innermost first. It is made while resolution walks down an expression, or,
for a place found by its bytes, along the chain of nodes from the root of the file down to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr, Value

FrameKind = Literal["root", "let", "rec", "lambda", "with"]

MODULE_ARGUMENTS = frozenset({"config", "lib", "options", "pkgs"})


class Env(Struct, frozen=True, eq=False):
    """One frame of a scope.

    Attributes:
        file: the file whose text the frame belongs to.
        kind: what opens the frame.
        node: the `let`, `rec` set, function or `with`.
        parent: the enclosing scope, None at the root of a file.
        args: for a function that is called, what stands in for its parameters; None where nobody calls it.
    """

    file: ParsedFile
    kind: FrameKind
    node: Node
    parent: Env | None
    args: Mapping[str, Expr | Value] | None = None


class Bound(Struct, frozen=True, eq=False):
    """A name bound by bindings of a `let` or `rec` set."""

    frame: Env
    bindings: tuple[Node, ...]


class Parameter(Struct, frozen=True, eq=False):
    """A name bound by a function: by what the caller gave, by its default, or by nothing in sight."""

    frame: Env
    argument: Expr | Value | None
    default: Expr | None


class Free(Struct, frozen=True, eq=False):
    """A name that no frame binds; the sets opened by `with`, innermost first, may hold it."""

    withs: tuple[Expr, ...]


def root_env(file: ParsedFile) -> Env:
    """The empty scope at the root of a file."""
    env = file.cache.get("root-env")
    if not isinstance(env, Env):
        env = Env(file, "root", file.root, None)
        file.cache["root-env"] = env
    return env


def lookup(name: str, env: Env) -> Bound | Parameter | Free:
    """What a name means in a scope. Lexical bindings win over `with`, as in Nix."""
    withs: list[Expr] = []
    frame: Env | None = env
    while frame is not None:
        if frame.kind in ("let", "rec"):
            bindings = bound_names(frame.file, frame.node).get(name)
            if bindings is not None:
                return Bound(frame, bindings)
        elif frame.kind == "lambda":
            parameter = _parameter(name, frame)
            if parameter is not None:
                return parameter
        elif frame.kind == "with" and frame.parent is not None:
            environment = frame.node.child_by_field_name("environment")
            if environment is not None:
                withs.append(Expr(frame.file, environment, frame.parent))
        frame = frame.parent
    return Free(tuple(withs))


def spelled(name: str, env: Env) -> str | None:
    """How a function of `lib` is written in a scope: `mkDefault` below `with lib;`, else `lib.mkDefault`."""
    found = lookup(name, env)
    if not isinstance(found, Free):
        return name
    if any(opened.text in ("lib", "pkgs.lib") for opened in found.withs):
        return name
    return None if isinstance(lookup("lib", env), Free) else f"lib.{name}"


def same_meaning(expr: Expr, env: Env) -> bool:
    """Whether every name in an expression means the same in another scope of its file.

    Names that the expression binds itself make the answer False where an outer one has the same spelling:
    that is never wrong, and rare.
    """
    pending = [expr.node]
    while pending:
        node = pending.pop()
        if node.type == "variable_expression":
            name = expr.file.text(node).decode(errors="replace")
            here, there = lookup(name, expr.env), lookup(name, env)
            if isinstance(here, Free) and isinstance(there, Free):
                if [opened.node.id for opened in here.withs] != [opened.node.id for opened in there.withs]:
                    return False
            elif isinstance(here, Free) or isinstance(there, Free) or here.frame is not there.frame:
                return False
        pending += node.named_children
    return True


def bound_outside(expr: Expr, node: Node) -> bool:
    """Whether every name in an expression has its meaning from outside of a node of the same file."""
    pending = [expr.node]
    while pending:
        part = pending.pop()
        if part.type == "variable_expression":
            found = lookup(expr.file.text(part).decode(errors="replace"), expr.env)
            opened = found.withs if isinstance(found, Free) else (found.frame,)
            if any(one.file is expr.file and _encloses(node, one.node) for one in opened):
                return False
        pending += part.named_children
    return True


def _encloses(outer: Node, node: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def inner(env: Env, file: ParsedFile, node: Node, child: Node) -> Env:
    """The scope of `child` inside `node`, whose own scope is `env`."""
    kind = node.type
    if kind == "let_expression" or kind == "let_attrset_expression":
        return _frame(env, file, "let", node)
    if kind == "rec_attrset_expression":
        return _frame(env, file, "rec", node)
    if kind == "function_expression":
        return _frame(env, file, "lambda", node)
    if kind == "with_expression" and child != node.child_by_field_name("environment"):
        return _frame(env, file, "with", node)
    return env


def env_along(file: ParsedFile, chain: Sequence[Node], env: Env) -> Iterator[tuple[Node, Env]]:
    """Each node of a chain (outermost first) with its scope; `env` is the scope of the first."""
    for node, child in zip(chain, [*chain[1:], None], strict=True):
        yield node, env
        if child is not None:
            env = inner(env, file, node, child)


def called_frame(env: Env) -> Env | None:
    """The innermost function around a place that is called, in the scope of its call; None outside of such."""
    frame: Env | None = env
    while frame is not None:
        if frame.kind == "lambda" and frame.args is not None:
            return frame
        frame = frame.parent
    return None


def bindings_of(holder: Node) -> list[Node]:
    """The `binding`, `inherit` and `inherit_from` nodes of an attribute set or a `let`."""
    for child in holder.named_children:
        if child.type == "binding_set":
            return [node for node in child.named_children if node.type != "comment"]
    return []


def attrpath_of(binding: Node) -> list[Node]:
    """The components of the attribute path of a `binding`."""
    path = binding.child_by_field_name("attrpath")
    return [] if path is None else [node for node in path.named_children if node.type != "comment"]


def inherited_names(file: ParsedFile, binding: Node) -> list[tuple[str, Node]]:
    """The names of an `inherit`, each with its node."""
    attrs = binding.child_by_field_name("attrs")
    names: list[tuple[str, Node]] = []
    for node in attrs.named_children if attrs is not None else ():
        name = None if node.type == "comment" else attr_name(file, node)
        if name is None:
            continue
        names.append((name, node))
        if node.type != "identifier":
            quoted = file.cache.setdefault("quoted-inherits", set())
            assert isinstance(quoted, set)
            quoted.add(node.id)
    return names


def is_inherited(file: ParsedFile, node: Node) -> bool:
    """Whether a string or an interpolation is a name in an `inherit` of a set that was looked into."""
    quoted = file.cache.get("quoted-inherits")
    return isinstance(quoted, set) and node.id in quoted


def bound_names(file: ParsedFile, holder: Node) -> Mapping[str, tuple[Node, ...]]:
    """The first names that the bindings of a set or `let` define, with these bindings."""
    key = ("names", holder.id)
    known = file.cache.get(key)
    if isinstance(known, dict):
        return known
    names: dict[str, tuple[Node, ...]] = {}
    for binding in bindings_of(holder):
        if binding.type == "binding":
            path = attrpath_of(binding)
            first = attr_name(file, path[0]) if path else None
            if first is not None:
                names[first] = (*names.get(first, ()), binding)
        else:
            for name, _ in inherited_names(file, binding):
                names[name] = (*names.get(name, ()), binding)
    file.cache[key] = names
    return names


def formals_of(file: ParsedFile, function: Node) -> tuple[str | None, dict[str, Node | None] | None, bool]:
    """The name for the whole argument, the formals with their defaults (None: no set pattern), `...`."""
    universal = function.child_by_field_name("universal")
    whole = None if universal is None else file.text(universal).decode(errors="replace")
    pattern = function.child_by_field_name("formals")
    if pattern is None:
        return whole, None, False
    formals: dict[str, Node | None] = {}
    ellipsis = False
    for node in pattern.named_children:
        if node.type == "formal":
            name = node.child_by_field_name("name")
            if name is not None:
                formals[file.text(name).decode(errors="replace")] = node.child_by_field_name("default")
        elif node.type == "ellipses":
            ellipsis = True
    return whole, formals, ellipsis


def _parameter(name: str, frame: Env) -> Parameter | None:
    if frame.args is not None and name in frame.args:
        return Parameter(frame, frame.args[name], None)
    whole, formals, _ = formals_of(frame.file, frame.node)
    if whole == name:
        return Parameter(frame, None, None)
    if formals is None or name not in formals:
        return None
    default = formals[name]
    return Parameter(frame, None, None if default is None else Expr(frame.file, default, frame))


def _frame(env: Env, file: ParsedFile, kind: FrameKind, node: Node) -> Env:
    frames = file.cache.setdefault("frames", {})
    assert isinstance(frames, dict)
    key = (node.id, id(env))
    found = frames.get(key)
    if found is None:
        found = frames[key] = Env(file, kind, node, env)
    assert isinstance(found, Env)
    return found


def means_the_same(expr: Expr, env: Env) -> bool:
    """Whether every name in an expression means in another scope what it means where it stands."""
    pending = [expr.node]
    while pending:
        node = pending.pop()
        if node.type == "variable_expression":
            name = expr.file.text(node).decode(errors="replace")
            if _meaning(name, expr.env) != _meaning(name, env):
                return False
        pending += node.named_children
    return True


def _meaning(name: str, env: Env) -> tuple[object, ...]:
    match lookup(name, env):
        case Bound(frame=frame) | Parameter(frame=frame):
            return frame.file.source.path, frame.node.start_byte, frame.node.end_byte
        case Free(withs=withs):
            return tuple(found.span for found in withs)
