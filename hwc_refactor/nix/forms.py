"""What each form of the language amounts to: one small function for each type of node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hwc_refactor.nix import merging
from hwc_refactor.nix.names import is_library
from hwc_refactor.nix.scope import inner, is_inherited
from hwc_refactor.nix.strings import Hole, attr_name, decode
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Closure,
    Expr,
    Gap,
    Item,
    ListValue,
    PathValue,
    Ref,
    Scalar,
    Str,
    Text,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from hwc_refactor.nix.resolve import Resolver

Handler = Callable[["Resolver", Expr], Value]
MAX_INT = 2**63 - 1
"""Nix's integers have 64 bits; what does not fit is an error (nix.dev/manual, "Integer")."""


def _through(field: str) -> Handler:
    def handler(resolver: Resolver, expr: Expr) -> Value:
        below = resolver.child(expr, field)
        return Unknown("the expression is incomplete", expr) if below is None else resolver.value(below)

    return handler


def _variable(resolver: Resolver, expr: Expr) -> Value:
    return resolver.name(expr.text, expr)


def _inherited(resolver: Resolver, expr: Expr) -> Value:
    attrs = expr.node.parent
    binding = None if attrs is None else attrs.parent
    name = attr_name(expr.file, expr.node)
    assert name is not None
    if binding is None or binding.type != "inherit_from":
        return resolver.name(name, expr)
    base = binding.child_by_field_name("expression")
    assert base is not None
    return resolver.select(resolver.value(Expr(expr.file, base, expr.env)), name, expr)


def _interpolation(resolver: Resolver, expr: Expr) -> Value:
    if is_inherited(expr.file, expr.node):
        return _inherited(resolver, expr)
    return Unknown("an interpolation stands alone", expr)


def _select(resolver: Resolver, expr: Expr) -> Value:
    base = resolver.child(expr, "expression")
    path = expr.node.child_by_field_name("attrpath")
    default = resolver.child(expr, "default")
    assert base is not None
    assert path is not None
    value = resolver.value(base)
    for node in path.named_children:
        if node.type == "comment":
            continue
        name = resolver.name_of(resolver.component(expr.file, node, expr.env))
        if not isinstance(name, str):
            return Unknown("an attribute with a computed name is selected", expr)
        if default is not None and isinstance(value, Attrs) and name not in value.slots:
            if not value.open and not value.dynamic:
                return resolver.value(default)
        value = resolver.select(value, name, expr)
    if default is not None and isinstance(value, Ref) and not is_library(value.path):
        return Unknown(f"it is {'.'.join(value.path)} where that exists, else the default", expr)
    return value


def _apply(resolver: Resolver, expr: Expr) -> Value:
    function = resolver.child(expr, "function")
    argument = resolver.child(expr, "argument")
    assert function is not None
    assert argument is not None
    return resolver.apply(resolver.value(function), argument, expr)


def _attrset(resolver: Resolver, expr: Expr) -> Value:
    inside = expr.env
    if expr.node.type == "rec_attrset_expression":
        inside = inner(expr.env, expr.file, expr.node, expr.node)
    return resolver.bindings(expr, inside)


def _closure(resolver: Resolver, expr: Expr) -> Value:
    return Closure(expr)


def _if(resolver: Resolver, expr: Expr) -> Value:
    condition = resolver.child(expr, "condition")
    then = resolver.child(expr, "consequence")
    otherwise = resolver.child(expr, "alternative")
    assert condition is not None
    assert then is not None
    assert otherwise is not None
    truth = resolver.truth(condition)
    if truth is None:
        return Branch(condition, then, otherwise, expr)
    return resolver.value(then if truth else otherwise)


def _list(resolver: Resolver, expr: Expr) -> Value:
    items = tuple(
        Item(Expr(expr.file, node, expr.env), expr)
        for node in expr.node.named_children
        if node.type != "comment"
    )
    return ListValue(items, expr)


def _string(resolver: Resolver, expr: Expr) -> Value:
    if is_inherited(expr.file, expr.node):
        return _inherited(resolver, expr)
    parts: list[Text | Gap] = []
    for part in decode(expr.file, expr.node).parts:
        if not isinstance(part, Hole):
            parts.append(Text(part.text, expr))
            continue
        hole = Expr(expr.file, part.expression, expr.env)
        value = resolver.value(hole)
        if isinstance(value, Str):
            parts += value.parts
        else:
            parts.append(Gap(value, hole))
    return merging.joined_text(parts, expr)


def _path(resolver: Resolver, expr: Expr) -> Value:
    if any(child.type == "interpolation" for child in expr.node.named_children):
        return Unknown("the path is computed", expr)
    return PathValue(expr.text, expr)


def _search_path(resolver: Resolver, expr: Expr) -> Value:
    return Ref((expr.text,), expr)


def _uri(resolver: Resolver, expr: Expr) -> Value:
    return Str((Text(expr.text, expr),), expr)


def _number(resolver: Resolver, expr: Expr) -> Value:
    return Scalar(float(expr.text) if expr.node.type == "float_expression" else int(expr.text), expr)


def _has_attr(resolver: Resolver, expr: Expr) -> Value:
    base = resolver.child(expr, "expression")
    path = expr.node.child_by_field_name("attrpath")
    assert base is not None
    assert path is not None
    value = resolver.value(base)
    unknown = Unknown("whether the attribute exists is not known", expr)
    for node in path.named_children:
        if node.type == "comment":
            continue
        if isinstance(value, Scalar | Str | ListValue | Closure):
            return Scalar(False, expr)
        name = resolver.name_of(resolver.component(expr.file, node, expr.env))
        if not isinstance(name, str) or not isinstance(value, Attrs):
            return unknown
        if name not in value.slots:
            return unknown if value.open or value.dynamic else Scalar(False, expr)
        if not any(slot.certain for slot in value.slots[name]):
            return unknown
        value = resolver.select(value, name, expr)
    return Scalar(True, expr)


