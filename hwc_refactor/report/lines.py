"""Styled lines for standard error and files: all that a summary needs, without a library."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hwc_refactor.report.escape import visible

_CODES = {"bold": "1", "dim": "2", "error": "1;31", "warning": "33", "good": "32", "link": "36"}


class Line(Struct, frozen=True):
    """One line of a summary.

    Attributes:
        text: what it says; may hold text from a configuration.
        style: a key of the table of styles, or empty.
        indent: columns before it.
        bullet: what stands before its first row.
        wrap: whether it may be broken; paths and commands may not.
    """

    text: str
    style: str = ""
    indent: int = 0
    bullet: str = ""
    wrap: bool = True


def render(lines: Iterable[Line], *, colour: bool, width: int | None) -> str:
    """The lines as text that ends with a newline; broken at `width`, not at all for None."""
    return "".join(f"{row}\n" for line in lines for row in _rows(line, colour, width))


def paint(text: str, style: str, *, colour: bool) -> str:
    """The text in a style, where colour is wanted."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and style else text


def _rows(line: Line, colour: bool, width: int | None) -> Iterator[str]:
    margin = " " * line.indent
    text = visible(line.text)
    hang = " " * len(line.bullet)
    rows = [text]
    if width is not None and line.wrap:
        room = max(width - line.indent - len(line.bullet), 20)
        rows = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    for number, row in enumerate(rows):
        head = hang if number else line.bullet
        yield f"{margin}{head}{paint(row, line.style, colour=colour)}" if row else ""
