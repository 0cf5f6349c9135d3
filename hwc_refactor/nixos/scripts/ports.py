"""The ports that programs are told to listen on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.words import Place, number_of
from hwc_refactor.nixos.tree import Tree

FIRST_FREE_PORT = 1024
"""Ports below need CAP_NET_BIND_SERVICE: ip(7), net.ipv4.ip_unprivileged_port_start."""

_PORT = re.compile(r"(?:.*[:=])?(\d{1,5})(?=\Z|,|/)")
_PORT_OPTION = re.compile(
    r"-p|--?(?:[\w-]*port|listen|bind|addr|address|web\.listen-address)\b", re.IGNORECASE
)
_ADDRESSES = ("TCP-LISTEN:", "TCP4-LISTEN:", "TCP6-LISTEN:", "UDP-LISTEN:")


def listened(tree: Tree, ran: Ran) -> tuple[int | None, ...]:
    """The ports that a program is told to listen on; None among them for one that is not known."""
    return (*ran.ports, *_told(tree, ran))


def _told(tree: Tree, ran: Ran) -> Iterator[int | None]:
    words = ran.words
    for number, word in enumerate(words):
        told = _PORT_OPTION.fullmatch(word.text.split("=", 1)[0])
        value = word
        if told and "=" not in word.text and number + 1 < len(words):
            value = words[number + 1]
        listens = word.text.upper().startswith(_ADDRESSES)
        bare = re.search(r"(?i)bind|addr|listen", word.text) and not re.search(r"[:\d]", value.text)
        if (told and not bare) or listens:
            yield _port(tree, value)


def _port(tree: Tree, word: Place) -> int | None:
    match = _PORT.match(word.text)
    if match is not None:
        return int(match[1])
    return number_of(tree, word.refs[-1]) if word.refs and word.text.endswith("}") else None
