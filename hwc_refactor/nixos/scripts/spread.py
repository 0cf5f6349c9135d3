"""Interpolations that bring several words of a command: `curl ${lib.concatStringsSep " " flags}`.

Nix puts the text in before any shell, and before systemd, takes the line apart; quotes around an interpolation
keep it one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec.structs import replace

from hwc_refactor.nix.shell import Body, Piece, Script, Word
from hwc_refactor.nix.values import Branch, Call, Expr, ListValue, Ref, Str, Value
from hwc_refactor.nixos.scripts.executables import script_text
from hwc_refactor.nixos.scripts.joins import joined
from hwc_refactor.nixos.scripts.pieces import texts
from hwc_refactor.nixos.scripts.words import MAX_NESTING, Place, place_of, single
from hwc_refactor.nixos.tree import Tree

_QUOTED = frozenset({"string", "translated_string", "raw_string", "heredoc_body"})
_MANY = frozenset({"escapeShellArgs", "escapeSystemdExecArgs", "toCommandLineShell", "toGNUCommandLineShell"})
"""Functions that make several words of a list or a set (nixpkgs manual, lib.strings, lib.cli; nixos/lib/utils.nix)."""

_CALLED_MANY = re.compile(r"(?:args|arguments|flags|options|opts)\Z", re.IGNORECASE)
"""What options are called that hold several words as one text."""


def spread(tree: Tree, script: Script, word: Word, depth: int = 0) -> Iterator[Place]:
    """The words that a word of a script becomes; one that is `unseen` for those that are not in sight."""
    place = place_of(tree, script, word)
    bare = [piece for piece in word.pieces if piece.kind == "hole" and piece.node.type not in _QUOTED]
    if len(word.pieces) == 1 and bare:
        yield from spread_hole(tree, script.body.holes[bare[0].hole], place, depth)
    elif any(_brings_blanks(tree, script, piece) for piece in bare):
        yield _several(place)
    else:
        yield place


def spread_hole(tree: Tree, expr: Expr, place: Place, depth: int = 0) -> Iterator[Place]:
    """The words that an interpolation becomes which stands alone, without quotes.

    Args:
        tree: the snapshot.
        expr: the expression of the interpolation.
        place: the word that it is where it brings but one.
        depth: how many interpolations it stands in.
    """
    value = tree.resolver.value(expr)
    if depth > MAX_NESTING:
        yield _several(place)
        return
    match value:
        case Str() if not re.search(r"\s", value.shown):
            yield place
        case Call(args=(*_, listed)) if value.name in _MANY:
            for item in tree.resolver.items(listed):
                known = item.unknown is None and value.name.endswith("Args")
                yield single(tree, item.expr) if known else _several(place)
        case Ref(path=path):
            yield _several(place) if _CALLED_MANY.search(path[-1]) else place
        case _:
            found = texts(tree, expr)
            if found is not None:
                for text in found:
                    yield from _words(tree, text, place, depth)
            else:
                yield _several(place) if _may_hold_many(tree, value) else place


def _words(tree: Tree, text: Expr, place: Place, depth: int) -> Iterator[Place]:
    """The words of a text that stands among the arguments of a command."""
    script = script_text(tree, text)
    line = None if script is None else _as_arguments(script)
    if line is None:
        yield _unseen(place, "script")
        return
    for word in line.commands[0].arguments:
        yield from spread(tree, line, word, depth + 1)


def _as_arguments(script: Script) -> Script | None:
    """A text as the arguments of a command that does nothing; None when it ends that command."""
    body = script.body
    data = b": " + b" ".join(body.data.split(b"\n"))
    line = Script(script.at, Body(data, body.path, body.holes, body.string, body.mapped, None))
    inside = line.root.named_children
    return line if line.sound and [node.type for node in inside] == ["command"] else None


def _brings_blanks(tree: Tree, script: Script, piece: Piece) -> bool:
    value = tree.resolver.value(script.body.holes[piece.hole])
    if isinstance(value, Str):
        return re.search(r"\s", value.literal or "") is not None
    return _may_hold_many(tree, value)


def _may_hold_many(tree: Tree, value: Value) -> bool:
    """Whether a value that is not in sight may be several words."""
    if isinstance(value, Call) and value.name == "toString" and len(value.args) == 1:
        return isinstance(tree.resolver.value(value.args[0]), ListValue)
    if isinstance(value, Call) and joined(value):
        return not (value.name.endswith("Sep") and _closed(tree, value.args))
    if isinstance(value, Branch):
        ends = [tree.resolver.value(one) for one in (value.then, value.otherwise)]
        return any(_may_hold_many(tree, one) for one in ends)
    return isinstance(value, Call) and value.name in _MANY


def _closed(tree: Tree, args: Sequence[Expr]) -> bool:
    """Whether a list is joined by what keeps it one word: `concatStringsSep ","`."""
    separator = tree.resolver.literal(args[0])
    return separator is not None and separator != "" and not re.search(r"\s", separator)


def _several(place: Place) -> Place:
    return _unseen(place, "words")


def _unseen(place: Place, what: Literal["words", "script"]) -> Place:
    return replace(place, root=None, lead=None, known=False, unseen=what)
