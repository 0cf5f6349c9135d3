"""Files of the kernel that a service names, wherever in it they stand: in a loop, in a test, in a variable.

A loop over `/sys/class/net/*` or `/dev/sd?` opens what no argument of a command names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.doings import Facts

_NAMED = (
    (
        "host-network",
        re.compile(rb"/sys/class/net\b|/sys/devices/[^\s\"']*/net\b|/proc/(?:sys/|[^/\s]+/)?net\b"),
        "figures of the network of whoever looks (network_namespaces(7))",
    ),
    (
        "devices",
        re.compile(rb"/dev/(?!null|zero|std|fd|u?random|full|shm|tcp/|udp/|log\b|pts|ptmx)[A-Za-z]"),
        "devices",
    ),
    ("kernel-log", re.compile(rb"/dev/kmsg|/proc/kmsg|/proc/kallsyms"), "the kernel's log or its addresses"),
    (
        "tunables",
        re.compile(rb"/proc/k(?:allsyms|core)\b"),
        "what goes with the kernel's tunables (systemd.exec(5), ProtectKernelTunables=)",
    ),
    (
        "processes",
        re.compile(rb"/proc/(?!\$\$)[\"']?(?:\d|\$|\*|\[)"),
        "files of other processes (ptrace(2), access mode checking)",
    ),
    ("proc", re.compile(rb"/proc/"), "figures in /proc"),
)
"""The trait, how the files are written, and what they are in words."""

_COMMENT = re.compile(rb"(?m)^\s*#.*$")
_DEVICE_BY_NAME = re.compile(r"(?:\A|=)\$\{?[\w.-]*(?:[dD]evice|DEVICE|[dD]isk|DISK|tty|TTY|serialPort)\}?\Z")
"""What is called a device, and not known."""


def named(block: Block, known: Facts) -> Iterator[tuple[str, str, int]]:
    """The traits that files of the kernel bring along: the trait, why, in words for the user, and the line."""
    texts = [
        (_COMMENT.sub(b"", script.body.data), script.at.line)
        for program, script in known.scripts
        if "+" not in program.prefixes
    ]
    for ran in known.ran:
        if "+" not in ran.program.prefixes:
            texts += [(word.text.encode(), ran.line) for word in ran.words]
            for word in ran.words:
                if _DEVICE_BY_NAME.search(word.text):
                    yield "devices", f"is given what is called a device ({word.text})", ran.line
    uses = (use for use in (*known.reads, *known.writes) if "+" not in use.program.prefixes)
    texts += [(use.place.text.encode(), use.line) for use in uses]
    texts += [
        ((block.text("environment", name) or "").encode(), block.line) for name in block.names("environment")
    ]
    for text, line in texts:
        for trait, pattern, what in _NAMED:
            if (match := pattern.search(text)) is not None:
                yield trait, f"names {what} ({match[0].decode(errors='replace')})", line
