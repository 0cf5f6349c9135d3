"""The settings of a root: its file, or one above that names it, with the command line above them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.settings import FILE_NAME, Settings
from hwc_refactor.settings_file import inside, parse_pin, read, read_pins, read_profiles, read_root


class Overrides(Struct, frozen=True):
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
    named = read_root(file)
    return None if named is None else (file.resolve().parent / named).resolve()


def load_settings(root: Path, config: Path | None = None, overrides: Overrides | None = None) -> Settings:
    """The settings of a root: its file (or the one named), and what the command line says above it.

    Raises:
        SettingsError: when a file or option cannot be used.
    """
    given = overrides or Overrides()
    file = config if config is not None else file_for(root)
    found = Settings() if file is None else read(file)
    pins = dict(found.pins)
    for path in given.pin_files:
        pins.update(read_pins(path))
    for text in given.pins:
        name, tag = parse_pin(text, f"--pin {text}")
        pins[name] = tag
    profiles = tuple(image for path in given.profile_files for image in read_profiles(path))
    wanted = given.module_import
    return replace(
        found,
        level=given.level or found.level,
        timer_style=given.timer_style or found.timer_style,
        pins=pins,
        keep_limits=given.keep_limits or found.keep_limits,
        profiles=(*profiles, *found.profiles),
        module_import=found.module_import if wanted is None else inside(wanted, "--module-import"),
        file=FILE_NAME if file is None else Path(os.path.relpath(file.absolute(), root)).as_posix(),
    )
