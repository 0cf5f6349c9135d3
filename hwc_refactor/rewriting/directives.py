"""Writing directives of a service: into its `serviceConfig`, in the manner it is written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, ListValue, Slot, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.paths.beginnings import mode_made
from hwc_refactor.nixos.paths.directories import Directory
from hwc_refactor.nixos.paths.keeping import Keeping
from hwc_refactor.nixos.paths.spellings import needless
from hwc_refactor.nixos.paths.tmpfiles import Rule
from hwc_refactor.nixos.units.restarts import ends_by_itself
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

CONFIG = ("serviceConfig",)


def add_directives(draft: Draft, block: Block, items: Sequence[Snippet], *, after: str | None = None) -> None:
    """Add directives. Several belong into one set: a lone `serviceConfig.X = …;` becomes one.

    Args:
        draft: the change.
        block: the service.
        items: `Name = value;`, with headings.
        after: the directive behind which they go, where it stands in the same set.
    """
    if not items:
        return
    slots = [slot for name in block.names(*CONFIG) for slot in block.get(*CONFIG, name)]
    lone = slots[0] if len(slots) == 1 and slots[0].depth > 1 and len(items) > 2 else None
    if lone is not None and lone.binding is not None and not lone.conditions:
        placing.demand_own(block.tree, block, lone.expr)
        draft.nest(lone.expr.file, lone.binding, lone.depth - 1, items)
    elif not block.get(*CONFIG) and len(items) > 1:
        draft.add_set(block, CONFIG, items)
    else:
        draft.add(block, CONFIG, items, after=after)


def plain(block: Block, name: str) -> Slot | None:
    """The one definition of a directive, or None where there is none.

    Raises:
        NoPlace: when it is defined in several ways, or in a place that serves others too.
    """
    slots = [slot for slot in block.get(*CONFIG, name) if not slot.rest]
    if not slots:
        return None
    slot = slots[0]
    value = None if slot.binding is None else slot.binding.child_by_field_name("expression")
    wrapped = slot.conditions and value != slot.expr.node
    if len(slots) > 1 or slot.binding is None or slot.binding.type != "binding" or wrapped:
        raise NoPlace(f"{name} is defined in several ways")
    placing.demand_own(block.tree, block, slot.expr)
    return slot


def replace_directive(draft: Draft, slot: Slot, text: str) -> None:
    """Put another directive in the place of one; what leads to its name and the comments around it stay.

    Args:
        draft: the change.
        slot: the directive, as `plain` gives it.
        text: `Name = value;`.
    """
    assert slot.binding is not None
    file, name = slot.expr.file, attrpath_of(slot.binding)[slot.depth - 1]
    lead = file.source.data[slot.binding.start_byte : name.start_byte].decode(errors="replace")
    draft.replace_text(file, slot.binding, lead + text)


def add_words(draft: Draft, block: Block, name: str, words: Sequence[str]) -> Snippet | None:
    """Add words to a directive that takes a list of them, where they are not there yet.

    Returns:
        The directive as a new one when it is not there; None when it was extended, or holds them all.
    """
    slot = plain(block, name)
    if slot is None:
        return Snippet(f"{name} = [ {' '.join(map(quote, words))} ];") if words else None
    value = block.tree.resolver.value(slot.expr)
    present = _words(block, value)
    if present is None:
        raise NoPlace(f"{name} is given by an expression")
    missing = [word for word in words if word not in present]
    if missing and isinstance(value, ListValue):
        draft.extend_list(block, (*CONFIG, name), missing)
    elif missing and slot.binding is not None:
        draft.replace_value(slot.expr.file, slot.binding, quote(" ".join((*present, *missing))))
    return None


def _words(block: Block, value: object) -> list[str] | None:
    if isinstance(value, Str):
        return None if value.literal is None else value.literal.split()
    if isinstance(value, ListValue):
        return [block.tree.resolver.literal(item.expr) or "" for item in value.items]
    return None


def add_directories(
    draft: Draft, block: Block, directories: Sequence[Directory], modes: Mapping[Directory, str] | None = None
) -> list[Snippet]:
    """Declare directories that systemd keeps, with the mode that they are made with today.

    Args:
        draft: the change.
        block: the service.
        directories: the directories.
        modes: modes that something else gives them today than the service itself.

    Returns:
        The directives that are not there yet, to be added together with others.
    """
    new: list[Snippet] = []
    for directive in dict.fromkeys(one.directive for one in directories):
        names = [one.name for one in directories if one.directive == directive]
        if block.get(*CONFIG, directive):
            add_words(draft, block, directive, names)
        else:
            value = quote(names[0]) if len(names) == 1 else f"[ {' '.join(map(quote, names))} ]"
            new.append(Snippet(f"{directive} = {value};"))
        kept = [one for one in directories if one.directive == directive]
        given = [
            mode for one in kept if (mode := (modes or {}).get(one) or mode_made(block, one.path)) is not None
        ]
        if given and not block.get(*CONFIG, f"{directive}Mode"):
            new.append(Snippet(f"{directive}Mode = {quote(min(given))};"))
    return new


def keep_directories(draft: Draft, block: Block, found: Keeping) -> list[Snippet]:
    """Declare the directories that systemd could keep, with the modes that rules of systemd-tmpfiles gave them.

    Returns:
        The directives that are not there yet, to be added together with others.
    """
    modes = {one: rule.mode for one in found.wanted for rule in found.rules if rule.path == one.path}
    stricter = {one: mode for one, mode in modes.items() if mode not in ("-", "0755", "755")}
    items = add_directories(draft, block, found.wanted, stricter)
    runtime = any(one.directive == "RuntimeDirectory" for one in found.wanted)
    if runtime and not block.get(*CONFIG, "RuntimeDirectoryPreserve") and _comes_to_an_end(block):
        items.append(Snippet('RuntimeDirectoryPreserve = "yes";'))
    return items


def _comes_to_an_end(block: Block) -> bool:
    """Whether a service is done some time: its directory in /run would go with every run."""
    return block.text(*CONFIG, "Type") == "oneshot" or ends_by_itself(block) is not None


def remove_rules(draft: Draft, block: Block, rules: Sequence[Rule]) -> None:
    """Take needless rules of systemd-tmpfiles out of their lists; a list of which nothing is left goes whole."""
    gone: dict[tuple[str, int], tuple[Expr, list[Node]]] = {}
    for rule in rules:
        holder = _holder(block, rule)
        if holder is None:
            draft.note(f"The rule of systemd-tmpfiles for {rule.path} is needless now.")
            continue
        key = (holder.file.source.path, holder.node.start_byte)
        gone.setdefault(key, (holder, []))[1].append(rule.at.node)
    for holder, nodes in gone.values():
        binding = holder.file.chain(holder.node.start_byte, holder.node.end_byte)[-2]
        if nodes == holder.node.named_children and binding.type == "binding":
            draft.drop_binding(holder.file, binding)
        else:
            draft.remove_elements(holder.file, holder.node, nodes)


def _holder(block: Block, rule: Rule) -> Expr | None:
    """The list that a rule is written into, where that is no list which a function makes."""
    for found in block.tree.resolver.items(rule.listed) if rule.listed is not None else ():
        if found.expr.node == rule.at.node and found.holder is not None:
            return None if placing.in_called_function(found.expr.env) else found.holder
    return None


def drop_needless(draft: Draft, block: Block, directories: Sequence[Directory]) -> None:
    """Take commands out of its scripts that only make a directory which systemd makes."""
    for place in (place for one in directories for place in needless(block, one.path)):
        if placing.not_own(block.tree, block, place.text.at) is None:
            draft.rewrite_script(place.text, [(place.start, place.end, "")])
