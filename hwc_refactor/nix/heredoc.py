"""Where a here-document ends by bash's own rule, which the grammar reads more freely.

It ends at a line that holds its word and nothing else; behind `<<-` tabs may stand before it (bash manual, Here
Documents). Without such a line all the rest of the script is text, whatever the grammar makes of it.
"""

from __future__ import annotations

import re

from hwc_refactor.nix.syntax import Node

_WORD = re.compile(rb"""(?:\\.|'[^']*'|"[^"]*"|[^\s|&;()<>'"\\])+""")
_QUOTING = re.compile(rb"[\\'\"]")


def ends_by_its_word(data: bytes, redirect: Node) -> bool:
    """Whether the end that the grammar finds for a here-document is one for bash as well.

    Args:
        data: the text of the script.
        redirect: its node of the type `heredoc_redirect`.
    """
    start = next((child for child in redirect.named_children if child.type == "heredoc_start"), None)
    end = next((child for child in redirect.named_children if child.type == "heredoc_end"), None)
    if start is None or end is None:
        return False
    named = _WORD.match(data, start.start_byte)
    if named is None:
        return False
    returns = data[named.end() : named.end() + 1] == b"\r"  # a part of the word, for bash
    word = _QUOTING.sub(b"", named[0]) + (b"\r" if returns else b"")
    first = data.rfind(b"\n", 0, end.start_byte) + 1
    line = data[first:].split(b"\n", 1)[0]
    tabs = data[: start.start_byte].rstrip(b" ").endswith(b"<<-")
    return (line.lstrip(b"\t") if tabs else line) == word
