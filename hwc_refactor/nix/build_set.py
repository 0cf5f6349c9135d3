"""Edits on the bindings of a set or `let`."""

from collections.abc import Sequence
from typing import cast

from hwc_refactor.nix.build_box import Box, BuildError, box_around, box_of, end_of, span, where
from hwc_refactor.nix.build_insert import block, fits, insert, things_of
from hwc_refactor.nix.build_remove import Built, built, remove
from hwc_refactor.nix.build_shift import shifted, shifting, wrapped
from hwc_refactor.nix.build_step import Step, in_lines, proved
from hwc_refactor.nix.build_text import Item, as_snippet, render, unit
from hwc_refactor.nix.comments import comments_of
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.syntax import Node, ParsedFile


def insert_bindings(
    file: ParsedFile,
    attrset: Node,
    items: Sequence[Item],
    *,
    after: Node | None = None,
    before: Node | None = None,
) -> list[Edit]:
    """Insert bindings into a set (plain, `rec`, `let { … }`) or a `let … in`.

    Args:
        file: the file.
        attrset: the node of the set or `let`.
        items: the bindings as source text, or snippets with comments and blank lines.
        after: the binding behind which they go; its trailing comment stays with it.
        before: the binding above which they go, above its own comments. Without both, they go to the end.

    Returns:
        Edits around the bindings. A single short one stays on the line of a set on one line while that has at most 100
        columns; otherwise such a set is broken over lines.

    Raises:
        BuildError: when an item is no binding, defines what the set defines already, or the result does
            not hold.
    """
    return list(proved(binding_insertion(file, attrset, items, after=after, before=before)).edits)


def binding_insertion(
    file: ParsedFile,
    attrset: Node,
    items: Sequence[Item],
    *,
    after: Node | None = None,
    before: Node | None = None,
) -> Step:
    """The step of `insert_bindings`."""
    box = box_of(file, attrset)
    snippets = [as_snippet(item) for item in items]
    names = _refuse_doubles(box, [snippet.text for snippet in snippets])
    return insert(box, "bindings", snippets, after, before, flat=len(snippets) == 1, names=names)


def captured(file: ParsedFile, attrset: Node, items: Sequence[Item]) -> str | None:
    """A name that a recursive set reads from around it, and that new bindings would give another meaning.

    Args:
        file: the file.
        attrset: the node of a set; only a recursive one captures names.
        items: the bindings that are to be inserted.
    """
    if attrset.type not in ("rec_attrset_expression", "let_attrset_expression"):
        return None
    known = {path[0] for item in box_of(file, attrset).items for path in _paths(file, item)}
    wrappings = (wrapped(as_snippet(item).text.strip().encode(), "bindings") for item in items)
    new = {
        path[0]
        for text in wrappings
        if text is not None
        for item in box_of(text, text.root.named_children[0]).items
        for path in _paths(text, item)
    }
    stack = [attrset] if new - known else []
    while stack:
        node = stack.pop()
        names = node.child_by_field_name("attrs") if node.type == "inherit" else None
        read = (
            [node]
            if node.type == "variable_expression"
            else names.named_children
            if names is not None
            else ()
        )
        for name in read:
            if file.text(name) in new - known:
                return file.text(name).decode(errors="replace")
        stack += node.children
    return None


def remove_binding(file: ParsedFile, binding: Node, *, with_comments: bool = True) -> Built:
    """Remove a binding or `inherit`, with the comments that belong to it unless told otherwise.

    Raises:
        BuildError: when the node is no binding, or the result does not hold.
    """
    return built(remove(_box(file, binding), [binding], with_comments=with_comments))


def binding_removal(file: ParsedFile, binding: Node) -> Step:
    """The step of `remove_binding`."""
    return remove(_box(file, binding), [binding])


def remove_bindings(file: ParsedFile, bindings: Sequence[Node], *, with_comments: bool = True) -> Built:
    """Remove several bindings of one set (see `remove_binding`).

    Raises:
        BuildError: when they are no bindings of one set, or the result does not hold.
    """
    if not bindings:
        raise BuildError(f"{file.source.path}: nothing to remove")
    return built(remove(_box(file, bindings[0]), bindings, with_comments=with_comments))


