"""The words a codemod writes with: a draft gathers what is to be done and becomes a frozen `Change`.

Every operation is carried out at once on the draft's own copy of the text, by a builder that proves its
result; the next one sees it. Nodes are always those of the snapshot the draft was begun on: the draft
finds them again in its copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hwc_refactor.model import NOT_SAID, Applicability, Change, Found, NewFile, Subject
from hwc_refactor.nix import build
from hwc_refactor.nix.differences import regions
from hwc_refactor.nix.edited import edited
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.scope import Free, Parameter, lookup
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.string_edits import interpolate, rewrite, rewrite_all
from hwc_refactor.nix.strings import MappedText, NixString, decode, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr, Slot
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.placing import Home, NoPlace

__all__ = ["About", "Draft", "Home", "NoPlace"]

Item = build.Item
_HOLE = re.compile(rb"__nix\d+__")


class _Copy:
    """The draft's own text of one file, and the way from the snapshot's nodes to it."""

    def __init__(self, file: ParsedFile) -> None:
        self.original = file
        self.current = file
        self._log: list[tuple[Edit, ...]] = []

    def apply(self, edits: Iterable[Edit]) -> None:
        ordered = tuple(sorted(edits, key=lambda edit: edit.span.start))
        if not ordered:
            return
        self.current = edited(self.current, ordered)
        self._log.append(ordered)

    def node(self, node: Node) -> Node:
        start, end = node.start_byte, node.end_byte
        for edits in self._log:
            start, end = _moved(start, edits, opening=True), _moved(end, edits, opening=False)
        found = self.current.root.descendant_for_byte_range(start, end)
        while found is not None and (found.start_byte, found.end_byte) == (start, end):
            if found.type == node.type:
                return found
            found = found.parent
        raise build.BuildError(f"{self.current.source.path}: a {node.type} is no longer where it was")

    def text_range(
        self, old: MappedText, new: MappedText, base: int, start: int, end: int
    ) -> tuple[int, int]:
        """Where a range of a string's text is by now, when the string was edited before.

        Args:
            old: the text of the whole string as the snapshot has it.
            new: the same as it is now.
            base: where the ranges count from in the old text.
            start, end: the range.
        """
        start, end = start + base, end + base
        place = old.to_file(start, end)
        if old.data == new.data or place is None:
            return start, end
        first, last = place
        for edits in self._log:
            first, last = _moved(first, edits, opening=True), _moved(last, edits, opening=False)
        begin = new.from_file(first)
        finish = new.from_file(last) if start < end else begin
        if _HOLE.sub(b"", old.data[start:end]) != _HOLE.sub(b"", new.data[begin:finish]):
            raise build.BuildError(f"{self.current.source.path}: a text is no longer where it was")
        return begin, finish


def _moved(offset: int, edits: Sequence[Edit], *, opening: bool) -> int:
    delta = 0
    for edit in edits:
        empty = edit.span.start == edit.span.end
        before = edit.span.end <= offset if opening or not empty else edit.span.end < offset
        if before:
            delta += len(edit.text) - (edit.span.end - edit.span.start)
    return offset + delta


@dataclass(frozen=True, slots=True)
class About:
    """What a change is about, and where that stands.

    Attributes:
        assumed: what was taken for granted to find it, in words for the user.
    """

    subject: Subject
    file: str
    line: int
    assumed: tuple[str, ...] = ()

    @staticmethod
    def block(block: Block) -> About:
        """An object."""
        return About(Subject(block.kind.shown, block.name), block.file, block.line, block.assumed)


class Draft:
    """A change in the making. Operations raise `BuildError` or `NoPlace`; nothing is half done then."""

    def __init__(
        self, tree: Tree, codemod: str, about: About, title: str, why: str, found: Found = NOT_SAID
    ) -> None:
        """Begin a change of one object on a snapshot; `found` is what it takes away."""
        self._tree = tree
        self._codemod = codemod
        self._about = about
        self._title = title
        self._why = why
        self._found = found
        self._gained: list[str] = []
        self._also: list[Subject] = []
        self._defines: list[str] = []
        self._copies: dict[str, _Copy] = {}
        self._new_files: dict[str, bytes] = {}
        self._other_edits: list[Edit] = []
        self._notes: list[str] = []
        self._details: list[str] = []
        self._applicability = Applicability.SAFE

    # -- words ---------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Tell the user what must still be done or known."""
        if text not in self._notes:
            self._notes.append(text)

    def gain(self, text: str) -> None:
        """Name what the object has now and had not before, in a few words for a table."""
        if text not in self._gained:
            self._gained.append(text)

    def detail(self, text: str) -> None:
        """Give the reason of one thing that is written or left out, for whoever asks for details."""
        self._details.append(text)

    def defining(self, file: ParsedFile, option: str) -> None:
        """Tell that an option of the system gets a definition in a file, which others may want to add to."""
        self._defines.append(f"{file.source.path}: {option}")

    def together(self, blocks: Iterable[Block]) -> None:
        """Name further objects that the change is about."""
        self._also += [Subject(block.kind.shown, block.name) for block in blocks]

    def review(self, text: str | None = None) -> None:
        """The change needs a look, for the reason that the note gives."""
        self._applicability = Applicability.REVIEW
        if text is not None:
            self.note(text)

    def set(self, block: Block, path: Sequence[str], value: str, *, behind: str = "") -> None:
        """Give an attribute a value (Nix source text): replaced where it is defined, else added."""
        slots = [slot for slot in block.get(*path) if not slot.rest]
        if slots:
            slot = slots[0]
            if len(slots) > 1 or slot.binding is None or slot.binding.type != "binding":
                raise NoPlace(f"{'.'.join(path)} is defined in several ways")
            placing.demand_own(self._tree, block, slot.expr)
            self.replace_value(slot.expr.file, slot.binding, value)
            return
        self.add(block, path[:-1], [_binding(path[-1], value, behind)])

    def add(
        self, block: Block, prefix: Sequence[str], bindings: Sequence[Item], *, after: str | None = None
    ) -> None:
        """Add bindings below an attribute of an object, in the manner it is written in.

        Args:
            block: the object.
            prefix: the attribute whose set they go into; empty for the object's own set.
            bindings: source texts or snippets, names relative to the prefix.
            after: name of the attribute behind which they go, where it stands in the same set.
        """
        home = placing.home(self._tree, block, tuple(prefix))
        place = home.after
        if after is not None:
            place = placing.binding_in(home, self._tree, block, (*prefix, after)) or place
        self.insert(home.file, home.holder, [_led(home.lead, item) for item in bindings], after=place)

    def add_set(self, block: Block, path: Sequence[str], bindings: Sequence[build.Snippet]) -> None:
        """Add a set of bindings as a new attribute of an object."""
        lines: list[str] = []
        for number, item in enumerate(bindings):
            lines += [""] if item.blank and number else []
            lines += [f"  # {text}" for text in item.above]
            lines.append(f"  {item.text}")
        text = "\n".join((f"{path[-1]} = {{", *lines, "};"))
        self.add(block, path[:-1], [text])

    def remove(self, block: Block, path: Sequence[str]) -> None:
        """Remove an attribute where it is defined; what it drops in comments is named in the notes."""
        for slot in block.get(*path):
            self.remove_binding(block, slot)

    def remove_binding(self, block: Block, slot: Slot, *, moved: bool = False) -> None:
        """Remove one definition of an attribute; `moved` when its comments stand somewhere else now."""
        if slot.binding is None or slot.binding.type != "binding":
            raise NoPlace("a definition is inherited or computed")
        placing.demand_own(self._tree, block, slot.expr)
        copy = self._copy(slot.expr.file)
        self._built(copy, build.remove_binding(copy.current, copy.node(slot.binding)), told=not moved)

    def extend_list(self, block: Block, path: Sequence[str], elements: Sequence[str]) -> None:
        """Add strings to a list attribute: into its literal, else behind its value, else a new list."""
        self.extend_list_by(block, path, [quote(element) for element in elements])

    def extend_list_by(self, block: Block, path: Sequence[str], texts: Sequence[str]) -> None:
        """The same with elements as Nix source text."""
        slots = [slot for slot in block.get(*path) if not slot.rest]
        for slot in slots:
            for item in () if block.extra(slot) else self._tree.resolver.items(slot.expr):
                holder = item.holder
                if holder is None or holder.node.type != "list_expression" or item.conditions:
                    continue
                if placing.not_own(self._tree, block, holder) is None:
                    self.insert(holder.file, holder.node, texts)
                    return
        text = f"[ {' '.join(texts)} ]"
        if not slots:
            self.add(block, path[:-1], [f"{path[-1]} = {text};"])
            return
        slot = slots[0]
        placing.demand_own(self._tree, block, slot.expr)
        if slot.binding is None or slot.binding.type != "binding" or block.extra(slot):
            raise NoPlace(f"{path[-1]} is given by an expression")
        if slot.expr.node.type == "list_expression":
            self.insert(slot.expr.file, slot.expr.node, texts)
        else:
            self.replace_value(slot.expr.file, slot.binding, f"({slot.expr.text}) ++ {text}")

    # -- the draft's own copy ------------------------------------------------------------------------

    def now(self, file: ParsedFile) -> ParsedFile:
        """A file as the draft has it by now."""
        return self._copy(file).current

    def here(self, file: ParsedFile, node: Node) -> Node:
        """A node of the snapshot in the draft's copy of its file."""
        return self._copy(file).node(node)

    def edit(self, file: ParsedFile, edits: Sequence[Edit]) -> None:
        """Make edits on the draft's copy of a file, given in its offsets."""
        copy = self._copy(file)
        build.check(copy.current, edits)
        copy.apply(edits)

    # -- edits on nodes of the snapshot ----------------------------------------------------------------

    def insert(
        self,
        file: ParsedFile,
        holder: Node,
        items: Sequence[Item],
        *,
        after: Node | None = None,
        before: Node | None = None,
    ) -> None:
        """Insert bindings into a set or elements into a list."""
        copy = self._copy(file)
        name = build.captured(copy.current, copy.node(holder), items)
        if name is not None:
            raise NoPlace(f"it is a recursive set that reads '{name}' from around it")
        insert = build.insert_elements if holder.type == "list_expression" else build.insert_bindings
        edits = insert(
            copy.current,
            copy.node(holder),
            items,
            after=None if after is None else copy.node(after),
            before=None if before is None else copy.node(before),
        )
        copy.apply(edits)

    def spread(self, file: ParsedFile, holder: Node) -> None:
        """Put each item of a set on one line on a line of its own."""
        copy = self._copy(file)
        copy.apply(build.spread(copy.current, copy.node(holder)))

    def replace_value(self, file: ParsedFile, binding: Node, text: str) -> None:
        """Replace the value of a binding."""
        copy = self._copy(file)
        copy.apply((build.replace_value(copy.current, copy.node(binding), text),))

    def replace_element(self, file: ParsedFile, element: Node, text: str) -> None:
        """Replace an element of a list."""
        copy = self._copy(file)
        copy.apply((build.replace_element(copy.current, copy.node(element), text),))

    def prepend_line(self, file: ParsedFile, string: Node, text: str) -> None:
        """Put a line and a blank line at the beginning of a script in an indented string."""
        copy = self._copy(file)
        found = copy.node(string)
        source = copy.current.source
        first = source.line_end(found.start_byte)
        opening = source.data[found.start_byte : first]
        if found.type != "indented_string_expression" or opening.strip() != b"''":
            self.note(f"Put '{text}' at the head of the script.")
            return
        newline = source.newline
        line = source.indent(first) + text.encode() + newline + newline
        edit = Edit(Span(source.path, first, first), line)
        build.check(copy.current, (edit,))
        copy.apply((edit,))

    def behind(self, file: ParsedFile, binding: Node, comment: str) -> None:
        """Put a comment behind a binding that has none there and ends its line."""
        copy = self._copy(file)
        source = copy.current.source
        end = copy.node(binding).end_byte
        rest = source.data[end : source.line_end(end)]
        if not rest.strip():
            edit = Edit(Span(source.path, end, end), f"  # {comment}".encode())
            build.check(copy.current, (edit,))
            copy.apply((edit,))

    def replace_text(self, file: ParsedFile, node: Node, text: str) -> None:
        """Replace the text of a node by anything that leaves the file whole, such as a comment."""
        copy = self._copy(file)
        found = copy.node(node)
        end = found.end_byte - copy.current.text(found).endswith(b"\r")  # a comment ends with its line
        edit = Edit(Span(file.source.path, found.start_byte, end), text.encode())
        build.check(copy.current, (edit,))
        copy.apply((edit,))

    def remove_elements(self, file: ParsedFile, holder: Node, nodes: Sequence[Node]) -> None:
        """Remove elements of one list."""
        self._drop(self.take_elements(file, holder, nodes))

    def take_elements(self, file: ParsedFile, holder: Node, nodes: Sequence[Node]) -> tuple[str, ...]:
        """Remove elements of one list, and give the comments that went with them."""
        copy = self._copy(file)
        found = [copy.node(node) for node in nodes]
        built = build.remove_elements(copy.current, copy.node(holder), found)
        copy.apply(built.edits)
        return built.dropped

    def drop_binding(self, file: ParsedFile, binding: Node) -> None:
        """Remove a binding; what it drops in comments is named in the notes."""
        self._drop(self.take_binding(file, binding))

    def take_binding(self, file: ParsedFile, binding: Node) -> tuple[str, ...]:
        """Remove a binding, and give the comments that went with it."""
        copy = self._copy(file)
        built = build.remove_binding(copy.current, copy.node(binding))
        copy.apply(built.edits)
        return built.dropped

    def take_operand(self, file: ParsedFile, node: Node) -> tuple[str, ...]:
        """Remove an operand of `++` with its operator, and give the comments that went with it."""
        copy = self._copy(file)
        built = build.remove_operand(copy.current, copy.node(node))
        copy.apply(built.edits)
        return built.dropped

    def nest(self, file: ParsedFile, binding: Node, depth: int, items: Sequence[Item]) -> None:
        """Turn `a.b = v;` into `a = { b = v; …items… };`."""
        copy = self._copy(file)
        copy.apply(build.nest_binding(copy.current, copy.node(binding), depth, items))

    def head(self, file: ParsedFile, node: Node, comment: str, *, blank: bool = False) -> None:
        """Put a comment line above a node that begins its line; does nothing where it does not."""
        copy = self._copy(file)
        found = copy.node(node)
        source = copy.current.source
        if not source.starts_line(found.start_byte):
            return
        start = source.line_start(found.start_byte)
        lead = source.newline if blank and not _opens(source, start) else b""
        text = lead + source.indent(found.start_byte) + b"# " + comment.encode() + source.newline
        edit = Edit(Span(source.path, start, start), text)
        build.check(copy.current, (edit,))
        copy.apply((edit,))

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
            build.check(copy.current, edits)
            copy.apply(edits)
            return
        for start, end, text in reversed(moved):
            string, mapped = _text(copy, body.string.node)
            edit = rewrite(copy.current, string, mapped, start, end, text)
            if edit is None:
                raise NoPlace("a change of its script would cut an interpolation in two")
            build.check(copy.current, (edit,))
            copy.apply((edit,))

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
        build.check(copy.current, (edit,))
        copy.apply((edit,))

    def demand_name(self, expr: Expr, name: str) -> None:
        """Make an argument that the module system passes, `config`, known at an expression.

        Raises:
            NoPlace: when the name means something else there, or the file is no module that takes arguments.
        """
        found = lookup(name, expr.env)
        if isinstance(found, Parameter) and found.argument is None:
            return
        function = next((node for node in expr.file.root.named_children if node.type != "comment"), None)
        formals = None if function is None else function.child_by_field_name("formals")
        if not isinstance(found, Free) or formals is None:
            raise NoPlace(f"'{name}' is not known there")
        copy = self._copy(expr.file)
        node = copy.node(formals)
        if not any(copy.current.text(child) == name.encode() for child in node.named_children):
            copy.apply((build.insert_formal(copy.current, node, name),))

    def replace_bytes(self, path: str, start: int, end: int, data: bytes) -> None:
        """Replace a range of a file that is no Nix file, as the snapshot has it."""
        self._other_edits.append(Edit(Span(path, start, end), data))

    def import_module(self, file: ParsedFile, holder: Node, path: str) -> None:
        """Add a path to the `imports` of a module's set, or to a list of modules."""
        copy = self._copy(file)
        found = copy.node(holder)
        if found.type == "list_expression":
            copy.apply(build.insert_elements(copy.current, found, [path]))
        else:
            copy.apply(build.insert_import(copy.current, found, path))

    def new_file(self, path: str, data: bytes) -> None:
        """Create a file."""
        self._new_files[path] = data

    def home(self, block: Block, prefix: Sequence[str] = ()) -> Home:
        """Where new bindings below an attribute go. Raises NoPlace."""
        return placing.home(self._tree, block, tuple(prefix))

    # -- the result ------------------------------------------------------------------------------------

    def done(self) -> Change | None:
        """The finished change, None when nothing differs."""
        edits: list[Edit] = list(self._other_edits)
        for path, copy in self._copies.items():
            old, new = copy.original.source.data, copy.current.source.data
            edits += [Edit(Span(path, start, end), text) for start, end, text in regions(old, new)]
        new_files = tuple(NewFile(path, data) for path, data in self._new_files.items())
        if not edits and not new_files:
            return None
        return Change(
            self._codemod,
            self._about.subject,
            self._about.file,
            self._about.line,
            self._title,
            self._why,
            (*self._notes, *(f"It is assumed that {text}." for text in self._about.assumed)),
            Applicability.REVIEW if self._about.assumed else self._applicability,
            tuple(edits),
            new_files,
            details=tuple(self._details),
            found=self._found,
            gained=tuple(self._gained),
            also=tuple(self._also),
            defines=tuple(self._defines),
        )

    def _copy(self, file: ParsedFile) -> _Copy:
        copy = self._copies.get(file.source.path)
        if copy is None:
            copy = self._copies[file.source.path] = _Copy(file)
        return copy

    def _built(self, copy: _Copy, built: build.Built, *, told: bool = True) -> None:
        copy.apply(built.edits)
        self._drop(built.dropped if told else ())

    def _drop(self, comments: Sequence[str]) -> None:
        for text in comments:
            self.note(f"The comment '{text.lstrip('# ')}' went with what it described.")


def _text(copy: _Copy, node: Node) -> tuple[NixString, MappedText]:
    """A string as the draft has it now, and its text with interpolations as `__nixN__`."""
    string = decode(copy.current, copy.node(node))
    return string, string.render(lambda index, _: f"__nix{index}__")


def _binding(name: str, value: str, behind: str) -> build.Snippet:
    return build.Snippet(f"{name} = {value};", behind=behind)


def _led(lead: str, item: Item) -> Item:
    if not lead:
        return item
    if isinstance(item, str):
        return lead + item
    return build.Snippet(lead + item.text, item.above, item.behind, item.blank, item.blank_below)


def _opens(source: Source, start: int) -> bool:
    """Whether the line above is blank or ends with an opening bracket."""
    above = source.data[source.line_start(max(start - 1, 0)) : start].strip()
    return not above or above.endswith((b"[", b"{"))
