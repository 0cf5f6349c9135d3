"""Timers beside the services they start: where one goes, and under which conditions."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import Env, attrpath_of, bindings_of, env_along, means_the_same, root_env
from hwc_refactor.nix.strings import attr_name, identifier_or_quoted
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Condition, Expr, Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace, in_called_function

SERVICES = "services"
_SETS = frozenset({"attrset_expression", "rec_attrset_expression"})


class Beside(Struct, frozen=True, eq=False):
    """The place beside a service for what belongs to it.

    Attributes:
        file: the file.
        holder: the set that the definition of the service stands in, directly or within `services = { … }`.
        after: the binding of that set behind which it goes.
        lead: the option path that the set's bindings have in common with the service, before `services`.
        conditions: what must hold for the service and is said between that binding and the service itself.
        env: the scope of the set.
    """

    file: ParsedFile
    holder: Node
    after: Node
    lead: tuple[str, ...]
    conditions: tuple[Condition, ...]
    env: Env


def beside(block: Block, conditions: Sequence[Condition] = ()) -> Beside:
    """The place beside a service.

    Args:
        block: the service.
        conditions: those under which its whole definition stands, beside those of `block.conditions`.

    Raises:
        NoPlace: when a function makes it, or its definition does not stand below a path that ends in `services`.
    """
    slot = _last(block)
    file = slot.expr.file
    if block.calls or in_called_function(slot.expr.env):
        raise NoPlace("it stands in a function, where a change would reach every call of it")
    if slot.binding is None:
        raise NoPlace("its definition is computed")
    chain = file.chain(slot.binding.start_byte, slot.binding.end_byte)
    for position in range(len(chain) - 1, 1, -1):
        binding = chain[position]
        if binding.type != "binding":
            continue
        path = [attr_name(file, part) or "" for part in attrpath_of(binding)]
        own = binding == slot.binding
        if own and SERVICES not in path:
            continue
        if not own and path[-1:] != [SERVICES]:
            continue
        if SERVICES not in path:
            break
        holder = chain[position - 1] if chain[position - 1].type in _SETS else chain[position - 2]
        if holder.type not in _SETS:
            break
        lead = tuple(path[: path.index(SERVICES)])
        *_, (_, env) = env_along(file, [*chain[: position + 1]], root_env(file))
        inside = tuple(c for c in (*block.conditions, *conditions) if _within(file, c.expr, binding))
        return Beside(file, holder, _last_of(block, holder, binding), lead, inside, env)
    raise NoPlace("its definition does not stand below a path that ends in 'services'")


def _last(block: Block) -> Slot:
    """The last definition of a service in its file."""
    own = [slot for slot in block.slots if slot.expr.file.source.path == block.file]
    return max(own, key=lambda slot: slot.expr.node.start_byte)


def _last_of(block: Block, holder: Node, binding: Node) -> Node:
    own = {slot.binding for slot in block.slots if slot.binding is not None}
    last = [node for node in bindings_of(holder) if node in own]
    return last[-1] if last else binding


def _within(file: ParsedFile, expr: Expr, node: Node) -> bool:
    inside = node.start_byte <= expr.node.start_byte and expr.node.end_byte <= node.end_byte
    return expr.file.source.path == file.source.path and inside


def under(place: Beside, text: str, expressions: Sequence[Expr] = ()) -> str:
    """A set's source text under the conditions of a place: `lib.mkIf cfg.enable { … }`.

    Raises:
        NoPlace: when a name in a condition, or in one of the expressions that the text holds, means something
            else at the place.
    """
    for expr in (*expressions, *(condition.expr for condition in place.conditions)):
        if not means_the_same(expr, place.env):
            raise NoPlace(f"'{' '.join(expr.text.split())}' is not known at the place beside it")
    if not place.conditions:
        return text
    shown = [_operand(condition, alone=len(place.conditions) == 1) for condition in place.conditions]
    condition = shown[0] if len(shown) == 1 else f"({' && '.join(shown)})"
    return f"{_mk_if(place)} {condition} {text}"


def _operand(condition: Condition, *, alone: bool) -> str:
    plain = condition.expr.node.type in (
        "variable_expression",
        "select_expression",
        "parenthesized_expression",
    )
    text = condition.expr.text if plain else f"({condition.expr.text})"
    if condition.holds:
        return text
    return f"(!{text})" if alone else f"!{text}"


def _mk_if(place: Beside) -> str:
    """How the file writes `mkIf`."""
    data = place.file.source.data
    return "lib.mkIf" if b"lib.mkIf" in data or b"mkIf" not in data else "mkIf"


def add_timer(
    draft: Draft,
    place: Beside,
    name: str,
    bindings: Sequence[str],
    *,
    expressions: Sequence[Expr] = (),
    heading: str | None = None,
) -> None:
    """Add a timer beside a service.

    Args:
        draft: the change.
        place: where.
        name: the timer's name.
        bindings: what its set holds, as source text.
        expressions: the Nix expressions in them.
        heading: a comment above it.

    Raises:
        NoPlace: when its expressions or conditions mean something else there.
        BuildError: when a timer of this name is there.
    """
    lines = "\n".join(f"  {line}" for text in bindings for line in text.split("\n"))
    value = under(place, "{\n" + lines + "\n}", expressions)
    path = ".".join((*place.lead, "timers"))
    above = (heading,) if heading else ()
    timers = _timers(place)
    own = identifier_or_quoted(name)
    if timers is not None:
        draft.insert(place.file, timers, [Snippet(f"{own} = {value};", above=above, blank=True)])
        return
    snippet = Snippet(f"{path}.{own} = {value};", above=above, blank=True)
    draft.insert(place.file, place.holder, [snippet], after=place.after)


def _timers(place: Beside) -> Node | None:
    """The set of timers that is written out beside the service."""
    wanted = (*place.lead, "timers")
    for binding in bindings_of(place.holder):
        if binding.type != "binding":
            continue
        path = tuple(attr_name(place.file, part) or "" for part in attrpath_of(binding))
        value = binding.child_by_field_name("expression")
        if path == wanted and value is not None and value.type == "attrset_expression":
            return value
    return None
