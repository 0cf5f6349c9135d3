"""Shift the lines of Nix code by its tree: strings keep their values."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from hwc_refactor.nix.build_box import BuildError, skip_blank, span
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile, parse

Lead = Callable[[bytes], bytes]
Width = Callable[[int], int]

SETS = ("attrset_expression", "rec_attrset_expression", "let_attrset_expression")
WRAPS = {"bindings": (b"{\n", b"\n}"), "elements": (b"[\n", b"\n]"), "expression": (b"(\n", b"\n)")}
_WRAPPED = {"bindings": SETS, "elements": ("list_expression",), "expression": ("parenthesized_expression",)}


def relaid(file: ParsedFile, start: int, end: int, lead: Lead, width: Width) -> bytes:
    """The bytes of a range with the white space that its lines begin with replaced (see `relaying`)."""
    data = file.source.data
    pieces: list[bytes] = []
    position = start
    for edit in relaying(file, start, end, lead, width):
        pieces += (data[position : edit.span.start], edit.text)
        position = edit.span.end
    return b"".join((*pieces, data[position:end]))


def relaying(file: ParsedFile, start: int, end: int, lead: Lead, width: Width) -> list[Edit]:
    """The edits that replace the white space that the lines of a range begin with, by the tree.

    Args:
        file: the file of the range.
        start: where the range begins; when a line begins there, it is changed too.
        end: where it ends.
        lead: gives for the white space at the beginning of a line of code, or of a comment, the new one.
        width: gives for the least indentation of a string in two single quotes, in blanks, the new one.
            Its lines are shifted by the difference; such a string stays as it is when that could
            change its value. Strings in double quotes always stay.
    """
    data = file.source.data
    new = _string_lines(file, start, end, width)
    edits: list[Edit] = []
    for line in _lines(data, start, end):
        stop = min(end, skip_blank(data, line, b" \t"))
        old = data[line:stop]
        replaced = new[line] if line in new else b"" if data[stop : stop + 1] in b"\r\n" else lead(old)
        if replaced is None or (line not in new and stop >= end):
            continue
        edits.append(Edit(span(file, line, stop), replaced))
    return edits


def swap(lead: bytes, old: bytes, new: bytes) -> bytes:
    """White space at the beginning of a line, with the indentation `old` exchanged for `new`."""
    if lead.startswith(old):
        return new + lead[len(old) :]
    if new.startswith(old):
        return lead + new[len(old) :]
    if old.startswith(new):
        return lead[: max(0, len(lead) - (len(old) - len(new)))]
    return new


def shifted(file: ParsedFile, start: int, end: int, old: bytes, new: bytes) -> bytes:
    """The bytes of a range moved from the indentation `old` to `new`, by the tree (see `relaying`)."""
    return relaid(file, start, end, *_from_to(old, new))


def shifting(file: ParsedFile, start: int, end: int, old: bytes, new: bytes) -> list[Edit]:
    """The edits that move a range from the indentation `old` to `new`, by the tree (see `relaying`)."""
    return relaying(file, start, end, *_from_to(old, new))


def _from_to(old: bytes, new: bytes) -> tuple[Lead, Width]:
    blanks = not (old + new).strip(b" ")
    by = len(new) - len(old) if blanks else 0
    return lambda lead: swap(lead, old, new), lambda columns: max(0, columns + by)


def reindent(text: bytes, old: bytes, new: bytes) -> bytes:
    """An expression, bindings or list elements moved from the indentation `old` to `new`.

    Lines inside strings in double quotes never change. Lines inside strings in two single quotes move
    together, and only when the value of the string stays the same. Comments move.

    Raises:
        BuildError: when the text is none of these.
    """
    for kind in ("expression", "bindings", "elements"):
        file = wrapped(text, kind)
        if file is not None:
            first = len(WRAPS[kind][0])
            column = next((n for n, byte in enumerate(text) if byte not in b" \t\r\n"), 0)
            moved = shifted(file, first + column + 1, first + len(text), old, new)
            own = text.rfind(b"\n", 0, column) + 1
            front = text[:own] + (swap(text[own:column], old, new) if column > own else b"")
            return front + text[column : column + 1] + moved
    raise BuildError(f"no Nix code: {excerpt(text)}")


@lru_cache(1024)
def wrapped(text: bytes, kind: str) -> ParsedFile | None:
    """The text between brackets, parsed; None when it is not what `kind` says."""
    before, after = WRAPS[kind]
    file = parse(Source("snippet", before + text + after))
    if file.problem is not None:
        return None
    whole = next((child for child in file.root.named_children if child.type != "comment"), None)
    if whole is None or whole.type not in _WRAPPED[kind]:
        return None
    return file if (whole.start_byte, whole.end_byte) == (0, len(file.source.data)) else None


def excerpt(text: bytes) -> str:
    """The beginning of a text, for messages."""
    lines = text.decode(errors="replace").strip().splitlines() or [""]
    return repr(lines[0][:60])


def _lines(data: bytes, start: int, end: int) -> Iterator[int]:
    if start == 0 or data[start - 1 : start] == b"\n":
        yield start
    position = data.find(b"\n", start, end)
    while 0 <= position < end - 1:
        yield position + 1
        position = data.find(b"\n", position + 1, end)


def _string_lines(file: ParsedFile, start: int, end: int, width: Width) -> dict[int, bytes | None]:
    """What the lines within the strings of a range begin with afterwards; None for those that stay."""
    found: dict[int, bytes | None] = {}
    stack = [file.root]
    while stack:
        node = stack.pop()
        if node.start_byte >= end or node.end_byte <= start:
            continue
        if node.type in ("string_expression", "indented_string_expression"):
            moved = _moved(file.source.data, node, width) if node.type != "string_expression" else None
            if moved is None:
                found.update(dict.fromkeys(_lines(file.source.data, node.start_byte + 1, node.end_byte)))
                continue
            found.update(moved)
        stack.extend(node.children)
    return found


def _moved(data: bytes, node: Node, width: Width) -> dict[int, bytes | None] | None:
    """The new beginnings of the lines of an indented string, None when they have to stay."""
    body = node.end_byte - 2
    lines = list(_lines(data, node.start_byte + 1, node.end_byte))
    if not lines:
        return {}
    if data[node.start_byte + 2 : lines[0]].strip(b" ") != b"\n" or b"''\\\n" in data[node.start_byte : body]:
        return None
    code = [(c.start_byte, c.end_byte) for c in node.children if c.type == "interpolation"]
    leads: dict[int, tuple[int, bool]] = {}
    for line in lines:
        if any(start < line <= end for start, end in code):
            continue
        stop = skip_blank(data, line, b" ")
        leads[line] = (stop - line, stop < body and data[stop : stop + 1] != b"\n")
    contents = [columns for columns, content in leads.values() if content]
    least = min(contents, default=1)
    if least == 0:
        return None
    new = max(0, width(least))
    moved: dict[int, bytes | None] = {}
    for line, (columns, content) in leads.items():
        if line + columns == body:
            moved[line] = b" " * max(0, width(columns))
        elif content or (contents and columns > least):
            moved[line] = b" " * (columns - least + new)
        else:
            moved[line] = b" " * min(columns, new)
    return moved
