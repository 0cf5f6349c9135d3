"""Splitting an image option into image and tag, with everything in the tree that sets or reads it."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Ref, Str
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER
from hwc_refactor.nixos.containers.container import ImageSource
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.containers.images import GAP, Image, gaps_of, image_of, plain_value, retagged
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.options import OptionDeclaration, Setting, declarations, readers, settings
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.draft import Draft


class CannotSplit(Exception):
    """The option stays whole. `code` names the reason for machines, the message for users."""

    def __init__(self, code: str, message: str, at: Expr | None = None) -> None:
        """Give the refusal's code, its sentence and the place it is about."""
        super().__init__(message)
        self.code = code
        self.at = at


class Split(Struct, frozen=True):
    """What the split writes.

    Attributes:
        tag: the default of the new option.
        description: its description; empty for one made from the image's name.
        behind: a comment behind its default, may be empty.
    """

    tag: str
    description: str = ""
    behind: str = ""


def split_option(
    draft: Draft, tree: Tree, source: ImageSource, split: Split, *, apart: str | None = None
) -> None:
    """Take the tag out of the option's default into an option of its own, and keep all users right.

    Args:
        draft: the change in the making.
        tree: the snapshot.
        source: where the image comes from.
        split: what is written.
        apart: the comment behind the tag where the container itself names it apart, as the shared module does.

    Raises:
        CannotSplit: when the declaration, or a place that sets or reads the option, does not allow it.
    """
    option = source.option
    assert option is not None
    if len(source.declared) != 1:
        raise CannotSplit(
            "option-declaration-not-found",
            f"It is the option {'.'.join(option)}, whose declaration is"
            f" {'not in sight' if not source.declared else 'there more than once'}.",
        )
    declaration = source.declared[0]
    image, literal, untagged = _default_image(tree, declaration)
    tag_option = (*option[:-1], _tag_name(option[-1]))
    for taken in declarations(tree, tag_option):
        raise CannotSplit(
            "option-read-otherwise",
            f"There is an option {'.'.join(tag_option)} already, with a meaning of its own.",
            taken.default,
        )
    places = [(place, *_set_image(tree, place)) for place in settings(tree, option)]
    reading = readers(tree, option)
    for expr in reading:
        if not expr.text.endswith("." + option[-1]):
            raise CannotSplit(
                "option-read-otherwise", f"'{expr.text}' reads the option in its own way.", expr
            )
    _demand_all_readers(tree, option, reading)
    _replace(draft, literal, untagged)
    for place, set_image, set_literal, text in places:
        tag = set_image.tag
        if set_image.floating:
            other = set_image.plain != image.plain
            tag = "latest" if other else None
            if other:
                draft.note(
                    f"{place.file.source.path} sets another image, {set_image.repository}, which still follows"
                    " its latest version."
                )
        _replace(draft, set_literal, text)
        if tag is not None:
            _set_beside(draft, place, tag_option[-1], place.expr.text.replace(set_literal.text, quote(tag)))
    for expr in reading:
        if apart is None or not _read_apart(draft, expr, source, tag_option[-1], apart):
            _read_both(draft, expr, option[-1], tag_option[-1])
    _declare(draft, declaration, tag_option[-1], image, split)


def _demand_all_readers(tree: Tree, option: tuple[str, ...], reading: list[Expr]) -> None:
    """Every container whose image is the option has to be among its readers, or it would lose its tag.

    One that gets the option through a parameter of a function reads it in a place that serves others too.
    """
    places = {read.span for read in reading}
    for block in (*objects(tree, CONTAINER), *objects(tree, HWC_CONTAINER)):
        source = container_of(block).image_source
        if source is None or source.option != option:
            continue
        value = tree.resolver.value(source.slot.expr)
        values = [gap.value for gap in gaps_of(value)] if isinstance(value, Str) else [value]
        read = [v.at.span for v in values if isinstance(v, Ref) and v.path == ("config", *option)]
        if not read or not places.issuperset(read):
            raise CannotSplit(
                "option-read-otherwise",
                f"The container '{block.name}' gets the option through a function, where it cannot be split.",
                source.slot.expr,
            )


def _tag_name(name: str) -> str:
    return name + "Tag"


def _default_image(tree: Tree, declaration: OptionDeclaration) -> tuple[Image, Expr, str]:
    """The image of the option's default, the string that holds its tag, and its source without the tag."""
    default = declaration.default
    value = None if default is None else plain_value(tree.resolver, default)
    untagged = retagged(value, None) if isinstance(value, Str) else None
    if untagged is None or default is None or not _inside(untagged[0], default):
        raise CannotSplit(
            "option-default-not-literal", "The default of the image option is not written out there.", default
        )
    assert isinstance(value, Str)
    return image_of(value), *untagged


