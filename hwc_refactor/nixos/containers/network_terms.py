"""The network flags of a container as the network words of the shared module."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Condition, Expr, Ref, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.bodies import called_with
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.flags import Flag
from hwc_refactor.nixos.containers.operands import Movable, Operand, condition_at, in_scope
from hwc_refactor.nixos.options import choices

MODES = {"media-network": "media", "container:gluetun": "vpn"}
"""What the network words of the module stand for, by its documented defaults."""
RESERVED = frozenset({"media", "vpn", "bridge"})
"""Words that do not mean a network of this name."""


def network_term(
    block: Block, makers: Sequence[Container], movable: Movable, stuck: Sequence[Flag]
) -> tuple[str, list[Flag]] | None:
    """The network of a container, as Nix source for `networkMode`, and the flags that it says.

    Args:
        block: the container, or the function that makes some.
        makers: the containers that it comes to.
        movable: the flags that may be said otherwise, with where they stand.
        stuck: those that stay flags.

    Returns:
        None where no flag names a network, or not in these terms.
    """
    found = [(flag, operand) for flag, operand in movable if flag.name == "--network"]
    if any(flag.name == "--network" for flag in stuck) or not found:
        return None
    words = [_word(flag) for flag, _ in found]
    if any(word is None for word in words):
        return None
    known = [word for word in words if word is not None]
    conditions = [flag.conditions for flag, _ in found]
    mode: str | None = None
    if len(found) == 1 and not conditions[0]:
        mode = quote(known[0])
    elif len(found) == 1 and len(conditions[0]) == 1:
        text = condition_at(conditions[0][0], found[0][1])
        mode = None if text is None else f'if {text} then {quote(known[0])} else "bridge"'
    elif len(found) == 2 and all(len(each) == 1 for each in conditions):
        yes, no = sorted((conditions[0][0], conditions[1][0]), key=lambda c: not c.holds)
        if yes.expr.node == no.expr.node and yes.holds and not no.holds:
            first = conditions[0][0].holds
            then, otherwise = known if first else reversed(known)
            mode = _choice(block, makers, yes, found[0][1], then, otherwise)
    return None if mode is None else (mode, [flag for flag, _ in found])


def _word(flag: Flag) -> str | None:
    """The network word that a flag comes to; None where the module has none for it."""
    if flag.value is None or not flag.literal or flag.value in RESERVED:
        return None
    return MODES.get(flag.value, flag.value)


def _choice(
    block: Block,
    makers: Sequence[Container],
    condition: Condition,
    operand: Operand,
    then: str,
    otherwise: str,
) -> str | None:
    """The network by a condition: the value that decides, where it is the very word, else an `if`."""
    compared = _compared(block, condition.expr)
    if compared is not None:
        subject, text = compared
        others = [word for word in (then, otherwise) if word != text]
        words = _values(block, subject, makers)
        same = text == then and then != otherwise and bool(words) and words <= {then, *others}
        if same and in_scope(subject, operand.expr):
            return subject.text
    said = condition_at(condition, operand)
    if said is None and compared is not None and in_scope(compared[0], operand.expr):
        said = f"{compared[0].text} == {quote(compared[1])}"
    return None if said is None else f"if {said} then {quote(then)} else {quote(otherwise)}"


def _compared(block: Block, expr: Expr) -> tuple[Expr, str] | None:
    """The expression that a condition `x == "word"` is about, where it is read from, and the word."""
    operator = expr.node.child_by_field_name("operator")
    if operator is None or operator.type != "==":
        return None
    resolver = block.tree.resolver
    left, right = resolver.child(expr, "left"), resolver.child(expr, "right")
    text = resolver.literal(right)
    if left is None or text is None:
        return None
    value = resolver.value(left)
    if not isinstance(value, Ref):
        return None
    return (value.at if left.node.type == "variable_expression" else left), text


def _values(block: Block, expr: Expr, makers: Sequence[Container]) -> frozenset[str]:
    """The words that an expression may come to: of the option that it reads, or of what calls give.

    Empty where they are not all known.
    """
    value = block.tree.resolver.value(expr)
    if not isinstance(value, Ref):
        return frozenset()
    if value.path[0] == "config":
        return frozenset(choices(block.tree, value.path[1:]))
    if value.binder is None or len(value.path) > 1:
        return frozenset()
    words: set[str] = set()
    for maker in makers:
        given = called_with(maker.block, value.binder, value.path[0])
        found = None if given is None else block.tree.resolver.value(given)
        if isinstance(found, Str) and found.literal is not None:
            words.add(found.literal)
        elif isinstance(found, Ref) and found.path[0] == "config" and choices(block.tree, found.path[1:]):
            words |= set(choices(block.tree, found.path[1:]))
        else:
            return frozenset()
    return frozenset(words)