def replace_value(file: ParsedFile, binding: Node, text: str) -> Edit:
    """Replace the value of a binding; comments within the old value go with it.

    Args:
        file: the file.
        binding: the node with `=`.
        text: an expression, beginning in column 0, two blanks for each step of indentation.

    Raises:
        BuildError: when the node has no value, the text is no expression, or the result does not hold.
    """
    return proved(value_replacement(file, binding, text)).edits[0]


def value_replacement(file: ParsedFile, binding: Node, text: str) -> Step:
    """The step of `replace_value`."""
    value = binding.child_by_field_name("expression")
    if binding.type != "binding" or value is None:
        raise BuildError(f"{where(file, binding)}: a {binding.type} has no value to replace")
    box = _box(file, binding)
    source = file.source
    new = render(text, "expression", source.indent(value.start_byte), unit(file), source.newline, first=False)
    edit = Edit(span(file, value.start_byte, value.end_byte), new)
    reach = (value.start_byte, value.end_byte) if in_lines(file, [edit]) else None
    return Step(file, (edit,), box, reach=reach)


def value_parting(file: ParsedFile, binding: Node, text: str, further: str) -> Step:
    """The step that replaces the value of a binding and puts a further binding behind it.

    What stands behind the value is behind the further one then. That goes on a line of its own where the first one
    does.

    Args:
        file: the file.
        binding: the binding.
        text: the new value, on one line.
        further: the further binding without its semicolon: that of the first one is behind it.
    """
    value = binding.child_by_field_name("expression")
    if binding.type != "binding" or value is None:
        raise BuildError(f"{where(file, binding)}: a {binding.type} has no value to part")
    box = _box(file, binding)
    source = file.source
    alone = source.starts_line(binding.start_byte)
    gap = source.newline + source.indent(binding.start_byte) if alone else b" "
    start, end = value.start_byte, value.end_byte
    parted = text.encode() + b";" + gap + further.encode()
    edit = Edit(span(file, start, end), parted)
    place = box.index(binding)
    whole = source.data[binding.start_byte : start] + parted + source.data[end : binding.end_byte]
    new = things_of("bindings", whole)
    over_lines = b"\n" in source.data[start:end]
    reach = None if box.one_line or over_lines or not alone else (binding.start_byte, end)
    return Step(file, (edit,), box, frozenset((place,)), place, new, reach=reach)


def nest_binding(file: ParsedFile, binding: Node, depth: int, items: Sequence[Item]) -> list[Edit]:
    """Turn `a.b.c = v;` into `a.b = { c = v; … };` with more bindings behind `c`.

    A comment above the binding stays there, one behind it moves into the new set with it.

    Args:
        file: the file.
        binding: the binding with the long path.
        depth: how many names of the path stay outside.
        items: what else goes into the new set.

    Raises:
        BuildError: when the path is not longer than `depth`, or the result does not hold.
    """
    box = _box(file, binding)
    source = file.source
    head_end, rest_start = _split(file, binding, depth)
    snippets = [as_snippet(item) for item in items]
    comments = comments_of(file, binding)
    last = (binding, comments.trailing or binding, *comments.continued)[-1]
    end = end_of(file, last)
    start = binding.start_byte
    head = source.data[start:head_end]
    place = box.index(binding)
    gone = frozenset(range(place, box.index(last) + 1))

    flat = all(snippet.flat for snippet in snippets) and b"\n" not in source.data[rest_start:end]
    if flat and not source.starts_line(start) and last == binding:
        texts = [snippet.text.strip().encode() for snippet in snippets]
        opening, closing = b" = { ", b" ".join((b"", *texts, b"};"))
        edits = _around(file, head_end, rest_start, end, opening, (), closing)
        if fits(file, edits[-1]):
            new = head + opening + source.data[rest_start:end] + closing
            return list(proved(Step(file, tuple(edits), box, gone, place, (new,))).edits)
    outer = source.indent(start)
    inner = outer + unit(file)
    opening = b" = {" + source.newline + inner
    lines = [b""]
    for snippet in snippets:
        lines += [b""] if snippet.blank else []
        lines.append(block(file, "bindings", snippet, inner))
    closing = source.newline.join((*lines, outer + b"};"))
    shifts = shifting(file, rest_start, end, outer, inner)
    edits = _around(file, head_end, rest_start, end, opening, shifts, closing)
    new = head + opening + shifted(file, rest_start, end, outer, inner) + closing
    return list(proved(Step(file, tuple(edits), box, gone, place, (new,))).edits)


