"""An object moves below another option, in place: `a.b.x = …` becomes `c.d.x = …`."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.build_box import node_at
from hwc_refactor.nix.build_move import hand_let, lift, rename_path, split_off
from hwc_refactor.nix.edits import Edit
from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

Path = tuple[str, ...]
_PREFIX = "config"
MAX_MOVES = 64


def is_divisible(block: Block) -> bool:
    """Whether the object can go alone: its name is written out wherever it is defined."""
    return all(_names_it(anchor, block) for anchor in block.anchors)


def relocate(draft: Draft, block: Block, target: Path, *, whole: bool, apart: bool = False) -> None:
    """Move the definitions of an object from the path of its kind to another one.

    Args:
        draft: the change in the making. Nodes of the snapshot are not to be used on it afterwards.
        block: the object.
        target: the path below which it goes, `("services", "hwc", "container")`.
        whole: move everything that its places define, of which it is but one.
        apart: leave what stands beside it in nested sets where it is, and put the object behind the outermost one;
            for objects of which most stay. Else those sets are cut, so that objects that go one by one end up as
            if they had gone at once.

    Raises:
        NoPlace: when it stands in an expression that cannot be moved.
    """
    source = option_path(block)
    holders: dict[tuple[str, int], tuple[ParsedFile, Node, set[Path]]] = {}
    for anchor in block.anchors:
        top = _top(anchor, source)
        holder = _holder(anchor.file, top)
        key = (anchor.file.source.path, holder.start_byte)
        _, _, heads = holders.setdefault(key, (anchor.file, holder, set()))
        heads.add(_head(anchor.file, top, source))
    for file, holder, heads in holders.values():
        start = draft.here(file, holder).start_byte
        for _ in range(MAX_MOVES):
            current = draft.now(file)
            found = node_at(current, start, holder.type)
            if found is None:
                raise NoPlace("it stands in a set that is computed")
            edits = _whole(current, found, source, target, heads) if whole else None
            if edits is None and not whole:
                edits = _alone(current, found, source, target, block.name, apart=apart)
            if edits is None:
                if _is_left(current, found, source, heads):
                    raise NoPlace("it stands in a set that is computed")
                break
            draft.edit(file, edits)
        else:
            raise NoPlace("it is defined too many times in one set")


def option_path(block: Block) -> Path:
    """The option path below which an object is named: `virtualisation.oci-containers.containers`."""
    parent = () if block.kind.parent is None else (block.kind.parent,)
    return (*parent, block.kind.word, *block.kind.below)


def _alone(
    file: ParsedFile, holder: Node, source: Path, target: Path, name: str, *, apart: bool
) -> list[Edit] | None:
    """The next move of one object within a set; None when nothing of it is left there."""
    for binding, used in _leading(file, holder, source):
        if len(used) > len(source):
            if used[len(source)] == name:
                return [rename_path(file, binding, source, target)]
        elif used == source:
            item = _item(file, binding, name)
            if item is not None:
                return split_off(file, holder, binding, item, source, target)
        else:
            inner = _inner(file, binding, source[len(used) :], name)
            item = None if inner is None or not apart else _item(file, inner, name)
            if item is not None and inner is not None and _is_one_of_some(inner):
                return lift(file, binding, item, target)
            if inner is not None:
                return lift(file, binding, inner, _lead(file, binding, inner))
    return None


def _is_one_of_some(binding: Node) -> bool:
    """Whether a set that is the value of a binding holds more than one."""
    value = binding.child_by_field_name("expression")
    return value is not None and len(bindings_of(value)) > 1


def _whole(file: ParsedFile, holder: Node, source: Path, target: Path, heads: set[Path]) -> list[Edit] | None:
    """The next move of everything that some bindings of a set define."""
    for binding, used in _leading(file, holder, source):
        if _head(file, binding, source) not in heads:
            continue
        if len(used) >= len(source):
            return [rename_path(file, binding, source, target)]
        inner = _inner(file, binding, source[len(used) :], None)
        if inner is not None:
            heads.add((*_texts(file, binding), *_words(file, binding, inner)))
            return lift(file, binding, inner, _lead(file, binding, inner))
        behind = _behind_let(file, binding, source[len(used) :])
        if behind is not None:
            outer, inner = behind
            if outer != binding:
                heads.add((*_texts(file, binding), *_words(file, binding, outer)))
                return lift(file, binding, outer, _lead(file, binding, outer))
            heads.add((*_texts(file, binding), *_texts(file, inner)))
            return hand_let(file, binding, inner)
    return None


def _behind_let(file: ParsedFile, binding: Node, rest: Path) -> tuple[Node, Node] | None:
    """The binding at which a path goes on in the set of a `let`, and the item of that set at which it does."""
    value = binding.child_by_field_name("expression")
    let = value is not None and value.type == "let_expression"
    body = value.child_by_field_name("body") if value is not None and let else value
    if body is None or body.type != "attrset_expression":
        return None
    for child in bindings_of(body):
        names = _names(file, child) if child.type == "binding" else ()
        if names and (names[: len(rest)] == rest or rest[: len(names)] == names):
            return (binding, child) if let else _behind_let(file, child, rest[len(names) :])
    return None


def _is_left(file: ParsedFile, holder: Node, source: Path, heads: set[Path]) -> bool:
    """Whether something still leads to an option path through what is no written out set, such as a `let`."""
    return any(
        _is_computed(file, binding, source[len(used) :])
        for binding, used in _leading(file, holder, source)
        if _head(file, binding, source) in heads
    )


def _is_computed(file: ParsedFile, binding: Node, rest: Path) -> bool:
    """Whether the rest of an option path begins in a value that is no written out set, at any depth."""
    value = binding.child_by_field_name("expression")
    if not rest or value is None:
        return False
    if value.type != "attrset_expression":
        return True
    inner = ((child, _names(file, child)) for child in bindings_of(value) if child.type == "binding")
    return any(
        names == rest[: len(names)] and _is_computed(file, child, rest[len(names) :])
        for child, names in inner
    )


def _leading(file: ParsedFile, holder: Node, source: Path) -> Iterator[tuple[Node, Path]]:
    """The bindings of a set that lead to an option path or below it, with their names but for `config`."""
    for binding in bindings_of(holder):
        if binding.type == "binding":
            names = _names(file, binding)
            used = names[1:] if names[:1] == (_PREFIX,) else names
            if used and (used[: len(source)] == source or source[: len(used)] == used):
                yield binding, used


def _head(file: ParsedFile, binding: Node, source: Path) -> Path:
    """The texts of a binding's path, down to the name of the object."""
    length = len(source) + (2 if _names(file, binding)[:1] == (_PREFIX,) else 1)
    return _texts(file, binding)[:length]


