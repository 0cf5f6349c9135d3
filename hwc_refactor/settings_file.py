"""Reads `hwc-refactor.toml` and its kin; every complaint names the file, the line where possible, and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from hwc_refactor.settings import LEVELS, TIMER_STYLES, Settings, SettingsError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?")
_SIZE = r"\d+[bkmgBKMG]?[bB]?"
#: What a limit's value looks like, by flag: (pattern, example).
_LIMITS = {
    "memory": (_SIZE, "512m"),
    "memory-swap": (rf"-1|{_SIZE}", "1g"),
    "cpus": (r"\d+(\.\d+)?|\.\d+", "0.5"),
    "pids-limit": (r"-1|\d+", "100"),
}
_LIST, _TEXT, _FLAG, _TABLE = "a list of strings", "a string", "true or false", "a table of strings"
#: The keys of an image profile and what each holds.
_PROFILE = {
    "id": _TEXT,
    "match": _LIST,
    "capabilities": _LIST,
    "podman_capabilities": _LIST,
    "optional_capabilities": _LIST,
    "devices": _LIST,
    "optional_devices": _LIST,
    "needs_device": _FLAG,
    "sysctls": _TABLE,
    "kernel_modules": _LIST,
    "security_opts": _LIST,
    "requires": _LIST,
    "no_new_privileges": _FLAG,
    "no_new_privileges_why": _TEXT,
    "privileged_required": _FLAG,
    "privileged_why": _TEXT,
    "undecidable": _TEXT,
    "note": _TEXT,
    "sources": _LIST,
    "verified": _TEXT,
}
_KEYS = {
    "exclude": _LIST,
    "level": _TEXT,
    "timer-style": _TEXT,
    "disable": _LIST,
    "pins": "a table",
    "limits": "a table",
    "image": "an [[image]] table",
    "module-import": _TEXT,
}
_CHECKS: Mapping[str, Callable[[object], bool]] = {
    _LIST: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    _TEXT: lambda value: isinstance(value, str),
    _FLAG: lambda value: isinstance(value, bool),
    _TABLE: lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
    "a table": lambda value: isinstance(value, dict),
    "an [[image]] table": lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
}


def read(path: Path) -> Settings:
    """The settings of one file.

    Raises:
        SettingsError: when it cannot be read, or holds what is not known.
    """
    file = _File.load(path)
    file.check((), file.data, _KEYS)
    limits, container_limits = _limits(file)
    return Settings(
        exclude=file.texts("exclude"),
        level=file.choice("level", LEVELS),
        timer_style=file.choice("timer-style", TIMER_STYLES),
        disable=_disabled(file),
        pins=_pins(file, ("pins",), file.table("pins")),
        limits=limits,
        container_limits=container_limits,
        profiles=_profiles(file),
        module_import=_module_import(file),
    )


def read_profiles(path: Path) -> tuple[Mapping[str, object], ...]:
    """The image profiles of a file that holds nothing else. Raises SettingsError."""
    file = _File.load(path)
    file.check((), file.data, {"image": _KEYS["image"]})
    return _profiles(file)


def read_pins(path: Path) -> dict[str, str]:
    """The pins of a file: TOML, with or without `[pins]`, or lines of `NAME=TAG`. Raises SettingsError."""
    text = _text(path)
    lines = [line.strip() for line in text.splitlines()]
    plain = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if all("=" in line and not re.search(r"""["'\[\s]""", line) for _, line in plain):
        return dict(parse_pin(line, f"{path}:{number}") for number, line in plain)
    file = _File.load(path)
    if "pins" in file.data:
        file.check((), file.data, {"pins": _KEYS["pins"]})
        return _pins(file, ("pins",), file.table("pins"))
    return _pins(file, (), file.data)


def parse_pin(text: str, place: str) -> tuple[str, str]:
    """Name and tag of `NAME=TAG`. Raises SettingsError, with `place` before the complaint."""
    name, equals, tag = text.rpartition("=")
    if not equals or not name.strip():
        raise SettingsError(f"{place}: write it as NAME=TAG, for example gluetun=v3.39.1")
    return name.strip(), _tag(tag.strip(), place)


