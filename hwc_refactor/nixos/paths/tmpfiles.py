"""Rules of systemd-tmpfiles in the tree: what is made where, for whom. The format: tmpfiles.d(5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from hwc_refactor.nix.values import Expr, Slot, Str
from hwc_refactor.nixos.discover import definitions
from hwc_refactor.nixos.tree import Tree

NOT_SAID = "-"
NOBODY_ELSES = frozenset({"-", "root", "0"})
"""Owners that are root's: what is left out belongs to root."""
DIRECTORIES = frozenset("dDevqQ")
"""Types of rules that are about a directory (tmpfiles.d(5))."""


class Rule(Struct, frozen=True, eq=False):
    """One rule.

    Attributes:
        type: `d`, `f`, `L` …, modifiers taken off.
        path: the path; open parts of it show as `${…}` with their Nix source.
        mode, user, group: as written, `-` where nothing is said.
        at: the expression that holds it.
        listed: the list it stands in, None for one of `settings`.
    """

    type: str
    path: str
    mode: str
    user: str
    group: str
    at: Expr
    listed: Expr | None = None

    @property
    def everybody_reads(self) -> bool:
        """Whether everybody may list and enter what it makes.

        Without a mode a directory that is there already keeps its own, whatever that is (tmpfiles.d(5)).
        """
        if self.mode == NOT_SAID:
            return False
        digits = self.mode.lstrip(":~")
        return digits.isdigit() and int(digits[-1]) & 5 == 5

    @property
    def group_writes(self) -> bool:
        """Whether its group may write to the directory, and everybody may rename there (no sticky bit)."""
        digits = self.mode.lstrip(":~")
        sticky = len(digits) == 4 and int(digits[0], 8) & 1 if digits.isdigit() else 1
        return digits.isdigit() and len(digits) >= 3 and int(digits[-2]) & 7 == 7 and not sticky


def rules(tree: Tree) -> tuple[Rule, ...]:
    """All rules that `systemd.tmpfiles.rules` and `systemd.tmpfiles.settings` hold."""
    known = tree.memo.get("tmpfiles")
    if not isinstance(known, tuple):
        known = tree.memo["tmpfiles"] = tuple(_rules(tree))
    return known


def rules_over(tree: Tree, path: str) -> list[Rule]:
    """The rules for a path and for the directories that it lies in, in the order of all."""
    by_path = tree.remember("tmpfiles by path", tree, lambda: _by_path(tree))
    ends = [place for place, character in enumerate(path) if character == "/"]
    found = [pair for end in {*ends, len(path)} for pair in by_path.get(path[:end], ())]
    return [rule for _, rule in sorted(found, key=itemgetter(0))]


def _by_path(tree: Tree) -> Mapping[str, Sequence[tuple[int, Rule]]]:
    """All rules with their places, by path."""
    found: dict[str, list[tuple[int, Rule]]] = {}
    for place, rule in enumerate(rules(tree)):
        found.setdefault(rule.path, []).append((place, rule))
    return found


def _rules(tree: Tree) -> Iterator[Rule]:
    for found in definitions(tree, None, "systemd", ("tmpfiles",)):
        if found.name == "rules" and not found.slot.rest:
            for item in tree.resolver.items(found.slot.expr):
                value = tree.resolver.value(item.expr)
                if isinstance(value, Str):
                    yield from _rule(value.shown, item.expr, found.slot.expr)
        elif found.name == "settings":
            yield from _settings(tree, found.slot)


def _rule(text: str, at: Expr, listed: Expr) -> Iterator[Rule]:
    fields = [*_fields(text), *[NOT_SAID] * 5]
    if fields[0] != NOT_SAID and fields[1] != NOT_SAID:
        yield Rule(fields[0][:1], fields[1].rstrip("/") or "/", fields[2], fields[3], fields[4], at, listed)


def _fields(text: str) -> list[str]:
    """The fields of a rule; an interpolation belongs to one field whatever it holds."""
    fields, field, depth = list[str](), "", 0
    for place, character in enumerate(text):
        if character == "{" and text[place - 1 : place] == "$":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        if character.isspace() and not depth:
            fields += [field] if field else []
            field = ""
        else:
            field += character
    return [field.strip("\"'") for field in (*fields, field) if field]


def _settings(tree: Tree, slot: Slot) -> Iterator[Rule]:
    """`settings.<name>.<path>.<type> = { mode, user, group, … }`, however much of it is one attribute path."""
    named = tree.resolver.step((slot,))
    for groups in () if named is None else named.slots.values():
        paths = tree.resolver.step(groups)
        for path, slots in () if paths is None else paths.slots.items():
            types = tree.resolver.step(slots)
            for type_, places in () if types is None else types.slots.items():
                view = tree.resolver.step(places)
                said = {} if view is None else view.slots
                yield Rule(
                    type_[:1],
                    path.rstrip("/") or "/",
                    _said(tree, said, "mode"),
                    _said(tree, said, "user"),
                    _said(tree, said, "group"),
                    places[0].expr,
                )


def _said(tree: Tree, slots: Mapping[str, tuple[Slot, ...]], name: str) -> str:
    found = slots.get(name, ())
    if not found:
        return NOT_SAID
    return (tree.resolver.literal(found[0].expr) if len(found) == 1 and not found[0].rest else None) or "?"
