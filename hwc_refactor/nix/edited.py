"""Files after edits: parsed once, where one builder proves a result that another one goes on with."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import ParsedFile, parse_again

MANNER = ("unit", "padding")
"""What is remembered of the layout of a file, and holds for the file after a few edits."""


def edited(file: ParsedFile, edits: Iterable[Edit]) -> ParsedFile:
    """A file as it is after edits.

    Raises:
        EditConflict: when two edits overlap, or one reaches beyond the file.
    """
    return _edited(file, _ordered(edits))


def edited_once(file: ParsedFile, edits: Iterable[Edit]) -> ParsedFile:
    """The same, kept as long as the file is: for edits that will be made again."""
    ordered = _ordered(edits)
    known = file.cache.get(("edited", ordered))
    if not isinstance(known, ParsedFile):
        known = file.cache["edited", ordered] = _edited(file, ordered)
    return known


def _ordered(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    return tuple(sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)))


@lru_cache(2)
def _edited(file: ParsedFile, edits: tuple[Edit, ...]) -> ParsedFile:
    source = Source(file.source.path, apply_edits(file.source.data, edits))
    after = parse_again(file, source, ((edit.span.start, edit.span.end, edit.text) for edit in edits))
    after.cache.update((key, file.cache[key]) for key in MANNER if key in file.cache)
    return after
