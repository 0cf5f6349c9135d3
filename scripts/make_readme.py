"""Writes the tables of README.md that come from the program itself, between their markers.

With `--check` nothing is written, and the exit code is 1 when a table is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import marked

from hwc_refactor.catalog import Entry, codemod_entries, diff_entries


def main() -> int:
    """Make or check the README; the exit code."""
    tables = {"diffs": _table("diff", diff_entries()), "codemods": _table("codemod", codemod_entries())}
    return marked.keep("README.md", "scripts/make_readme.py", tables)


def _table(head: str, entries: Iterable[Entry]) -> str:
    rows = [(head, "what it does", "removes", "its changes are"), ("---",) * 4]
    for entry in entries:
        rows.append((f"`{entry.id}`", entry.what, entry.severity.label, entry.applicability))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
