"""Other spellings of a file, in which the same holds: line endings, a byte order mark, tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gcd


def with_crlf(data: bytes) -> bytes:
    """With the line endings of Windows."""
    return data.replace(b"\n", b"\r\n")


def with_bom(data: bytes) -> bytes:
    """With a byte order mark."""
    return b"\xef\xbb\xbf" + data


def without_end(data: bytes) -> bytes:
    """Without the last line feed."""
    return data.removesuffix(b"\n")


def with_tabs(data: bytes) -> bytes:
    """With a tab for each level of indentation."""
    lines = data.split(b"\n")
    blanks = [len(line) - len(line.lstrip(b" ")) for line in lines]
    width = gcd(*(count for count in blanks if count)) or 2
    return b"\n".join(
        b"\t" * (count // width) + line[count:] for count, line in zip(blanks, lines, strict=True)
    )


VARIANTS: Mapping[str, Callable[[bytes], bytes]] = {
    "crlf": with_crlf,
    "bom": with_bom,
    "no-final-newline": without_end,
    "tabs": with_tabs,
}
