"""What tests of the builders share: a text is parsed, a node is looked for, edits are carried out."""

from hwc_refactor.nix.build import (
    Built,
)
from hwc_refactor.nix.build_box import box_of
from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile, parse

SETS = ("attrset_expression", "rec_attrset_expression", "let_attrset_expression", "let_expression")


def load(text: str) -> ParsedFile:
    file = parse(Source("t.nix", text.encode()))
    assert file.problem is None, text
    return file


def first(file: ParsedFile, *kinds: str) -> Node:
    stack = [file.root]
    while stack:
        node = stack.pop()
        if node.type in kinds:
            return node
        stack.extend(reversed(node.children))
    raise AssertionError(f"no {kinds}")


def items(file: ParsedFile, *kinds: str) -> tuple[Node, ...]:
    return box_of(file, first(file, *kinds)).items


def done(file: ParsedFile, made: Edit | Built | list[Edit]) -> str:
    edits = made.edits if isinstance(made, Built) else (made,) if isinstance(made, Edit) else made
    return apply_edits(file.source.data, edits).decode()
