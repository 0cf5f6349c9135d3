"""Programs in the languages of awk, sed and sqlite3: whether one does more than to read and print.

The languages: gawk manual; sed manual, Commands; sqlite3(1) and SQLite's manual, Command Line Shell.
"""

from __future__ import annotations

import re

_AWKS = ("awk", "gawk", "mawk", "nawk")
_AWK = re.compile(r"""\bsystem\s*\(|\|&?\s*getline\b|\bprintf?\b[^;}\n]*(?:>>?|\|&?)\s*"(?!/dev/std)|/inet""")
"""`system("…")`, `"…" | getline`, `print > "…"`, `print | "…"`, sockets."""

_ADDRESS = r"(?:\d+|\$|/(?:\\.|[^/\\\n])*/[IM]*)"
_AT = rf"(?:\A|[;{{}}\n])\s*(?:{_ADDRESS}(?:,[+~]?{_ADDRESS})?\s*!?\s*)?"
_REPLACE = r"s([^\w\s\\])(?:\\.|(?!\1)[^\\\n])*\1(?:\\.|(?!\1)[^\\\n])*\1[gpiIMm\d]*"
_SED_RUNS = re.compile(rf"{_AT}e(?:\s+\S|\s*(?:\Z|[;}}\n]))|{_REPLACE}e")
_SED_WRITES = re.compile(rf"{_AT}[wW]\s*\S|{_REPLACE}w")
"""`w FILE` and `s/…/…/w FILE` write, `e COMMAND` and `s/…/…/e` run what is there."""

_SQLITE_RUNS = re.compile(r"(?im)^\s*\.(?:sh|sy|load|import\s+\|)|\b(?:load_extension|edit)\s*\(")
_SQLITE_WRITES = re.compile(
    r"(?im)^\s*\.(?:backup|save|output|once|excel|log|open|clone|archive|ar|trace|session|cd|read|www|restore)\b"
    r"|\battach\b|\bvacuum\b[^;]*\binto\b|\bwritefile\s*\("
)


def runs_others(name: str, program: str) -> bool:
    """Whether a program of one of these starts commands; of awk also, whether it writes files or opens sockets."""
    if name in _AWKS:
        return _AWK.search(program) is not None
    if name == "sqlite3":
        return _SQLITE_RUNS.search(program) is not None
    return name == "sed" and _SED_RUNS.search(program) is not None


def writes_files(name: str, program: str) -> bool:
    """Whether a program of sed or sqlite3 writes files by a name that stands in it."""
    if name == "sqlite3":
        return _SQLITE_WRITES.search(program) is not None
    return name == "sed" and _SED_WRITES.search(program) is not None
