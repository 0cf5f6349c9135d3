"""Environment files that another service of the same file writes from secrets, and nothing else than that.

Both services have to be there under the same conditions. A service that does nothing else goes with its file, so
nothing but the order of units may name it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Condition, Item, Slot, Str
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects_at
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.secrets.env_files import EnvFile, env_file, readings
from hwc_refactor.nixos.secrets.moves import moves

_ORDER = ("after", "wants", "requires", "requisite", "bindsTo", "partOf")
_PLAIN = frozenset(
    {
        *("after", "before", "description", "path", "preStart", "requiredBy", "requires", "restartIfChanged"),
        *("script", "serviceConfig", "unitConfig", "wantedBy", "wants"),
    }
)


class Tie(Struct, frozen=True, eq=False):
    """An element of a list by which a service is ordered behind the one that writes its file."""

    slot: Slot
    item: Item


class Written(Struct, frozen=True, eq=False):
    """An environment file that another service writes.

    Attributes:
        file: the file.
        ties: what names the service that writes it, where that goes with the file.
    """

    file: EnvFile
    ties: tuple[Tie, ...]


def written_elsewhere(block: Block) -> tuple[Written, ...]:
    """The environment files of a service that another one writes, where all of it can move."""
    return tuple(
        found for reading in readings(block) if (found := _written(block, list(_files(block, reading.path))))
    )


def _files(block: Block, path: str) -> Iterator[EnvFile]:
    reading = next(one for one in readings(block) if one.path == path)
    for other in objects_at(block.tree, SERVICE, (block.file,)):
        if other.name == block.name:
            continue
        for program in programs(other):
            script = program.script
            if (
                script is None
                or not script.sound
                or posixpath.basename(path).encode() not in script.body.data
            ):
                continue
            found = env_file(other, program, script, reading)
            if found is not None:
                yield found


def _written(block: Block, found: list[EnvFile]) -> Written | None:
    if len(found) != 1:
        return None
    (file,) = found
    writer = file.writer
    ours = [one.secret for one in file.secrets]
    movable = {id(one) for one in moves(writer, file.words).mentions}
    alike = [one.text for one in _conditions(writer)] == [one.text for one in _conditions(block)]
    if not writer.own or not writer.named or not alike or not all(id(one) in movable for one in ours):
        return None
    if (
        file.program.directive not in ("ExecStart", "ExecStartPre")
        or file.program.option[0] == "serviceConfig"
    ):
        return None
    if file.rest:
        return Written(file, ())
    ties = tuple(_ties(block, writer))
    return Written(file, ties) if _goes(block, file, ties) else None


def _conditions(block: Block) -> tuple[Condition, ...]:
    return (*block.conditions, *block.common)


def _ties(block: Block, writer: Block) -> Iterator[Tie]:
    for option in _ORDER:
        for slot in block.get(option):
            for item in () if slot.rest else block.tree.resolver.items(slot.expr):
                value = None if item.unknown else block.tree.resolver.value(item.expr)
                if (
                    isinstance(value, Str)
                    and value.literal == f"{writer.name}.service"
                    and not item.conditions
                ):
                    yield Tie(slot, item)


def _goes(block: Block, file: EnvFile, ties: tuple[Tie, ...]) -> bool:
    """Whether a service does nothing but write the file, and nothing else names it."""
    writer = file.writer
    slot = writer.slots[0]
    plain = len(writer.slots) == 1 and not slot.rest and not writer.elsewhere and not writer.calls
    if not plain or slot.binding is None or slot.binding.type != "binding" or writer.doubts():
        return False
    if len(programs(writer)) != 1 or not set(writer.view.slots) <= _PLAIN:
        return False
    path = writer.file
    going: list[Node] = [slot.binding, *(tie.item.expr.node for tie in ties)]
    if file.reading.slot is not None and file.reading.slot.binding is not None:
        going.append(file.reading.slot.binding if file.reading.item is None else file.reading.item.expr.node)
    for other in block.tree.naming(writer.name.encode()):
        for offset in block.tree.words(other, writer.name.encode()):
            if other != path or not any(node.start_byte <= offset < node.end_byte for node in going):
                return False
    return True
