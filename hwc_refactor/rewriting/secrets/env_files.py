"""An environment file that a service writes for itself goes: its secrets become credentials, the rest settings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import escape_quoted, identifier_or_quoted
from hwc_refactor.nix.values import Item, Slot
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects_at
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.secrets.env_files import EnvFile, readings
from hwc_refactor.nixos.secrets.env_writers import Written
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.secrets import credentials

_HOLE = re.compile(r"__nix(\d+)__")


def read_elsewhere(block: Block, found: EnvFile) -> bool:
    """Whether other services read the file too."""
    path = found.reading.path
    for other in _mentioning(block, path):
        if any(one.path == path for one in readings(other)):
            return True
        ran = facts(other).ran
        if any(one.name in ("source", ".") and any(word.text == path for word in one.words) for one in ran):
            return True
    return False


def remove(draft: Draft, block: Block, found: EnvFile) -> None:
    """Take a file out: what writes it, what reads it; its plain lines become `environment`.

    Raises:
        NoPlace: when one of these places serves other services too, or is given by an expression.
    """
    _plain_lines(draft, block, found)
    _writer(draft, found.writer, found)
    _reader(draft, block, found)
    path = found.reading.path
    draft.note(f"The file {path} of earlier runs still holds the secrets: delete it once.")
    for other in _mentioning(block, path):
        if other is not found.writer and any(use.place.text == path for use in facts(other).writes):
            draft.note(f"The script of {other.name} still makes {path}, which nothing reads any more.")


def remove_service(draft: Draft, block: Block, found: Written) -> None:
    """Take a service out that did nothing but write an environment file, and what ordered another behind it.

    Raises:
        NoPlace: when one of these places serves other services too.
    """
    writer = found.file.writer
    for slot in dict.fromkeys(tie.slot for tie in found.ties):
        items = [tie.item for tie in found.ties if tie.slot is slot]
        _without(draft, block, slot, items)
    _plain_lines(draft, block, found.file)
    _reader(draft, block, found.file)
    _tell_comments(draft, found.file.script, 0, len(found.file.script.body.data))
    draft.remove_binding(writer, writer.slots[0])
    draft.note(
        f"{writer.name} only wrote {found.file.reading.path}, which nothing reads any more: the service is gone, and"
        " the file of earlier runs holds the secrets until it is deleted."
    )


def _without(draft: Draft, block: Block, slot: Slot, items: Sequence[Item]) -> None:
    holder = items[0].holder
    if holder is None:
        raise NoPlace("its order is given by an expression")
    placing.demand_own(block.tree, block, holder)
    if len(holder.node.named_children) == len(items) and holder.node == slot.expr.node:
        draft.remove_binding(block, slot)
    else:
        draft.remove_elements(holder.file, holder.node, [one.expr.node for one in items])


def _mentioning(block: Block, path: str) -> list[Block]:
    held = block.tree.holding(posixpath.basename(path).encode())
    others = objects_at(block.tree, SERVICE, held)
    return [other for other in others if (other.file, other.name) != (block.file, block.name)]


def _plain_lines(draft: Draft, block: Block, found: EnvFile) -> None:
    items: list[Snippet | str] = []
    for variable in found.plain:
        if block.get("environment", variable.name):
            raise NoPlace(f"its environment has {variable.name} already")
        text = variable.text.replace("%", "%%")
        written, at = "", 0
        for match in _HOLE.finditer(text):
            written += escape_quoted(text[at : match.start()])
            hole = found.script.body.holes[int(match[1])]
            if not credentials.means_the_same(hole, draft.home(block, ())):
                raise NoPlace(f"'{hole.text}' has no meaning where its environment stands")
            written += "${" + hole.text + "}"
            at = match.end()
        items.append(f'{identifier_or_quoted(variable.name)} = "{written}{escape_quoted(text[at:])}";')
    if items:
        draft.add(block, ("environment",), items)


def _writer(draft: Draft, block: Block, found: EnvFile) -> None:
    script = found.script
    placing.demand_own(block.tree, block, script.at)
    if found.rest:
        ranges = [(_with_comments(script, start), end) for start, end in found.removed]
        for start, end in ranges:
            _tell_comments(draft, script, start, end)
        draft.rewrite_script(script, [(start, end, "") for start, end in ranges])
        return
    _tell_comments(draft, script, 0, len(script.body.data))
    slot = found.program.slot
    if found.program.at.node == slot.expr.node or found.program.option == ("preStart",):
        draft.remove_binding(block, slot)
        return
    for item in block.tree.resolver.items(slot.expr):
        if item.holder is not None and item.expr.node == found.program.at.node:
            placing.demand_own(block.tree, block, item.holder)
            if len(item.holder.node.named_children) == 1 and item.holder.node == slot.expr.node:
                draft.remove_binding(block, slot)
            else:
                draft.remove_elements(item.holder.file, item.holder.node, [item.expr.node])
            return
    raise NoPlace("the command that writes the file is given by an expression")


def _with_comments(script: Script, start: int) -> int:
    """The beginning of the comments directly above a line of a script."""
    data = script.body.data
    while start:
        above = data.rfind(b"\n", 0, start - 1) + 1
        if not data[above:start].lstrip().startswith(b"#"):
            break
        start = above
    return start


def _tell_comments(draft: Draft, script: Script, start: int, end: int) -> None:
    for node in script.nodes("comment"):
        text = script.source(node).lstrip("# ")
        if start <= node.start_byte < end and text and not text.startswith("!"):
            draft.note(f"The comment '{text}' of the script went with what it described.")


def _reader(draft: Draft, block: Block, found: EnvFile) -> None:
    slot, item = found.reading.slot, found.reading.item
    if slot is None:
        return
    if item is None:
        draft.remove_binding(block, slot)
        return
    if item.holder is None or item.conditions:
        raise NoPlace("its EnvironmentFile is given by an expression")
    placing.demand_own(block.tree, block, item.holder)
    if len(item.holder.node.named_children) == 1 and item.holder.node == slot.expr.node:
        draft.remove_binding(block, slot)
    else:
        draft.remove_elements(item.holder.file, item.holder.node, [item.expr.node])
