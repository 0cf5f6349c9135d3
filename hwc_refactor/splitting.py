"""Splitting an image option into image and tag, with everything in the tree that sets or reads it."""

from __future__ import annotations

from dataclasses import dataclass

from hwc_refactor.draft import Draft
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Str
from hwc_refactor.nixos.containers import ImageSource
from hwc_refactor.nixos.images import Image, parse_image
from hwc_refactor.nixos.options import OptionDeclaration, Setting, declarations, readers, settings
from hwc_refactor.nixos.tree import Tree


class CannotSplit(Exception):
    """The option stays whole. `code` names the reason for machines, the message for users."""

    def __init__(self, code: str, message: str, at: Expr | None = None) -> None:
        """Give the refusal's code, its sentence and the place it is about."""
        super().__init__(message)
        self.code = code
        self.at = at


@dataclass(frozen=True, slots=True)
class Split:
    """What the split writes.

    Attributes:
        tag: the default of the new option.
        description: its description; empty for one made from the image's name.
        behind: a comment behind its default, may be empty.
    """

    tag: str
    description: str = ""
    behind: str = ""


def split_option(draft: Draft, tree: Tree, source: ImageSource, split: Split) -> None:
    """Take the tag out of the option's default into an option of its own, and keep all users right.

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
    image = _default_image(tree, declaration)
    tag_option = (*option[:-1], _tag_name(option[-1]))
    exists = bool(declarations(tree, tag_option))
    places = settings(tree, option)
    parts = [(place, _literal_image(tree, place)) for place in places]
    reading = readers(tree, option)
    for expr in reading:
        if not expr.text.endswith("." + option[-1]):
            raise CannotSplit(
                "option-read-otherwise", f"'{expr.text}' reads the option in its own way.", expr
            )
    assert declaration.default is not None
    _replace(draft, declaration.default, quote(image.repository))
    for place, literal in parts:
        _replace(draft, place.expr, quote(literal.repository))
        if literal.tag is not None:
            _set_beside(draft, place, tag_option[-1], literal.tag)
    for expr in reading:
        _read_both(draft, expr, option[-1], tag_option[-1])
    if not exists:
        _declare(draft, declaration, tag_option[-1], image, split)


def _tag_name(name: str) -> str:
    return name + "Tag"


def _default_image(tree: Tree, declaration: OptionDeclaration) -> Image:
    default = declaration.default
    value = None if default is None else tree.resolver.value(default)
    if not isinstance(value, Str) or value.literal is None or default is None:
        raise CannotSplit(
            "option-default-not-literal", "The default of the image option is not a plain string."
        )
    if default.node.type != "string_expression":
        raise CannotSplit(
            "option-default-not-literal", "The default of the image option stands elsewhere.", default
        )
    return parse_image(value.literal)


def _literal_image(tree: Tree, place: Setting) -> Image:
    value = tree.resolver.value(place.expr)
    literal = value.literal if isinstance(value, Str) else None
    if literal is None or place.expr.node.type != "string_expression":
        raise CannotSplit(
            "option-set-elsewhere", "The option is also set to something that is no plain string.", place.expr
        )
    image = parse_image(literal)
    if image.digest is not None:
        raise CannotSplit("option-set-to-digest", "The option is also set to an image by digest.", place.expr)
    return image


def _replace(draft: Draft, expr: Expr, text: str) -> None:
    draft.replace_text(expr.file, expr.node, text)


def _set_beside(draft: Draft, place: Setting, name: str, tag: str) -> None:
    """Set the tag where the image is set, in the same manner."""
    path = attrpath_of(place.binding)
    data = place.file.source.data
    lead = data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")
    holder = _holder(place.file.chain(place.binding.start_byte, place.binding.end_byte), place.binding)
    draft.insert(place.file, holder, [f"{lead}{name} = {quote(tag)};"], after=place.binding)


def _holder(chain: list[Node], binding: Node) -> Node:
    position = chain.index(binding)
    return chain[position - 2]


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
    draft.insert(file, holder, [Snippet(text, blank=True)], after=binding)


def _type_text(declaration: str) -> str:
    """The spelling of a string type in a declaration: `types.str`, `lib.types.str`, `str`."""
    for line in declaration.splitlines():
        head, equals, tail = line.strip().partition("=")
        if equals and head.strip() == "type":
            text = tail.strip().removesuffix(";").strip()
            return text if text.endswith("str") else ""
    return ""