def _unary(resolver: Resolver, expr: Expr) -> Value:
    argument = resolver.child(expr, "argument")
    assert argument is not None
    value = resolver.value(argument)
    if isinstance(value, Scalar):
        negated = expr.node.child(0)
        if negated is not None and negated.type == "!" and isinstance(value.value, bool):
            return Scalar(not value.value, expr)
        if isinstance(value.value, int | float) and not isinstance(value.value, bool):
            return Scalar(-value.value, expr)
    return Unknown("its operand is not known", expr)


def _binary(resolver: Resolver, expr: Expr) -> Value:
    left = resolver.child(expr, "left")
    right = resolver.child(expr, "right")
    operator = expr.node.child_by_field_name("operator")
    assert left is not None
    assert right is not None
    assert operator is not None
    match operator.type:
        case "++":
            return merging.joined_list((*resolver.items(left), *resolver.items(right)), expr)
        case "//":
            return merging.update(resolver.attrs(left), resolver.attrs(right), expr)
        case "+":
            return _plus(resolver, left, right, expr)
        case "&&" | "||" | "->":
            return _logic(operator.type, resolver.truth(left), resolver.truth(right), expr)
        case "==" | "!=":
            same = _equal(resolver.value(left), resolver.value(right))
            if same is not None:
                return Scalar(same is (operator.type == "=="), expr)
        case "<" | "<=" | ">" | ">=":
            return _compare(operator.type, resolver.value(left), resolver.value(right), expr)
        case "-" | "*" | "/":
            return _arithmetic(operator.type, resolver.value(left), resolver.value(right), expr)
    return Unknown(f"'{operator.type}' is not computed", expr)


def _logic(operator: str, left: bool | None, right: bool | None, expr: Expr) -> Value:
    if operator == "->":
        left = None if left is None else not left
        operator = "||"
    decisive = operator == "||"
    if left is decisive or right is decisive:
        return Scalar(decisive, expr)
    if left is None or right is None:
        return Unknown("the condition is not known", expr)
    return Scalar(not decisive, expr)


def _equal(left: Value, right: Value) -> bool | None:
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        alike = isinstance(left.value, bool) is isinstance(right.value, bool)
        return alike and left.value == right.value
    if isinstance(left, Str) and isinstance(right, Str):
        first, second = left.literal, right.literal
        return None if first is None or second is None else first == second
    closed = (Scalar, Str, ListValue, Attrs)
    if any(not isinstance(side, closed) or (isinstance(side, Attrs) and side.open) for side in (left, right)):
        return None
    return None if type(left) is type(right) else False


def _plus(resolver: Resolver, left: Expr, right: Expr, expr: Expr) -> Value:
    first, second = resolver.value(left), resolver.value(right)
    if isinstance(first, PathValue) and isinstance(second, Str) and second.literal is not None:
        return PathValue(first.text + second.literal, first.at)
    if isinstance(first, Str) or isinstance(second, Str):
        parts: list[Text | Gap] = []
        for value, source in ((first, left), (second, right)):
            parts += value.parts if isinstance(value, Str) else (Gap(value, source),)
        return merging.joined_text(parts, expr)
    return _arithmetic("+", first, second, expr)


def _number_of(value: Value) -> int | float | None:
    number = value.value if isinstance(value, Scalar) else None
    return None if isinstance(number, bool) else number


def _arithmetic(operator: str, left: Value, right: Value, expr: Expr) -> Value:
    first, second = _number_of(left), _number_of(right)
    if first is None or second is None or (operator == "/" and not second):
        return Unknown(f"the result of '{operator}' is not known", expr)
    result: int | float
    match operator:
        case "+":
            result = first + second
        case "-":
            result = first - second
        case "*":
            result = first * second
        case _ if isinstance(first, int) and isinstance(second, int):
            result = abs(first) // abs(second) * (1 if (first < 0) is (second < 0) else -1)
        case _:
            result = first / second
    if isinstance(result, int) and not -MAX_INT - 1 <= result <= MAX_INT:
        return Unknown("the number is too large", expr)
    return Scalar(result, expr)


def _compare(operator: str, left: Value, right: Value, expr: Expr) -> Value:
    if operator in ("<=", ">"):
        left, right = right, left
    first, second = _number_of(left), _number_of(right)
    less: bool | None = None
    if first is not None and second is not None:
        less = first < second
    elif isinstance(left, Str) and isinstance(right, Str):
        one, other = left.literal, right.literal
        less = None if one is None or other is None else one.encode() < other.encode()
    if less is None:
        return Unknown(f"the result of '{operator}' is not known", expr)
    return Scalar(less is (operator in ("<", ">")), expr)


HANDLERS: dict[str, Handler] = {
    "parenthesized_expression": _through("expression"),
    "let_expression": _through("body"),
    "with_expression": _through("body"),
    "assert_expression": _through("body"),
    "variable_expression": _variable,
    "identifier": _inherited,
    "interpolation": _interpolation,
    "select_expression": _select,
    "apply_expression": _apply,
    "attrset_expression": _attrset,
    "rec_attrset_expression": _attrset,
    "function_expression": _closure,
    "if_expression": _if,
    "list_expression": _list,
    "string_expression": _string,
    "indented_string_expression": _string,
    "path_expression": _path,
    "hpath_expression": _path,
    "spath_expression": _search_path,
    "uri_expression": _uri,
    "integer_expression": _number,
    "float_expression": _number,
    "has_attr_expression": _has_attr,
    "unary_expression": _unary,
    "binary_expression": _binary,
}
