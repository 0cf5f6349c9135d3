"""Edits inside a string: the decoded text changes exactly as asked, whatever Nix does to the bytes.

New text is escaped and, in an indented string, indented. What stands beside it may still give it another
meaning: a `$` before a new `{`, a `'` before another one, a line that decided how much indentation Nix
strips. So every edit is decoded again before it is given out, and where the small one does not do, a
larger one is tried, up to the whole inside of the string.
"""

from collections.abc import Iterator, Sequence

from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.string_lexer import Piece, decode_bytes
from hwc_refactor.nix.strings import MappedText, NixString, escape_indented, escape_quoted
from hwc_refactor.nix.syntax import ParsedFile

_ANCHOR = b"''\\ "


def rewrite(
    file: ParsedFile, string: NixString, mapped: MappedText, start: int, end: int, text: str
) -> Edit | None:
    """The edit that puts `text` in the place of a range of a string's text.

    Args:
        file: the file of the string.
        string: the string.
        mapped: its text, as `string.render` gave it.
        start: first byte of the range in `mapped.data`.
        end: the byte behind the last one. Interpolations within the range go with it.
        text: what shall stand there: a decoded text, in which `${` is no interpolation.

    Returns:
        The edit, or None when the range does not lie in the text or cuts an interpolation in two.
    """
    before, after = _split(mapped, start, end)
    if before is None or after is None:
        return None
    new = text.encode(errors="surrogateescape")
    wanted = _flat(file, (*before, Piece(new, 0, 0, "escape"), *after))
    for edit in _candidates(file, string, mapped, (start, end), new, (*before, Piece(new, 0, 0, "escape"), *after)):
        if _outcome(file, string, edit) == wanted:
            return edit
    return None
