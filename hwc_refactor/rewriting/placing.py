"""Where a new binding of an object goes, and whether a place may be edited for that object alone."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.scope import Env, attrpath_of, called_frame
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile, within
from hwc_refactor.nix.values import Attrs, Branch, Call, Expr, Slot
from hwc_refactor.nixos.block import Block, Kind
from hwc_refactor.nixos.objects import objects, objects_at
from hwc_refactor.nixos.tree import Tree

_WRAPS = frozenset(
    {"parenthesized_expression", "with_expression", "let_expression", "binding_set", "list_expression"}
)


_IN_FUNCTION = "it stands in a function, where a change would reach every call of it"


class NoPlace(Exception):
    """A place cannot be edited for one object alone; the message says why, in words for the user."""


class Home(Struct, frozen=True):
    """Where bindings go.

    Attributes:
        file: the file.
        holder: the set (or `let`) they go into.
        lead: the attribute path to write before their names, with a dot at its end; may be empty.
        after: the binding behind which they go, None for the end.
    """

    file: ParsedFile
    holder: Node
    lead: str = ""
    after: Node | None = None


def home(tree: Tree, block: Block, prefix: tuple[str, ...]) -> Home:
    """Where new bindings below an attribute of an object go, in the manner the object is written in.

    A set that is written out wins over attribute paths; an attribute that is not there yet gets its names
    written before. Raises NoPlace when nothing of it may be edited for this object alone.
    """
    slots = block.get(*prefix) if prefix else block.slots
    reason = "it is made by an expression that cannot be edited for it alone"
    for slot in sorted(slots, key=lambda slot: len(slot.conditions)):
        literals = () if slot.rest else tuple(literal_sets(tree, slot.expr))
        if literals and prefix and (text := _condition(tree, slot.expr)) is not None:
            reason = f"'{prefix[-1]}' is there only under a condition ({text})"
            continue
        for literal in literals:
            obstacle = not_own(tree, block, literal)
            if obstacle is None:
                return Home(literal.file, literal.node)
            reason = obstacle
    for _, slot in sorted(enumerate(slots), key=lambda at: (len(at[1].conditions), -at[0])):
        if not slot.rest or slot.binding is None or slot.holder is None:
            continue
        if further := block.extra(slot):
            reason = f"it is put together under conditions ({further[0].text})"
            break
        obstacle = not_own(tree, block, slot.expr)
        if obstacle is None:
            lead = _lead(slot)
            return Home(slot.expr.file, slot.holder.node, lead, slot.binding)
        reason = obstacle
    if prefix and not slots:
        above = home(tree, block, prefix[:-1])
        return Home(above.file, above.holder, f"{above.lead}{prefix[-1]}.", above.after)
    raise NoPlace(reason)


def _condition(tree: Tree, expr: Expr) -> str | None:
    """The condition under which alone a value is there, as source text."""
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.name in _CONDITIONAL and len(value.args) == 2:
        return value.args[0].text
    return None


_CONDITIONAL = frozenset({"mkIf", "optionalAttrs"})


def binding_in(home: Home, tree: Tree, block: Block, path: tuple[str, ...]) -> Node | None:
    """The binding of an attribute when it stands in the set that `home` names."""
    for slot in block.get(*path):
        if slot.binding is not None and slot.holder is not None and slot.holder.node == home.holder:
            return slot.binding
    return None


def literal_sets(tree: Tree, expr: Expr) -> Iterator[Expr]:
    """The set literals that an expression amounts to, through `mkIf`, `mkMerge`, `//` and names.

    What is written into the first of them wins, as with the right side of `//`; what none defines yet may be
    written into any.
    """
    value = tree.resolver.value(expr)
    match value:
        case Attrs(literal=True):
            yield value.at
        case Attrs(at=at) if at.node.type == "binary_expression":
            for side in ("right", "left"):
                yield from _operand(tree, tree.resolver.child(at, side))
        case Call(name="mkIf" | "optionalAttrs", args=(_, content)):
            yield from literal_sets(tree, content)
        case Call(name="recursiveUpdate", args=(left, right)):
            yield from _operand(tree, right)
            yield from _operand(tree, left)
        case Call(name="mkMerge", args=(listed,)):
            for item in tree.resolver.items(listed):
                if item.unknown or item.conditions or isinstance(tree.resolver.value(item.expr), Call):
                    continue
                yield from literal_sets(tree, item.expr)


def _operand(tree: Tree, expr: Expr | None) -> Iterator[Expr]:
    """The set literals of one side of `//`, when that side is there in every case."""
    if expr is None or isinstance(value := tree.resolver.value(expr), Branch):
        return
    if not (isinstance(value, Call) and value.name in _CONDITIONAL):
        yield from literal_sets(tree, expr)


def demand_own(tree: Tree, block: Block, expr: Expr) -> None:
    """Raise NoPlace when an expression cannot be edited for the object alone."""
    obstacle = not_own(tree, block, expr)
    if obstacle is not None:
        raise NoPlace(obstacle)


def not_own(tree: Tree, block: Block, expr: Expr) -> str | None:
    """Why an expression cannot be edited for the object alone; None when it can."""
    if in_called_function(expr.env):
        return _IN_FUNCTION
    return _place_not_own(tree, block, expr, expr.file, expr.node)


def _place_not_own(tree: Tree, block: Block, expr: Expr, file: ParsedFile, node: Node) -> str | None:
    """The same for a place that leads to the expression: the object itself, its data, or a `let`."""
    for region in (*(slot.expr for slot in block.slots), *block.calls):
        if file.source.path == region.file.source.path and within(node, region.node):
            if in_called_function(region.env):
                return _IN_FUNCTION
            names = [one.name for one in _siblings(tree, block) if _spot(expr) in _spots(one)]
            return f"it is given to '{min(names)}' too" if names else None
    for data in _definitions(block):
        if file.source.path == data.file.source.path and within(node, data.node):
            others = _readers(tree, block.kind).get(_spot(expr), set()) - {_key(block)}
            return f"it is given to '{min(others)[1]}' too" if others else None
    binding = _let_binding(file, node)
    name = None if binding is None else attr_name(file, attrpath_of(binding)[0])
    if binding is None or name is None:
        return "it stands outside of the object"
    uses = list(_uses(tree, file, name))
    if len(uses) != 1:
        return f"it stands in '{name}', which is used in {len(uses)} places"
    use = uses[0]
    if within(use, binding):
        return f"it stands in '{name}', which uses itself"
    return _place_not_own(tree, block, expr, file, use)


def _uses(tree: Tree, file: ParsedFile, name: str) -> Iterator[Node]:
    """The places of a file that read a name of this spelling from the scope, whichever binding it has."""
    for offset in tree.words(file.source.path, name.encode()):
        *_, above, around, node = (file.root, file.root, *file.chain(offset, offset + len(name)))
        inherited = around.type == "inherited_attrs" and above.type == "inherit"
        if node.type == "identifier" and (around.type == "variable_expression" or inherited):
            yield node


def _definitions(block: Block) -> Iterator[Expr]:
    """The bindings that define all objects around this one: `containers = mapAttrs … { … };`."""
    names = {block.kind.word, *block.kind.below}
    for slot in block.slots:
        file = slot.expr.file
        for around in reversed(file.chain(slot.expr.node.start_byte, slot.expr.node.end_byte)):
            if around.type == "binding" and names & {attr_name(file, part) for part in attrpath_of(around)}:
                yield Expr(file, around, slot.expr.env)
                break


_Key = tuple[str, str, int]
_Spot = tuple[str, int, int]


def _readers(tree: Tree, kind: Kind) -> dict[_Spot, set[_Key]]:
    """Which objects of a kind an expression is a value, or a list element, of."""
    key = ("readers", kind.name)
    known = tree.memo.get(key)
    if isinstance(known, dict):
        return known
    found: dict[_Spot, set[_Key]] = {}
    tree.memo[key] = found
    for block in objects(tree, kind):
        for name, slots in block.view.slots.items():
            for expr in (*(slot.expr for slot in slots), *(item.expr for item in block.items(name))):
                found.setdefault(_spot(expr), set()).add(_key(block))
    return found


def _siblings(tree: Tree, block: Block) -> list[Block]:
    """The other objects of its kind that the outermost call which makes an object makes too."""
    if not block.calls:
        return []
    call = _spot(block.calls[0])
    return [
        one
        for one in objects_at(tree, block.kind, (block.file,))
        if one.calls and _spot(one.calls[0]) == call and _key(one) != _key(block)
    ]


def _spots(block: Block) -> set[_Spot]:
    """The expressions that are its attributes, or attributes of these, the sets behind them, and their elements."""
    found: set[_Spot] = set()
    for above in ((), *((name,) for name in block.names())):
        for name in block.names(*above):
            for slot in block.get(*above, name):
                sets = literal_sets(block.tree, slot.expr)
                found.update(_spot(expr) for expr in (slot.expr, *sets))
            found.update(_spot(item.expr) for item in block.items(*above, name))
    return found


def _key(block: Block) -> _Key:
    return block.file, block.name, block.offset


def _spot(expr: Expr) -> _Spot:
    return expr.file.source.path, expr.node.start_byte, expr.node.end_byte


def in_called_function(env: Env) -> bool:
    """Whether a scope is the body of a function that is called: an edit there changes every call."""
    return called_frame(env) is not None


def _let_binding(file: ParsedFile, node: Node) -> Node | None:
    """The innermost binding of a `let` around a node, when it binds one name."""
    chain = file.chain(node.start_byte, node.end_byte)
    for position in range(len(chain) - 1, 1, -1):
        if chain[position].type == "binding" and chain[position - 2].type == "let_expression":
            return chain[position] if len(attrpath_of(chain[position])) == 1 else None
    return None


def _lead(slot: Slot) -> str:
    """The part of a binding's attribute path that leads to the attribute a slot defines."""
    assert slot.binding is not None
    path = attrpath_of(slot.binding)
    used = len(path) - len(slot.rest)
    data = slot.expr.file.source.data
    return data[path[0].start_byte : path[used - 1].end_byte].decode(errors="replace") + "."
