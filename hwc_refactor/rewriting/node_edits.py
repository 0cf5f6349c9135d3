"""Edits on the nodes of a snapshot, each made on the working copy of its file."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix import build
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.scope import Free, Parameter, lookup
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.working_copy import WorkingCopy

Item = build.Item
_RECURSIVE = ("rec_attrset_expression", "let_attrset_expression")


class NodeEdits:
    """The files that a change is made in. Operations raise `BuildError` or `NoPlace`; nothing is half done then."""

    def __init__(self, upon: Sequence[Edit] = ()) -> None:
        """Begin with what was done before, as edits of the snapshot."""
        self._upon = upon
        self._copies: dict[str, WorkingCopy] = {}
        self._notes: list[str] = []

    def note(self, text: str) -> None:
        """Tell the user what must still be done or known."""
        if text not in self._notes:
            self._notes.append(text)

    # -- the working copies --------------------------------------------------------------------------

    def now(self, file: ParsedFile) -> ParsedFile:
        """A file as it is by now."""
        return self._copy(file).current

    def here(self, file: ParsedFile, node: Node) -> Node:
        """A node of the snapshot in the file as it is by now."""
        return self._copy(file).node(node)

    def edit(self, file: ParsedFile, edits: Sequence[Edit]) -> None:
        """Make edits on the file as it is by now, given in its offsets."""
        copy = self._copy(file)
        build.check(copy.current, edits)
        copy.apply(edits)

    def _copy(self, file: ParsedFile) -> WorkingCopy:
        copy = self._copies.get(file.source.path)
        if copy is None:
            before = [edit for edit in self._upon if edit.span.file == file.source.path]
            copy = self._copies[file.source.path] = WorkingCopy(file, before)
        return copy

    # -- sets and lists ------------------------------------------------------------------------------

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
        if holder.type in _RECURSIVE:
            name = build.captured(copy.current, copy.node(holder), items)
            if name is not None:
                raise NoPlace(f"it is a recursive set that reads '{name}' from around it")
        insertion = build.element_insertion if holder.type == "list_expression" else build.binding_insertion
        copy.take(
            lambda now, at: insertion(
                now,
                at(holder),
                items,
                after=None if after is None else at(after),
                before=None if before is None else at(before),
            )
        )

    def spread(self, file: ParsedFile, holder: Node) -> None:
        """Put each item of a set on one line on a line of its own."""
        self._copy(file).take(lambda now, at: build.spreading(now, at(holder)))

    def replace_value(self, file: ParsedFile, binding: Node, text: str) -> None:
        """Replace the value of a binding."""
        self._copy(file).take(lambda now, at: build.value_replacement(now, at(binding), text))

    def part_value(self, file: ParsedFile, binding: Node, text: str, further: str) -> None:
        """Replace the value of a binding, and put a further binding, without semicolon, before what is behind it."""
        self._copy(file).take(lambda now, at: build.value_parting(now, at(binding), text, further))

    def replace_element(self, file: ParsedFile, element: Node, text: str) -> None:
        """Replace an element of a list."""
        self._copy(file).take(lambda now, at: build.element_replacement(now, at(element), text))

    def replace_text(self, file: ParsedFile, node: Node, text: str) -> None:
        """Replace the text of a node by anything that leaves the file whole, such as a comment."""
        self._copy(file).take(lambda now, at: build.replacement(now, at(node), text))

    def remove_elements(self, file: ParsedFile, holder: Node, nodes: Sequence[Node]) -> None:
        """Remove elements of one list."""
        self._drop(self.take_elements(file, holder, nodes))

    def take_elements(self, file: ParsedFile, holder: Node, nodes: Sequence[Node]) -> tuple[str, ...]:
        """Remove elements of one list, and give the comments that went with them."""
        step = self._copy(file).take(
            lambda now, at: build.element_removal(now, at(holder), [at(node) for node in nodes])
        )
        return step.dropped

    def drop_binding(self, file: ParsedFile, binding: Node) -> None:
        """Remove a binding; what it drops in comments is named in the notes."""
        self._drop(self.take_binding(file, binding))

    def drop_emptied(self, file: ParsedFile, node: Node) -> None:
        """Remove a set in which nothing is left, with its binding, and the sets around it that are empty then."""
        chain = file.chain(node.start_byte, node.end_byte)
        place = chain.index(node)
        while place > 2 and chain[place].type == "attrset_expression" and chain[place - 1].type == "binding":
            if self.here(file, chain[place]).named_child_count:
                return
            self.drop_binding(file, chain[place - 1])
            place -= 3

    def take_binding(self, file: ParsedFile, binding: Node) -> tuple[str, ...]:
        """Remove a binding, and give the comments that went with it."""
        return self._copy(file).take(lambda now, at: build.binding_removal(now, at(binding))).dropped

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

    # -- comments ------------------------------------------------------------------------------------

    def behind(self, file: ParsedFile, binding: Node, comment: str) -> None:
        """Put a comment behind a binding that has none there and ends its line."""
        copy = self._copy(file)
        source = copy.current.source
        end = copy.node(binding).end_byte
        rest = source.data[end : source.line_end(end)]
        if not rest.strip():
            copy.change(end, end, f"  # {comment}".encode())

    def head(self, file: ParsedFile, node: Node, comment: str, *, blank: bool = False) -> None:
        """Put a comment line above a node that begins its line; does nothing where it does not."""
        copy = self._copy(file)
        source = copy.current.source
        found = copy.node(node)
        if not source.starts_line(found.start_byte):
            return
        start = source.line_start(found.start_byte)
        lead = source.newline if blank and not _opens(source, start) else b""
        text = lead + source.indent(found.start_byte) + b"# " + comment.encode() + source.newline
        copy.change(start, start, text)

    def _drop(self, comments: Sequence[str]) -> None:
        for text in comments:
            self.note(f"The comment '{text.lstrip('# ')}' went with what it described.")

    # -- modules -------------------------------------------------------------------------------------

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
        current, node = copy.current, copy.node(formals)
        if not any(current.text(child) == name.encode() for child in node.named_children):
            copy.apply((build.insert_formal(current, node, name),))

    def import_module(self, file: ParsedFile, holder: Node, path: str) -> None:
        """Add a path to the `imports` of a module's set, or to a list of modules."""
        copy = self._copy(file)
        found = copy.node(holder)
        if found.type == "list_expression":
            copy.apply(build.insert_elements(copy.current, found, [path]))
        else:
            copy.apply(build.insert_import(copy.current, found, path))


def _opens(source: Source, start: int) -> bool:
    """Whether the line above is blank or ends with an opening bracket."""
    above = source.data[source.line_start(max(start - 1, 0)) : start].strip()
    return not above or above.endswith((b"[", b"{"))
