"""What is known of commands: what they need, what they write, what they run. The facts: `data/commands.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from hwc_refactor.nixos.catalogue import table


class Knowledge(Struct, frozen=True):
    """What is known of a command.

    Attributes:
        needs: what it needs beyond reading files and printing, in the words that `data/commands.toml` explains.
        why: what it does that needs it, in words for the user: "mounts file systems".
        writes: which of its operands it changes: `all`, `rest` (all but the first), `last`, `first`,
            `second`, `target` (the last of several, made where it lacks), or none.
        write_options: options whose value is a path that it writes.
        value_options: options that take a value as the next argument.
        runs: how it runs another command, in the words of that file.
        in_place: options with which it changes its operands, but for an expression that comes first.
        makes_folders: options with which it makes the folders that lack above what it writes.
        expression_options: options that give that expression instead.
        capabilities: which capabilities of root it takes; where it needs root and none is named it may be any.
        open_with: words with which it may be any after all.
        keeps: paths that it writes whatever its arguments say.
        unless: words anywhere in a configuration with which it is not what its name says.
        otherwise: the command that it counts as then.
        groups: the supplementary groups that give what it needs without root.
        subcommands: what differs by the first operand.
        options: what differs with an option.
        commands_in: beginnings of operands that are followed by a command.
        home_by_variable: whether its home directory is what the variable HOME says: without that it has none.
        local: what differs where all operands are paths of this machine.
        not_with: options with which it does not, after all.
        source: where that is said.
    """

    needs: frozenset[str] = frozenset()
    why: str = ""
    writes: str = ""
    write_options: tuple[str, ...] = ()
    value_options: tuple[str, ...] = ()
    runs: str = ""
    in_place: tuple[str, ...] = ()
    expression_options: tuple[str, ...] = ()
    makes_folders: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    open_with: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    otherwise: str = ""
    groups: tuple[str, ...] = ()
    subcommands: Mapping[str, Knowledge] = {}
    options: Mapping[str, Knowledge] = {}
    commands_in: tuple[str, ...] = ()
    home_by_variable: bool = False
    local: Knowledge | None = None
    not_with: tuple[str, ...] = ()
    source: str = ""

    @property
    def plain(self) -> bool:
        """Whether it only reads files and prints."""
        return not (
            self.needs or self.writes or self.runs or self.write_options or self.in_place or self.keeps
        )


def knowledge(name: str) -> Knowledge | None:
    """What is known of a command by its file name, None when nothing is."""
    return _table().get(name)


@cache
def _table() -> Mapping[str, Knowledge]:
    table: dict[str, Knowledge] = {}
    for entry in _data()["group"]:
        known = _knowledge(entry)
        table.update(dict.fromkeys(entry["names"].split(), known))
    return table


@cache
def main_programs() -> Mapping[str, str]:
    """Packages whose main program (`meta.mainProgram`) is not called like them."""
    return {str(package): str(program) for package, program in _data()["main"].items()}


def _knowledge(entry: Mapping[str, object]) -> Knowledge:
    source = str(entry.get("source", ""))
    local = entry.get("when-local")
    assert local is None or isinstance(local, dict)
    return Knowledge(
        frozenset(_texts(entry, "needs")),
        str(entry.get("why", "")),
        str(entry.get("writes", "")),
        _texts(entry, "write-options"),
        _texts(entry, "value-options"),
        str(entry.get("runs", "")),
        _texts(entry, "in-place"),
        _texts(entry, "expression-options"),
        _texts(entry, "makes-folders"),
        _texts(entry, "capabilities"),
        _texts(entry, "open-with"),
        _texts(entry, "keeps"),
        _texts(entry, "unless"),
        str(entry.get("otherwise", "")),
        _texts(entry, "groups"),
        _below(entry, "subcommands"),
        _below(entry, "options"),
        _texts(entry, "commands-in"),
        entry.get("home-by-variable") is True,
        None if local is None else _knowledge({**_inherited(entry), **local}),
        _texts(entry, "not-with"),
        source,
    )


_INHERITED = ("source", "write-options", "value-options", "makes-folders", "home-by-variable")
"""What is said of a command and holds with its subcommands and options, too, unless they say otherwise."""


def _below(entry: Mapping[str, object], key: str) -> dict[str, Knowledge]:
    below = entry.get(key, {})
    assert isinstance(below, dict)
    return {
        name: _knowledge({**_inherited(entry), **found})
        for names, found in below.items()
        for name in str(names).split()
    }


def _inherited(entry: Mapping[str, object]) -> dict[str, object]:
    return {name: entry[name] for name in _INHERITED if name in entry}


def _texts(entry: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = entry.get(key, "")
    assert isinstance(value, str)
    return tuple(value.split())


@cache
def _data() -> dict[str, Any]:
    return table("commands.toml")  # shape: see the head of that file
