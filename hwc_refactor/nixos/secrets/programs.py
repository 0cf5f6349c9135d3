"""How programs take secrets. The facts: `data/secrets.toml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from msgspec import Struct

from hwc_refactor.nixos.catalogue import table

Part = Literal[
    "readers", "examiners", "speakers", "copiers", "printers", "wrappers", "changers", "surroundings"
]


@cache
def commands(part: Part) -> frozenset[str]:
    """The commands that do something with a file or a text; see the head of each part."""
    return frozenset(str(_data()[part]["names"]).split())


class OwnCredentials(Struct, frozen=True):
    """A program that looks for credentials of its own where the unit has any, and the option of its package."""

    program: str
    option: tuple[str, ...]


def own_credentials() -> list[OwnCredentials]:
    """The programs that load credentials of their own only in a unit that has none; see the data."""
    return [
        OwnCredentials(name, tuple(entry["option"].split(".")))
        for entry in _data()["own-credentials"]
        for name in entry["names"].split()
    ]


class FileForm(Struct, frozen=True):
    """How a program takes a value from a file instead of from a variable.

    Attributes:
        variable: the variable that tells it of the file: `RESTIC_PASSWORD_FILE`, `BORG_PASSCOMMAND`.
        lead: what stands before the path in it.
    """

    variable: str
    lead: str = ""


def file_form(program: str, variable: str) -> FileForm | None:
    """How a program takes the value of a variable from a file; None when it does not."""
    for entry in _data()["file-variables"]:
        if program in entry["names"].split():
            if any(fnmatchcase(variable, pattern) for pattern in entry["variables"].split()):
                name = str(entry.get("becomes") or variable + entry["suffix"])
                return FileForm(name, str(entry.get("text", "{path}")).removesuffix("{path}"))
    return None


class SecretOptions(Struct, frozen=True):
    """The options by which a program takes a secret as an argument.

    Attributes:
        options: their names.
        behind: what stands before the secret in their value, the `:` of `user:password`; empty for nothing.
        attached: whether the value has to stand in the same argument: `-ppassword`.
        behind_word: the subcommand that has them, empty for none.
    """

    options: tuple[str, ...]
    behind: str = ""
    attached: bool = False
    behind_word: str = ""


def secret_options(program: str) -> SecretOptions | None:
    """The options by which a program takes a secret as an argument; None where none are known."""
    for entry in _data()["secret-options"]:
        if program in entry["names"].split():
            return SecretOptions(
                tuple(entry["options"].split()),
                str(entry.get("behind", "")),
                bool(entry.get("attached", False)),
                str(entry.get("subcommand", "")),
            )
    return None


def sending_options(program: str) -> frozenset[str]:
    """The options whose value a program sends, field by field."""
    found = (entry for entry in _data()["sending-options"] if program in entry["names"].split())
    return frozenset(option for entry in found for option in entry["options"].split())


@cache
def secret_addresses() -> re.Pattern[str]:
    """What finds an address of which a part is the secret."""
    return re.compile("|".join(entry["pattern"] for entry in _data()["secret-addresses"]))


class PrivateArguments(Struct, frozen=True):
    """Which arguments of a program are files that nobody else may read; see the data."""

    options: frozenset[str]
    settings: frozenset[str]
    operands: bool


def private_arguments(program: str) -> PrivateArguments | None:
    """The arguments of a program that are files which it refuses when their group may read them."""
    for entry in _data()["private-arguments"]:
        if program in entry["names"].split():
            options, settings = entry["options"].split(), entry["settings"].split()
            return PrivateArguments(frozenset(options), frozenset(settings), bool(entry["operands"]))
    return None


def private_variable(name: str) -> Literal["file", "command"] | None:
    """What a variable holds by which a program learns of such a file: its path, or a command line with it."""
    for entry in _data()["private-variables"]:
        if name in entry["names"].split():
            return "command" if entry["holds"] == "command" else "file"
    return None


def command_options(program: str) -> frozenset[str]:
    """The options of a program whose argument is the command line of another one."""
    found = (entry for entry in _data()["command-options"] if program in entry["names"].split())
    return frozenset(option for entry in found for option in entry["options"].split())


@cache
def _data() -> Mapping[str, Any]:
    return table("secrets.toml")  # shape: see that file
