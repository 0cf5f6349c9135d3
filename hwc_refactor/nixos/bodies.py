"""Which objects have to change together, because they are made by one expression.

A function that makes several objects is read once, as it stands: its parameters are names, not what some
call gives for them. What is written into it then holds for every call, also for those to come. The same goes
for a set of a `let` that several objects are by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.scope import Env, Parameter, attrpath_of, called_frame, env_along, lookup, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Expr, Slot
from hwc_refactor.nixos.block import Block, Kind
from hwc_refactor.nixos.objects import objects_with, rows_at
from hwc_refactor.nixos.surveys import Survey, surveyed
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.uses import named_in, uses_of

Divisible = Callable[[Block], bool]
_Spot = tuple[str, int]
_Key = tuple[str, str, int]
"""An object by its file, its name and where it begins."""
PLAIN = frozenset(
    {
        *("autoStart", "capabilities", "cmd", "dependsOn", "devices", "entrypoint", "environmentFiles"),
        *("hostname", "labels", "ports", "pull", "volumes", "workdir"),
    }
)
"""Attributes of a container that mean the same whatever its function is converted to."""
STAYING = PLAIN | {"environment", "extraOptions", "image", "imageFile"}
"""Attributes of a container that may be given to it in NixOS' words, by a function that stays as it is."""


class Family(Struct, frozen=True, eq=False):
    """Objects that change together.

    Attributes:
        blocks: all of them, in the order of files and lines.
        bodies: what is to be edited: each object itself, or the function that makes it, read once.
        whole: those that move with everything that their places define.
        stranger: a use of their function that makes none of them, None without such.
        overlaid: an attribute that one of them has instead of what their function gives, None without such.
    """

    blocks: tuple[Block, ...]
    bodies: tuple[Block, ...]
    whole: tuple[Block, ...] = ()
    stranger: Expr | None = None
    overlaid: Expr | None = None


class _Ties(Struct, frozen=True):
    """What an object may have in common with others.

    Attributes:
        key: the object.
        anchors: where the bindings stand that define it; none where it can always go alone from these.
        bodies: where the functions stand that make it, and the sets that it shares whole.
        divisible: whether it can go alone from its bindings.
        begun: whether these functions need not change for it.
    """

    key: _Key
    anchors: tuple[_Spot, ...]
    bodies: tuple[_Spot, ...]
    divisible: bool
    begun: bool


def ties(kind: Kind, divisible: Divisible | None = None) -> Survey:
    """What has to be known of all objects of a kind to tell which of them change together.

    Args:
        kind: the kind.
        divisible: whether an object can go alone from the bindings that define it; None where it need not.
    """
    what = "bodies" if divisible is None else "bodies and bindings"
    return Survey(f"{what} of a {kind.name}", kind, partial(_ties, divisible))


def _ties(divisible: Divisible | None, block: Block) -> _Ties:
    made_by = _bodies(block)
    return _Ties(
        _key(block),
        () if divisible is None else tuple(_spot(anchor) for anchor in block.anchors),
        tuple(_spot(body) for body in made_by),
        divisible is None or divisible(block),
        bool(made_by) and _only_begun(block, made_by),
    )


def family_of(block: Block, survey: Survey) -> Family:
    """The objects that change together with one, itself included; `survey` asks for the `ties` of all."""
    tree, own = block.tree, survey.ask(block)
    assert isinstance(own, _Ties)
    if not own.bodies and own.divisible and not own.anchors:
        return Family((block,), (block,))
    groups = tree.remember(("groups", survey.name), tree, lambda: _groups(surveyed(tree, survey)))
    if not own.bodies and own.divisible and groups.joint.isdisjoint(own.anchors):
        return Family((block,), (block,))
    members = groups.members.get(own.key)
    if members is None:
        return Family((block,), (block,), (block,))
    key = ("family", survey.name, members[0])
    return tree.remember(key, tree, lambda: _family(tree, block.kind, members, groups))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many: `a, b and c`."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


_Member = tuple[int, str]
"""An object by its place among all of its kind, and its file."""


