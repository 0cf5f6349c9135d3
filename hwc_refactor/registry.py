"""The codemods there are: every module of the package `codemods`, each loaded when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache

import codemods as package
from hwc_refactor.codemod import Codemod, Manual

__all__ = ["Codemod", "Manual", "codemods"]


class _Codemods(Mapping[str, Codemod]):
    """Codemods by id, in the order of their ids; the id of a codemod is the name of its file with dashes."""

    def __init__(self) -> None:
        modules = (info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg)
        self._modules = {name.replace("_", "-"): name for name in sorted(modules)}
        self._loaded: dict[str, Codemod] = {}

    def __getitem__(self, id_: str) -> Codemod:
        found = self._loaded.get(id_)
        if found is None:
            module = importlib.import_module(f"codemods.{self._modules[id_]}")
            found = self._loaded[id_] = module.propose
            assert isinstance(found, Codemod)
            assert found.id == id_
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._modules


@cache
def codemods() -> Mapping[str, Codemod]:
    """All codemods by id, in the order of their ids."""
    return _Codemods()
