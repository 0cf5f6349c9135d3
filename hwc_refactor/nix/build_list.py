"""Edits on the elements of a list."""

from collections.abc import Sequence

from hwc_refactor.nix.build_box import Box, BuildError, box_around, box_of, check, span, where
from hwc_refactor.nix.build_insert import insert, things_of
from hwc_refactor.nix.build_remove import Built, built, remove
from hwc_refactor.nix.build_step import Step, in_lines, line_of, proved
from hwc_refactor.nix.build_text import Item, as_snippet, render, unit
from hwc_refactor.nix.comments import comments_inside
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.syntax import Node, ParsedFile, text_of


def insert_elements(
    file: ParsedFile,
    list_node: Node,
    items: Sequence[Item],
    *,
    after: Node | None = None,
    before: Node | None = None,
) -> list[Edit]:
    """Insert elements into a list.

    Args:
        file: the file.
        list_node: the `[ … ]`, wherever it stands (behind `++`, in `lib.optionals`, let-bound).
        items: elements as source text, or snippets with comments; one text may hold several elements that
            belong on one line (`"--cap-add" "X"`).
        after: the element behind which they go.
        before: the element before which they go. Without both, they go to the end.

    Returns:
        Edits around the elements. A list on one line stays so while that has at most 100 columns, otherwise
        it is broken over lines; a list over lines gets a line for each item.

    Raises:
        BuildError: when an item is no list element, or the result does not hold.
    """
    return list(proved(element_insertion(file, list_node, items, after=after, before=before)).edits)


def element_insertion(
    file: ParsedFile,
    list_node: Node,
    items: Sequence[Item],
    *,
    after: Node | None = None,
    before: Node | None = None,
) -> Step:
    """The step of `insert_elements`."""
    box = _list(file, list_node)
    return insert(box, "elements", [as_snippet(item) for item in items], after, before, flat=True)


def replace_element(file: ParsedFile, element: Node, text: str) -> Edit:
    """Replace one element of a list by one or more others, given as source text.

    Raises:
        BuildError: when the node is no element, the text holds none, or the result does not hold.
    """
    return proved(element_replacement(file, element, text)).edits[0]


def element_replacement(file: ParsedFile, element: Node, text: str) -> Step:
    """The step of `replace_element`."""
    box = box_around(file, element)
    if box is None or box.node.type != "list_expression" or element.type == "comment":
        raise BuildError(f"{where(file, element)}: a {element.type} is no element of a list")
    source = file.source
    new = render(text, "elements", source.indent(element.start_byte), unit(file), source.newline, first=False)
    edit = Edit(span(file, element.start_byte, element.end_byte), new)
    place = box.index(element)
    reach = line_of(box) if box.one_line and in_lines(file, [edit]) else None
    new_things = things_of("elements", new)
    return Step(file, (edit,), box, frozenset((place,)), place, new_things, reach=reach)


def remove_elements(
    file: ParsedFile, list_node: Node, nodes: Sequence[Node], *, with_comments: bool = True
) -> Built:
    """Remove elements of a list, with the comments that belong to them unless told otherwise.

    Raises:
        BuildError: when a node is no element of the list, or the result does not hold.
    """
    return built(remove(_list(file, list_node), nodes, with_comments=with_comments))


def element_removal(file: ParsedFile, list_node: Node, nodes: Sequence[Node]) -> Step:
    """The step of `remove_elements`."""
    return remove(_list(file, list_node), nodes)


def remove_operand(file: ParsedFile, node: Node) -> Built:
    """Remove one side of a `++`, and the operator.

    Raises:
        BuildError: when the node is no operand, or the result does not hold.
    """
    parent = node.parent
    operator = None if parent is None else parent.child_by_field_name("operator")
    if parent is None or operator is None or operator.type != "++":
        raise BuildError(f"{where(file, node)}: a {node.type} is no operand of ++")
    left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
    assert left is not None
    assert right is not None
    start, end = (node.start_byte, right.start_byte) if node == left else (left.end_byte, node.end_byte)
    edit = Edit(span(file, start, end), b"")
    check(file, [edit])
    gone = (c for c in comments_inside(file, parent) if start <= c.start_byte < end)
    return Built((edit,), tuple(text_of(file, comment).strip() for comment in gone))


def _list(file: ParsedFile, node: Node) -> Box:
    box = box_of(file, node)
    if box.node.type != "list_expression":
        raise BuildError(f"{where(file, node)}: a {node.type} is no list")
    return box
