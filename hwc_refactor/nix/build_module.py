"""Edits on a module's formals and imports."""

from hwc_refactor.nix.build_box import (
    Box,
    BuildError,
    box_of,
    check,
    end_of,
    node_at,
    skip_blank,
    span,
    where,
)
from hwc_refactor.nix.build_insert import item_indent
from hwc_refactor.nix.build_list import insert_elements
from hwc_refactor.nix.build_set import insert_bindings, replace_value
from hwc_refactor.nix.build_text import Snippet, padding
from hwc_refactor.nix.comments import comments_of
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.syntax import Node, ParsedFile, text_of

_ATOMS = ("variable_expression", "select_expression", "apply_expression", "parenthesized_expression")


def insert_import(file: ParsedFile, module_set: Node, path_text: str) -> list[Edit]:
    """Add a path to the `imports` of a module.

    It goes to the end of the list, or of the first list of a `++`. Where there is no such binding, one is
    written as the first of the set. Whether the path is imported already is for the caller to ask.

    Args:
        file: the file.
        module_set: the set that the module returns.
        path_text: the element as source text, such as `./hwc.nix`.

    Raises:
        BuildError: when `imports` is inherited or computed in a way that nothing can be added to, or the
            result does not hold.
    """
    box = box_of(file, module_set)
    for item in box.items:
        if item.type != "binding":
            names = item.child_by_field_name("attrs")
            if any(file.text(name) == b"imports" for name in (names.named_children if names else ())):
                raise BuildError(f"{where(file, item)}: 'imports' is inherited, nothing can be added to it")
            continue
        path, value = item.child_by_field_name("attrpath"), item.child_by_field_name("expression")
        if path is None or value is None or file.text(path) not in (b"imports", b'"imports"'):
            continue
        literal = _first_list(value)
        if literal is not None:
            return insert_elements(file, literal, [path_text])
        if value.type in _ATOMS:
            return [replace_value(file, item, f"{text_of(file, value)} ++ [ {path_text} ]")]
        raise BuildError(f"{where(file, item)}: 'imports' is a {value.type}, nothing can be added to it")
    first = box.items[0] if box.items else None
    pad = padding(file, "list_expression", filled=True).decode()
    snippet = Snippet(
        f"imports = [{pad}{path_text}{pad}];", blank_below=first is not None and not box.one_line
    )
    return insert_bindings(file, module_set, [snippet], before=first)


def insert_formal(file: ParsedFile, formals: Node, name: str) -> Edit:
    """Add a name to the formals of a function, before the `...` or at the end.

    Raises:
        BuildError: when the name is there already, or the result does not hold.
    """
    box = box_of(file, formals)
    if box.node.type != "formals":
        raise BuildError(f"{where(file, formals)}: a {formals.type} is no list of formals")
    old = _names(box)
    if name in old:
        raise BuildError(f"{where(file, formals)}: '{name}' is among the formals already")
    edit = _formal_edit(box, name.encode())
    after = check(file, [edit])
    node = node_at(after, formals.start_byte, "formals")
    place = old.index("...") if "..." in old else len(old)
    comments = [text for text in box.texts() if text[:1] in b"#/"]
    new = box_of(after, node) if node is not None else None
    if (
        new is None
        or _names(new) != [*old[:place], name, *old[place:]]
        or [text for text in new.texts() if text[:1] in b"#/"] != comments
    ):
        raise BuildError(f"{where(file, formals)}: '{name}' cannot be added to these formals")
    return edit


def _first_list(value: Node) -> Node | None:
    """A list literal, or the first one among the operands of `++`."""
    if value.type == "list_expression":
        return value
    operator = value.child_by_field_name("operator")
    if value.type == "parenthesized_expression":
        inner = value.child_by_field_name("expression")
        return _first_list(inner) if inner is not None else None
    if value.type != "binary_expression" or operator is None or operator.type != "++":
        return None
    for side in ("left", "right"):
        operand = value.child_by_field_name(side)
        found = _first_list(operand) if operand is not None else None
        if found is not None:
            return found
    return None


def _names(box: Box) -> list[str]:
    names = (item.child_by_field_name("name") or item for item in box.items)
    return [text_of(box.file, name) for name in names]


def _formal_edit(box: Box, name: bytes) -> Edit:
    file, items = box.file, box.items
    source = file.source
    data = source.data
    if not items:
        return _only_formal(box, name)
    if items[-1].type == "ellipses":
        return _before_ellipsis(box, name)
    last = items[-1]
    trailing = comments_of(file, last).trailing
    end = end_of(file, trailing or last)
    comma = data.find(b",", last.end_byte, skip_blank(data, last.end_byte) + 1)
    leading = _comma_line(box)
    if leading is not None:
        return Edit(span(file, end, end), source.newline + leading + b", " + name)
    if not source.starts_line(last.start_byte) or box.one_line:
        return Edit(span(file, last.end_byte, last.end_byte), b", " + name)
    line = source.newline + item_indent(box, last) + name
    masked = skip_blank(data, end)
    if comma >= 0:
        end = max(end, comma + 1)
        return Edit(span(file, end, end), line + b",")
    if data[masked : masked + 1] == b",":
        raise BuildError(f"{where(file, box.node)}: a comment stands before the last comma")
    return Edit(span(file, last.end_byte, end), b"," + data[last.end_byte : end] + line)


def _only_formal(box: Box, name: bytes) -> Edit:
    source = box.file.source
    if box.empty:
        return Edit(span(box.file, box.opens, box.closes), b" " + name + b" ")
    end = end_of(box.file, box.things[-1])
    if box.one_line:
        return Edit(span(box.file, end, end), b" " + name)
    return Edit(span(box.file, end, end), source.newline + item_indent(box) + name)


def _before_ellipsis(box: Box, name: bytes) -> Edit:
    file = box.file
    source = file.source
    ellipsis = box.items[-1]
    place = box.index(ellipsis)
    first = (*comments_of(file, ellipsis).leading, ellipsis)[0]
    comma = box.things[place - 1] if place else None
    line = source.line_start(first.start_byte)
    if comma is not None and comma.type == "," and source.starts_line(comma.start_byte):
        above = first if first != ellipsis else comma
        line = source.line_start(above.start_byte)
        return Edit(span(file, line, line), source.indent(comma.start_byte) + b", " + name + source.newline)
    if source.starts_line(first.start_byte):
        indent = source.indent(first.start_byte)
        return Edit(span(file, line, line), indent + name + b"," + source.newline)
    compact = comma is not None and comma.type == "," and comma.end_byte == ellipsis.start_byte
    start = ellipsis.start_byte
    leading = _comma_line(box)
    if leading is not None:
        return Edit(span(file, start, start), name + source.newline + leading + b", ")
    return Edit(span(file, start, start), name + (b"," if compact else b", "))


def _comma_line(box: Box) -> bytes | None:
    """The indentation of the commas, where lines begin with them or one formal alone looks so."""
    source = box.file.source
    first = box.items[0]
    hugs = not source.data[box.opens : first.start_byte].strip(b" \t")
    alone = len(box.items) == 1 and source.data[first.end_byte : box.closes].lstrip()[:1] != b","
    if alone and hugs and not box.one_line and source.starts_line(box.closes):
        return source.indent(box.closes)
    for thing in box.things:
        if thing.type == "," and source.starts_line(thing.start_byte):
            return source.indent(thing.start_byte)
    return None
