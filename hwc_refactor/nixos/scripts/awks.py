"""Programs of awk: whether one does more than to read and print. The language: gawk manual."""

from __future__ import annotations

import re

AWKS = frozenset({"awk", "gawk", "mawk", "nawk"})
"""The programs that run one."""

_ACTS = re.compile(r"""\bsystem\s*\(|\|&?\s*getline\b|\bprintf?\b[^;}\n]*(?:>>?|\|&?)\s*"(?!/dev/std)""")
"""`system("…")`, `"…" | getline`, `print > "…"`, `print | "…"`."""


def acts(program: str) -> bool:
    """Whether a program starts commands, or writes files by a name that stands in it."""
    return _ACTS.search(program) is not None
