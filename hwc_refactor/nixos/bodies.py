"""Which objects have to change together, because they are made by one expression.

A function that makes several objects is read once, as it stands: its parameters are names, not what some
call gives for them. What is written into it then holds for every call, also for those to come. The same goes
for a set of a `let` that several objects are by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.scope import Env, Parameter, attrpath_of, called_frame, env_along, lookup, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Expr, Slot
from hwc_refactor.nixos.objects import Block, Kind, objects
from hwc_refactor.nixos.tree import Tree

Divisible = Callable[[Block], bool]
_Spot = tuple[str, int]
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


def family_of(tree: Tree, block: Block, divisible: Divisible) -> Family:
    """The objects that change together with one, itself included."""
    if (
        not _bodies(block)
        and divisible(block)
        and not any(_spot(a) in _joint(tree, block.kind, divisible) for a in block.anchors)
    ):
        return Family((block,), (block,))
    index = _families(tree, block.kind, divisible)
    return index.get(_key(block)) or Family((block,), (block,), (block,))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many: `a, b and c`."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]


def _families(tree: Tree, kind: Kind, divisible: Divisible) -> dict[tuple[str, str, int], Family]:
    key = ("families", kind.name)
    known = tree.memo.get(key)
    if isinstance(known, dict):
        return known
    blocks = objects(tree, kind)
    joint = _joint(tree, kind, divisible)
    leader = list(range(len(blocks)))

    def lead(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    first: dict[object, int] = {}
    bodies = _edited(blocks)
    for number, block in enumerate(blocks):
        made_by = bodies[number]
        keys: list[object] = [("anchor", spot) for a in block.anchors if (spot := _spot(a)) in joint]
        keys += [("body", _spot(body)) for body in made_by]
        for one in keys:
            other = first.setdefault(one, number)
            low, high = sorted((lead(other), lead(number)))
            leader[high] = low
    members: dict[int, list[int]] = {}
    for number in range(len(blocks)):
        members.setdefault(lead(number), []).append(number)
    found: dict[tuple[str, str, int], Family] = {}
    for numbers in members.values():
        group = tuple(blocks[n] for n in numbers)
        views: dict[object, Block] = {}
        for number in numbers:
            if not bodies[number]:
                views[number] = blocks[number]
            for body in bodies[number]:
                slot = Slot((), body, None, None)
                views.setdefault(_spot(body), replace(blocks[number], slots=(slot,), calls=(), elsewhere=()))
        whole = tuple(block for block in group if any(_spot(a) in joint for a in block.anchors))
        family = Family(
            group,
            tuple(views.values()),
            whole,
            _stranger(tree, group, [body for n in numbers for body in bodies[n]]),
            next((at for n in numbers if bodies[n] and (at := _overlaid(blocks[n], bodies[n]))), None),
        )
        for block in group:
            found[_key(block)] = family
    tree.memo[key] = found
    return found


def _edited(blocks: Sequence[Block]) -> list[list[Expr]]:
    """The functions that make each of some objects, but for those that need not change for any of them."""
    bodies = [_bodies(block) for block in blocks]
    needed = {
        _spot(body)
        for block, made_by in zip(blocks, bodies, strict=True)
        if made_by and not _only_begun(block, made_by)
        for body in made_by
    }
    return [[body for body in made_by if _spot(body) in needed] for made_by in bodies]


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


def _joint(tree: Tree, kind: Kind, divisible: Divisible) -> set[_Spot]:
    """The anchors of which some object cannot go alone."""
    key = ("joint", kind.name)
    known = tree.memo.get(key)
    if not isinstance(known, set):
        known = tree.memo[key] = {
            _spot(anchor) for block in objects(tree, kind) if not divisible(block) for anchor in block.anchors
        }
    return known


def _bodies(block: Block) -> list[Expr]:
    """The bodies of the functions that make an object, with their parameters unbound, and sets it shares whole."""
    found: dict[_Spot, Expr] = {}
    for slot in block.slots:
        called = called_frame(slot.expr.env) is not None
        body = _called_body(block.tree, slot.expr) if called else _shared_set(block, slot)
        if body is not None:
            found[_spot(body)] = body
    if found:
        return list(found.values())
    for slots in block.view.slots.values():
        for slot in slots:
            body = None if slot.holder is None else _function_body(slot.holder.env)
            if body is not None:
                found[_spot(body)] = body
    return list(found.values())


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
    path = [attr_name(expr.file, part) for part in attrpath_of(chain[place - 1])]
    uses = [
        offset
        for offset in tree.words(expr.file.source.path, name.encode())
        if _is_read(expr.file, offset, name)
    ]
    if path != [name] or len(uses) < 2:
        return None
    made = _named_whole(tree, block.kind)
    return value.at if all((expr.file.source.path, offset) in made for offset in uses) else None


def _is_read(file: ParsedFile, offset: int, name: str) -> bool:
    """Whether a name is read from the scope at an offset, rather than bound or selected there."""
    *_, around, node = (file.root, *file.chain(offset, offset + len(name.encode())))
    return node.type == "identifier" and around.type in ("variable_expression", "inherited_attrs")


def _named_whole(tree: Tree, kind: Kind) -> set[_Spot]:
    """Where an object of a kind is given whole by a name."""
    key = ("named whole", kind.name)
    known = tree.memo.get(key)
    if not isinstance(known, set):
        known = tree.memo[key] = {
            _spot(given)
            for block in objects(tree, kind)
            for slot in block.slots
            if not slot.rest and (given := _given(tree, slot.expr)) is not None
        }
    return known


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


def _stranger(tree: Tree, group: tuple[Block, ...], bodies: list[Expr]) -> Expr | None:
    """A use of the function around a body that is none of the calls which make the group.

    One where the group is put together, as in `containers = mapAttrs make servers`, is one of them.
    """
    places = [expr for block in group for expr in (*block.calls, *(slot.expr for slot in block.slots))]
    anchors = [anchor for block in group for anchor in block.anchors]
    seen: set[_Spot] = set()
    for body in bodies:
        if _spot(body) in seen:
            continue
        seen.add(_spot(body))
        for use in _uses(tree, body):
            if not any(_makes(use, anchor) for anchor in anchors) and not _accounted(tree, use, places):
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


def _accounted(tree: Tree, use: Expr, places: list[Expr], depth: int = 0) -> bool:
    """Whether a use stands in one of some places, or in a `let` whose names are used in them alone.

    What is selected of that which a function makes is another thing than that which it makes.
    """
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
            uses = [u for u in _named(tree, use.file, name) if not _inside(u, use)]
            return bool(uses) and all(_accounted(tree, other, places, depth + 1) for other in uses)
    return False


def _uses(tree: Tree, body: Expr) -> Iterator[Expr]:
    """The places that name the function around a body, in its file and in those that import it."""
    file = body.file
    chain = file.chain(body.node.start_byte, body.node.end_byte)
    chain = chain[: chain.index(body.node)]
    function = next(
        (n for n in range(len(chain) - 1, -1, -1) if chain[n].type == "function_expression"), None
    )
    if function is None:
        return
    if not any(node.type == "binding" for node in chain[:function]):
        for path, offset in tree.imports_of(file.source.path):
            caller = tree.sound(path)
            if caller is not None:
                yield Expr(caller, caller.chain(offset, offset + 1)[-1], root_env(caller))
        return
    bindings = [node for node in chain[:function] if node.type == "binding"]
    name = attr_name(file, attrpath_of(bindings[-1])[-1])
    between = chain[chain.index(bindings[-1]) + 1 : function]
    if name is None or any(node.type == "apply_expression" for node in between):
        return
    for path in (file.source.path, *tree.importers(file.source.path)):
        other = tree.sound(path)
        if other is not None:
            yield from _named(tree, other, name)


def _named(tree: Tree, file: ParsedFile, name: str) -> Iterator[Expr]:
    """The places of a file that name something of this spelling: `x` and `set.x`."""
    for offset in tree.words(file.source.path, name.encode()):
        *_, above, around, _ = (file.root, file.root, *file.chain(offset, offset + len(name.encode())))
        node = above if around.type == "attrpath" else around
        if node.type in ("variable_expression", "select_expression"):
            yield Expr(file, node, root_env(file))


def _inside(expr: Expr, place: Expr) -> bool:
    return (
        expr.file.source.path == place.file.source.path
        and place.node.start_byte <= expr.node.start_byte
        and expr.node.end_byte <= place.node.end_byte
    )


def _spot(expr: Expr) -> _Spot:
    return expr.file.source.path, expr.node.start_byte


def _key(block: Block) -> tuple[str, str, int]:
    return block.file, block.name, block.offset