def _lead(file: ParsedFile, outer: Node, inner: Node) -> Path:
    """The names that lead from the outer binding's set to the inner binding."""
    return (*_names(file, outer), *_between(file, outer, inner))


def _words(file: ParsedFile, outer: Node, inner: Node) -> Path:
    return (*_between(file, outer, inner), *_texts(file, inner))


def _texts(file: ParsedFile, binding: Node) -> Path:
    return tuple(_text(file, part) for part in attrpath_of(binding))


def _text(file: ParsedFile, node: Node) -> str:
    return file.text(node).decode(errors="replace")


def _inner(file: ParsedFile, binding: Node, rest: Path, name: str | None) -> Node | None:
    """The binding within nested sets whose path completes the option path."""
    value = binding.child_by_field_name("expression")
    if value is None or value.type != "attrset_expression":
        return None
    for child in bindings_of(value):
        if child.type != "binding":
            continue
        names = _names(file, child)
        if names[: len(rest)] == rest:
            if len(names) > len(rest):
                if name is None or names[len(rest)] == name:
                    return child
            elif name is None or _item(file, child, name) is not None:
                return child
        elif names and rest[: len(names)] == names:
            found = _inner(file, child, rest[len(names) :], name)
            if found is not None:
                return found
    return None


def _between(file: ParsedFile, outer: Node, inner: Node) -> Path:
    """The names of the bindings between two, without those of the inner one."""
    chain = file.chain(inner.start_byte, inner.end_byte)
    above = chain[chain.index(outer) + 1 : chain.index(inner)]
    return tuple(name or "" for node in above if node.type == "binding" for name in _names(file, node))


def _item(file: ParsedFile, binding: Node, name: str) -> Node | None:
    value = binding.child_by_field_name("expression")
    if value is None or value.type != "attrset_expression":
        return None
    for child in bindings_of(value):
        if child.type == "binding" and _names(file, child)[:1] == (name,):
            return child
    return None


def _top(anchor: Expr, source: Path) -> Node:
    """The binding at the level of a module that leads to an anchor."""
    file, node = anchor.file, anchor.node
    names = _names(file, node)
    if source[0] in names:
        return node
    chain = file.chain(node.start_byte, node.end_byte)
    position = chain.index(node)
    above = [around for around in chain[:position] if around.type == "binding"]
    if not above or source[0] not in _names(file, above[-1]):
        raise NoPlace("the beginning of its option path does not stand in its file")
    return above[-1]


def _holder(file: ParsedFile, binding: Node) -> Node:
    chain = file.chain(binding.start_byte, binding.end_byte)
    holder = chain[chain.index(binding) - 2]
    if holder.type not in ("attrset_expression", "rec_attrset_expression"):
        raise NoPlace("it stands in a set that is computed")
    return holder


def _names_it(anchor: Expr, block: Block) -> bool:
    """Whether the name stands in sets that are written out below an anchor."""
    source = option_path(block)
    try:
        top = _top(anchor, source)
    except NoPlace:
        return False
    names = _names(anchor.file, top)
    used = names[1:] if names[:1] == (_PREFIX,) else names
    if len(used) > len(source):
        return used[len(source)] == block.name
    if used == source:
        return _item(anchor.file, top, block.name) is not None
    return _inner(anchor.file, top, source[len(used) :], block.name) is not None


def _names(file: ParsedFile, binding: Node) -> Path:
    return tuple(attr_name(file, part) or "" for part in attrpath_of(binding))
