"""New Nix text in the manner of a file: its indent step, its line endings, and shifting by the tree."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from hwc_refactor.nix.build_box import BuildError
from hwc_refactor.nix.build_shift import SETS, WRAPS, excerpt, relaid, wrapped
from hwc_refactor.nix.search import Search
from hwc_refactor.nix.syntax import ParsedFile, parser

_SPREAD = Search(parser, "binding_set", "list_expression")
_BOXES = Search(parser, "list_expression", *SETS)


class Snippet(Struct, frozen=True):
    r"""A piece of source text to insert.

    Attributes:
        text: bindings (each with its `;`) or list elements, beginning in column 0, with `\n` as line
            ending and two blanks for each step of indentation.
        above: comment lines to stand above it, with or without the `#`.
        behind: a comment behind its last line, with or without the `#`.
        blank: whether a blank line goes above it; left out behind the opening bracket or another blank line.
        blank_below: whether a blank line goes below it; left out before the closing bracket or another
            blank line.
    """

    text: str
    above: tuple[str, ...] = ()
    behind: str = ""
    blank: bool = False
    blank_below: bool = False

    @property
    def flat(self) -> bool:
        """Whether it is one line without comments and blank lines."""
        return not (self.above or self.behind or self.blank or self.blank_below or "\n" in self.text.strip())


Item = Snippet | str


def as_snippet(item: Item) -> Snippet:
    """A bare text counts as a snippet without comments."""
    return Snippet(item) if isinstance(item, str) else item


def unit(file: ParsedFile) -> bytes:
    """The indent step of a file: the most frequent one among its sets, lists and lets; else two blanks."""
    found = file.cache.get("unit")
    if not isinstance(found, bytes):
        steps = Counter(_steps(file))
        found = min(steps, key=lambda step: (-steps[step], len(step))) if steps else b"  "
        file.cache["unit"] = found
    return found


def padding(file: ParsedFile, node_type: str, *, filled: bool = False) -> bytes:
    """What the file puts inside the brackets of a box on one line: a blank, as in `[ 1 ]`, or nothing.

    Args:
        file: the file.
        node_type: the type of the box's node.
        filled: whether it is to hold something; else it is about `[ ]` or `[]`.
    """
    if node_type == "let_expression":
        return b" "
    kind = "list" if node_type == "list_expression" else "set"
    votes = file.cache.get("padding")
    if not isinstance(votes, Counter):
        votes = Counter(_paddings(file))
        file.cache["padding"] = votes
    for what in (filled, True):
        wide, tight = votes[kind, what, True], votes[kind, what, False]
        if wide != tight:
            return b" " if wide > tight else b""
    return b" "


@lru_cache(1024)
def render(text: str, kind: str, indent: bytes, step: bytes, newline: bytes, *, first: bool = True) -> bytes:
    """A snippet's text at an indentation, with the file's indent step and line endings.

    Args:
        text: the text as in `Snippet`.
        kind: `bindings`, `elements` or `expression`.
        indent: the indentation of its first line.
        step: the indent step of the file.
        newline: the line ending of the file.
        first: whether the first line is indented too.

    Raises:
        BuildError: when the text is not what `kind` says.
    """
    raw = text.replace("\r\n", "\n").strip("\n").rstrip().encode()
    file = wrapped(raw, kind)
    if file is None:
        raise BuildError(f"these are no {kind}: {excerpt(raw)}")

    def lead(old: bytes) -> bytes:
        if old.strip(b" "):
            return indent + old
        return indent + step * (len(old) // 2) + b" " * (len(old) % 2)

    def width(columns: int) -> int:
        base = sum(2 if byte == 0x09 else 1 for byte in indent)
        wide = 2 if step == b"\t" else len(step)
        return base + wide * (columns // 2) + columns % 2

    begin = len(WRAPS[kind][0])
    out = relaid(file, begin + (0 if first else 1), begin + len(raw), lead, width)
    return (raw[:1] if not first else b"") + out.replace(b"\n", newline)


def comment_line(text: str) -> bytes:
    """A line of a comment, with its mark."""
    text = text.strip()
    if text.startswith("#") or (text.startswith("/*") and text.endswith("*/")):
        return text.encode()
    return f"# {text}".rstrip().encode()


def _paddings(file: ParsedFile) -> Iterator[tuple[str, bool, bool]]:
    """For every box on one line: whether it is a list, holds something, and has a blank within."""
    for node in _BOXES.within(file.root):
        text = file.text(node)
        kind, bracket = ("list", b"[") if node.type == "list_expression" else ("set", b"{")
        if b"\n" not in text:
            wide = text.partition(bracket)[2].startswith(b" ")
            yield kind, node.named_child_count > 0, wide


def _steps(file: ParsedFile) -> Iterator[bytes]:
    source = file.source
    for node in _SPREAD.within(file.root):
        if node.type == "binding_set" and node.parent is not None:
            outer = source.indent(node.parent.start_byte)
        elif node.type == "list_expression" and node.named_child_count:
            outer = source.indent(node.start_byte)
            node = node.named_children[0]
        else:
            continue
        if source.starts_line(node.start_byte):
            inner = source.indent(node.start_byte)
            step = inner[len(outer) :]
            if inner.startswith(outer) and (step == b"\t" or (step and not step.strip(b" "))):
                yield step
