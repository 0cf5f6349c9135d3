"""Move bindings to another attribute path, without moving what stands around them.

A set that is the value of one path is cut between its items: the part that goes gets a path of its own, in
place, and what adjoins and has that path already is joined. So items keep their order, their comments and
the blank lines between them, whichever of them goes first, and a set that goes piece by piece ends up as
if it had gone at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hwc_refactor.nix.build_box import (
    Box,
    BuildError,
    box_of,
    end_of,
    skip_blank,
    skip_blank_back,
    span,
    where,
)
from hwc_refactor.nix.build_remove import remove
from hwc_refactor.nix.build_shift import shifted
from hwc_refactor.nix.build_step import proved
from hwc_refactor.nix.comments import comments_inside, comments_of
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.scope import attrpath_of, bound_names
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile, text_of

Path = Sequence[str]
_WORD = re.compile(rb"[a-zA-Z_][\w'-]*")


def rename_path(file: ParsedFile, binding: Node, old: Path, new: Path) -> Edit:
    """Replace the names `old` within a binding's path by `new`."""
    first, last = _names_at(file, binding, old)
    return Edit(span(file, first.start_byte, last.end_byte), ".".join(new).encode())


def split_off(file: ParsedFile, holder: Node, binding: Node, item: Node, old: Path, new: Path) -> list[Edit]:
    """Move one item of a set to another path, in place.

    Args:
        file: the file.
        holder: the set that the binding stands in.
        binding: the binding whose path ends with `old` and whose value is the item's set.
        item: the binding that goes.
        old: the path that the set has.
        new: the path that the item's part of it gets.
    """
    value = binding.child_by_field_name("expression")
    if value is None or value.type != "attrset_expression":
        raise BuildError(f"{where(file, binding)}: no set that is written out")
    box, outer = box_of(file, value), box_of(file, holder)
    place = outer.index(binding)
    comments = comments_of(file, item)
    first = box.index((*comments.leading, item)[0])
    last = box.index((item, comments.trailing or item, *comments.continued)[-1])
    items = box.items
    leads, ends = item == items[0], item == items[-1]
    before = _same(file, outer, place - 1, binding, old, new) if leads else None
    behind = _same(file, outer, place + 1, binding, old, new) if ends else None
    edits: list[Edit] = []
    data = file.source.data
    if before is not None:
        edits.append(_join(file, before, box))
    elif leads:
        edits.append(rename_path(file, binding, old, new))
    else:
        end = box.things[first].start_byte
        edits.append(_cut(file, binding, skip_blank_back(data, end), end, old, new))
    if not ends:
        start = end_of(file, box.things[last])
        edits.append(_cut(file, binding, start, skip_blank(data, start), old, old))
    elif behind is not None:
        edits.append(_join(file, box, behind))
    return edits


def _head(file: ParsedFile, binding: Node, old: Path, path: Path) -> bytes:
    """The text of a binding from its beginning to behind the bracket, with another path in place of `old`."""
    value = binding.child_by_field_name("expression")
    assert value is not None
    first, last = _names_at(file, binding, old)
    data = file.source.data
    front = data[binding.start_byte : first.start_byte]
    return front + ".".join(path).encode() + data[last.end_byte : box_of(file, value).opens]


def _tail(file: ParsedFile, binding: Node) -> bytes:
    """The closing bracket and what follows it to the end of the binding."""
    value = binding.child_by_field_name("expression")
    assert value is not None
    return file.source.data[box_of(file, value).closes : binding.end_byte]


def _cut(file: ParsedFile, binding: Node, start: int, end: int, old: Path, path: Path) -> Edit:
    """Close the set within the white space between two items, and open it again under a path.

    The blank lines between the items become those between the two sets.
    """
    source = file.source
    gap = source.data[start:end]
    head, tail = _head(file, binding, old, path), _tail(file, binding)
    lines = gap.count(b"\n")
    if not lines:
        return Edit(span(file, start, end), b" " + tail + b" " + head + b" ")
    base = source.indent(binding.start_byte)
    newline = source.newline
    text = newline + base + tail + newline * lines + base + head + newline + gap[gap.rfind(b"\n") + 1 :]
    return Edit(span(file, start, end), text)


def _join(file: ParsedFile, upper: Box, lower: Box) -> Edit:
    """Take the brackets between two sets away, and leave the blank lines between them."""
    source = file.source
    data = source.data
    start = skip_blank_back(data, upper.closes)
    end = skip_blank(data, lower.opens)
    closing = data.find(b";", upper.closes) + 1
    lines = data.count(b"\n", closing, skip_blank(data, closing))
    if not data.count(b"\n", start, end):
        return Edit(span(file, start, end), b" ")
    inner = data[data.rfind(b"\n", 0, end) + 1 : end]
    return Edit(span(file, start, end), source.newline * max(lines, 1) + inner)


def _same(file: ParsedFile, outer: Box, place: int, binding: Node, old: Path, new: Path) -> Box | None:
    """The set of the neighbour at a place when it differs from the binding's by its path alone."""
    if not 0 <= place < len(outer.things) or outer.things[place].type != "binding":
        return None
    other = outer.things[place]
    value = other.child_by_field_name("expression")
    if value is None or value.type != "attrset_expression":
        return None
    box = box_of(file, value)
    head = file.source.data[other.start_byte : box.opens]
    same = _head(file, binding, old, new).split() == head.split() and _tail(file, binding) == _tail(
        file, other
    )
    return box if same else None


