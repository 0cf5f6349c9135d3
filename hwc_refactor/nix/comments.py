"""Which comments belong to a binding, a list element or a formal."""

import re

from msgspec import Struct

from hwc_refactor.nix.build_box import Box, box_around, is_line_comment
from hwc_refactor.nix.search import Search
from hwc_refactor.nix.syntax import Node, ParsedFile, parser, text_of

_COMMENTS = Search(parser, "comment")
_DISABLED = re.compile(r"""("[^"]*"\s*)+(#.*)?|[\w."$\{\}'-]+\s*=[^=].*[;\[{(]\s*(#.*)?|[\]})]+;?""")


class Comments(Struct, frozen=True):
    """The comments of one item.

    Attributes:
        leading: those directly above it, in the order of the text.
        trailing: the one behind it, on its last line.
        continued: what goes on with `trailing`: more comments on its line, or the lines below it in the
            same column.
    """

    leading: tuple[Node, ...] = ()
    trailing: Node | None = None
    continued: tuple[Node, ...] = ()

    @property
    def behind(self) -> tuple[Node, ...]:
        """Those behind it, in the order of the text."""
        return () if self.trailing is None else (self.trailing, *self.continued)

    @property
    def all(self) -> tuple[Node, ...]:
        """All of them in the order of the text."""
        return (*self.leading, *self.behind)


def comments_of(file: ParsedFile, node: Node) -> Comments:
    """The comments that belong to a binding, a list element or a formal.

    Above it: the block of comments without a blank line between them and the item. A comment behind the
    previous item or behind the opening bracket is not part of it, and neither is a banner that a blank
    line separates. Behind it: a comment on its last line, also behind the comma of a formal.
    """
    box = box_around(file, node)
    if box is None:
        return Comments()
    place = box.index(node)
    behind = _behind(box, place)
    return Comments(_above(box, place), behind[0] if behind else None, behind[1:])


def comments_inside(file: ParsedFile, node: Node) -> tuple[Node, ...]:
    """All comments within a node, in the order of the text."""
    return tuple(_COMMENTS.within(node))


def comment_text(file: ParsedFile, comment: Node) -> str:
    """The text of a comment without its marks and the white space around it."""
    text = text_of(file, comment).strip()
    if text.startswith("#"):
        return text[1:].strip()
    return text.removeprefix("/*").removesuffix("*/").strip("*").strip()


def comments_about(file: ParsedFile, node: Node) -> Comments:
    """The comments that speak of an item: not lines above it that are switched off, or what is above those."""
    own = comments_of(file, node)
    first = max((place + 1 for place, each in enumerate(own.leading) if is_disabled(file, each)), default=0)
    return Comments(own.leading[first:], own.trailing, own.continued)


def is_disabled(file: ParsedFile, comment: Node) -> bool:
    """Whether a comment is a line of code that is switched off: an element, a binding or the end of one."""
    return is_line_comment(file, comment) and _DISABLED.fullmatch(comment_text(file, comment)) is not None


def own_line(box: Box, place: int) -> bool:
    """Whether a comment of a box stands on a line of its own, with nothing but comments before it."""
    source = box.file.source
    while place >= 0:
        start = box.things[place].start_byte
        if source.starts_line(start):
            return True
        place -= 1
        if place < 0 or box.things[place].type != "comment" or not _adjoin(box, place, start):
            return False
    return False


def _above(box: Box, place: int) -> tuple[Node, ...]:
    things = box.things
    item = things[place]
    first = place
    if first > 0 and things[first - 1].type == "," and _adjoin(box, first - 1, item.start_byte):
        first -= 1
    top = first
    while top > 0 and things[top - 1].type == "comment":
        comment = things[top - 1]
        gap = things[top].start_point.row - comment.end_point.row
        if gap > 1 or not (own_line(box, top - 1) or (gap == 0 and _behind_bracket(box, top - 1))):
            break
        top -= 1
    if top > 0 and things[top - 1].type == "comment" and not own_line(box, top - 1):
        top += len(_continued(box, top - 1))
    return things[top:first]


def _behind(box: Box, place: int) -> tuple[Node, ...]:
    things = box.things
    end = things[place].end_byte
    place += 1
    if place < len(things) and things[place].type == ",":
        place += 1
    if place == len(things) or things[place].type != "comment":
        return ()
    blank = b" \t," if box.node.type == "formals" else b" \t"
    if box.file.source.data[end : things[place].start_byte].strip(blank):
        return ()
    first = place
    while place + 1 < len(things) and things[place + 1].type == "comment":
        if not _adjoin(box, place, things[place + 1].start_byte):
            break
        place += 1
    return (*things[first : place + 1], *_continued(box, place))


def _continued(box: Box, place: int) -> tuple[Node, ...]:
    """The line comments below a trailing one that stand in the same column."""
    things = box.things
    first = things[place]
    if not is_line_comment(box.file, first) or _behind_bracket(box, place):
        return ()
    last = place
    while last + 1 < len(things):
        comment = things[last + 1]
        below = comment.start_point.row == things[last].start_point.row + 1
        same_column = comment.start_point.column == first.start_point.column
        if not (below and same_column and is_line_comment(box.file, comment)):
            break
        if not box.file.source.starts_line(comment.start_byte):
            break
        last += 1
    after = things[last + 1] if last + 1 < len(things) else None
    if after is not None and after.start_point.row == things[last].start_point.row + 1:
        column = after.start_point.column
        return () if column == first.start_point.column else things[place + 1 : last + 1]
    return things[place + 1 : last + 1]


def _behind_bracket(box: Box, place: int) -> bool:
    """Whether nothing but comments stands between the opening bracket and this comment, on its line."""
    while place > 0 and box.things[place - 1].type == "comment":
        if not _adjoin(box, place - 1, box.things[place].start_byte):
            return False
        place -= 1
    data = box.file.source.data[box.opens : box.things[place].start_byte]
    return place == 0 and not data.strip(b" \t")


def _adjoin(box: Box, place: int, start: int) -> bool:
    """Whether a thing ends on the line of an offset, with only blanks between."""
    return not box.file.source.data[box.things[place].end_byte : start].strip(b" \t")
