"""Which files hold which names: an index over all files, made when enough is asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'-"
"""What a Nix name is made of."""
_APART = bytes(byte if byte in NAME_BYTES else 0x20 for byte in range(256))
_PIECE = re.compile(rb" ?[^ ]+ ?")
FEW = 40
"""So many files are searched sooner than the names for one with which there would be fewer."""
ALIKE = 100
"""A piece that as many names hold tells too little."""


class WordIndex:
    """The names that stand in files, by name: every longest run of bytes of which names are made."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        """Read all files."""
        self._files: dict[bytes, str | list[str]] = {}  # most names stand in one file
        for path, data in texts.items():
            for word in set(words_of(data)):
                known = self._files.setdefault(word, path)
                if known is not path:
                    if isinstance(known, list):
                        known.append(path)
                    else:
                        self._files[word] = [known, path]
        self._spelled = b" ".join((b"", *self._files, b""))

    def files(self, word: bytes) -> Sequence[str]:
        """The paths of the files that hold a name, in the order in which they were read."""
        known = self._files.get(word, ())
        return [known] if isinstance(known, str) else known

    def narrowed(self, pieces: Sequence[bytes]) -> Collection[str] | None:
        """The files of which those are some that hold all `pieces`; None where these do not tell."""
        whole = [piece for piece in pieces if piece[:1] == piece[-1:] == b" "]
        found: Collection[str] | None = min(
            (self.files(piece[1:-1]) for piece in whole), key=len, default=None
        )
        for piece in pieces:
            if piece not in whole and (found is None or len(found) > FEW):
                some = self._files_with(piece)
                found = found if some is None or (found is not None and len(found) <= len(some)) else some
        return found

    def _files_with(self, piece: bytes) -> set[str] | None:
        """The files with names that hold a piece; None where it stands in many names."""
        found: set[str] = set()
        for number, word in enumerate(self._names_with(piece)):
            if number == ALIKE:
                return None
            found.update(self.files(word))
        return found

    def _names_with(self, piece: bytes) -> Iterator[bytes]:
        offset = self._spelled.find(piece)
        while offset >= 0:
            end = self._spelled.index(b" ", offset + 1)
            yield self._spelled[self._spelled.rindex(b" ", 0, offset + 1) + 1 : end]
            offset = self._spelled.find(piece, end)


def words_of(data: bytes) -> list[bytes]:
    """The names in a text."""
    return data.translate(_APART).split()


def is_word(data: bytes) -> bool:
    """Whether a text is one name and nothing else."""
    return words_of(data) == [data]


def pieces_of(needle: bytes) -> list[bytes]:
    """What names have to hold where a text holds the needle, with a space where such a name begins or ends."""
    return _PIECE.findall(needle.translate(_APART).replace(b" ", b"  "))
