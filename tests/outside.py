"""What a file reads from elsewhere, and as what: `config.app.enable` behind `mkIf` is a truth value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.scope import Env, inner
from hwc_refactor.nix.strings import attr_name, decode
from hwc_refactor.nix.syntax import Node, ParsedFile, text_of
from hwc_refactor.nix.values import Expr, Ref
from hwc_refactor.nixos.tree import Tree

Names = tuple[str, ...]
"""A path of names, with that of the function's argument first: `("config", "app", "enable")`."""

CONDITIONED = {"mkIf", "optional", "optionals", "optionalString", "optionalAttrs"}
BY_FIELD = {
    **dict.fromkeys(
        ("cmd", "dependsOn", "environmentFiles", "extraOptions", "ports", "volumes", "after"), "list"
    ),
    **dict.fromkeys(("environment", "labels", "volumeMounts", "login", "settings"), "set"),
    **dict.fromkeys(("autoStart", "privileged", "enable"), "bool"),
    **dict.fromkeys(("uid", "gid", "pidsLimit"), "int"),
    "image": "image",
}


def formals(file: ParsedFile) -> list[str]:
    node = next((child for child in file.root.named_children if child.type == "function_expression"), None)
    formals = None if node is None else node.child_by_field_name("formals")
    names = [] if formals is None else [child.child_by_field_name("name") for child in formals.named_children]
    return [text_of(file, name) for name in names if name is not None]


def nodes(file: ParsedFile, node: Node, env: Env) -> Iterator[tuple[Node, Env]]:
    yield node, env
    for child in node.named_children:
        yield from nodes(file, child, inner(env, file, node, child))


def within(tree: Tree, file: ParsedFile, node: Node, env: Env) -> list[Names]:
    return [path for found, scope in nodes(file, node, env) for path in paths(tree, file, found, scope)]


def paths(tree: Tree, file: ParsedFile, node: Node, env: Env, computed: str | None = None) -> list[Names]:
    """The paths from outside that an expression reads: `config.app.enable`, also by another name for `config.app`.

    One with a computed name is left out, if it is not said what the name came to.
    """
    if node.type == "select_expression" and node.child_by_field_name("default") is None:
        base, names = node.child_by_field_name("expression"), node.child_by_field_name("attrpath")
        parts = [] if names is None else [attr_name(file, part) or computed for part in names.named_children]
    elif node.type == "inherit_from":
        base, names = node.child_by_field_name("expression"), node.child_by_field_name("attrs")
        parts = []
    else:
        return []
    value = None if base is None else tree.resolver.value(Expr(file, base, env))
    if not isinstance(value, Ref):
        return []
    if node.type == "inherit_from":
        inherited = [] if names is None else [attr_name(file, part) for part in names.named_children]
        return [(*value.path, name) for name in inherited if name is not None]
    known = tuple(part for part in parts if part is not None)
    return [(*value.path, *known)] if len(known) == len(parts) else []


def used_as(file: ParsedFile, node: Node, path: Names) -> str:
    """The kind of value that a place wants."""
    below = node
    while below.parent is not None and below.parent.type == "parenthesized_expression":
        below = below.parent
    above = below.parent
    if above is None:
        return "str"
    match above.type:
        case "interpolation":
            return "str"
        case "unary_expression":
            return "bool"
        case "if_expression" if above.child_by_field_name("condition") == below:
            return "bool"
        case "binary_expression":
            operator = above.child_by_field_name("operator")
            sign = "" if operator is None else text_of(file, operator)
            if sign in ("&&", "||", "->"):
                return "bool"
            if sign == "++":
                return "list"
            if sign == "//":
                return "set"
            if sign in ("<", ">", "<=", ">=", "-", "*", "/"):
                return "int"
        case "apply_expression" if above.child_by_field_name("argument") == below:
            function = above.child_by_field_name("function")
            name = "" if function is None else text_of(file, function).rpartition(".")[2]
            if name in CONDITIONED:
                return "bool"
            if name == "toString":
                return "int"
            if re.match(r"(map|concatMap|filter|concatStringsSep|concatMapStringsSep|listToAttrs)\b", name):
                return "list"
        case "binding":
            names = above.child_by_field_name("attrpath")
            field = None if names is None else attr_name(file, names.named_children[-1])
            if field in BY_FIELD:
                return BY_FIELD[field]
    if path[-1].startswith("enable"):
        return "bool"
    return BY_FIELD.get(path[-1], "str")


def compared_with(file: ParsedFile, node: Node) -> str | None:
    """The text that a value is compared with."""
    above = node.parent
    if above is None or above.type != "binary_expression":
        return None
    for name in ("left", "right"):
        other = above.child_by_field_name(name)
        if other is not None and other != node and other.type == "string_expression":
            return decode(file, other).literal
    return None
