"""Environment files that a service writes itself before it starts: what each line holds, and what writes it.

Everything in the scripts that has to do with such a file must be understood, or there is no `EnvFile`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Item, Ref, Slot, Str, Text
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.programs import Program, programs
from hwc_refactor.nixos.scripts.words import place_of
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.secrets.env_scripts import Variable, Writing
from hwc_refactor.nixos.secrets.flows import written_to
from hwc_refactor.nixos.secrets.uses import mentions

OPTION = ("serviceConfig", "EnvironmentFile")


class Reading(Struct, frozen=True, eq=False):
    """One `EnvironmentFile` of a service, or a file that its program reads by itself.

    Attributes:
        path: its path, interpolations as `${…}`, without the `-` that makes it optional.
        slot: the definition; None where the program reads it.
        item: the element of the list it is; None for a definition that is one string.
        optional: whether it may be missing.
    """

    path: str
    slot: Slot | None
    item: Item | None = None
    optional: bool = False


class EnvFile(Struct, frozen=True, eq=False):
    """An environment file that a service writes from secrets and then reads.

    Attributes:
        reading: where the service reads it.
        writer: the service that writes it.
        program: what writes it.
        script: the script that does.
        variables: its lines.
        removed: byte ranges of the script's text that are about nothing else, whole lines.
        words: the text of the redirections' targets, as it stands in the script.
        rest: whether the script does something else too.
    """

    reading: Reading
    writer: Block
    program: Program
    script: Script
    variables: tuple[Variable, ...]
    removed: tuple[tuple[int, int], ...]
    words: frozenset[str]
    rest: bool

    @property
    def secrets(self) -> tuple[Variable, ...]:
        """The lines that hold a secret."""
        return tuple(one for one in self.variables if one.secret is not None)

    @property
    def plain(self) -> tuple[Variable, ...]:
        """The other lines."""
        return tuple(one for one in self.variables if one.secret is None)


def readings(block: Block) -> Iterator[Reading]:
    """The environment files of a service whose paths are strings in sight."""
    resolver = block.tree.resolver
    for slot in block.get(*OPTION):
        if slot.rest:
            continue
        value = resolver.value(slot.expr)
        pairs: list[tuple[Item | None, Expr]] = [(None, slot.expr)]
        if not isinstance(value, Str):
            pairs = [(item, item.expr) for item in resolver.items(slot.expr) if item.unknown is None]
        for item, expr in pairs:
            text = resolver.value(expr)
            if isinstance(text, Str):
                path = text.literal if text.literal is not None else text.shown
                yield Reading(path.removeprefix("-"), slot, item, path.startswith("-"))


def secrets_read(block: Block) -> Iterator[tuple[Secret, Expr]]:
    """The secrets whose own files are environment files of a service, and where."""
    resolver = block.tree.resolver
    for slot in block.get(*OPTION):
        if slot.rest:
            continue
        value = resolver.value(slot.expr)
        items = () if isinstance(value, Str | Ref) else resolver.items(slot.expr)
        for expr in [item.expr for item in items if item.unknown is None] or [slot.expr]:
            found = resolver.value(expr)
            if isinstance(found, Str) and found.parts and isinstance(found.parts[0], Text):
                first = found.parts[0]
                if first.text.startswith("-"):
                    rest = (Text(first.text[1:], first.at),) if first.text != "-" else ()
                    found = Str((*rest, *found.parts[1:]), found.at)
            secret = secret_of(found)
            if secret is not None and secret.scheme != "path":
                yield secret, expr


def env_files(block: Block, *, by_program: bool = False) -> tuple[EnvFile, ...]:
    """The environment files that a service writes from secrets and reads, where all of it is understood.

    Args:
        block: the service.
        by_program: whether its program is known to read those by itself that no `EnvironmentFile` names.
    """
    read = list(readings(block))
    writers = [
        (program, program.script)
        for program in programs(block)
        if program.directive == "ExecStartPre" and program.script is not None and program.script.sound
    ]
    if by_program:
        named = {one.path for one in read}
        places = (place for _, script in writers for place in _written(block, script))
        read += [Reading(place, None) for place in dict.fromkeys(places) if place not in named]
    found = (env_file(block, program, script, one) for one in read for program, script in writers)
    return tuple(one for one in found if one is not None)


def _written(block: Block, script: Script) -> Iterator[str]:
    """The files into which a script writes secrets."""
    for mention in mentions(block):
        if mention.script.body is script.body:
            yield from (place_of(block.tree, script, node).text for node in written_to(mention))


def env_file(block: Block, program: Program, script: Script, reading: Reading) -> EnvFile | None:
    """The file of a reading as a script of a service writes it; None where that is not understood."""
    writing = Writing(block, script, reading.path)
    if not writing.understood() or not any(one.secret is not None for one in writing.variables):
        return None
    names = [one.name for one in writing.variables]
    if len(set(names)) < len(names):
        return None
    removed = tuple(sorted(_lines(script.body.data, node) for node in writing.removed))
    return EnvFile(
        reading,
        block,
        program,
        script,
        tuple(writing.variables),
        removed,
        frozenset(writing.words),
        writing.rest(),
    )


def _lines(data: bytes, node: Node) -> tuple[int, int]:
    """The whole lines that a statement covers."""
    start = data.rfind(b"\n", 0, node.start_byte) + 1
    end = node.end_byte
    if not data[:end].endswith(b"\n"):
        found = data.find(b"\n", end)
        end = len(data) if found < 0 else found + 1
    return start, end
