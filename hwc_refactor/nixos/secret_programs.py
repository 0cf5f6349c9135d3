"""How programs take secrets. The facts: `data/secrets.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Part = Literal["readers", "examiners", "speakers", "copiers", "printers"]


@cache
def commands(part: Part) -> frozenset[str]:
    """The commands that do something with a file or a text; see the head of each part."""
    return frozenset(str(_data()[part]["names"]).split())


def file_variable(program: str, variable: str) -> str | None:
    """The variable by which a program takes the path of a file for another one: `RESTIC_PASSWORD_FILE`."""
    for entry in _data()["file-variables"]:
        if program in entry["names"].split() and {variable, "*"} & set(entry["variables"].split()):
            return variable + str(entry["suffix"])
    return None


@cache
def _data() -> Mapping[str, Any]:
    import tomllib

    text = files("hwc_refactor.nixos").joinpath("data/secrets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)  # shape: see that file
