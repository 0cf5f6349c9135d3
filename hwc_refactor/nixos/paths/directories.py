"""The directories that systemd keeps for a service: StateDirectory and its kin.

Which directive keeps which directory: systemd.exec(5), RuntimeDirectory=, StateDirectory=.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from msgspec import Struct

from hwc_refactor.nix.values import ListValue, Str
from hwc_refactor.nixos.block import Block

BASES = {
    "/var/lib": "StateDirectory",
    "/var/cache": "CacheDirectory",
    "/var/log": "LogsDirectory",
    "/run": "RuntimeDirectory",
}
"""Where each directive keeps its directories."""

VARIABLES = {
    "STATE_DIRECTORY": "StateDirectory",
    "CACHE_DIRECTORY": "CacheDirectory",
    "LOGS_DIRECTORY": "LogsDirectory",
    "RUNTIME_DIRECTORY": "RuntimeDirectory",
}
"""The environment variables by which a program learns of them."""

SPECIFIERS = {
    "%S": "/var/lib",
    "%C": "/var/cache",
    "%L": "/var/log",
    "%t": "/run",
    "%T": "/tmp",
    "%V": "/var/tmp",
}
"""Specifiers of units of the system for those places (systemd.unit(5))."""

_NAME = re.compile(r"[\w@%][\w@%.:-]*\Z")


class Directory(Struct, frozen=True, order=True):
    """A directory that systemd makes and keeps: `StateDirectory=`, and its name below the base."""

    directive: str
    name: str

    @property
    def base(self) -> str:
        """The directory it lies in."""
        return next(base for base, directive in BASES.items() if directive == self.directive)

    @property
    def path(self) -> str:
        """Its absolute path."""
        return f"{self.base}/{self.name}"

    @property
    def moves(self) -> bool:
        """Whether it lies below `private` for a dynamic user, out of the reach of others."""
        return self.directive != "RuntimeDirectory"


def normal(path: str) -> str:
    """A path without doubled slashes, `.` and specifiers, `/var/run` as `/run`."""
    for specifier, place in SPECIFIERS.items():
        if path.startswith(specifier):
            path = place + path[len(specifier) :]
    path = posixpath.normpath(path) if path.startswith("/") else path
    return path[4:] if path.startswith("/var/run/") else path


def directory_at(path: str) -> Directory | None:
    """The directory of a directive that lies at a path; None when none can, or parts of it are open."""
    path = normal(path)
    for base, directive in BASES.items():
        if path.startswith(base + "/"):
            parts = path[len(base) + 1 :].split("/")
            if all(_NAME.match(part) for part in parts):
                return Directory(directive, "/".join(parts))
    return None


def declared(block: Block) -> tuple[Directory, ...]:
    """The directories that a service declares."""
    found: list[Directory] = []
    for directive in VARIABLES.values():
        for slot in block.get("serviceConfig", directive):
            value = block.tree.resolver.value(slot.expr)
            if isinstance(value, ListValue):
                texts = [block.tree.resolver.literal(item.expr) or "" for item in value.items]
            else:
                texts = (value.literal or "").split() if isinstance(value, Str) else []
            found += [Directory(directive, text.split(":")[0]) for text in texts if text]
    return tuple(dict.fromkeys(found))


def holding(directories: Iterable[Directory], path: str) -> Directory | None:
    """The directory that holds a path, or is it; open parts behind the directory do not matter."""
    path = normal(path)
    for variable, directive in VARIABLES.items():
        for spelled in (f"${variable}", f"${{{variable}}}", f"${{{variable}:"):
            if path.startswith(spelled):
                return next((one for one in directories if one.directive == directive), None)
    for directory in directories:
        if path == directory.path or path.startswith(directory.path + "/"):
            return directory
    return None


def candidates(path: str, *, folder: bool) -> tuple[Directory, ...]:
    """The directories that could hold a path, the outermost first.

    Args:
        path: what a service writes, as far as it is known.
        folder: whether the path itself is a directory.
    """
    known = (
        normal(re.split(r"[$*?\[{`]", normal(path), maxsplit=1)[0])
        if re.search(r"[$*?\[{`]", path)
        else normal(path)
    )
    whole = known == normal(path)
    if (not whole and not path[: len(known) + 1].endswith("/")) or (whole and not folder):
        known = posixpath.dirname(known)
    deepest = directory_at(known)
    if deepest is None:
        return ()
    parts = deepest.name.split("/")
    return tuple(Directory(deepest.directive, "/".join(parts[: n + 1])) for n in range(len(parts)))
