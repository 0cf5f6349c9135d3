"""Finding the places that define something under an option path, in whatever shape they are written.

A place is found by the bytes of one telling name of the path and looked at outwards: what stands around
it gives the rest of the path, the conditions and the scope. Where a function of the root holds it, the
calls of that function are looked for in the whole root, and each call gives a definition of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr, Slot
from hwc_refactor.nixos.calls import entries
from hwc_refactor.nixos.generated import generated
from hwc_refactor.nixos.tree import Tree


class Found(Struct, frozen=True, eq=False):
    """One definition below an option path.

    Attributes:
        name: the attribute's name, or the expression of a name that is not known.
        slot: the definition; its `rest` and `expr` lead to the attribute's value.
        calls: the calls of functions of the root that it was found through, outermost first.
        assumed: what was taken for granted, in words for the user.
        anchor: the binding whose path holds the telling name.
    """

    name: str | Expr
    slot: Slot
    calls: tuple[Expr, ...] = ()
    assumed: tuple[str, ...] = ()
    anchor: Expr | None = None


_COMPUTED = re.compile(rb"\$\{[^}\n]*\}[\w@-]*\"?(?:\.[\w'-]+)*\s*=[^=]")
_MAKERS = (b"genAttrs", b"mapAttrs", b"listToAttrs", b"nameValuePair")
"""Where a file may define attributes whose names do not stand in it: by interpolation, or by a function."""

_GOES_ON = re.compile(rb"\"?\s*(?:=(?!=)|\.\s*[\w\"$#/]|#|/\*)")
"""What follows a name in an attribute path of a binding: the value, more of the path, or a comment before them."""
_BEGINS = (b"{", b";", b"*/", b"let")
"""What stands before such a path, where that does not begin a line."""
_NEAR = 120
"""So many bytes before a name are looked at."""


def definitions(
    tree: Tree,
    parent: str | None,
    word: str,
    below: tuple[str, ...],
    names: Collection[str] | None = None,
) -> Iterator[Found]:
    """All definitions of attributes below `parent.word.below` in the tree.

    Args:
        tree: the files.
        parent: the name that has to stand before `word` (`virtualisation` before `oci-containers`).
        word: the telling name whose bytes decide which files are looked at.
        below: the names between `word` and the attribute.
        names: attributes that are enough; files that cannot define them are not looked into.
    """
    paths: Iterable[str] = tree.holding(word.encode())
    if names is not None:
        named = {path for name in names for path in tree.naming_among(name.encode(), paths)}
        paths = tree.ordered(named.union(_computing(tree, word)))
    for path in paths:
        yield from definitions_in(tree, path, parent, word, below)


def may_define(tree: Tree, path: str, word: str, name: str) -> bool:
    """Whether a file may define an attribute of a name below a telling word: its bytes decide."""
    if word.encode() not in (tree.data(path) or b""):
        return False
    return next(tree.words(path, name.encode()), None) is not None or path in _computing(tree, word)


def _computing(tree: Tree, word: str) -> tuple[str, ...]:
    """The files that hold a word and may define attributes whose names do not stand in them."""
    key = ("computing", word)
    found = tree.memo.get(key)
    if not isinstance(found, tuple):
        texts = ((path, tree.data(path) or b"") for path in tree.holding(word.encode()))
        found = tree.memo[key] = tuple(
            path
            for path, data in texts
            if any(maker in data for maker in _MAKERS) or _COMPUTED.search(data) is not None
        )
    return found


def definitions_in(
    tree: Tree, path: str, parent: str | None, word: str, below: tuple[str, ...]
) -> tuple[Found, ...]:
    """The definitions that one file holds; looked for once, as long as what it reads stays the same."""
    known = tree.local.setdefault(path, {})
    key = definitions_key(parent, word, below)
    found = known.get(key)
    if not isinstance(found, tuple):
        file = tree.sound(path) if may_bind(tree, path, parent, word) else None
        found = () if file is None else tuple(_look(tree, file, parent, word, below))
        known[key] = found
    return found


def definitions_key(parent: str | None, word: str, below: tuple[str, ...]) -> object:
    """What such definitions are kept by, among all that is known of a file (`Tree.local`)."""
    return "definitions", parent, word, below


def may_bind(tree: Tree, path: str, parent: str | None, word: str) -> bool:
    """Whether a word, below `parent`, may be a part of an attribute path that gets a value in a file.

    Its bytes decide, for a file of which that is not so need not be parsed.
    """
    data, length, above = tree.data(path) or b"", len(word), (parent or "").encode()
    return any(
        _GOES_ON.match(data, offset + length) is not None and _may_stand(data, offset, above)
        for offset in tree.words(path, word.encode())
    )


def _may_stand(data: bytes, offset: int, parent: bytes) -> bool:
    """Whether what stands before a name on its line may begin an attribute path, or lead to `parent` in one."""
    line = max(data.rfind(b"\n", 0, offset), data.rfind(b"\r", 0, offset)) + 1
    before = data[max(line, offset - _NEAR) : offset].rstrip(b' \t"')
    if not before or before.endswith(_BEGINS):
        return not before.endswith(b"${")
    above = before[:-1].rstrip(b' \t"')
    return before.endswith(b".") and (not above or above.endswith((b"}", b"*/", parent)))


def _look(
    tree: Tree, file: ParsedFile, parent: str | None, word: str, below: tuple[str, ...]
) -> Iterator[Found]:
    needle = word.encode()
    for offset in tree.words(file.source.path, needle):
        anchor = _anchor(file, offset, len(needle))
        if anchor is not None:
            yield from _below(tree, file, anchor, parent, below)


class _Anchor(Struct, frozen=True, eq=False):
    chain: tuple[Node, ...]
    index: int  # of the binding in the chain
    position: int  # of the word in the attribute path


def _anchor(file: ParsedFile, offset: int, length: int) -> _Anchor | None:
    chain = file.chain(offset, offset + length)
    for index in range(len(chain) - 1, 0, -1):
        if chain[index].type == "attrpath":
            if chain[index - 1].type != "binding":
                return None
            component = chain[index + 1] if index + 1 < len(chain) else None
            path = attrpath_of(chain[index - 1])
            if component is None or component not in path:
                return None
            return _Anchor(tuple(chain[:index]), index - 1, path.index(component))
        if chain[index].type == "interpolation":
            return None
    return None


def _below(
    tree: Tree, file: ParsedFile, anchor: _Anchor, parent: str | None, below: tuple[str, ...]
) -> Iterator[Found]:
    binding = anchor.chain[anchor.index]
    outer = _outer_names(file, anchor)
    if "options" in outer[-8:] or "initrd" in outer:  # units of the initial RAM disk are another system's
        return
    assumed: tuple[str, ...] = ()
    if parent is not None:
        if outer and outer[-1] != parent:
            return
        if not outer:
            assumed = (f"the file is taken to be read below '{parent}'",)
    value = binding.child_by_field_name("expression")
    if value is None or file.piped(value):
        return
    path = attrpath_of(binding)
    for entry in entries(tree, file, anchor.chain):
        holder = Expr(file, anchor.chain[anchor.index - 2], entry.env)
        rest = tuple(
            name if (name := attr_name(file, node)) is not None else Expr(file, node, entry.env)
            for node in path[anchor.position + 1 :]
        )
        slot = Slot(
            rest,
            Expr(file, value, entry.env),
            binding,
            holder,
            anchor.position + 1,
            entry.conditions,
            entry.modifiers,
        )
        here = Expr(file, binding, entry.env)
        for attribute, found in _walk(tree, (slot,), below):
            made = tuple(generated(tree, attribute)) if attribute is found.expr else ()
            for each, one in made:
                one = replace(one, conditions=(*entry.conditions, *one.conditions))
                yield Found(each, one, (*entry.calls, found.expr), assumed, here)
            if not made:
                yield Found(attribute, found, entry.calls, assumed, here)


def _walk(tree: Tree, slots: tuple[Slot, ...], below: Sequence[str]) -> Iterator[tuple[str | Expr, Slot]]:
    view = tree.resolver.step(slots)
    if view is None:
        return
    if below:
        if below[0] in view.slots:
            yield from _walk(tree, view.slots[below[0]], below[1:])
        return
    for name, found in view.slots.items():
        for slot in found:
            yield name, slot
    yield from view.dynamic
    for reason in view.open:
        if reason.at is not None:
            yield reason.at, Slot((), reason.at, None, None)


def _outer_names(file: ParsedFile, anchor: _Anchor) -> list[str | None]:
    """The names before the anchor's word: of its own attribute path and of the bindings around it."""
    names: list[str | None] = []
    for node in anchor.chain[: anchor.index]:
        if node.type == "binding":
            names += [attr_name(file, component) for component in attrpath_of(node)]
        elif node.type in ("let_expression", "function_expression"):
            names = []
    path = attrpath_of(anchor.chain[anchor.index])
    return names + [attr_name(file, component) for component in path[: anchor.position]]
