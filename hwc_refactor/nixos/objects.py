"""NixOS objects as merged views over all the places that define them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.names import MODIFIERS
from hwc_refactor.nix.values import Attrs, Call, Condition, Expr, Item, Slot, Str, Unknown, Value
from hwc_refactor.nixos.discover import Found, definitions, definitions_in, definitions_key
from hwc_refactor.nixos.tree import MANY, Tree

ORDERING = frozenset({"mkBefore", "mkAfter", "mkOrder"})
"""What orders a definition among several of one option (nixpkgs, lib/modules.nix)."""


class Kind(Struct, frozen=True):
    """A kind of object, and the option path below which its instances are named.

    Attributes:
        name: what tells it from other kinds; what it is called in reports and JSON.
        parent, word, below: the option path, cut at the telling name (see `discover.definitions`).
        own: attributes of which a definition has at least one when it makes the object, rather than
            adding to one that is made elsewhere.
        top: the first name of the option path, where it is none of these.
        called: what reports and JSON call its objects, where another kind is but another way to declare the same.
    """

    name: str
    parent: str | None
    word: str
    below: tuple[str, ...]
    own: tuple[tuple[str, ...], ...] = ()
    top: str | None = None
    called: str | None = None

    @property
    def shown(self) -> str:
        """What its objects are called in reports and JSON."""
        return self.called or self.name

    @property
    def first(self) -> str:
        """The first name of the option path: `virtualisation`, `systemd`, `services`."""
        return self.top or self.parent or self.word


CONTAINER = Kind(
    "container",
    "virtualisation",
    "oci-containers",
    ("containers",),
    (("image",), ("imageFile",), ("imageStream",)),
)
SERVICE = Kind(
    "service", None, "systemd", ("services",), (("script",), ("serviceConfig", "ExecStart"), ("startAt",))
)
USER_SERVICE = Kind("user-service", None, "systemd", ("user", "services"), SERVICE.own)
TIMER = Kind("timer", None, "systemd", ("timers",))
HWC_CONTAINER = Kind("hwc-container", "hwc", "container", (), CONTAINER.own, "services", "container")
HWC_MONITOR = Kind("hwc-monitor", "hwc", "monitor", ())
USER_TIMER = Kind("user-timer", None, "systemd", ("user", "timers"))
AGENIX_SECRET = Kind("agenix-secret", None, "age", ("secrets",))
SOPS_SECRET = Kind("sops-secret", None, "sops", ("secrets",))
ACCOUNT = Kind("account", None, "users", ("users",))
KINDS = {k.name: k for k in (CONTAINER, SERVICE, USER_SERVICE, TIMER, USER_TIMER, AGENIX_SECRET, SOPS_SECRET)}


class Block(Struct, frozen=True, eq=False, dict=True):
    """One object: a service, a timer, a container, a secret.

    Attributes:
        tree: the snapshot it was read from.
        kind: what it is.
        name: its attribute name; the source text of the name's expression, shortened, when that is not known.
        named: whether the name is known.
        slots: the places that define it, in one file or through calls of one function.
        calls: the calls of functions of the root that make it, outermost first; empty for a plain one.
        conditions: what must hold for the object to be there at all; the slots hold what comes on top.
        elsewhere: definitions of the same name in other files that only add to it or override it.
        assumed: what was taken for granted to find it, in words for the user.
        anchors: the bindings whose paths hold the kind's telling name, outermost of what defines it.
    """

    tree: Tree
    kind: Kind
    name: str
    named: bool
    slots: tuple[Slot, ...]
    calls: tuple[Expr, ...] = ()
    conditions: tuple[Condition, ...] = ()
    elsewhere: tuple[Slot, ...] = ()
    assumed: tuple[str, ...] = ()
    anchors: tuple[Expr, ...] = ()

    @property
    def place(self) -> Expr:
        """The expression that stands for the object in messages: its call, or its first definition."""
        return self.calls[0] if self.calls else self.slots[0].expr

    @property
    def file(self) -> str:
        """The file of that place."""
        return self.place.file.source.path

    @property
    def files(self) -> set[str]:
        """Every file that holds a definition or call of it."""
        slots = (*self.slots, *self.elsewhere)
        return {self.file, *(slot.expr.file.source.path for slot in slots)}

    @property
    def offset(self) -> int:
        """The byte offset at which the object begins: its binding where it has one."""
        slot = self.slots[0]
        if not self.calls and slot.binding is not None and slot.expr.file.source.path == self.file:
            return slot.binding.start_byte
        return self.place.node.start_byte

    @property
    def end(self) -> int:
        """The byte offset behind the stretch that begins at `offset`."""
        slot = self.slots[0]
        if not self.calls and slot.binding is not None and slot.expr.file.source.path == self.file:
            return slot.binding.end_byte
        return self.place.node.end_byte

    @property
    def line(self) -> int:
        """The line of that offset, from 1."""
        return self.place.file.source.line(self.offset)

    @cached_property
    def view(self) -> Attrs:
        """The attributes of the object over all its places."""
        view = self.tree.resolver.step(self.slots)
        assert view is not None
        return view

    @cached_property
    def common(self) -> tuple[Condition, ...]:
        """The conditions that all its attributes share: those of a `mkIf` around the whole of it."""
        return _shared([slot.conditions for slots in self.view.slots.values() for slot in slots] or [()])

    def extra(self, slot: Slot) -> tuple[Condition, ...]:
        """The conditions of one of its definitions beyond those that all of them share."""
        return slot.conditions[len(self.common) :]

    def get(self, *path: str) -> tuple[Slot, ...]:
        """The definitions of an attribute: `get("serviceConfig", "User")`. Empty when none is in sight."""
        if not path:
            return self.slots
        view = self._set(path[:-1])
        return () if view is None else view.slots.get(path[-1], ())

    def whole(self, *path: str) -> list[Slot]:
        """Those definitions of an attribute that give it a value, not only something below it."""
        return [slot for slot in self.get(*path) if not slot.rest]

    @cached_property
    def _sets(self) -> dict[tuple[str, ...], Attrs | None]:
        """The sets that were put together, by their paths."""
        return {(): self.view}

    def _set(self, path: tuple[str, ...]) -> Attrs | None:
        """The set at a path over all its definitions; None when it is not there or no set."""
        if path not in self._sets:
            slots = self.get(*path)
            self._sets[path] = self.tree.resolver.step(slots) if slots else None
        return self._sets[path]

    def names(self, *path: str) -> tuple[str, ...]:
        """The attribute names below a path."""
        view = self._set(path)
        return tuple(view.slots) if view is not None else ()

    def doubts(self, *path: str) -> tuple[Unknown, ...]:
        """Why the set at a path may hold more than can be seen, or something else."""
        view = self._set(path)
        if view is None:
            return ()
        return (*view.open, *(Unknown("it has a computed name", name) for name, _ in view.dynamic))

    def value(self, *path: str) -> Value | None:
        """The value of an attribute that is defined once, wherever the object is; None when it is not there.

        `mkForce`, `mkDefault` and the like are looked through: `modifiers` has them.
        """
        slots = self.whole(*path)
        if not slots:
            return None
        if len(slots) > 1 or self.extra(slots[0]):
            return Unknown("it is defined in several ways", slots[0].expr)
        return self.tree.resolver.content(slots[0].expr)[0]

    def modifiers(self, *path: str) -> frozenset[str]:
        """The wrappers around the definitions of an attribute, and around what holds them: `mkForce`."""
        slots = self.whole(*path)
        around = (self.tree.resolver.content(slot.expr)[1] for slot in slots)
        return frozenset().union(*(slot.modifiers for slot in slots), *around)

    def text(self, *path: str) -> str | None:
        """The known text of a string attribute, else None."""
        value = self.value(*path)
        return value.literal if isinstance(value, Str) else None

    def items(self, *path: str) -> tuple[Item, ...]:
        """The elements of a list attribute over all its definitions, in order."""
        items: list[Item] = []
        for slot in self.get(*path):
            if slot.rest:
                continue
            for item in self.tree.resolver.items(slot.expr):
                items.append(
                    item
                    if not slot.conditions
                    else Item(item.expr, item.holder, (*slot.conditions, *item.conditions), item.unknown)
                )
        return tuple(items)

    def texts(self, *path: str) -> list[str | None]:
        """The texts of a list's elements over all its definitions, None for each that is not known.

        A string in the place of a list, as directives of units allow it, counts as an element.
        """
        return [self.tree.resolver.literal(item.expr) for item in self.items(*path)]

    @cached_property
    def own(self) -> bool:
        """Whether the places in sight make the object, rather than override one made elsewhere.

        Lines that are put before or behind others (`mkBefore`, `mkAfter`) add to an object of which the others
        are not in sight.
        """
        return not self.kind.own or any(
            not self._adds(slot) for path in self.kind.own for slot in self.get(*path)
        )

    @cached_property
    def many(self) -> bool:
        """Whether it stands for all that a function makes of elements which are not in sight."""
        return bool(self.calls) and isinstance(self.tree.resolver.value(self.calls[-1]), Call)

    @cached_property
    def replaces(self) -> bool:
        """Whether a service runs something else than the unit of its name that is made elsewhere.

        `mkForce` says so, and so does an empty command before the others (systemd.service(5), ExecStart=).
        """
        start = ("serviceConfig", "ExecStart")
        first = next(iter(self.items(*start)), None)
        emptied = first is not None and self.tree.resolver.literal(first.expr) == ""
        return emptied or "mkForce" in self.modifiers(*start) | self.modifiers("script")

    def _adds(self, slot: Slot) -> bool:
        """Whether a definition is ordered among others, to which it adds."""
        around = () if slot.rest else self.tree.resolver.content(slot.expr)[1]
        return not ORDERING.isdisjoint((*slot.modifiers, *around))


_ADDING = frozenset({"mkBefore", "mkAfter", "mkOrder"})
"""What puts a part of a text or list before or behind others: they are made elsewhere (nixpkgs, lib/modules.nix)."""


def ranked_elsewhere(block: Block) -> Expr | None:
    """A definition in another file whose priority decides between it and one that makes the object.

    `mkForce` is none of them: it wins over whatever the object says.
    """
    added = block.tree.resolver.step(block.elsewhere) if block.elsewhere else None
    if added is None:
        return None
    for name, slots in added.slots.items():
        for slot in slots:
            if set(slot.modifiers) - {"mkForce"}:
                return slot.expr
            if any(own.modifiers for own in block.get(name)):
                return slot.expr
            value = block.tree.resolver.value(slot.expr)
            if isinstance(value, Call) and value.name in MODIFIERS and value.name != "mkForce":
                return slot.expr
    return None


def objects(tree: Tree, kind: Kind, names: Iterable[str] | None = None) -> list[Block]:
    """The objects of a kind in the tree, in the order of files and lines.

    Definitions in one file are merged by name. A definition elsewhere that makes no object of its own is
    attached to the objects of its name: a name alone is no identity, two hosts may both have it.

    Args:
        tree: the files.
        kind: which kind.
        names: only objects of these names, when given.
    """
    wanted = None if names is None else frozenset(names)
    sites = _sites(tree, kind)
    if wanted is not None and sites is not None:
        at = [file for file, site in sites.items() if not wanted.isdisjoint(site.names)]
        return [block for block in objects_at(tree, kind, at) if block.name in wanted]
    if wanted is not None and _few(tree, kind):
        found = definitions(tree, kind.parent, kind.word, kind.below, wanted)
        return _made(tree, kind, (one for one in found if name_of(one) in wanted))
    known = tree.memo.get(("objects", kind))
    if not isinstance(known, list):
        if sites is None:
            known = _made(tree, kind, definitions(tree, kind.parent, kind.word, kind.below))
        else:
            known = objects_at(tree, kind, sites)
        tree.memo["objects", kind] = known
    if wanted is None:
        return list(known)
    if len(wanted) == 1:
        return list(_named(tree, kind, known).get(min(wanted), ()))
    return [block for block in known if block.name in wanted]


def _named(tree: Tree, kind: Kind, blocks: Sequence[Block]) -> Mapping[str, list[Block]]:
    """The objects of a kind by name."""

    def by_name() -> Mapping[str, list[Block]]:
        found: dict[str, list[Block]] = {}
        for block in blocks:
            found.setdefault(block.name, []).append(block)
        return found

    return tree.remember(("objects by name", kind), tree, by_name)


def _few(tree: Tree, kind: Kind) -> bool:
    """Whether so little was asked by name that to look into the files of one name is less than into all."""
    key = ("asked by name", kind)
    before = tree.memo.get(key)
    times = tree.memo[key] = before + 1 if isinstance(before, int) else 1
    return times < MANY and ("objects", kind) not in tree.memo


class Site(Struct, frozen=True):
    """The objects of one kind that stand in one file.

    Attributes:
        paths: the files that hold definitions of them, in the order of the tree.
        files: the files in which these definitions have their values.
        places: for each of them its place among all objects of its kind.
    """

    paths: tuple[str, ...]
    files: frozenset[str]
    places: Mapping[Key, int]

    @property
    def names(self) -> Iterator[str]:
        """What they are called."""
        return (name for _, _, name, _ in self.places)


def learn_sites(tree: Tree, kind: Kind, sites: Mapping[str, Site]) -> None:
    """Take over where all objects of a kind stand, so that none of them is looked for beyond the files named."""
    tree.memo["sites", kind] = sites


def _sites(tree: Tree, kind: Kind) -> dict[str, Site] | None:
    known = tree.memo.get(("sites", kind))
    return known if isinstance(known, dict) else None


def objects_at(tree: Tree, kind: Kind, files: Iterable[str]) -> list[Block]:
    """The objects of a kind that stand in some files, in the order of all."""
    return [block for _, _, block in rows_at(tree, kind, files)]


def objects_with(tree: Tree, kind: Kind, file: str) -> list[Block]:
    """The objects of a kind of which a definition has its value in a file, in the order of all."""
    sites = _sites(tree, kind)
    if sites is not None:
        near = objects_at(tree, kind, (home for home, site in sites.items() if file in site.files))
        return [block for block in near if file in _files_of(block)]
    known = tree.remember(("objects with", kind.name), tree, lambda: _by_files(objects(tree, kind)))
    return list(known.get(file, ()))


def _by_files(blocks: Sequence[Block]) -> Mapping[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks:
        for file in _files_of(block):
            found.setdefault(file, []).append(block)
    return found


def _files_of(block: Block) -> set[str]:
    return {slot.expr.file.source.path for slot in block.slots}


Row = tuple[int, "Key", Block]
"""An object with its place among all of its kind, and its key."""


def rows_at(tree: Tree, kind: Kind, files: Iterable[str]) -> list[Row]:
    """The objects of a kind that stand in some files, with their places and keys: each of them made once."""
    sites = _sites(tree, kind)
    if sites is None:
        known = tree.remember(("rows", kind.name), tree, lambda: _by_file(kind, objects(tree, kind)))
        return sorted((row for file in files for row in known.get(file, ())), key=itemgetter(0))
    found: list[Row] = []
    for file in files:
        site = sites.get(file)
        if site is not None:
            found += tree.remember(("rows", kind.name, file), tree, partial(_made_at, tree, kind, file, site))
    return sorted(found, key=itemgetter(0))


def forget(tree: Tree, kind: Kind) -> None:
    """Let go of the objects of a kind that were made where they stand; they are made again where asked for."""
    tree.forget("rows", kind.name)
    for known in tree.local.values():
        known.pop(definitions_key(kind.parent, kind.word, kind.below), None)


def _by_file(kind: Kind, blocks: Sequence[Block]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    named = keys(kind, ((block.file, block.name) for block in blocks))
    for place, (key, block) in enumerate(zip(named, blocks, strict=True)):
        found.setdefault(block.file, []).append((place, key, block))
    return found


def _made_at(tree: Tree, kind: Kind, file: str, site: Site) -> list[Row]:
    """The objects of a site, from the definitions that make them and those that may add to them."""
    names = frozenset(site.names)
    found = (one for path in site.paths for one in found_in(tree, kind, path))
    blocks = [
        block
        for block in _made(tree, kind, (one for one in found if name_of(one) in names))
        if block.file == file
    ]
    named = keys(kind, ((block.file, block.name) for block in blocks))
    rows = zip(named, blocks, strict=True)
    return [(site.places[key], key, block) for key, block in rows if key in site.places]


def found_in(tree: Tree, kind: Kind, path: str) -> tuple[Found, ...]:
    """The definitions of objects of a kind that one file holds."""
    return definitions_in(tree, path, kind.parent, kind.word, kind.below)


Identity = tuple[str, str, tuple[int, ...]]
"""What definitions of one object have in common: its file, its name, and its calls when that is open."""


def identity(found: Found) -> Identity:
    """Which object a definition belongs to."""
    home = found.calls[0].file.source.path if found.calls else found.slot.expr.file.source.path
    calls = () if isinstance(found.name, str) else tuple(call.node.start_byte for call in found.calls)
    return home, found.name if isinstance(found.name, str) else found.name.text, calls


def name_of(found: Found) -> str:
    """The name of what a definition is about; as an attribute path would have it, shortened, when that is open."""
    if isinstance(found.name, str):
        return found.name
    line = " ".join(found.name.text.split())
    if found.name.node.type == "string_expression":
        line = line[1:-1]
    elif found.name is not found.slot.expr and found.name.node.type in _VALUES:
        line = f"${{{line}}}"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


_VALUES = frozenset({"variable_expression", "select_expression", "identifier"})
"""Expressions of names outside of attribute paths: `lib.nameValuePair name …`."""

LONGEST = 60
"""The most characters of an expression that stands for the name of an object."""


def groups(definitions: Iterable[Found]) -> dict[Identity, list[Found]]:
    """Definitions by the object that they belong to."""
    found: dict[Identity, list[Found]] = {}
    for definition in definitions:
        found.setdefault(identity(definition), []).append(definition)
    return found


def _made(tree: Tree, kind: Kind, definitions: Iterable[Found]) -> list[Block]:
    return list(_joined([block_of(tree, kind, group) for group in groups(definitions).values()]))


def block_of(tree: Tree, kind: Kind, group: Sequence[Found]) -> Block:
    """The object that definitions which belong together make."""
    calls = next((found.calls for found in group if found.calls), ())
    assumed = tuple(dict.fromkeys(text for found in group for text in found.assumed))
    named = isinstance(group[0].name, str)
    slots = [found.slot for found in group]
    shared = _shared([slot.conditions for slot in slots])
    rest = tuple(replace(slot, conditions=slot.conditions[len(shared) :]) for slot in slots)
    anchors = {found.anchor.span: found.anchor for found in group if found.anchor is not None}
    return Block(
        tree, kind, name_of(group[0]), named, rest, calls, shared, (), assumed, tuple(anchors.values())
    )


def _shared(conditions: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    """The conditions that all definitions begin with."""
    length = 0
    for column in zip(*conditions, strict=False):
        if len({(c.expr.file.source.path, c.expr.node.start_byte, c.holds) for c in column}) > 1:
            break
        length += 1
    return conditions[0][:length]


def _joined(blocks: list[Block]) -> Iterator[Block]:
    makers = {block.name for block in blocks if block.named and block.own}
    extra: dict[str, list[Slot]] = {}
    for block in blocks:
        if block.named and not block.own and block.name in makers:
            extra.setdefault(block.name, []).extend(block.slots)
    for block in blocks:
        if block.named and block.own and block.name in extra:
            yield replace(block, elsewhere=tuple(extra[block.name]))
        elif not (block.named and not block.own and block.name in makers):
            yield block


Key = tuple[str, str, str, int]
"""What tells an object from others on every text: kind, file, name, and its number among equals."""


def keys(kind: Kind, places: Iterable[tuple[str, str]]) -> list[Key]:
    """The keys of objects, in their order, by file and name."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Key] = []
    for file, name in places:
        found.append((kind.name, file, name, seen[file, name]))
        seen[file, name] += 1
    return found
