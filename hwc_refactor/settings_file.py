"""Reads `hwc-refactor.toml` and its kin; every complaint names the file, the line where possible, and a way out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from hwc_refactor.settings import LEVELS, TIMER_STYLES, Ignore, Settings, SettingsError
from hwc_refactor.toml_file import (
    ANY_TABLE,
    FLAG,
    IGNORES,
    TABLE,
    TABLES,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    TomlFile,
    near,
    read_text,
)

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?")
_OPTION = re.compile(r"config(\.[A-Za-z_][\w'-]*)+")
_SIZE = r"\d+[bkmgBKMG]?[bB]?"
#: What a limit's value looks like, by flag: (pattern, example).
_LIMITS = {
    "memory": (_SIZE, "512m"),
    "memory-swap": (rf"-1|{_SIZE}", "1g"),
    "cpus": (r"\d+(\.\d+)?|\.\d+", "0.5"),
    "pids-limit": (r"-1|\d+", "100"),
}
#: The keys of an image profile and what each holds.
_PROFILE = {
    "id": TEXT,
    "match": TEXTS,
    "capabilities": TEXTS,
    "podman_capabilities": TEXTS,
    "optional_capabilities": TEXTS,
    "devices": TEXTS,
    "optional_devices": TEXTS,
    "needs_device": FLAG,
    "sysctls": TABLE,
    "kernel_modules": TEXTS,
    "security_opts": TEXTS,
    "requires": TEXTS,
    "no_new_privileges": FLAG,
    "no_new_privileges_why": TEXT,
    "privileged_required": FLAG,
    "privileged_why": TEXT,
    "undecidable": TEXT,
    "note": TEXT,
    "sources": TEXTS,
    "verified": TEXT,
}
#: The keys of an `[[ignore]]` table.
_IGNORE = {"codemod": TEXT_OR_TEXTS, "object": TEXT, "file": TEXT, "reason": TEXT}
_KEYS = {
    "root": TEXT,
    "exclude": TEXTS,
    "level": TEXT,
    "timer-style": TEXT,
    "disable": TEXTS,
    "pins": ANY_TABLE,
    "limits": ANY_TABLE,
    "image": TABLES,
    "module-import": TEXT,
    "keep-limits": FLAG,
    "paths": TABLE,
    "monitors": TEXTS,
    "ignore": IGNORES,
}


def read(path: Path) -> Settings:
    """The settings of one file.

    Raises:
        SettingsError: when it cannot be read, or holds what is not known.
    """
    file = TomlFile.load(path)
    file.check((), file.data, _KEYS)
    _below(file, "root")  # it is read before all else, by `read_root`
    limits, container_limits = _limits(file)
    return Settings(
        exclude=file.texts("exclude"),
        level=file.choice("level", LEVELS),
        timer_style=file.choice("timer-style", TIMER_STYLES) if "timer-style" in file.data else None,
        disable=_disabled(file),
        pins=_pins(file, ("pins",), file.table("pins")),
        limits=limits,
        container_limits=container_limits,
        profiles=_profiles(file),
        module_import=_below(file, "module-import"),
        keep_limits=bool(file.data.get("keep-limits", False)),
        paths=_paths(file),
        monitors=file.texts("monitors"),
        ignore=_ignores(file),
    )


def read_root(path: Path) -> str | None:
    """The root that a file names, relative to its folder; None where it names none. Raises SettingsError."""
    file = TomlFile.load(path)
    named = _below(file, "root")
    if named is not None and not (path.resolve().parent / named).is_dir():
        raise file.error(("root",), f"'root': there is no folder '{named}' beside this file")
    return named


def read_profiles(path: Path) -> tuple[Mapping[str, object], ...]:
    """The image profiles of a file that holds nothing else. Raises SettingsError."""
    file = TomlFile.load(path)
    file.check((), file.data, {"image": _KEYS["image"]})
    return _profiles(file)


def read_pins(path: Path) -> dict[str, str]:
    """The pins of a file: TOML, with or without `[pins]`, or lines of `NAME=TAG`. Raises SettingsError."""
    text = read_text(path)
    lines = [line.strip() for line in text.splitlines()]
    plain = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not any(re.search(r"""["'\[]""", line) for _, line in plain):
        return dict(parse_pin(line, f"{path}:{number}") for number, line in plain)
    file = TomlFile.load(path)
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


