"""What a NixOS object is: its kind, and the merged view over all the places that define it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct

from hwc_refactor.nix.values import Attrs, Call, Condition, Expr, Item, Slot, Str, Unknown, Value
from hwc_refactor.nixos.tree import Tree

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
ETC_FILE = Kind("etc-file", "environment", "etc", ())
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
        return in_common([slot.conditions for slots in self.view.slots.values() for slot in slots] or [()])

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


_ALIKE = frozenset({"mkForce", "mkBefore", "mkAfter", "mkOrder"})
"""Wrappers that mean the same however what they are set beside is defined."""


def ranked_elsewhere(block: Block) -> Expr | None:
    """A definition in another file whose priority decides between it and one that makes the object.

    `mkForce` is none of them: it wins over whatever the object says. Neither are `mkBefore` and its like, which only
    tell where elements of a list go among those of the object.
    """
    resolver = block.tree.resolver
    added = resolver.step(block.elsewhere) if block.elsewhere else None
    if added is None:
        return None
    for name, slots in added.slots.items():
        for slot in slots:
            if set(slot.modifiers) - _ALIKE:
                return slot.expr
            if any(own.modifiers or resolver.content(own.expr)[1] for own in block.get(name)):
                return slot.expr
            if set(resolver.content(slot.expr)[1]) - _ALIKE:
                return slot.expr
    return None


def in_common(conditions: Sequence[tuple[Condition, ...]]) -> tuple[Condition, ...]:
    """The conditions that all definitions begin with."""
    length = 0
    for column in zip(*conditions, strict=False):
        if len({(c.expr.file.source.path, c.expr.node.start_byte, c.holds) for c in column}) > 1:
            break
        length += 1
    return conditions[0][:length]