def inside(text: str, place: str) -> str:
    """A path that stays below the root, as it is kept. Raises SettingsError."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise SettingsError(f"{place}: '{text}' has to be a path below the root")
    return str(path)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    text: str
    data: Mapping[str, object]

    @classmethod
    def load(cls, path: Path) -> _File:
        import tomllib

        text = _text(path)
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
            place = f":{at[1]}:{at[2]}" if at and at[1] else ""
            what = message[: at.start()] if at else message
            raise SettingsError(f"{path}{place}: this is not valid TOML: {what}") from error

    def check(self, above: tuple[str, ...], table: Mapping[str, object], known: Mapping[str, str]) -> None:
        for key, value in table.items():
            if key not in known:
                raise self.error((*above, key), f"unknown key '{key}'{_near(key, known)}")
            if not _CHECKS[known[key]](value):
                raise self.error((*above, key), f"'{key}' has to be {known[key]}")

    def error(self, keys: tuple[str, ...], message: str) -> SettingsError:
        line = _line(self.text, keys)
        return SettingsError(f"{self.path}{'' if line is None else f':{line}'}: {message}")

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        assert isinstance(value, list)
        return tuple(value)

    def table(self, key: str) -> Mapping[str, object]:
        value = self.data.get(key, {})
        assert isinstance(value, dict)
        return value

    def choice(self, key: str, words: tuple[str, ...]) -> str:
        value = str(self.data.get(key, words[0]))
        if value not in words:
            raise self.error(
                (key,), f"'{key}' has to be {' or '.join(words)}, not '{value}'{_near(value, words)}"
            )
        return value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: cannot be read: it is not UTF-8") from error


def _disabled(file: _File) -> tuple[str, ...]:
    names = file.texts("disable")
    if names:
        from hwc_refactor.selection import ORDER

        for name in names:
            if name not in ORDER:
                raise file.error(("disable",), f"there is no codemod '{name}'{_near(name, ORDER)}")
    return names


def _pins(file: _File, above: tuple[str, ...], table: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, tag in table.items():
        if not isinstance(tag, str):
            hint = f'; write "{tag}"' if isinstance(tag, (int, float)) else ""
            raise file.error((*above, name), f"the tag of '{name}' has to be a string{hint}")
        try:
            found[name] = _tag(tag, "")
        except SettingsError as error:
            raise file.error((*above, name), str(error).removeprefix(": ")) from error
    return found


def _tag(tag: str, place: str) -> str:
    if tag == "latest":
        raise SettingsError(f"{place}: 'latest' is no version; name the tag that you want to stay with")
    if not _TAG.fullmatch(tag):
        raise SettingsError(f"{place}: '{tag}' is no tag of an image")
    return tag


def _limits(file: _File) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    general: dict[str, str] = {}
    single: dict[str, dict[str, str]] = {}
    for key, value in file.table("limits").items():
        if isinstance(value, dict):
            single[key] = {flag: _limit(file, ("limits", key, flag), given) for flag, given in value.items()}
        else:
            general[key] = _limit(file, ("limits", key), value)
    return general, single


def _limit(file: _File, keys: tuple[str, ...], value: object) -> str:
    flag = keys[-1]
    if flag not in _LIMITS:
        raise file.error(keys, f"unknown limit '{flag}'{_near(flag, _LIMITS)}")
    pattern, example = _LIMITS[flag]
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise file.error(keys, f'{flag} has to be a string such as "{example}"')
    return value


def _profiles(file: _File) -> tuple[Mapping[str, object], ...]:
    images = file.data.get("image", [])
    assert isinstance(images, list)
    for image in images:
        file.check(("image",), image, _PROFILE)
        for key in ("id", "match"):
            if not image.get(key):
                name = f" '{image['id']}'" if image.get("id") else ""
                raise file.error(("image",), f"the [[image]] table{name} has no '{key}'")
    return tuple(images)


def _module_import(file: _File) -> str | None:
    value = file.data.get("module-import")
    if value is None:
        return None
    try:
        return inside(str(value), "")
    except SettingsError as error:
        raise file.error(("module-import",), f"'module-import'{error}") from error


def _near(word: str, known: Iterable[str]) -> str:
    words = list(known)
    found = get_close_matches(word.replace("_", "-"), words, 1) or get_close_matches(word, words, 1)
    return f"; did you mean '{found[0]}'?" if found else f"; known are {', '.join(words)}"


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
