"""Edits: frozen replacements of byte spans in the original bytes of a file."""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class Span(Struct, frozen=True, order=True):
    """A half-open range of bytes, `start` to `end`, in one file (path relative to the root)."""

    file: str
    start: int
    end: int

    def meets(self, other: "Span") -> bool:
        """Whether two spans overlap or touch.

        Spans that only touch count: two insertions at one offset, or an insertion at the edge of a
        replaced range, give a text that neither of the two had in mind.
        """
        return self.file == other.file and self.start <= other.end and other.start <= self.end


class Edit(Struct, frozen=True, order=True):
    """Replace the bytes of `span` by `text`; an empty span inserts, an empty text deletes."""

    span: Span
    text: bytes


class EditConflict(ValueError):
    """Two edits of one set overlap."""


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits done.

    The edits belong to one file and are given in any order; insertions at the same offset land in the
    order in which they are given.

    Raises:
        EditConflict: when two edits overlap, or one reaches beyond the file.
    """
    ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
    pieces: list[bytes] = []
    position = 0
    for edit in ordered:
        if edit.span.start < position or edit.span.end > len(data):
            raise EditConflict(f"{edit.span.file}: edit at byte {edit.span.start} overlaps another one")
        pieces += (data[position : edit.span.start], edit.text)
        position = edit.span.end
    pieces.append(data[position:])
    return b"".join(pieces)


def shift(offset: int, edits: Sequence[Edit]) -> int:
    """Where a byte offset of the original lands after the edits of its file."""
    delta = 0
    for edit in edits:
        if edit.span.end <= offset:
            delta += len(edit.text) - (edit.span.end - edit.span.start)
    return offset + delta
