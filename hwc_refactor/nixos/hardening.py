"""The catalogue of sandboxing directives, read from `data/hardening.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive of the documented baseline.

    Attributes:
        name: as systemd spells it.
        value: Nix source text.
        does, breaks: what it does and what it takes away, in words for the user.
        source: where that is said.
    """

    name: str
    value: str
    does: str
    breaks: str
    source: str


@cache
def directives() -> Mapping[str, Directive]:
    """The directives by name."""
    import tomllib

    text = files("hwc_refactor.nixos").joinpath("data/hardening.toml").read_text(encoding="utf-8")
    return {
        name: Directive(name, entry["value"], entry["does"], entry["breaks"], entry["source"])
        for name, entry in tomllib.loads(text).items()
    }
