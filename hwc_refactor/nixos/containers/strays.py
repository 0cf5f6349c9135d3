"""Privileges that are handed out where no container of the tree is in sight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.scope import attrpath_of, bindings_of, inherited_names
from hwc_refactor.nix.strings import STRING_TYPES, attr_name, decode
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.containers.flags import capability
from hwc_refactor.nixos.containers.images import GAP, Image, parse_image
from hwc_refactor.nixos.containers.needs import broad_capabilities, given_by
from hwc_refactor.nixos.containers.profiles import find_profile
from hwc_refactor.nixos.discover import may_bind
from hwc_refactor.nixos.tree import Tree

FLAG = b'"--privileged'
_SETS = ("attrset_expression", "rec_attrset_expression")
_TRUE = (b"true", b'"true"')


class Stray(Struct, frozen=True):
    """Privileges for something that cannot be read as a container.

    Attributes:
        name: what they are given to, by the attributes around.
        path, line: where they stand.
        reason: one sentence for the user.
        kind: what is said to have them.
    """

    name: str
    path: str
    line: int
    reason: str
    kind: str = "container"


def stray_privileges(tree: Tree, blocks: Sequence[Block]) -> Iterator[Stray]:
    """Each `--privileged` in a list that belongs to none of the containers, and each option that gives privileges."""
    yield from _stray_options(tree, blocks)
    for path in tree.holding(b"--privileged"):
        file = tree.sound(path) if FLAG in (tree.data(path) or b"") else None
        flags = {} if file is None else dict(_flags(file))
        if file is None or not flags:
            continue
        within = [block for block in blocks if path in block.files]
        left = _unread(flags, path, within)
        if left:
            tree.imports_of(path)  # so that all links are known
            near = tree.linked((path,))
            left = _unread(left, path, (block for block in blocks if not near.isdisjoint(block.files)))
        for offset, chain in left.items():
            name = _owner(file, chain)
            yield Stray(
                name,
                path,
                file.source.line(offset),
                f"'--privileged' is put into '{name}', which is nothing of a container that can be read"
                " here; who uses it, and with which image, is not known.",
            )


def _flags(file: ParsedFile) -> Iterator[tuple[int, list[Node]]]:
    """The offsets of the flags in a file, each with the nodes around it."""
    offset = file.source.data.find(FLAG)
    while offset >= 0:
        chain = file.chain(offset + 1, offset + len(FLAG))
        string = next((node for node in reversed(chain) if node.type == "string_expression"), None)
        if string is not None and string.start_byte == offset:
            if file.text(string) in (b'"--privileged"', b'"--privileged=true"'):
                yield offset, chain
        offset = file.source.data.find(FLAG, offset + 1)


def _unread(flags: Mapping[int, list[Node]], path: str, blocks: Iterable[Block]) -> Mapping[int, list[Node]]:
    """The flags in a file that none of some containers says the meaning of."""
    read = [span for block in blocks for span in _read(block) if span.file == path]
    return {
        offset: chain
        for offset, chain in flags.items()
        if not any(span.start <= offset < span.end for span in read)
    }


def _read(block: Block) -> Iterator[Span]:
    """The stretches of the tree of which a container says what they mean.

    That is everything it is given, be it unused; only in lists of flags with open parts no more than the
    elements that could be read.
    """
    whole = container_of(block)
    for part in (whole,) if whole.elsewhere is None else (whole, whole.elsewhere):
        for name, slots in part.block.view.slots.items():
            yield from (item.expr.span for item in part.block.items(name) if item not in part.unread)
            if name != "extraOptions" or not part.unread:
                yield from (slot.expr.span for slot in slots)


def _stray_options(tree: Tree, blocks: Sequence[Block]) -> Iterator[Stray]:
    """Each option that gives privileges, beside an `image` that belongs to none of the containers."""
    seen = {
        (slot.binding.start_byte, slot.expr.file.source.path)
        for block in blocks
        for slot in (*container_of(block).privileged_option, *block.get("capabilities"))
        if slot.binding is not None
    }
    beside = tree.holding(b"mage")  # `image` and `Image`
    for word in ("privileged", *given_by()):
        for path in tree.ordered(tree.naming_among(word.encode(), beside)):
            file = tree.sound(path) if may_bind(tree, path, None, word) else None
            for offset in tree.words(path, word.encode()) if file is not None else ():
                assert file is not None
                chain = file.chain(offset, offset + len(word))
                if len(chain) < 4 or chain[-2].type != "attrpath" or chain[-3].type != "binding":
                    continue
                if (chain[-3].start_byte, path) in seen or chain[-5].type not in _SETS:
                    continue
                if given := _given(file, chain[-5], chain[-3], word):
                    name = _owner(file, chain[:-3])
                    why = f"'{name}' is {given}, and nothing of a container that can be read here."
                    yield Stray(name, path, file.source.line(offset), why)


def _given(file: ParsedFile, holder: Node, binding: Node, word: str) -> str | None:
    """What an option gives beyond what the image beside it is known to need; None where that is nothing."""
    names = [attr_name(file, part) for part in attrpath_of(binding)]
    place = names.index(word) if word in names else len(names)
    value = binding.child_by_field_name("expression")
    image = _image_beside(file, holder, names[:place])
    if value is None or image is None:
        return None
    if word == "privileged":
        return "privileged" if place == len(names) - 1 and file.text(value) in _TRUE else None
    profile = find_profile(image)
    needed = () if profile is None else (*profile.capabilities, *profile.optional_capabilities)
    named = {capability(name) for name in _named(file, value, names[place + 1 :])}
    broad = sorted((named & set(broad_capabilities())) - set(needed))
    return f"given {', '.join(broad)}" if broad else None


def _image_beside(file: ParsedFile, holder: Node, before: Sequence[str | None]) -> Image | None:
    """The image that a set names beside an option; None where it names none."""
    for binding in bindings_of(holder):
        if binding.type != "binding":
            inherited = {name for name, _ in inherited_names(file, binding)}
            if not before and "image" in inherited:
                return parse_image(GAP)
            continue
        names = [attr_name(file, part) for part in attrpath_of(binding)]
        if names[:-1] == before and names[-1] in ("image", "Image"):
            value = binding.child_by_field_name("expression")
            return parse_image(GAP if value is None else _literal(file, value) or GAP)
    return None


def _named(file: ParsedFile, value: Node, below: Sequence[str | None]) -> Iterator[str]:
    """The capabilities in a list, those that are true in a set, or the one that the option's own path names."""
    if below:
        yield from (name for name in below[:1] if name is not None and file.text(value) in _TRUE)
    elif value.type == "list_expression":
        yield from (text for node in value.named_children if (text := _literal(file, node)) is not None)
    elif value.type in _SETS:
        for binding in bindings_of(value):
            inner = binding.child_by_field_name("expression")
            if inner is not None:
                yield from _named(file, inner, [attr_name(file, part) for part in attrpath_of(binding)])


def _literal(file: ParsedFile, node: Node) -> str | None:
    return decode(file, node).literal if node.type in STRING_TYPES else None


def _owner(file: ParsedFile, chain: Sequence[Node]) -> str:
    """The name of the nearest thing around that has one of its own: the set an option list belongs to."""
    names = [
        ".".join(
            attr_name(file, part) or file.text(part).decode(errors="replace") for part in attrpath_of(node)
        )
        for node in chain
        if node.type == "binding"
    ]
    return ".".join(names[-2:]) if names else "a list"
