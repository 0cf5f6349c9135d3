"""A TOML file that a user wrote: what is wrong in it is told with its place and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from hwc_refactor.near import nearest
from hwc_refactor.settings import SettingsError

#: What a key may hold, in the words of a complaint.
TEXTS, TEXT, FLAG, TABLE = "a list of strings", "a string", "true or false", "a table of strings"
TEXT_OR_TEXTS = "a string or a list of strings"
ANY_TABLE, TABLES, IGNORES = "a table", "an [[image]] table", "an [[ignore]] table"
_CHECKS: Mapping[str, Callable[[object], bool]] = {
    TEXTS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    TEXT: lambda value: isinstance(value, str),
    FLAG: lambda value: isinstance(value, bool),
    TABLE: lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
    ANY_TABLE: lambda value: isinstance(value, dict),
    TABLES: lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
    IGNORES: lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
    TEXT_OR_TEXTS: lambda value: isinstance(value, str) or _CHECKS[TEXTS](value),
}


class TomlFile(Struct, frozen=True):
    """A file, read.

    Attributes:
        path: as the user named it.
        text: the whole text, to find lines in.
        data: what tomllib makes of it.
    """

    path: Path
    text: str
    data: Mapping[str, object]

    @classmethod
    def load(cls, path: Path) -> TomlFile:
        """Read a file. Raises SettingsError."""
        import tomllib

        text = read_text(path)
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
            place = f":{at[1]}:{at[2]}" if at and at[1] else ""
            what = message[: at.start()] if at else message
            raise SettingsError(f"{path}{place}: this is not valid TOML: {what}") from error

    def check(self, above: tuple[str, ...], table: Mapping[str, object], known: Mapping[str, str]) -> None:
        """See that a table holds known keys with the right kinds of values. Raises SettingsError.

        Args:
            above: the keys that lead to the table.
            table: the table.
            known: what each key may hold.
        """
        for key, value in table.items():
            if key not in known:
                raise self.error((*above, key), f"unknown key '{key}'{near(key, known)}")
            if not _CHECKS[known[key]](value):
                raise self.error((*above, key), f"'{key}' has to be {known[key]}")

    def error(self, keys: tuple[str, ...], message: str) -> SettingsError:
        """A complaint about the key that `keys` lead to."""
        line = _line(self.text, keys)
        return SettingsError(f"{self.path}{'' if line is None else f':{line}'}: {message}")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; empty when it is not there."""
        value = self.data.get(key, [])
        assert isinstance(value, list)
        return tuple(value)

    def table(self, key: str) -> Mapping[str, object]:
        """A table; empty when it is not there."""
        value = self.data.get(key, {})
        assert isinstance(value, dict)
        return value

    def lines_of(self, name: str, count: int) -> tuple[int, ...]:
        """The lines of the tables `[[name]]`; that of the key for tables written in line."""
        heads = re.compile(rf"\s*\[\[\s*{re.escape(name)}\s*\]\]")
        lines = [number for number, line in enumerate(self.text.splitlines(), 1) if heads.match(line)]
        return tuple(lines) if len(lines) == count else (_line(self.text, (name,)) or 1,) * count

    def choice(self, key: str, words: tuple[str, ...]) -> str:
        """One of some words; the first when nothing is said. Raises SettingsError."""
        value = str(self.data.get(key, words[0]))
        if value not in words:
            raise self.error(
                (key,), f"'{key}' has to be {' or '.join(words)}, not '{value}'{near(value, words)}"
            )
        return value


def read_text(path: Path) -> str:
    """The text of a file. Raises SettingsError."""
    if path.is_fifo() or path.is_socket():  # nobody may ever write into it
        raise SettingsError(f"{path}: cannot be read: it is no file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: cannot be read: it is not UTF-8") from error


def near(word: str, known: Iterable[str]) -> str:
    """The end of a complaint about an unknown word: what may have been meant."""
    words = list(known)
    near = nearest(word, words)
    return f"; did you mean '{near}'?" if near else f"; known are {', '.join(words)}"


def _line(text: str, keys: tuple[str, ...]) -> int | None:
    """The first line where a key stands, as far as that is seen without a parser that keeps positions."""
    *tables, key = keys
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[\[?\s*([^]]+?)\s*\]", line)
        if head:
            header = _split(head[1])
            if header == list(keys):
                return number
            continue
        name = re.match(r"""\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_.-])+)\s*=""", line)
        if name and [*header, *_split(name[1])][: len(keys)] == [*tables, key]:
            return number
    return None


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r""""[^"]*"|'[^']*'|[^.\s]+""", dotted)]
