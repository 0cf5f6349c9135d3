"""Privileges that are handed out where no container of the tree is in sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwc_refactor.model import Refusal, Subject
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.containers import Container
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree

FLAG = b'"--privileged'


def stray_privileges(tree: Tree, codemod: str, blocks: Sequence[Block]) -> Iterator[Refusal]:
    """A refusal for each `--privileged` in a list that belongs to none of the containers."""
    seen: set[tuple[str, int]] = set()
    for block in blocks:
        for flag in Container(block).privileged_flags:
            for item in flag.items:
                seen.add((item.expr.file.source.path, item.expr.node.start_byte))
    for path in tree.holding(FLAG):
        file = tree.sound(path)
        if file is None:
            continue
        offset = file.source.data.find(FLAG)
        while offset >= 0:
            chain = file.chain(offset + 1, offset + len(FLAG))
            string = next((node for node in reversed(chain) if node.type == "string_expression"), None)
            if string is not None and string.start_byte == offset and (path, offset) not in seen:
                if file.text(string) in (b'"--privileged"', b'"--privileged=true"'):
                    name = _owner(file, chain)
                    yield Refusal(
                        codemod,
                        Subject("container", name),
                        path,
                        file.source.line_column(offset)[0],
                        "container-not-in-sight",
                        f"'--privileged' is put into '{name}', which is no container that can be seen here;"
                        " who uses it, and with which image, is not known.",
                    )
            offset = file.source.data.find(FLAG, offset + 1)


def _owner(file: ParsedFile, chain: Sequence[Node]) -> str:
    """The name of the nearest thing around that has one of its own: the set an option list belongs to."""
    names = [
        ".".join(attr_name(file, part) or file.text(part).decode(errors="replace") for part in attrpath_of(node))
        for node in chain
        if node.type == "binding"
    ]
    return ".".join(names[-2:]) if names else "a list"
