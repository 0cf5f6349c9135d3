"""Text from a configuration, made harmless: a terminal must not act on what a file says."""

from __future__ import annotations

import unicodedata

#: Categories that do something instead of showing something: controls, format marks (text direction),
#: surrogates (undecodable bytes), line and paragraph separators.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str, keep: str = "") -> str:
    """The text with everything that a terminal would act on written as an escape, such as `\\\\x1b`.

    Args:
        text: what to show.
        keep: control characters that stay, such as the tab.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _ACTIVE else _escape(char) for char in text
    )


def shown(data: bytes, keep: str = "\t") -> str:
    """Bytes of a file as text for a terminal."""
    return visible(data.decode("utf-8", "surrogateescape"), keep)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte
        return f"\\x{code - 0xDC00:02x}"
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return short or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
