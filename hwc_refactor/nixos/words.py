"""Which files hold which names: an index over all files, made when enough is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_'-"
"""What a Nix name is made of."""
_APART = bytes(byte if byte in NAME_BYTES else 0x20 for byte in range(256))


class WordIndex:
    """The names that stand in files, by name: every longest run of bytes of which names are made."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        """Read all files."""
        self._files: dict[bytes, list[str]] = {}
        for path, data in texts.items():
            for word in set(words_of(data)):
                self._files.setdefault(word, []).append(path)

    def files(self, word: bytes) -> Sequence[str]:
        """The paths of the files that hold a name, in the order in which they were read."""
        return self._files.get(word, ())


def words_of(data: bytes) -> list[bytes]:
    """The names in a text."""
    return data.translate(_APART).split()


def is_word(data: bytes) -> bool:
    """Whether a text is one name and nothing else."""
    return words_of(data) == [data]


def whole_words(needle: bytes) -> list[bytes]:
    """The names that a text has to hold to hold the needle: those that do not reach to an edge of it."""
    return words_of(b"x" + needle + b"x")[1:-1]
