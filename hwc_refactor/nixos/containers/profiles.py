"""Image profiles: what a container image needs when it does not run privileged.

The facts stand in `data/images.toml`, each with its source; users add their own in the same form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache

from msgspec import Struct

from hwc_refactor.nixos.catalogue import text
from hwc_refactor.nixos.containers.images import Image, parse_image


class Profile(Struct, frozen=True):
    """The needs of one image; the keys are explained in `data/images.toml`."""

    id: str
    match: tuple[str, ...]
    sources: tuple[str, ...]
    verified: str
    no_new_privileges: bool
    no_new_privileges_why: str = ""
    capabilities: tuple[str, ...] = ()
    podman_capabilities: tuple[str, ...] = ()
    optional_capabilities: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    optional_devices: tuple[str, ...] = ()
    needs_device: bool = False
    sysctls: Mapping[str, str] | None = None
    kernel_modules: tuple[str, ...] = ()
    security_opts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    privileged_required: bool = False
    privileged_why: str = ""
    undecidable: str = ""
    note: str = ""


def find_profile(image: Image, own: Iterable[Mapping[str, object]] = ()) -> Profile | None:
    """The profile of an image: the user's own first; an exact name wins over a glob, a longer glob over a shorter.

    Args:
        image: the reference; one whose repository is not fully known has no profile.
        own: profiles from the user's configuration, as read from TOML.
    """
    if not image.known:
        return None
    return _Index(tuple(_profile(entry) for entry in own)).find(image.plain) or _shipped(image.plain)


class _Index:
    """Profiles by the names and globs they match."""

    def __init__(self, profiles: tuple[Profile, ...]) -> None:
        self._exact: dict[str, Profile] = {}
        self._globs: list[tuple[str, Profile]] = []
        for profile in profiles:
            for pattern in profile.match:
                name = parse_image(pattern).plain
                if any(char in name for char in "*?["):
                    self._globs.append((name, profile))
                else:
                    self._exact.setdefault(name, profile)
        self._globs.sort(key=lambda pair: -len(pair[0]))

    def find(self, plain: str) -> Profile | None:
        exact = self._exact.get(plain)
        if exact is not None:
            return exact
        return next((profile for glob, profile in self._globs if fnmatchcase(plain, glob)), None)


_HEAD = "[[image]]\n"
_GLOB = re.compile(r'"[^"\s]*[*?][^"\s]*"')


@cache
def _shipped(plain: str) -> Profile | None:
    """The profile that comes with the tool.

    Only tables that may be about the image are parsed: a run that asks for one would be a tenth longer.
    """
    names = (
        f'"{plain}"',
        f'/{plain}"',
    )  # as they stand there; the prefixes that are cut off end with a slash
    near = (table for table in _tables() if any(name in table for name in names) or _GLOB.search(table))
    return _Index(tuple(map(_read, near))).find(plain)


@cache
def _tables() -> tuple[str, ...]:
    """The text of each profile that comes with the tool."""
    return tuple(f"{_HEAD}{table}" for table in text("images.toml").split(f"\n{_HEAD}")[1:])


@cache
def _read(table: str) -> Profile:
    import tomllib

    (entry,) = tomllib.loads(table)["image"]
    return _profile(entry)


def _profile(entry: Mapping[str, object]) -> Profile:
    def texts(key: str) -> tuple[str, ...]:
        value = entry.get(key, ())
        return tuple(str(v) for v in value) if isinstance(value, list | tuple) else ()

    sysctls = entry.get("sysctls")
    return Profile(
        str(entry["id"]),
        texts("match"),
        texts("sources"),
        str(entry.get("verified", "inferred")),
        bool(entry.get("no_new_privileges", False)),
        str(entry.get("no_new_privileges_why", "")),
        texts("capabilities"),
        texts("podman_capabilities"),
        texts("optional_capabilities"),
        texts("devices"),
        texts("optional_devices"),
        bool(entry.get("needs_device", False)),
        {str(k): str(v) for k, v in sysctls.items()} if isinstance(sysctls, dict) else None,
        texts("kernel_modules"),
        texts("security_opts"),
        texts("requires"),
        bool(entry.get("privileged_required", False)),
        str(entry.get("privileged_why", "")),
        str(entry.get("undecidable", "")),
        str(entry.get("note", "")),
    )