def _disabled(file: TomlFile) -> tuple[str, ...]:
    names = file.texts("disable")
    _demand_codemods(file, ("disable",), names)
    return names


def _demand_codemods(file: TomlFile, keys: tuple[str, ...], names: Sequence[str]) -> None:
    """See that codemods exist. Raises SettingsError."""
    if names:
        from hwc_refactor.selection import ORDER

        for name in names:
            if name not in ORDER:
                raise file.error(keys, f"there is no codemod '{name}'{near(name, ORDER)}")


def _ignores(file: TomlFile) -> tuple[Ignore, ...]:
    tables = file.data.get("ignore", [])
    assert isinstance(tables, list)
    found = []
    for table, line in zip(tables, file.lines_of("ignore", len(tables)), strict=True):
        file.check(("ignore",), table, _IGNORE)
        if not table.keys() - {"reason"}:
            raise file.error(
                ("ignore",), "an [[ignore]] table has to say what it is about: codemod, object or file"
            )
        names = table.get("codemod", ["*"])
        codemods = (names,) if isinstance(names, str) else tuple(names)
        _demand_codemods(file, ("ignore", "codemod"), [name for name in codemods if name != "*"])
        texts = {key: table.get(key, "*") for key in ("object", "file")}
        found.append(Ignore(codemods, **texts, reason=table.get("reason", "").strip(), line=line))
    return tuple(found)


def _pins(file: TomlFile, above: tuple[str, ...], table: Mapping[str, object]) -> dict[str, str]:
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


def _limits(file: TomlFile) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    general: dict[str, str] = {}
    single: dict[str, dict[str, str]] = {}
    for key, value in file.table("limits").items():
        if isinstance(value, dict):
            single[key] = {flag: _limit(file, ("limits", key, flag), given) for flag, given in value.items()}
        else:
            general[key] = _limit(file, ("limits", key), value)
    return general, single


def _limit(file: TomlFile, keys: tuple[str, ...], value: object) -> str:
    flag = keys[-1]
    if flag not in _LIMITS:
        raise file.error(keys, f"unknown limit '{flag}'{near(flag, _LIMITS)}")
    pattern, example = _LIMITS[flag]
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise file.error(keys, f'{flag} has to be a string such as "{example}"')
    return value


def _profiles(file: TomlFile) -> tuple[Mapping[str, object], ...]:
    images = file.data.get("image", [])
    assert isinstance(images, list)
    for image in images:
        file.check(("image",), image, _PROFILE)
        for key in ("id", "match"):
            if not image.get(key):
                name = f" '{image['id']}'" if image.get("id") else ""
                raise file.error(("image",), f"the [[image]] table{name} has no '{key}'")
        _check_capabilities(file, image)
    return tuple(images)


def _check_capabilities(file: TomlFile, image: Mapping[str, list[str]]) -> None:
    from hwc_refactor.nixos.containers.needs import capability_names

    for key in ("capabilities", "podman_capabilities", "optional_capabilities"):
        for capability in image.get(key, ()):
            if capability not in capability_names():
                meant = near(capability.removeprefix("CAP_"), sorted(capability_names()))
                raise file.error(("image", key), f"there is no capability '{capability}'{meant}")


def _paths(file: TomlFile) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, option in file.table("paths").items():
        if not path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise file.error(("paths", path), f"'{path}' has to be an absolute path")
        if not _OPTION.fullmatch(str(option)):
            raise file.error(
                ("paths", path), f"'{option}' has to be an option such as config.hwc.paths.media"
            )
        found[path.rstrip("/") or "/"] = str(option)
    return found


def _below(file: TomlFile, key: str) -> str | None:
    """A path below a folder, None where the key is not there."""
    value = file.data.get(key)
    if value is None:
        return None
    try:
        return inside(str(value), "")
    except SettingsError as error:
        raise file.error((key,), f"'{key}'{error}") from error
