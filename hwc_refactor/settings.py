"""What a user settles beforehand: `hwc-refactor.toml` at the root, with the command line above it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = [
    "FILE_NAME",
    "LEVELS",
    "TIMER_STYLES",
    "Ignore",
    "Overrides",
    "Settings",
    "SettingsError",
    "load_settings",
]

#: The name of the file at the root.
FILE_NAME = "hwc-refactor.toml"
LEVELS = ("documented", "strict")
TIMER_STYLES = ("documented", "faithful")


class SettingsError(Exception):
    """A settings file or option cannot be used; the message is for the user and names the place."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Findings that the user has decided to leave: an `[[ignore]]` table.

    Attributes:
        codemods: ids, `*` for all.
        object: a glob of names, or of kind and name (`container web`).
        file: a glob of paths, relative to the root.
        reason: why; empty where none is given.
        line: where the table stands.
    """

    codemods: tuple[str, ...] = ("*",)
    object: str = "*"
    file: str = "*"
    reason: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run. Plain values only: they go to worker processes.

    Attributes:
        exclude: globs of paths, relative to the root, that are not read.
        level: how far hardening goes, `documented` or `strict`.
        timer_style: the form of a timer made from a loop, `documented` or `faithful`; None for what each diff
            documents, and the faithful form elsewhere.
        disable: ids of codemods that do not run.
        pins: tag by the name of a container or of an image repository.
        limits: limits of every container, by the name of the flag without dashes (`memory-swap`).
        container_limits: those of single containers, by name; they go before `limits`.
        profiles: the user's image profiles, keys as in the catalogue of images.
        module_import: the file that imports new modules, relative to the root.
        keep_limits: whether a container that has no limits is left without.
        paths: for a path of the host the option that this configuration has for it, `config.hwc.paths.media`.
        monitors: globs of the names of services that are health checks.
        ignore: findings that are left as they are.
        file: where all this is written, relative to the root.
    """

    exclude: tuple[str, ...] = ()
    level: str = "documented"
    timer_style: str | None = None
    disable: tuple[str, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    container_limits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    profiles: tuple[Mapping[str, object], ...] = ()
    module_import: str | None = None
    keep_limits: bool = False
    paths: Mapping[str, str] = field(default_factory=dict)
    monitors: tuple[str, ...] = ()
    ignore: tuple[Ignore, ...] = ()
    file: str = FILE_NAME

    def limits_for(self, container: str) -> Mapping[str, str]:
        """The limits that the user wants for one container; flags not named here are left to the codemod."""
        return {**self.limits, **self.container_limits.get(container, {})}

    def pin_for(self, *names: str) -> str | None:
        """The tag pinned for the first of the names that has one: the container, then its repository."""
        return next((self.pins[name] for name in names if name in self.pins), None)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says; it goes before the file.

    Attributes:
        pins: `NAME=TAG`, as given.
        pin_files: files of pins, TOML or lines of `NAME=TAG`; earlier than `pins`, so `pins` win.
        profile_files: TOML files with `[[image]]` tables; they go before those of the settings file.
    """

    level: str | None = None
    timer_style: str | None = None
    pins: Sequence[str] = ()
    pin_files: Sequence[Path] = ()
    profile_files: Sequence[Path] = ()
    module_import: str | None = None
    keep_limits: bool = False


def file_for(root: Path) -> Path | None:
    """The settings file of a root: the one in it, else one above that names it as its root.

    Raises:
        SettingsError: when a file above cannot be used.
    """
    file = root / FILE_NAME
    if file.exists() or file.is_symlink():
        return file
    for folder in root.parents:
        above = folder / FILE_NAME
        if above.is_file() and root_named_by(above) == root:
            return above
        if (folder / ".git").exists():
            break
    return None


def root_named_by(file: Path) -> Path | None:
    """The root that a settings file names, None where it names none. Raises SettingsError."""
    from hwc_refactor import settings_file

    named = settings_file.read_root(file)
    return None if named is None else (file.resolve().parent / named).resolve()


def load_settings(root: Path, config: Path | None = None, overrides: Overrides | None = None) -> Settings:
    """The settings of a root: its file (or the one named), and what the command line says above it.

    Raises:
        SettingsError: when a file or option cannot be used.
    """
    from hwc_refactor import settings_file

    given = overrides or Overrides()
    file = config if config is not None else file_for(root)
    read = Settings() if file is None else settings_file.read(file)
    pins = dict(read.pins)
    for path in given.pin_files:
        pins.update(settings_file.read_pins(path))
    for text in given.pins:
        name, tag = settings_file.parse_pin(text, f"--pin {text}")
        pins[name] = tag
    profiles = tuple(image for path in given.profile_files for image in settings_file.read_profiles(path))
    wanted = given.module_import
    return replace(
        read,
        level=given.level or read.level,
        timer_style=given.timer_style or read.timer_style,
        pins=pins,
        keep_limits=given.keep_limits or read.keep_limits,
        profiles=(*profiles, *read.profiles),
        module_import=read.module_import
        if wanted is None
        else settings_file.inside(wanted, "--module-import"),
        file=FILE_NAME if file is None else Path(os.path.relpath(file.absolute(), root)).as_posix(),
    )