def _around(
    file: ParsedFile, head: int, start: int, end: int, opening: bytes, inside: Sequence[Edit], closing: bytes
) -> list[Edit]:
    """The edits that put something before and behind a range; the last byte of it counts to the end.

    So the binding that ended there ends behind it now, and what stood in the binding stays in it.
    """
    last = file.source.data[end - 1 : end]
    return [
        Edit(span(file, head, start), opening),
        *inside,
        Edit(span(file, end - 1, end), last + closing),
    ]


def _box(file: ParsedFile, binding: Node) -> Box:
    box = box_around(file, binding)
    if box is None or binding.type not in ("binding", "inherit", "inherit_from"):
        raise BuildError(f"{where(file, binding)}: a {binding.type} is no binding of a set")
    return box


def _split(file: ParsedFile, binding: Node, depth: int) -> tuple[int, int]:
    """Where the outer part of a binding's path ends and where the inner part begins."""
    path = binding.child_by_field_name("attrpath")
    names = path.children_by_field_name("attr") if path is not None else []
    if not 0 < depth < len(names):
        raise BuildError(f"{where(file, binding)}: the path has no part of {depth} names to nest behind")
    end, start = names[depth - 1].end_byte, names[depth].start_byte
    if file.source.data[end:start].strip() != b".":
        raise BuildError(f"{where(file, binding)}: a comment stands within the path")
    return end, start


def _refuse_doubles(box: Box, texts: Sequence[str]) -> frozenset[bytes]:
    """Refuse to define a path twice; sets under one path are fine as long as what they hold differs.

    Returns:
        The first names of the paths.
    """
    defined = _defined(box)
    seen: set[tuple[bytes, ...]] = set()
    names: set[bytes] = set()
    for text in texts:
        file = wrapped(text.strip().encode(), "bindings")
        new = box_of(file, file.root.named_children[0]).items if file is not None else ()
        for path in [path for item in new if file is not None for path in _paths(file, item)]:
            same = (*defined.get(path[0], ()), *(old for old in seen if old[0] == path[0]))
            if any(path[: len(old)] == old[: len(path)] for old in same):
                name = b".".join(path).decode(errors="replace")
                raise BuildError(f"{where(box.file, box.node)}: '{name}' is defined here already")
            seen.add(path)
            names.add(path[0])
    return frozenset(names)


def _defined(box: Box) -> dict[bytes, list[tuple[bytes, ...]]]:
    """The paths that a set gives a value, by their first names."""
    key = ("paths", box.node.start_byte, box.node.end_byte)
    known = box.file.cache.get(key)
    if known is None:
        found: dict[bytes, list[tuple[bytes, ...]]] = {}
        for item in box.items:
            for path in _paths(box.file, item):
                found.setdefault(path[0], []).append(path)
        known = box.file.cache[key] = found
    return cast("dict[bytes, list[tuple[bytes, ...]]]", known)


def _paths(file: ParsedFile, item: Node) -> list[tuple[bytes, ...]]:
    """The paths that a binding or `inherit` gives a value, those within set literals included."""
    if item.type != "binding":
        names = item.child_by_field_name("attrs")
        return [(_plain(file, name),) for name in (names.named_children if names is not None else ())]
    path, value = item.child_by_field_name("attrpath"), item.child_by_field_name("expression")
    if path is None or value is None:
        return []
    front = tuple(_plain(file, name) for name in path.children_by_field_name("attr"))
    if value.type not in ("attrset_expression", "rec_attrset_expression"):
        return [front]
    return [front + rest for inner in box_of(file, value).items for rest in _paths(file, inner)]


def _plain(file: ParsedFile, name: Node) -> bytes:
    text = file.text(name)
    return text[1:-1] if text.startswith(b'"') else text
