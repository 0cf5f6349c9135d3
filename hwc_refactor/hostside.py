"""Host settings that belong to a change of an object: they go beside it, in the same module."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.draft import Draft
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.placing import in_called_function


def add_kernel_modules(
    draft: Draft, tree: Tree, block: Block, modules: Sequence[str], heading: str = ""
) -> None:
    """Load kernel modules on the host, joined with a definition that stands beside the object already."""
    slot = block.slots[0]
    file = slot.expr.file
    advice = f"Load the kernel modules on the host: boot.kernelModules = [ {' '.join(map(quote, modules))} ];"
    found = module_set(file, slot.expr.node, block.kind.parent or block.kind.word)
    if block.assumed or found is None or in_called_function(slot.expr.env):
        draft.note(advice)
        return
    holder, around = found
    defined = _definition(file, holder)
    if isinstance(defined, Node) and defined.type == "binding":
        listed = _first_list(defined.child_by_field_name("expression"))
        if listed is None:
            draft.note(advice)
            return
        present = {file.text(node) for node in listed.named_children}
        missing = [text for text in map(quote, modules) if text.encode() not in present]
        if missing:
            draft.insert(file, listed, missing)
        return
    text = f"kernelModules = [ {' '.join(map(quote, modules))} ];"
    above = (heading,) if heading else ()
    if defined is not None:
        draft.insert(file, defined, [Snippet(text, above=above)])
        return
    draft.insert(file, holder, [Snippet("boot." + text, above=above, blank=True)], after=around)


def module_set(file: ParsedFile, node: Node, first: str) -> tuple[Node, Node] | None:
    """The set of a module's definitions around a node, and the binding in it that leads to the node.

    Args:
        file: the file.
        node: a node inside of a definition.
        first: the first name of the option path that leads to it, `virtualisation`.
    """
    chain = file.chain(node.start_byte, node.end_byte)
    for position, around in enumerate(chain):
        if around.type == "binding" and position >= 2:
            path = _path(file, around)
            names = path[1:] if path[:1] == ("config",) else path
            if names[:1] == (first,) and len(path) == len(names):
                return chain[position - 2], around
    return None


def _definition(file: ParsedFile, holder: Node) -> Node | None:
    """What defines `boot.kernelModules` in a set: its binding; else the set of `boot`, to add it to."""
    for binding in _bindings(holder):
        path = _path(file, binding)
        if path == ("boot", "kernelModules"):
            return binding
        value = binding.child_by_field_name("expression")
        if path == ("boot",) and value is not None and value.type == "attrset_expression":
            inner = next((b for b in _bindings(value) if _path(file, b) == ("kernelModules",)), None)
            return value if inner is None else inner
    return None


def _first_list(value: Node | None) -> Node | None:
    """The first list literal of a value, through `++` and parentheses."""
    while value is not None and value.type != "list_expression":
        if value.type == "parenthesized_expression":
            value = value.child_by_field_name("expression")
        elif value.type == "binary_expression":
            left = _first_list(value.child_by_field_name("left"))
            value = left if left is not None else value.child_by_field_name("right")
        else:
            return None
    return value


def _bindings(holder: Node) -> list[Node]:
    return [
        node
        for child in holder.named_children
        if child.type == "binding_set"
        for node in child.named_children
        if node.type == "binding"
    ]


def _path(file: ParsedFile, binding: Node) -> tuple[str, ...]:
    return tuple(attr_name(file, part) or "" for part in attrpath_of(binding))
