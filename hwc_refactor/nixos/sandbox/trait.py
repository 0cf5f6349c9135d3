"""A single trait of a service, and what several of their modules look at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nixos.scripts.doings import Facts, Ran, Use


class Trait(Struct, frozen=True):
    """Why a trait is there.

    Attributes:
        reason: in words for the user, behind "it": `opens devices (nvidia-smi)`.
        line: the line that shows it, from 1.
        subject: what stands before the reason; nothing where that is a whole clause.
    """

    reason: str
    line: int
    subject: str = "it "

    def __str__(self) -> str:
        """`it opens devices (nvidia-smi) (line 12)`."""
        return f"{self.subject}{self.reason} (line {self.line})"


def confined(facts_: Facts) -> Iterator[Ran]:
    """The commands that restrictions reach: not those behind the prefix `+` (systemd.service(5), Table 1)."""
    return (ran for ran in facts_.ran if "+" not in ran.program.prefixes)


def writes(facts_: Facts) -> Iterator[Use]:
    """The writes that restrictions reach."""
    return (use for use in facts_.writes if "+" not in use.program.prefixes)


HARMLESS_DEVICES = (
    "/dev/null",
    "/dev/zero",
    "/dev/std",
    "/dev/fd",
    "/dev/random",
    "/dev/urandom",
    "/dev/full",
    "/dev/shm",
    "/dev/tcp",
    "/dev/udp",
)
"""Devices that every service has (systemd.exec(5), PrivateDevices=), and names that are no devices."""

OPEN_HOME = re.compile(r"\$\{[^}]*(?:\bhome|_home|Home)(?:Dir|Directory|_dir)?\}")
"""A path that begins with what is called a home, and is not known."""

IN_A_HOME = re.compile(r"(?:^|[\s=\"':])(?:/home|/root|/run/user)(?![\w.-])")
"""A place that ProtectHome hides, as an argument, as the value of an option, or behind the kind of an address."""
