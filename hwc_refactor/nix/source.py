"""The bytes of one file, with the questions about lines and layout that everything else asks."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import partial
from itertools import accumulate

from msgspec import Struct, field

from hwc_refactor.nix.differences import OriginalLines

NAMED = "**/"
"""Before the name of a file, in the place of a path: the list of all files of that name is meant."""


class Source(Struct, frozen=True, eq=False):
    """One file as it was read.

    Attributes:
        path: where it stands, relative to the root, with forward slashes.
        data: its bytes, untouched. All offsets in this project are byte offsets into them.
        original: the bytes that the user knows, where changes have been made since; else None.
    """

    path: str
    data: bytes
    original: bytes | None = None
    _starts: array[int] = field(default_factory=partial(array, "q"))
    _origins: list[OriginalLines] = []

    @property
    def newline(self) -> bytes:
        """The line ending of the file: CRLF where its first line ends so, else LF."""
        first = self.data.find(b"\n")
        return b"\r\n" if first > 0 and self.data[first - 1] == 0x0D else b"\n"

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of a byte offset, both counted from 1, the column in characters."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        start = starts[line - 1]
        return line, len(self.data[start:offset].decode(errors="replace")) + 1

    def point(self, offset: int) -> tuple[int, int]:
        """Row and column of a byte offset, both counted from 0, the column in bytes."""
        starts = self._line_starts()
        row = bisect_right(starts, offset) - 1
        return row, offset - starts[row]

    def line(self, offset: int) -> int:
        """The line of a byte offset as the user knows it: that of the file before any change, from 1."""
        line = self.line_column(offset)[0]
        if self.original is None:
            return line
        if not self._origins:
            self._origins.append(OriginalLines(self.original, self.data))
        return self._origins[0][line]

    def line_start(self, offset: int) -> int:
        """Offset of the first byte of the line that `offset` stands on."""
        return self.data.rfind(b"\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Offset just behind the line that `offset` stands on, its line feed included."""
        end = self.data.find(b"\n", offset)
        return len(self.data) if end < 0 else end + 1

    def indent(self, offset: int) -> bytes:
        """The blanks and tabs that the line of `offset` begins with."""
        start = self.line_start(offset)
        end = start
        while end < len(self.data) and self.data[end] in b" \t":
            end += 1
        return self.data[start:end]

    def starts_line(self, offset: int) -> bool:
        """Whether only blanks stand before `offset` on its line."""
        return not self.data[self.line_start(offset) : offset].strip(b" \t\xef\xbb\xbf")

    def _line_starts(self) -> array[int]:
        if not self._starts:
            lengths = [len(line) + 1 for line in self.data.split(b"\n")]
            self._starts.extend(accumulate(lengths[:-1], initial=0))
        return self._starts