def lift(file: ParsedFile, top: Node, inner: Node, path: Path) -> list[Edit]:
    """Take a binding out of the sets within another one, and put it behind that one under a full path.

    Args:
        file: the file.
        top: the outer binding.
        inner: the binding within it that goes.
        path: the names that lead to the inner binding's own names.
    """
    source = file.source
    new = source.indent(top.start_byte)
    first, last, text = _with_lead(file, inner, ".".join(path).encode() + b".", new)
    alone = _alone(file, top, inner, first, last)
    if alone:
        return [Edit(span(file, top.start_byte, top.end_byte), text)]
    removal = proved(remove(box_of(file, inner.parent or top), [inner]))
    _, end = _extent(file, top)
    return [*removal.edits, Edit(span(file, end, end), source.newline * 2 + new + text)]


def hand_let(file: ParsedFile, top: Node, inner: Node) -> list[Edit]:
    """Give the `let` around the set that a binding is to one item of that set alone.

    `a = let v in { b = B; c = C; };` becomes `a.b = let v in B;` and `a.c = C;`.

    Args:
        file: the file.
        top: the binding.
        inner: the item of the set that goes on with the `let`.

    Raises:
        BuildError: when another item reads a name of the `let`, is inherited, or comments stand where they would
            get lost.
    """
    source = file.source
    value, inside = (node.child_by_field_name("expression") for node in (top, inner))
    body = None if value is None else value.child_by_field_name("body")
    if value is None or inside is None or body is None or body.type != "attrset_expression":
        raise BuildError(f"{where(file, top)}: no set behind a let")
    box = box_of(file, body)
    others = [item for item in box.items if item != inner]
    names = {name.encode() for name in bound_names(file, value)}
    words = {word for other in others for word in _WORD.findall(file.text(other))}
    if names & words or any(other.type != "binding" for other in others):
        raise BuildError(f"{where(file, top)}: what stands beside it reads the let, too")
    above_inner = comments_of(file, inner).leading
    kept = {c.id for c in (*above_inner, *(c for other in others for c in comments_of(file, other).all))}
    if any(thing.type == "comment" and thing.id not in kept for thing in box.things):
        raise BuildError(f"{where(file, top)}: the comments within the let have no place outside of it")
    path = attrpath_of(top)
    lead = source.data[path[0].start_byte : path[-1].end_byte] + b"."
    new, old = source.indent(top.start_byte), source.indent(inner.start_byte)
    tail = b"".join(source.newline + new + _with_lead(file, other, lead, new)[2] for other in others)
    inner_path = attrpath_of(inner)
    names_text = source.data[inner_path[0].start_byte : inner_path[-1].end_byte]
    text = shifted(file, inside.start_byte, inside.end_byte, old, source.indent(body.start_byte))
    heads = b"".join(text_of(file, each).strip().encode() + source.newline + new for each in above_inner)
    return [
        *([Edit(span(file, top.start_byte, top.start_byte), heads)] if heads else []),
        Edit(span(file, path[-1].end_byte, path[-1].end_byte), b"." + names_text),
        Edit(span(file, body.start_byte, body.end_byte), text),
        *([Edit(span(file, top.end_byte, top.end_byte), tail)] if tail else []),
    ]


def _extent(file: ParsedFile, item: Node) -> tuple[int, int]:
    """Where a binding begins and ends with the comments that belong to it."""
    own = comments_of(file, item)
    last = (item, own.trailing or item, *own.continued)[-1]
    return (*own.leading, item)[0].start_byte, end_of(file, last)


def _with_lead(file: ParsedFile, item: Node, lead: bytes, new: bytes) -> tuple[int, int, bytes]:
    """A binding with its comments at another indentation, names before its path: its extent, and the text."""
    first, last = _extent(file, item)
    old, line = file.source.indent(item.start_byte), file.source.line_start(item.start_byte)
    above = shifted(file, first, line, old, new) + new if line > first else b""
    return first, last, above + lead + shifted(file, item.start_byte, last, old, new)


def _alone(file: ParsedFile, top: Node, inner: Node, first: int, last: int) -> bool:
    """Whether the sets between two bindings hold nothing but the inner one with its comments."""
    inside = (comment.start_byte for comment in comments_inside(file, top))
    if any(not first <= start < last for start in inside):
        return False
    node = top
    while node != inner:
        value = node.child_by_field_name("expression")
        if value is None or value.type != "attrset_expression":
            return False
        items = box_of(file, value).items
        if len(items) != 1 or items[0].type != "binding":
            return False
        node = items[0]
    return True


def _names_at(file: ParsedFile, binding: Node, names: Path) -> tuple[Node, Node]:
    """The first and the last of some names that follow each other in a binding's path."""
    path = attrpath_of(binding)
    found = [attr_name(file, node) for node in path]
    for start in range(len(found) - len(names) + 1):
        if found[start : start + len(names)] == list(names):
            return path[start], path[start + len(names) - 1]
    raise BuildError(f"{where(file, binding)}: the path does not hold {'.'.join(names)}")
