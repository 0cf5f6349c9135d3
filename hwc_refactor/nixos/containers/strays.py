"""Privileges that are handed out where no container of the tree is in sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwc_refactor.frozen import dataclass
from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.scope import attrpath_of, bound_names
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree

FLAG = b'"--privileged'
_SETS = ("attrset_expression", "rec_attrset_expression")


@dataclass(frozen=True, slots=True)
class Stray:
    """Privileges for something that cannot be read as a container.

    Attributes:
        name: what they are given to, by the attributes around.
        path, line: where they stand.
        reason: one sentence for the user.
    """

    name: str
    path: str
    line: int
    reason: str


def stray_privileges(tree: Tree, blocks: Sequence[Block]) -> Iterator[Stray]:
    """Each `--privileged` in a list that belongs to none of the containers, and each option of this name."""
    yield from _stray_options(tree, blocks)
    for path in tree.holding(FLAG):
        file = tree.sound(path)
        if file is None:
            continue
        tree.imports_of(path)  # so that all links are known
        near = tree.linked((path,))
        able = (block for block in blocks if not near.isdisjoint(block.files))
        read = [span for block in able for span in _read(block) if span.file == path]
        offset = file.source.data.find(FLAG)
        while offset >= 0:
            chain = file.chain(offset + 1, offset + len(FLAG))
            string = next((node for node in reversed(chain) if node.type == "string_expression"), None)
            known = any(span.start <= offset < span.end for span in read)
            if string is not None and string.start_byte == offset and not known:
                if file.text(string) in (b'"--privileged"', b'"--privileged=true"'):
                    name = _owner(file, chain)
                    yield Stray(
                        name,
                        path,
                        file.source.line(offset),
                        f"'--privileged' is put into '{name}', which is nothing of a container that can be read"
                        " here; who uses it, and with which image, is not known.",
                    )
            offset = file.source.data.find(FLAG, offset + 1)


def _read(block: Block) -> Iterator[Span]:
    """The stretches of the tree of which a container says what they mean.

    That is everything it is given, be it unused; only in lists of flags with open parts no more than the
    elements that could be read.
    """
    whole = container_of(block)
    for part in (whole,) if whole.elsewhere is None else (whole, whole.elsewhere):
        for name, slots in part.block.view.slots.items():
            yield from (item.expr.span for item in part.block.items(name) if item not in part.unread)
            if name != "extraOptions" or not part.unread:
                yield from (slot.expr.span for slot in slots)


def _stray_options(tree: Tree, blocks: Sequence[Block]) -> Iterator[Stray]:
    """Each `privileged = true` beside an `image` that belongs to none of the containers."""
    seen = {
        (slot.binding.start_byte, slot.expr.file.source.path)
        for block in blocks
        for slot in container_of(block).privileged_option
        if slot.binding is not None
    }
    for path in tree.holding(b"privileged"):
        file = None if b"image" not in (tree.data(path) or b"") else tree.sound(path)
        for offset in tree.words(path, b"privileged") if file is not None else ():
            assert file is not None
            chain = file.chain(offset, offset + len(b"privileged"))
            if len(chain) < 4 or chain[-2].type != "attrpath" or chain[-3].type != "binding":
                continue
            binding, holder = chain[-3], chain[-5]
            value = binding.child_by_field_name("expression")
            if value is None or file.text(value) not in (b"true", b'"true"') or holder.type not in _SETS:
                continue
            if (binding.start_byte, path) in seen or "image" not in bound_names(file, holder):
                continue
            name = _owner(file, chain[:-3])
            why = f"'{name}' is privileged, and nothing of a container that can be read here."
            yield Stray(name, path, file.source.line(offset), why)


def _owner(file: ParsedFile, chain: Sequence[Node]) -> str:
    """The name of the nearest thing around that has one of its own: the set an option list belongs to."""
    names = [
        ".".join(
            attr_name(file, part) or file.text(part).decode(errors="replace") for part in attrpath_of(node)
        )
        for node in chain
        if node.type == "binding"
    ]
    return ".".join(names[-2:]) if names else "a list"