class _Groups(Struct, frozen=True):
    """The objects that change together.

    Attributes:
        joint: where bindings stand of which some object cannot go alone.
        edited: where functions stand that have to change for some object.
        members: for each object all those that change together with it, itself included.
    """

    joint: frozenset[_Spot]
    edited: frozenset[_Spot]
    members: Mapping[_Key, tuple[_Member, ...]]


def _groups(rows: Sequence[object]) -> _Groups:
    """What follows from the ties of all objects of a kind."""
    known = [row for row in rows if isinstance(row, _Ties)]
    joint = frozenset(anchor for row in known if not row.divisible for anchor in row.anchors)
    edited = frozenset(body for row in known if not row.begun for body in row.bodies)
    leader = list(range(len(known)))

    def lead(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    first: dict[object, int] = {}
    for number, row in enumerate(known):
        keys: list[object] = [("anchor", anchor) for anchor in row.anchors if anchor in joint]
        for one in (*keys, *(("body", body) for body in row.bodies if body in edited)):
            low, high = sorted((lead(first.setdefault(one, number)), lead(number)))
            leader[high] = low
    grouped: dict[int, list[_Member]] = {}
    for number, row in enumerate(known):
        grouped.setdefault(lead(number), []).append((number, row.key[0]))
    members = {row.key: tuple(grouped[lead(number)]) for number, row in enumerate(known)}
    return _Groups(joint, edited, members)


def _family(tree: Tree, kind: Kind, members: Sequence[_Member], groups: _Groups) -> Family:
    """The family that some objects are."""
    made = {place: block for place, _, block in rows_at(tree, kind, {file for _, file in members})}
    group = tuple(made[place] for place, _ in members)
    bodies = [[body for body in _bodies(block) if _spot(body) in groups.edited] for block in group]
    views: dict[object, Block] = {}
    for block, made_by in zip(group, bodies, strict=True):
        if not made_by:
            views[block] = block
        for body in made_by:
            slot = Slot((), body, None, None)
            views.setdefault(_spot(body), replace(block, slots=(slot,), calls=(), elsewhere=()))
    outer = [layer for one, by in zip(group, bodies, strict=True) for layer, _ in _outer(one, by)]
    whole = tuple(block for block in group if any(_spot(anchor) in groups.joint for anchor in block.anchors))
    return Family(
        group,
        tuple(views.values()),
        whole,
        _stranger(tree, group, [body for made_by in bodies for body in made_by], outer),
        next((at for one, by in zip(group, bodies, strict=True) if by and (at := _overlaid(one, by))), None),
    )


def _only_begun(block: Block, bodies: Sequence[Expr]) -> bool:
    """Whether functions give an object only what may stay, and it goes on in a set of its own: `f x // { … }`."""
    own = False
    for name, slots in block.view.slots.items():
        for slot in slots:
            at = slot.expr if slot.holder is None else slot.holder
            if called_frame(at.env) is None:
                own = own or any(_inside(at, whole.expr) for whole in block.slots)
            elif name not in STAYING or not any(_inside(at, body) for body in bodies):
                return False
    return own


def _bodies(block: Block) -> list[Expr]:
    """The bodies of the functions that make an object, with their parameters unbound, and sets it shares whole."""
    return block.tree.remember(("bodies", id(block)), block, lambda: _found_bodies(block))


def _found_bodies(block: Block) -> list[Expr]:
    found: dict[_Spot, Expr] = {}
    for slot in block.slots:
        called = called_frame(slot.expr.env) is not None
        body = _called_body(block.tree, slot.expr) if called else _shared_set(block, slot)
        if body is not None:
            found[_spot(body)] = body
    if found:
        return list(found.values())
    layers = _layers(block)
    makers = [body for body, names in layers if "image" in names]
    return makers if len(makers) == 1 else [body for body, _ in layers]


def _layers(block: Block) -> list[tuple[Expr, dict[str, Expr]]]:
    """The bodies of the functions whose sets an object is put together from, each with what it gives.

    More than one where a function goes on with what another one gives: `image: port: plain image // { … }`.
    """
    found: dict[_Spot, tuple[Expr, dict[str, Expr]]] = {}
    if any(called_frame(slot.expr.env) is not None for slot in block.slots):
        return []
    for name, slots in block.view.slots.items():
        for slot in slots:
            body = None if slot.holder is None else _function_body(slot.holder.env)
            if body is not None:
                found.setdefault(_spot(body), (body, {}))[1].setdefault(name, slot.expr)
    return list(found.values())


def _outer(block: Block, bodies: Sequence[Expr]) -> list[tuple[Expr, dict[str, Expr]]]:
    """The layers of an object that are not to be edited: those around the function that makes it."""
    edited = {_spot(body) for body in bodies}
    return [layer for layer in _layers(block) if _spot(layer[0]) not in edited] if bodies else []


def _called_body(tree: Tree, expr: Expr) -> Expr:
    """What a function makes, or where that calls another one in sight and no more, what that one makes."""
    value = tree.resolver.value(expr)
    if isinstance(value, Attrs) and value.literal and not _inside(value.at, expr):
        return _function_body(value.at.env) or _unbound(expr.file, expr.node)
    return _unbound(expr.file, expr.node)


def _function_body(env: Env) -> Expr | None:
    """The body of the called function that a scope belongs to, with its parameters unbound."""
    frame = called_frame(env)
    inside = None if frame is None else frame.node.child_by_field_name("body")
    while inside is not None and inside.type == "function_expression":
        inside = inside.child_by_field_name("body")
    return None if frame is None or inside is None else _unbound(frame.file, inside)


def _shared_set(block: Block, slot: Slot) -> Expr | None:
    """The set of a `let` that an object is by name, when several are it, and nobody else reads it."""
    tree = block.tree
    expr = None if slot.rest else _given(tree, slot.expr)
    if expr is None:
        return None
    value = tree.resolver.value(expr)
    if not isinstance(value, Attrs) or not value.literal or value.at.file is not expr.file:
        return None
    chain = expr.file.chain(value.at.node.start_byte, value.at.node.end_byte)
    place = chain.index(value.at.node)
    if place < 3 or chain[place - 1].type != "binding" or chain[place - 3].type != "let_expression":
        return None
    name = expr.text
    names = [attr_name(expr.file, part) for part in attrpath_of(chain[place - 1])]
    path = expr.file.source.path
    uses = [offset for offset in tree.words(path, name.encode()) if _is_read(expr.file, offset, name)]
    if names != [name] or len(uses) < 2:
        return None
    key = ("named whole", block.kind.name, path)
    made = tree.remember(key, tree, lambda: _named_whole(tree, block.kind, path))
    return value.at if all((path, offset) in made for offset in uses) else None


def _is_read(file: ParsedFile, offset: int, name: str) -> bool:
    """Whether a name is read from the scope at an offset, rather than bound or selected there."""
    *_, around, node = (file.root, *file.chain(offset, offset + len(name.encode())))
    return node.type == "identifier" and around.type in ("variable_expression", "inherited_attrs")


def _named_whole(tree: Tree, kind: Kind, file: str) -> set[_Spot]:
    """Where objects of a kind are given whole by a name, of those that have a definition in a file."""
    return {
        _spot(given)
        for block in objects_with(tree, kind, file)
        for slot in block.slots
        if not slot.rest and (given := _given(tree, slot.expr)) is not None
    }


def _given(tree: Tree, expr: Expr) -> Expr | None:
    """The name that an object is given by, also behind `mkIf`."""
    while expr.node.type != "variable_expression":
        value = tree.resolver.value(expr)
        if not isinstance(value, Call) or value.name != "mkIf" or len(value.args) != 2:
            return None
        expr = value.args[1]
    return expr


def _overlaid(block: Block, bodies: list[Expr]) -> Expr | None:
    """What an object has, or lacks, beside its functions of an attribute that decides about others."""
    for _, given in _outer(block, bodies):
        for name, expr in given.items():
            if name not in PLAIN:
                return expr
    if len(bodies) > 1 and len(_layers(block)) > 1:
        return block.slots[0].expr
    for name, slots in block.view.slots.items():
        if name in PLAIN:
            continue
        for slot in slots:
            at = slot.expr if slot.holder is None else slot.holder
            inside = any(at.file is body.file and _inside(at, body) for body in bodies)
            if not inside and called_frame(at.env) is None:
                return slot.expr
    for body in bodies:
        view = block.tree.resolver.step((Slot((), body, None, None),))
        if view is not None and set(view.slots) - set(block.view.slots) - PLAIN:
            return block.slots[0].expr
    return None


def called_with(block: Block, function: Node, name: str) -> Expr | None:
    """What the call that makes an object gives for a parameter of a function, or its default; None if unknown."""
    envs = [slot.expr.env for slot in block.slots]
    for slots in block.view.slots.values():
        envs += [slot.holder.env for slot in slots if slot.holder is not None]
    for env in envs:
        frame: Env | None = env
        while frame is not None:
            if frame.node == function and frame.args is not None:
                found = lookup(name, frame)
                given = found.argument if isinstance(found, Parameter) else None
                if isinstance(given, Expr):
                    return given
                return found.default if isinstance(found, Parameter) and given is None else None
            frame = frame.parent
    return None


def _unbound(file: ParsedFile, node: Node) -> Expr:
    chain = file.chain(node.start_byte, node.end_byte)
    chain = chain[: chain.index(node) + 1]
    *_, (_, env) = env_along(file, chain, root_env(file))
    return Expr(file, node, env)


def _stranger(
    tree: Tree, group: tuple[Block, ...], bodies: list[Expr], outer: Sequence[Expr] = ()
) -> Expr | None:
    """A use of the function around a body that is none of the calls which make the group.

    One where the group is put together, as in `containers = mapAttrs make servers`, is one of them, and so is
    one in a function around, if that is used for the group alone.
    """
    places = [expr for block in group for expr in (*block.calls, *(slot.expr for slot in block.slots))]
    places += outer
    anchors = [anchor for block in group for anchor in block.anchors]
    seen: set[_Spot] = set()
    for body in (*bodies, *outer):
        if _spot(body) in seen:
            continue
        seen.add(_spot(body))
        for use in uses_of(tree, body):
            if not _accounted(tree, use, places, anchors):
                return use
    return None


def _is_selected_from(use: Expr) -> bool:
    """Whether an attribute of what a function gives is selected: `(make 1).image`."""
    chain = use.file.chain(use.node.start_byte, use.node.end_byte)
    node = use.node
    for around in reversed(chain[: chain.index(use.node)]):
        if around.type == "select_expression":
            return around.child_by_field_name("expression") == node
        called = around.type == "apply_expression" and around.child_by_field_name("function") == node
        if not called and around.type != "parenthesized_expression":
            return False
        node = around
    return False


def _makes(use: Expr, anchor: Expr) -> bool:
    """Whether a use stands where all objects of an anchor are put together, rather than in one of them."""
    if not _inside(use, anchor):
        return False
    chain = use.file.chain(use.node.start_byte, use.node.end_byte)
    between = chain[chain.index(anchor.node) + 1 : chain.index(use.node)]
    return not any(node.type in ("binding", "select_expression", "inherit_from") for node in between)


def _accounted(tree: Tree, use: Expr, places: list[Expr], anchors: Sequence[Expr], depth: int = 0) -> bool:
    """Whether a use makes the objects of some anchors, stands in one of some places, or in a `let` for these alone.

    What is selected of that which a function makes is another thing than that which it makes.
    """
    if any(_makes(use, anchor) for anchor in anchors):
        return True
    if _is_selected_from(use):
        return False
    if any(_inside(use, place) for place in places):
        return True
    chain = use.file.chain(use.node.start_byte, use.node.end_byte)
    for position in range(len(chain) - 1, 1, -1):
        if chain[position].type == "binding" and chain[position - 2].type == "let_expression":
            path = attrpath_of(chain[position])
            name = attr_name(use.file, path[0]) if len(path) == 1 else None
            if name is None or depth > 3:
                return False
            uses = [u for u in named_in(tree, use.file, name) if not _inside(u, use)]
            return bool(uses) and all(_accounted(tree, other, places, anchors, depth + 1) for other in uses)
    return False


def _inside(expr: Expr, place: Expr) -> bool:
    return (
        expr.file.source.path == place.file.source.path
        and place.node.start_byte <= expr.node.start_byte
        and expr.node.end_byte <= place.node.end_byte
    )


def _spot(expr: Expr) -> _Spot:
    return expr.file.source.path, expr.node.start_byte


def _key(block: Block) -> _Key:
    return block.file, block.name, block.offset
