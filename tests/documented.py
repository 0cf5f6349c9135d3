"""What the tests of the documented diffs share: the example with one made, evaluated, and the documented sandbox."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from example import copy_example, example_plan, write_after
from nixeval import Facts, facts

HOST = ('root + "/hosts/server"',)
"""The modules of the whole host."""

HARDENING = {
    "NoNewPrivileges": True,
    "ProtectSystem": "strict",
    "ProtectHome": True,
    "PrivateTmp": True,
    "ProtectKernelTunables": True,
    "ProtectKernelModules": True,
    "ProtectControlGroups": True,
    "RestrictAddressFamilies": ["AF_UNIX", "AF_INET", "AF_INET6"],
    "RestrictNamespaces": True,
}
"""The sandbox as the documents write it for a service that uses the network."""


def example_with(factory: pytest.TempPathFactory, diff: int) -> Path:
    """A copy of the example with one documented diff made."""
    root = copy_example(factory.mktemp(f"diff{diff}") / "root")
    write_after(root, example_plan(diff))
    return root


def evaluated(root: Path, lib: str | None, modules: tuple[str, ...] = HOST) -> Facts:
    """What modules of a folder come to: a copy of one's own, for a test may change what it renders."""
    return deepcopy(_evaluated(root, lib, modules))


@cache
def _evaluated(root: Path, lib: str | None, modules: tuple[str, ...]) -> Facts:
    return facts(root, lib, *modules)


def value(found: Facts, path: str) -> Any:
    """The value at a path of names without dots."""
    node: Any = found
    for name in path.split("."):
        node = node[name]
    return node
