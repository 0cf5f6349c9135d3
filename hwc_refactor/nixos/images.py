"""Image references: registry, repository, tag and digest, with the parts that stay open kept as such."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hwc_refactor.nix.values import Gap, Str, Text

GAP = "\0"


@dataclass(frozen=True, slots=True)
class Image:
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
