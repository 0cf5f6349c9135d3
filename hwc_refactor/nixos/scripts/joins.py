"""Functions of nixpkgs that put texts together (nixpkgs manual, "lib.strings")."""

from __future__ import annotations

from hwc_refactor.nix.values import Call, Value

JOINED = {"concatStringsSep": 1, "concatStrings": 0, "concatLines": 0}
"""Functions that join a list of texts: which of their arguments the list is."""

MAPPED = {
    "concatMapStringsSep": (1, 1),
    "concatMapStrings": (0, 1),
    "concatImapStringsSep": (1, 2),
    "concatImapStrings": (0, 2),
    "concatMapAttrsStringSep": (1, 2),
}
"""Functions that make a text of each element: which argument the function is, and how many it takes itself."""

_JOINS = frozenset({"optionalString", *JOINED, *MAPPED})


def joined(value: Value) -> bool:
    """Whether a value is a text that a function of nixpkgs puts together."""
    return isinstance(value, Call) and value.name in _JOINS
