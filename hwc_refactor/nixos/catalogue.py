"""The facts that the tool knows, each with its source: the TOML files of the folder `data`."""

from __future__ import annotations

from functools import cache
from pkgutil import get_data
from typing import Any


@cache
def table(name: str) -> dict[str, Any]:
    """What a file of facts says, for reading alone; its shape is told at its head."""
    import tomllib

    return tomllib.loads(text(name))


def text(name: str) -> str:
    """The text of such a file."""
    data = get_data("hwc_refactor.nixos", f"data/{name}")
    assert data is not None
    return data.decode()
