"""Values of static resolution in a short written form, for tables."""

from __future__ import annotations

from collections.abc import Mapping

from hwc_refactor.nix.scope import root_env
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Call,
    Closure,
    Condition,
    Expr,
    ListValue,
    PathValue,
    Ref,
    Scalar,
    Slot,
    Str,
    Unknown,
    Value,
)
from hwc_refactor.nixos.tree import Tree

MAKER = (
    '{ name, image, tag ? "1", extra ? [ ] }:\n{ ${name} = { image = "${image}:${tag}"; inherit extra; }; }\n'
)
FILES = {
    "make.nix": MAKER,
    "lib/default.nix": "{ lib, pkgs }:\nlet i = import ./inner.nix { inherit lib; };\nin { inherit (i) twice; }\n",
    "lib/inner.nix": "{ lib }:\n{ twice = x: [ x x ]; only = lib.optional false; }\n",
    "again.nix": "# handed on\nimport ./more/again.nix\n",
    "more/again.nix": "import ../make.nix\n",
    "loop.nix": "import ./loop2.nix",
    "loop2.nix": "import ./loop.nix",
    "package.nix": '{ lib, hello, image, tag ? "2" }:\n{ a = "${image}:${tag}"; inherit hello lib; }\n',
    "plain.nix": "{ a = { b = ./other.nix; }; }\n",
    "sub/user.nix": "{ path = ../plain.nix; value = import ../plain.nix; }\n",
    "empty.nix": "/* nothing */ { }\n",
}
HEAD = "{ config, lib, pkgs, inputs, ... }:\n"


class Case:
    """A module whose body is looked at, beside other files."""

    def __init__(self, body: str, files: Mapping[str, str] | None = None) -> None:
        texts = {**(files or {}), "main.nix": HEAD + body}
        self.tree = Tree({name: text.encode() for name, text in texts.items()})
        self.resolver = self.tree.resolver
        for name in texts:
            assert self.tree.file(name).problem is None, (name, self.tree.file(name).problem)
        file = self.tree.file("main.nix")
        inside = self.resolver.child(Expr(file, file.root.named_children[0], root_env(file)), "body")
        assert inside is not None
        self.expr = inside
        self.value = self.resolver.value(inside)

    @property
    def attrs(self) -> Attrs:
        return self.resolver.attrs(self.expr)

    def show(self) -> object:
        """The value, worked out to the leaves."""
        return self.shown(self.value)

    def shown(self, value: Value) -> object:
        """Plain Python for what is known, text in angle brackets for the rest."""
        match value:
            case Scalar():
                return value.value
            case Str():
                return value.literal if value.literal is not None else f"<text {value.shown}>"
            case PathValue():
                return f"<path {value.text}>"
            case Ref():
                return f"<{'.'.join(value.path)}{' bound' if value.binder is not None else ''}>"
            case Call():
                return f"<{'.'.join(value.function)} of {len(value.args)}>"
            case Closure():
                return "<function>"
            case Branch():
                then, otherwise = self.resolver.value(value.then), self.resolver.value(value.otherwise)
                return {f"if {value.condition.text}": self.shown(then), "else": self.shown(otherwise)}
            case ListValue():
                return [
                    f"<? {item.unknown.reason}>"
                    if item.unknown is not None
                    else guarded(self.shown(self.resolver.value(item.expr)), item.conditions)
                    for item in value.items
                ]
            case Attrs():
                return self.shown_set(value)
            case Unknown():
                return f"<? {value.reason}>"

    def shown_set(self, value: Attrs) -> dict[str, object]:
        shown: dict[str, object] = {name: self.shown_slots(slots) for name, slots in value.slots.items()}
        for name, slot in value.dynamic:
            shown["${" + name.text.removeprefix("${").removesuffix("}") + "}"] = self.shown_slot(slot)
        if value.open:
            shown["..."] = "; ".join(dict.fromkeys(reason.reason for reason in value.open))
        return shown

    def shown_slots(self, slots: tuple[Slot, ...]) -> object:
        if len(slots) > 1 and all(
            slot.rest or isinstance(self.resolver.value(slot.expr), Attrs) for slot in slots
        ):
            return self.shown_step(slots)
        return self.shown_slot(slots[0]) if len(slots) == 1 else tuple(self.shown_slot(s) for s in slots)

    def shown_step(self, slots: tuple[Slot, ...]) -> dict[str, object]:
        view = self.resolver.step(slots)
        assert view is not None
        return self.shown_set(view)

    def shown_slot(self, slot: Slot) -> object:
        if slot.rest:
            return self.shown_step((slot,))
        shown = self.shown(self.resolver.value(slot.expr))
        for modifier in reversed(slot.modifiers):
            shown = f"{modifier} {shown}"
        return guarded(f"perhaps {shown}" if slot.doubt is not None else shown, slot.conditions)


def guarded(shown: object, conditions: tuple[Condition, ...]) -> object:
    """A shown value with the conditions it stands under."""
    return f"{shown} if {' and '.join(c.text for c in conditions)}" if conditions else shown
