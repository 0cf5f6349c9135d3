"""The options that a module declares at any depth, those of its submodules too, by what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.search import Search
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile, parser

_BINDINGS = Search(parser, "binding")


def option_types(file: ParsedFile) -> Mapping[tuple[str, ...], str]:
    """Each option of a module with its type, as it is written but for blanks, `lib.` and `types.`.

    The name of an option begins behind the last `options` above it: those of a submodule have short names.
    """
    found: dict[tuple[str, ...], str] = {}
    for binding in _BINDINGS.within(file.root):
        value = binding.child_by_field_name("expression")
        if value is None or value.type != "apply_expression":
            continue
        function = value.child_by_field_name("function")
        called = "" if function is None else _plain(file, function)
        if called == "mkEnableOption":
            found[_name(file, binding)] = "bool"
        elif called == "mkOption":
            found[_name(file, binding)] = _type(file, value)
    return found


def _name(file: ParsedFile, binding: Node) -> tuple[str, ...]:
    names: list[str] = []
    for node in file.chain(binding.start_byte, binding.end_byte):
        if node.type == "binding":
            names += (attr_name(file, part) or "" for part in attrpath_of(node))
    behind = len(names) - names[::-1].index("options") if "options" in names else 0
    return tuple(names[behind:])


def _type(file: ParsedFile, call: Node) -> str:
    argument = call.child_by_field_name("argument")
    return next((_plain(file, one) for one in _bound(file, argument, "type")), "")


def _bound(file: ParsedFile, node: Node | None, name: str) -> Iterator[Node]:
    """What a name is bound to directly within a set."""
    for holder in () if node is None else node.named_children:
        for binding in holder.named_children if holder.type == "binding_set" else (holder,):
            if binding.type == "binding" and [attr_name(file, one) for one in attrpath_of(binding)] == [name]:
                value = binding.child_by_field_name("expression")
                if value is not None:
                    yield value


def _plain(file: ParsedFile, node: Node) -> str:
    words = file.text(node).decode(errors="surrogateescape").split()
    return "".join(words).replace("lib.", "").replace("types.", "")
