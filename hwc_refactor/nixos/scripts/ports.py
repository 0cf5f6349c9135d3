"""The ports that programs are told to listen on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.words import Place, number_of, short_options
from hwc_refactor.nixos.tree import Tree

FIRST_FREE_PORT = 1024
"""Ports below need CAP_NET_BIND_SERVICE: ip(7), net.ipv4.ip_unprivileged_port_start."""

_PORT = re.compile(r"(?:.*[:=])?(\d{1,5})(?=\Z|,|/)")
_PORT_OPTION = re.compile(
    r"-p|--?(?:[\w-]*port|[\w-]*listen(?:[\w-]*addr\w*)?|bind|addr|address|web\.listen-address)\b",
    re.IGNORECASE,
)
_ADDRESSES = ("TCP-LISTEN:", "TCP4-LISTEN:", "TCP6-LISTEN:", "UDP-LISTEN:")


def listened(tree: Tree, ran: Ran) -> tuple[int | None, ...]:
    """The ports that a program is told to listen on; None among them for one that is not known."""
    return (*ran.ports, *_told(tree, ran))


def may_listen(ran: Ran) -> bool:
    """Whether the arguments let a program wait for connections: without, nc and socat connect (nc(1), socat(1))."""
    if any(word.unseen for word in ran.words):
        return True
    if ran.name in _NETCATS:
        letters = short_options(ran.words, ran.known)
        return bool(set("lp") & set(letters)) or any(_OWN_PORT.match(word.text) for word in ran.words)
    if ran.name == "socat":
        return any(_WAITING.search(word.text) or word.text.startswith("$") for word in ran.words)
    return True


_NETCATS = frozenset({"nc", "ncat", "netcat"})

_OWN_PORT = re.compile(r"--(?:listen|source-port)\b")
"""Options of ncat that say which port is its own (ncat(1))."""

_WAITING = re.compile(
    r",(?:sourceport|sp|bind|lowport)\b|-(?:L|LISTEN|RECV\w*|SERVER|DTLS-SERVER)\b|DATAGRAM|\AIP|\$\{?\w*\Z",
    re.IGNORECASE,
)
"""Addresses of socat that wait, may, or have a port of their own (socat(1), ADDRESS TYPES, SOCKET option group)."""


def _module(words: Sequence[Place]) -> Iterator[int | None]:
    """The port of `python -m http.server PORT`, by default 8000 (Python's manual, http.server)."""
    for number, word in enumerate(words[:-1]):
        if word.text == "-m" and words[number + 1].text == "http.server":
            rest = words[number + 2 :]
            told = [int(one.text) for one in rest if one.text.isdigit()]
            known = all(one.known and not one.unseen for one in rest)
            yield told[0] if told and known else 8000 if known else None


def _told(tree: Tree, ran: Ran) -> Iterator[int | None]:
    words = ran.words
    if ran.name.startswith("python"):
        yield from _module(words)
    if ran.name in _NETCATS:
        yield from (int(place.text) for place in ran.operands if place.text.isdigit())
    if ran.name == "redir":  # redir(1): the first address is that which it listens on
        yield from (_port(tree, place) for place in ran.operands[:1])
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
