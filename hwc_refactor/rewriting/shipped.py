"""The NixOS modules that come with the codemods, as they are written into a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from hwc_refactor.parts import CODEMODS, package

FOLDER = "modules/services"
"""Where a configuration keeps them, below its root."""


@cache
def shipped_modules() -> Mapping[str, bytes]:
    """The text of each module, by its path below the root of a configuration.

    >>> list(shipped_modules())
    ['modules/services/hwc-container.nix', 'modules/services/hwc-monitor.nix']
    """
    folder = files(package(CODEMODS)) / "modules"
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".nix"))
    texts = {f"{FOLDER}/{entry.name}": entry.read_bytes() for entry in found}
    return MappingProxyType(dict(sorted(texts.items())))