def _set_image(tree: Tree, place: Setting) -> tuple[Image, Expr, str]:
    """The same for a place that sets the option."""
    value = plain_value(tree.resolver, place.expr)
    untagged = retagged(value, None) if isinstance(value, Str) else None
    image = image_of(value) if isinstance(value, Str) else None
    if image is not None and image.digest is not None:
        raise CannotSplit("option-set-to-digest", "The option is also set to an image by digest.", place.expr)
    whole = "" if image is None else image.repository.rpartition("/")[2] + (image.tag or "")
    if image is None or untagged is None or GAP in whole or not _inside(untagged[0], place.expr):
        raise CannotSplit(
            "option-set-elsewhere",
            "The option is also set to something whose tag does not stand there.",
            place.expr,
        )
    return image, *untagged


def _inside(expr: Expr, other: Expr) -> bool:
    """Whether an expression stands within another one."""
    return (
        expr.file is other.file
        and other.node.start_byte <= expr.node.start_byte
        and expr.node.end_byte <= other.node.end_byte
    )


def _replace(draft: Draft, expr: Expr, text: str) -> None:
    draft.replace_text(expr.file, expr.node, text)


def _set_beside(draft: Draft, place: Setting, name: str, value: str) -> None:
    """Set the tag where the image is set, in the same manner."""
    path = attrpath_of(place.binding)
    data = place.file.source.data
    lead = data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")
    holder = _holder(place.file.chain(place.binding.start_byte, place.binding.end_byte), place.binding)
    draft.insert(place.file, holder, [f"{lead}{name} = {value};"], after=place.binding)


def _holder(chain: list[Node], binding: Node) -> Node:
    position = chain.index(binding)
    return chain[position - 2]


def _read_apart(draft: Draft, expr: Expr, source: ImageSource, tag: str, behind: str) -> bool:
    """Name the tag beside the image, where the image is the option and nothing else; whether that is so."""
    slot = source.slot
    if expr.span != slot.expr.span or slot.binding is None or slot.holder is None:
        return False
    path = attrpath_of(slot.binding)
    data = expr.file.source.data
    lead = data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")
    base = expr.text.rpartition(".")[0]
    draft.insert(
        expr.file,
        slot.holder.node,
        [Snippet(f"{lead}imageTag = {base}.{tag};", behind=behind)],
        after=slot.binding,
    )
    return True


def _read_both(draft: Draft, expr: Expr, image: str, tag: str) -> None:
    base = expr.text[: -len(image)]
    both = f"${{{expr.text}}}:${{{base}{tag}}}"
    parent = expr.node.parent
    if parent is not None and parent.type == "interpolation":
        draft.replace_text(expr.file, parent, both)
    else:
        draft.replace_text(expr.file, expr.node, f'"{both}"')


def _declare(draft: Draft, declaration: OptionDeclaration, name: str, image: Image, split: Split) -> None:
    """Declare the tag's option beside the image's, with the same words."""
    file, binding = declaration.file, declaration.binding
    value = binding.child_by_field_name("expression")
    function = None if value is None else value.child_by_field_name("function")
    if value is None or function is None or declaration.default is None:
        raise CannotSplit("option-default-not-literal", "The declaration of the image option is computed.")
    path = attrpath_of(binding)
    data = file.source.data
    lead = data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")
    make = file.text(function).decode(errors="replace")
    types = "types.str" if make == "mkOption" else make.removesuffix("mkOption") + "types.str"
    given = _type_text(file.text(value).decode(errors="replace"))
    description = split.description or f"Tag of the {image.repository.rsplit('/', 1)[-1]} image"
    behind = f"  # {split.behind}" if split.behind else ""
    text = (
        f"{lead}{name} = {make} {{\n"
        f"  type = {given or types};\n"
        f"  default = {quote(split.tag)};{behind}\n"
        f"  description = {quote(description)};\n"
        "};"
    )
    holder = _holder(file.chain(binding.start_byte, binding.end_byte), binding)
    draft.insert(file, holder, [Snippet(text, blank=True, blank_below=True)], after=binding)


def _type_text(declaration: str) -> str:
    """The spelling of a string type in a declaration: `types.str`, `lib.types.str`, `str`."""
    for line in declaration.splitlines():
        head, equals, tail = line.strip().partition("=")
        if equals and head.strip() == "type":
            text = tail.strip().removesuffix(";").strip()
            return text if text.endswith("str") else ""
    return ""
