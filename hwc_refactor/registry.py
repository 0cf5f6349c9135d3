"""The codemods there are: every module of the package `codemods`, each loaded when it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache

from hwc_refactor.codemod import Codemod, Manual
from hwc_refactor.parts import CODEMODS, package

__all__ = ["Codemod", "Manual", "codemods"]


class _Codemods(Mapping[str, Codemod]):
    """Codemods by id, in the order of their ids; the id of a codemod is the name of its file with dashes."""

    def __init__(self) -> None:
        self._package = package(CODEMODS)
        folder = importlib.import_module(self._package).__path__
        modules = (info.name for info in pkgutil.iter_modules(folder) if not info.ispkg)
        self._modules = {name.replace("_", "-"): name for name in sorted(modules)}
        self._loaded: dict[str, Codemod] = {}

    def __getitem__(self, id_: str) -> Codemod:
        found = self._loaded.get(id_)
        if found is None:
            module = importlib.import_module(f"{self._package}.{self._modules[id_]}")
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
