"""Image references: registry, repository, tag and digest, with the parts that stay open kept as such."""

from __future__ import annotations

import re

from msgspec import Struct

from hwc_refactor.nix.names import MODIFIERS
from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.strings import STRING_TYPES
from hwc_refactor.nix.values import Call, Expr, Gap, Str, Text, Value

GAP = "\0"
_ALONE = re.compile(r'"\$\{\s*([A-Za-z_][\w.\'-]*)\s*\}"')


class Image(Struct, frozen=True):
    """A parsed image reference; an open piece of any part is the character NUL.

    Attributes:
        repository: registry and path, as written.
        tag: what follows the last colon behind the last slash, None when there is none.
        digest: `sha256:…`, None when there is none.
    """

    repository: str
    tag: str | None
    digest: str | None

    @property
    def known(self) -> bool:
        """Whether the repository is fully known."""
        return GAP not in self.repository

    def may_be(self, other: Image) -> bool:
        """Whether the open pieces of its repository may stand for what another one has there."""
        pattern = ".*".join(map(re.escape, self.plain.split(GAP)))
        return any(re.fullmatch(pattern, name) for name in (other.plain, f"docker.io/{other.plain}"))

    @property
    def floating(self) -> bool:
        """Whether the reference means another image tomorrow: `latest`, or neither tag nor digest."""
        return self.digest is None and self.tag in (None, "latest")

    @property
    def plain(self) -> str:
        """The repository without `docker.io/` and `library/`, for matching profiles."""
        return re.sub(r"^(?:(?:index\.)?docker\.io/)?(?:library/)?", "", self.repository)


def parse_image(text: str) -> Image:
    """Split a reference at the right colon: a registry's port is no tag, a digest stays whole."""
    digest: str | None = None
    if "@" in text:
        text, digest = text.split("@", 1)
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return Image(head + slash + name, tag if colon else None, digest)


def image_of(value: Str) -> Image:
    """The reference that a string value holds."""
    return parse_image("".join(p.text if isinstance(p, Text) else GAP for p in value.parts))


def gaps_of(value: Str) -> list[Gap]:
    """The open pieces of a string, in order."""
    return [part for part in value.parts if isinstance(part, Gap)]


def plain_value(resolver: Resolver, expr: Expr) -> Value:
    """The value of an expression, also behind `mkDefault`, `mkForce` and the like."""
    value = resolver.value(expr)
    while isinstance(value, Call) and value.name in MODIFIERS:
        value = resolver.value(value.args[-1])
    return value


def retagged(value: Str, tag: str | None) -> tuple[Expr, str] | None:
    """The string in the tree that decides about the tag of an image, and its source with another tag.

    Args:
        value: the reference.
        tag: the new tag, None for none at all.

    Returns:
        None when no string decides alone, or only together with what stands before the tag.
    """
    old = image_of(value).tag
    behind = f":{tag}" if tag else ""
    last = value.parts[-1] if value.parts else None
    at = value.at if old is None else last.at if isinstance(last, Text) else None
    if at is None or at.node.type not in STRING_TYPES:
        return None
    closing = at.text[-1] if at.node.type == "string_expression" else "''"
    source = at.text.removesuffix(closing)
    if old is None:
        return at, source + behind + closing
    if source.endswith(f":{old}"):
        return at, source.removesuffix(f":{old}") + behind + closing
    if tag and isinstance(last, Text) and source[len(closing) :] == last.text == old:
        return at, closing + tag + closing
    return None


def split_source(expr: Expr) -> tuple[str, str | None] | None:
    """The source of an image's string as those of its repository and of its tag; None without a tag.

    The string is cut at its last colon behind the last slash. What is interpolated stays where it is, so
    both parts together are the same reference whatever it holds. A digest is not parted off.

    Returns:
        None when the expression is no plain string, or one by digest.
    """
    if expr.node.type != "string_expression":
        return None
    cut = -1
    for child in expr.node.named_children:
        if child.type != "string_fragment":
            continue
        text = expr.file.text(child).decode(errors="replace")
        if "@" in text:
            return expr.text, None
        for offset, char in enumerate(text):
            if char == "/":
                cut = -1
            elif char == ":":
                cut = child.start_byte + len(text[:offset].encode())
    data = expr.file.source.data
    if cut < 0 or cut + 2 >= expr.node.end_byte:
        return expr.text, None
    repository = data[expr.node.start_byte : cut].decode(errors="replace") + '"'
    tag = '"' + data[cut + 1 : expr.node.end_byte].decode(errors="replace")
    return bare(repository), bare(tag)


def bare(text: str) -> str:
    """A string's source without the string around one name: `cfg.image` for `"${cfg.image}"`."""
    whole = _ALONE.fullmatch(text)
    return whole[1] if whole is not None else text
