"""The codemods there are: every module of the package `codemods` that declares one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import codemods as package
from hwc_refactor.codemod import Codemod, Manual

__all__ = ["Codemod", "Manual", "codemods"]


@cache
def codemods() -> Mapping[str, Codemod]:
    """All codemods by id, in the order of their ids."""
    found: dict[str, Codemod] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        declared = getattr(importlib.import_module(f"codemods.{module_info.name}"), "propose", None)
        if isinstance(declared, Codemod):
            found[declared.id] = declared
    return dict(sorted(found.items()))
