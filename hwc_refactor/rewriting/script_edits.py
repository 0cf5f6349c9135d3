"""Edits on the text of scripts, in Nix strings or in files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.string_edits import interpolate, rewrite, rewrite_all
from hwc_refactor.nix.strings import MappedText, NixString, decode
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.rewriting.node_edits import NodeEdits
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.working_copy import WorkingCopy


class ScriptEdits(NodeEdits):
    """Nix files, and other files, that a change is made in."""

    def __init__(self, upon: Sequence[Edit] = ()) -> None:
        """Begin with what was done before."""
        super().__init__(upon)
        self._other_edits: list[Edit] = []

    def prepend_line(self, file: ParsedFile, string: Node, text: str) -> None:
        """Put a line and a blank line at the beginning of a script in an indented string."""
        copy = self._copy(file)
        source = copy.current.source
        found = copy.node(string)
        first = source.line_end(found.start_byte)
        opening = source.data[found.start_byte : first]
        if found.type != "indented_string_expression" or opening.strip() != b"''":
            self.note(f"Put '{text}' at the head of the script.")
            return
        copy.change(first, first, source.indent(first) + text.encode() + source.newline * 2)

    def rewrite_script(self, script: Script, replacements: Iterable[tuple[int, int, str]]) -> None:
        """Replace ranges of a script's text; the rest of the text stays as it is, byte for byte.

        Args:
            script: a script in a Nix string, or in a file of its own.
            replacements: start and end of each range in `script.body.data`, and the new text, in which a
                `${` is text and no interpolation. Ranges do not overlap.

        Raises:
            NoPlace: when a range of the text is no range of the file.
        """
        body, ordered = script.body, sorted(replacements)
        if body.offset is None:
            raise NoPlace("its script is put together from several strings, or escaped in a command line")
        if body.string is None or body.mapped is None:
            for start, end, text in ordered:
                self.replace_bytes(body.path, start, end, text.encode())
            return
        copy = self._copy(script.at.file)
        string, mapped = _text(copy, body.string.node)
        places = [copy.text_range(body.mapped, mapped, body.offset, start, end) for start, end, _ in ordered]
        moved = [(*place, text) for place, (_, _, text) in zip(places, ordered, strict=True)]
        edits = rewrite_all(copy.current, string, mapped, moved)
        if edits is not None:
            self.edit(script.at.file, edits)
            return
        for start, end, text in reversed(moved):
            string, mapped = _text(copy, body.string.node)
            edit = rewrite(copy.current, string, mapped, start, end, text)
            if edit is None:
                raise NoPlace("a change of its script would cut an interpolation in two")
            self.edit(script.at.file, (edit,))

    def interpolate(self, script: Script, start: int, end: int, expression: str) -> None:
        """Put an interpolation of Nix in the place of a range of a text that stands in a Nix string.

        Raises:
            NoPlace: when the text stands in no Nix string, or the range cannot be replaced.
        """
        body = script.body
        if body.offset is None or body.string is None or body.mapped is None:
            raise NoPlace("the text stands in no Nix string of its own")
        copy = self._copy(script.at.file)
        string, mapped = _text(copy, body.string.node)
        place = copy.text_range(body.mapped, mapped, body.offset, start, end)
        edit = interpolate(copy.current, string, mapped, *place, expression)
        if edit is None:
            raise NoPlace("an interpolation cannot be put there")
        self.edit(script.at.file, (edit,))

    def replace_bytes(self, path: str, start: int, end: int, data: bytes) -> None:
        """Replace a range of a file that is no Nix file, as the snapshot has it."""
        self._other_edits.append(Edit(Span(path, start, end), data))


def _text(copy: WorkingCopy, node: Node) -> tuple[NixString, MappedText]:
    """A string as the draft has it now, and its text with interpolations as `__nixN__`."""
    string = decode(copy.current, copy.node(node))
    return string, string.render(lambda index, _: f"__nix{index}__")
