"""The rights that a service keeps when it no longer runs as root: groups, capabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.words import Place, number_of
from hwc_refactor.nixos.users.candidate import Candidate

FIRST_FREE_PORT = 1024
"""Ports below need CAP_NET_BIND_SERVICE: ip(7), net.ipv4.ip_unprivileged_port_start."""

_PORT = re.compile(r"(?:.*[:=])?(\d{1,5})(?=\Z|,|/)")
_PORT_OPTION = re.compile(
    r"-p|--?(?:[\w-]*port|listen|bind|addr|address|web\.listen-address)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a service keeps.

    Attributes:
        groups: supplementary groups.
        capabilities: ambient capabilities.
        notes: what is to be said about them.
    """

    groups: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rights_of(one: Candidate) -> Rights:
    """What a service needs beyond what everybody may."""
    groups: dict[str, None] = {}
    capabilities: dict[str, None] = {}
    notes: list[str] = []
    for ran in one.ran:
        if ran.effective is not None:
            groups.update(dict.fromkeys(ran.effective.groups))
        if "raw-network" in ran.needs:
            capabilities["CAP_NET_RAW"] = None
        if "listens" in ran.needs:
            ports = [*ran.ports, *_ports(one, ran)]
            if any(port is not None and port < FIRST_FREE_PORT for port in ports):
                capabilities["CAP_NET_BIND_SERVICE"] = None
            elif None in ports:
                capabilities["CAP_NET_BIND_SERVICE"] = None
                notes.append(
                    f"The port that {ran.name} listens on is not in sight: above 1023 it needs no"
                    " AmbientCapabilities."
                )
    if groups:
        notes.append(f"It becomes a member of {', '.join(groups)} for what it reads there.")
    return Rights(tuple(groups), tuple(capabilities), tuple(notes))


def _ports(one: Candidate, ran: Ran) -> Iterator[int | None]:
    """The ports that a program is told to listen on; None for one that is not known."""
    words = ran.words
    for number, word in enumerate(words):
        told = _PORT_OPTION.fullmatch(word.text.split("=", 1)[0])
        value = word
        if told and "=" not in word.text and number + 1 < len(words):
            value = words[number + 1]
        listens = word.text.upper().startswith(("TCP-LISTEN:", "TCP4-LISTEN:", "TCP6-LISTEN:", "UDP-LISTEN:"))
        bare = re.search(r"(?i)bind|addr|listen", word.text) and not re.search(r"[:\d]", value.text)
        if (told and not bare) or listens:
            yield _port(one, value)


def _port(one: Candidate, word: Place) -> int | None:
    match = _PORT.match(word.text)
    if match is not None:
        return int(match[1])
    return number_of(one.block.tree, word.refs[-1]) if word.refs and word.text.endswith("}") else None
