"""Who may read and write where, as far as that is known of every system. The facts: `data/paths.toml`."""

from __future__ import annotations

from functools import cache

from hwc_refactor.nixos.catalogue import table

_TEMPORARY = ("/tmp", "/var/tmp")


def below(path: str, places: tuple[str, ...] | frozenset[str]) -> bool:
    """Whether a path is one of these places, or lies in one."""
    return any(path == place or path.startswith(place + "/") for place in places)


def everybody_reads(path: str) -> bool:
    """Whether everybody may read there on every system."""
    if is_harmless_device(path):
        return True
    return below(path, _words("readable", "places")) and not below(path, _words("private", "places"))


def is_harmless_device(path: str) -> bool:
    """Whether a path is a device file that everybody may open."""
    return below(path, _words("devices", "places"))


def is_temporary(path: str) -> bool:
    """Whether a path lies in a directory for temporary files, which a sandboxed service has for itself."""
    return below(path, _TEMPORARY)


def is_taken(name: str) -> bool:
    """Whether the system, or a module of NixOS, keeps a directory of this name."""
    return name.split("/")[0] in _words("taken", "names")


def takes_text(command: str) -> bool:
    """Whether the arguments of a command are texts rather than paths."""
    return command in _words("text", "commands")


def goes_down(by: str) -> bool:
    """Whether what is given a directory looks at more than the directory itself and the names in it."""
    return by not in (*_words("itself", "commands"), *_words("itself", "manners"))


def is_led_by_slash(command: str) -> bool:
    """Whether a command looks at a link itself, and with a slash behind it at the directory that it leads to."""
    return command in _words("links", "led")


def stays_at_links(command: str) -> bool:
    """Whether a command looks at a link itself, whatever stands behind it."""
    return command in _words("links", "stay")


def goes_into_links(command: str) -> bool:
    """Whether a command follows a link that is its last argument."""
    return command in _words("links", "into")


def follows_links(option: str) -> bool:
    """Whether an option makes such commands follow links."""
    return option in _words("links", "following")


@cache
def _words(part: str, key: str) -> tuple[str, ...]:
    found = table("paths.toml")[part][key]
    return tuple(found) if isinstance(found, list) else tuple(str(found).split())
