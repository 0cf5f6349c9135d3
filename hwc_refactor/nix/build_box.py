"""What stands between the brackets of a set, a list, a `let` or the formals of a function."""

from bisect import bisect_left
from collections.abc import Iterable

from msgspec import Struct

from hwc_refactor.nix.edited import edited
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.syntax import Node, ParsedFile

_BRACKETS = {
    "attrset_expression": ("{", "}"),
    "rec_attrset_expression": ("{", "}"),
    "let_attrset_expression": ("{", "}"),
    "let_expression": ("let", "in"),
    "list_expression": ("[", "]"),
    "formals": ("{", "}"),
}


class BuildError(ValueError):
    """What was asked for cannot be built, or what was built does not hold."""


class Box(Struct, frozen=True, eq=False):
    """A bracketed node and what it holds.

    Attributes:
        file: the file.
        node: the set, list, `let` or formals.
        things: items, comments and (in formals) commas, in the order of the text. Names that only
            `inherit (x);` without names would show are not among them: the tree does not know those.
        opens: offset behind the opening bracket.
        closes: offset of the closing bracket.
    """

    file: ParsedFile
    node: Node
    things: tuple[Node, ...]
    opens: int
    closes: int

    @property
    def items(self) -> tuple[Node, ...]:
        """Bindings, elements or formals, without the comments and commas between them."""
        return tuple(thing for thing in self.things if thing.type not in ("comment", ","))

    @property
    def one_line(self) -> bool:
        """Whether both brackets stand on one line."""
        return b"\n" not in self.file.source.data[self.opens : self.closes]

    @property
    def empty(self) -> bool:
        """Whether there is nothing but white space between the brackets."""
        return not self.file.source.data[self.opens : self.closes].strip()

    def index(self, node: Node) -> int:
        """The place of a node among the things.

        Raises:
            BuildError: when it is not one of them.
        """
        place = bisect_left(self.things, node.start_byte, key=lambda thing: thing.start_byte)
        if place == len(self.things) or self.things[place] != node:
            place_name = self.node.type
            raise BuildError(f"{where(self.file, node)}: the {node.type} is not part of this {place_name}")
        return place

    def texts(self) -> list[bytes]:
        """The bytes of all things."""
        return [thing_text(self.file, thing) for thing in self.things]


def box_of(file: ParsedFile, node: Node) -> Box:
    """The box that a node opens.

    Raises:
        BuildError: when the node is no set, list, `let` or formals.
    """
    if node.type == "binding_set" and node.parent is not None:
        node = node.parent
    if node.type not in _BRACKETS:
        raise BuildError(f"{where(file, node)}: a {node.type} holds no items")
    key = ("box", node.type, node.start_byte, node.end_byte)
    found = file.cache.get(key)
    if not isinstance(found, Box):
        found = _read(file, node)
        file.cache[key] = found
    return found


def box_around(file: ParsedFile, item: Node) -> Box | None:
    """The box that an item stands in, None for a node that is no binding, element or formal."""
    parent = item.parent
    if parent is not None and parent.type == "binding_set":
        parent = parent.parent
    if parent is None or parent.type not in _BRACKETS:
        return None
    box = box_of(file, parent)
    return box if item in box.things else None


def end_of(file: ParsedFile, node: Node) -> int:
    """The end of a node, without the carriage return that the grammar counts to a comment."""
    end = node.end_byte
    return end - 1 if node.type == "comment" and file.source.data[end - 1 : end] == b"\r" else end


def thing_text(file: ParsedFile, node: Node) -> bytes:
    """The bytes of a node, up to `end_of`."""
    return file.source.data[node.start_byte : end_of(file, node)]


def is_line_comment(file: ParsedFile, node: Node) -> bool:
    """Whether a node is a comment that reaches to the end of its line."""
    return node.type == "comment" and file.text(node).startswith(b"#")


def skip_blank(data: bytes, offset: int, blank: bytes = b" \t\r\n") -> int:
    """The first offset from `offset` on that holds none of the blank bytes."""
    while offset < len(data) and data[offset] in blank:
        offset += 1
    return offset


def skip_blank_back(data: bytes, offset: int) -> int:
    """The offset behind the last byte before `offset` that is no white space."""
    while offset > 0 and data[offset - 1] in b" \t\r\n":
        offset -= 1
    return offset


def where(file: ParsedFile, node: Node) -> str:
    """Path and line of a node, for messages."""
    return f"{file.source.path}:{node.start_point.row + 1}"


def span(file: ParsedFile, start: int, end: int) -> Span:
    """A span of a file."""
    return Span(file.source.path, start, end)


def check(file: ParsedFile, edits: Iterable[Edit]) -> ParsedFile:
    """The file as it is after the edits, parsed.

    Raises:
        BuildError: when it is no Nix any more.
    """
    parsed = edited(file, edits)
    if parsed.problem is not None:
        problem = parsed.problem
        raise BuildError(f"{file.source.path}:{problem.line}: the edit breaks the file: {problem.message}")
    return parsed


def node_at(file: ParsedFile, start: int, kind: str) -> Node | None:
    """The innermost node of a type that begins at an offset."""
    node = file.root.descendant_for_byte_range(start, start + 1)
    while node is not None and node.start_byte == start:
        if node.type == kind:
            return node
        node = node.parent
    return None


def _read(file: ParsedFile, node: Node) -> Box:
    first, last = _BRACKETS[node.type]
    things: list[Node] = []
    opens = closes = -1
    for child in node.children:
        if opens < 0:
            if child.type == first:
                opens = child.end_byte
        elif child.type == last:
            closes = child.start_byte
            break
        elif child.type == "binding_set":
            things += child.children
        else:
            things.append(child)
    if closes < 0:
        raise BuildError(f"{where(file, node)}: the {node.type} has no closing bracket")
    return Box(file, node, tuple(things), opens, closes)
