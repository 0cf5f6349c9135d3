"""What the user has decided to leave as it is: by a comment beside it, or by the settings file.

    # hwc-refactor: ignore[pin-image, harden-service] the vendor ships one tag only

The comment stands directly above what it is about, or at the end of its first or last line. What it is
about is a binding, an element of a list, or the whole expression of a file; it holds for every object in
there, and within an object for what is found at that place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from hwc_refactor.codemod import Outcome
from hwc_refactor.model import Change, Subject
from hwc_refactor.nix.comments import comment_text
from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.settings import Ignore, Settings

_MARK = b"hwc-refactor:"
_WORDS = re.compile(r"hwc-refactor:\s*ignore\b\s*(?:\[([^\]]*)\])?(.*)", re.DOTALL)


class Suppression(Struct, frozen=True):
    """One decision to leave something as it is.

    Attributes:
        codemods: the ids it names, `*` for all; empty where it names none.
        reason: why, in the user's words; may be empty.
        file, line, column: where it is written.
        target: the stretch that a comment is about; None where nothing stands beside it.
        ignore: the entry of the settings file; None for a comment.
    """

    codemods: tuple[str, ...]
    reason: str
    file: str
    line: int
    column: int
    target: Span | None = None
    ignore: Ignore | None = None

    @property
    def label(self) -> str:
        """What it says, without its reason."""
        return f"ignore[{', '.join(self.codemods)}]"

    def names(self, codemod: str) -> bool:
        """Whether it is about a codemod."""
        return codemod in self.codemods or "*" in self.codemods


def suppressions(tree: Tree, settings: Settings) -> tuple[Suppression, ...]:
    """All of a snapshot: the comments in the order of files and lines, then those of the settings."""
    return (*_comments(tree, tree.holding(_MARK)), *_ignores(settings))


def suppressing(
    tree: Tree, settings: Settings, outcome: Outcome, block: Block | None
) -> tuple[Suppression, ...]:
    """Those that an outcome meets; `block` is its object, where it has one."""
    known = (*_comments(tree, _around(tree, outcome, block)), *_ignores(settings))
    return tuple(
        one
        for one in known
        if one.names(outcome.codemod)
        and (
            _by_settings(one.ignore, outcome.subject, outcome.file)
            if one.ignore is not None
            else one.target is not None and _by_comment(one.target, outcome, block)
        )
    )


# -- the settings file ---------------------------------------------------------------------------------


def _ignores(settings: Settings) -> Iterator[Suppression]:
    for ignore in settings.ignore:
        yield Suppression(ignore.codemods, ignore.reason, settings.file, ignore.line, 1, ignore=ignore)


def _by_settings(ignore: Ignore, subject: Subject, file: str) -> bool:
    names = (subject.name, f"{subject.kind} {subject.name}")
    return any(fnmatchcase(name, ignore.object) for name in names) and fnmatchcase(file, ignore.file)


# -- comments ------------------------------------------------------------------------------------------


def _around(tree: Tree, outcome: Outcome, block: Block | None) -> tuple[str, ...]:
    """The files with a comment that an outcome may meet: no others are looked into."""
    paths = set() if block is None else set(block.files)
    if outcome.found.span is not None:
        paths.add(outcome.found.span.file)
    if isinstance(outcome, Change):
        paths.update(edit.span.file for edit in outcome.edits)
    own = (path for path in paths if path.endswith(".nix"))
    return tree.ordered(path for path in own if _MARK in (tree.data(path) or b""))


def _comments(tree: Tree, paths: Iterable[str]) -> Iterator[Suppression]:
    """The decisions in some files, each file looked into once."""
    for path in paths:
        key = (__name__, path)
        found = tree.memo.get(key)
        if not isinstance(found, tuple):
            found = tree.memo[key] = tuple(_comments_in(tree, path))
        yield from found


def _comments_in(tree: Tree, path: str) -> Iterator[Suppression]:
    file = tree.sound(path)
    if file is None:
        return
    offset = file.source.data.find(_MARK)
    while offset >= 0:
        chain = file.chain(offset, offset + len(_MARK))
        if chain[-1].type == "comment":
            match = _WORDS.match(comment_text(file, chain[-1]))
            if match is not None:
                yield _comment(file, chain, match)
        offset = file.source.data.find(_MARK, offset + 1)


def _comment(file: ParsedFile, chain: Sequence[Node], match: re.Match[str]) -> Suppression:
    node = _described(file, chain)
    target = None if node is None else Span(file.source.path, node.start_byte, node.end_byte)
    line, column = file.source.line_column(chain[-1].start_byte)
    codemods = tuple(word for part in (match[1] or "").split(",") if (word := part.strip()))
    return Suppression(codemods, " ".join(match[2].split()), file.source.path, line, column, target)


def _described(file: ParsedFile, chain: Sequence[Node]) -> Node | None:
    """What a comment stands beside: the thing on its own line, else the one that begins on the next."""
    comment = chain[-1]
    row = comment.start_point.row
    if not file.source.starts_line(comment.start_byte):
        around = (node for node in chain[:-1] if _is_thing(node) and node.start_point.row == row)
        before = comment.prev_named_sibling
        if before is not None and before.type == "binding_set":
            before = before.named_children[-1]
        beside = (
            before if before is not None and row in (before.start_point.row, before.end_point.row) else None
        )
        return next(around, None) or beside
    below = comment.next_named_sibling
    row = comment.end_point.row
    while below is not None and below.type == "comment" and below.start_point.row <= row + 1:
        row = below.end_point.row
        below = below.next_named_sibling
    if below is not None and below.type == "binding_set":
        below = below.named_children[0]
    return below if below is not None and below.start_point.row == row + 1 else None


def _is_thing(node: Node) -> bool:
    """Whether a node is a binding, or an element of a list."""
    parent = node.parent
    return node.type == "binding" or (parent is not None and parent.type == "list_expression")


def _by_comment(target: Span, outcome: Outcome, block: Block | None) -> bool:
    home = None if block is None else _home(block)
    if home is not None and _holds(target, home):
        return True
    found = outcome.found.span
    if found is not None and _holds(target, found):
        return True
    if isinstance(outcome, Change):
        return block is not None and _touches(block.tree, outcome, target)
    return found is None and block is not None and _within(target, block)


def _touches(tree: Tree, change: Change, target: Span) -> bool:
    """Whether a change rewrites one of the lines of a stretch."""
    edits = [edit.span for edit in change.edits if edit.span.file == target.file]
    if not edits:
        return False
    source = tree.file(target.file).source
    start, end = source.line_start(target.start), source.line_end(target.end)
    return any(edit.start < end and edit.end > start for edit in edits)


def _home(block: Block) -> Span:
    """The stretch that stands for an object: its call, or its first definition."""
    binding = block.slots[0].binding
    if block.calls or binding is None:
        return block.place.span
    return Span(block.slots[0].expr.file.source.path, binding.start_byte, binding.end_byte)


def _within(target: Span, block: Block) -> bool:
    """Whether a stretch lies in one of the definitions of an object."""
    return any(_holds(slot.expr.span, target) for slot in block.slots)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.file == inner.file and outer.start <= inner.start and inner.end <= outer.end
