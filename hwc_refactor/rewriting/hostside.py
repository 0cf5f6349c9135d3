"""Host settings that belong to a change of an object: they go beside it, in the same module."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.block import Block
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import in_called_function


def add_kernel_modules(draft: Draft, block: Block, modules: Sequence[str], heading: str = "") -> None:
    """Load kernel modules on the host, joined with a definition that stands beside the object already."""
    _add_to_list(draft, block, ("boot", "kernelModules"), [quote(name) for name in modules], heading)


def add_directories(
    draft: Draft, block: Block, paths: Mapping[str, str | None], owner: tuple[str, str]
) -> None:
    """Let systemd-tmpfiles make directories (paths as text within a Nix string) that no rule names yet.

    A new one gets its mode, where that is not the usual one, and its owner; one that is there keeps those it has
    (tmpfiles.d(5), `:`).

    Args:
        draft: the change.
        block: the service that needs them.
        paths: them, each with its mode.
        owner: the user and the group, `-` for root.
    """
    user, group = (name if name == "-" else f":{name}" for name in owner)
    rules = [
        f'"d {path} {f":{mode}" if mode else "-"} {user} {group} -"'
        for path, mode in paths.items()
        if not _has_rule(block, path)
    ]
    if rules:
        _add_to_list(draft, block, ("systemd", "tmpfiles", "rules"), rules, "")


def _has_rule(block: Block, path: str) -> bool:
    """Whether a rule of systemd-tmpfiles makes a directory at this path already."""
    rule = re.compile(rb"[\"'\n]\s*[dDvqQ][+!=~^$-]*\s+" + re.escape(path.encode()) + rb"/?[\s\"']")
    texts = (block.tree.data(name) or b"" for name in block.tree.holding(path.encode()))
    return any(rule.search(text) for text in texts)


def _add_to_list(
    draft: Draft, block: Block, option: tuple[str, ...], elements: Sequence[str], heading: str
) -> None:
    """Add elements to a list option of the system, in the module that defines the object."""
    slot = block.slots[0]
    file = slot.expr.file
    advice = f"Set {'.'.join(option)} = [ {' '.join(elements)} ]; on the host."
    found = module_set(file, slot.expr.node, block.kind.first)
    if block.assumed or found is None or in_called_function(slot.expr.env):
        draft.note(advice)
        return
    holder, rest = found[0], option
    around: Node | None = found[1]
    defined = _deepest(file, holder, option)
    if defined is not None:
        target, rest = defined
        if not rest:
            listed = _first_list(target.child_by_field_name("expression"))
            if listed is None:
                draft.note(advice)
                return
            present = {file.text(node) for node in listed.named_children}
            missing = [text for text in elements if text.encode() not in present]
            if missing:
                draft.insert(file, listed, missing)
            return
        holder, around = target, None
    body = " ".join(elements)
    snippet = Snippet(
        f"{'.'.join(rest)} = [ {body} ];", above=(heading,) if heading else (), blank=rest == option
    )
    draft.insert(file, holder, [snippet], after=around)
    draft.defining(file, ".".join(option))


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


def _deepest(file: ParsedFile, holder: Node, option: tuple[str, ...]) -> tuple[Node, tuple[str, ...]] | None:
    """What already leads to an option in a set.

    Returns:
        Its binding and no names; else the innermost set literal on the way and the names that are left.
    """
    nearest: tuple[Node, tuple[str, ...]] | None = None
    for binding in _bindings(holder):
        path = _path(file, binding)
        if path == option:
            return binding, ()
        value = binding.child_by_field_name("expression")
        if path and option[: len(path)] == path and value is not None and value.type == "attrset_expression":
            rest = option[len(path) :]
            found = _deepest(file, value, rest) or (value, rest)
            if nearest is None or len(found[1]) < len(nearest[1]):
                nearest = found
    return nearest


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
