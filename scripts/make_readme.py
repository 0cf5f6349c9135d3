"""Writes the tables of README.md that come from the program itself, between their markers.

With `--check` nothing is written, and the exit code is 1 when a table is not up to date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hwc_refactor.catalog import Entry, codemod_entries, diff_entries  # noqa: E402

README = ROOT / "README.md"


def main() -> int:
    """Make or check the README; the exit code."""
    old = README.read_text(encoding="utf-8")
    new = filled(old)
    if "--check" not in sys.argv[1:]:
        README.write_text(new, encoding="utf-8")
    elif new != old:
        print("README.md is not up to date; run scripts/make_readme.py", file=sys.stderr)
        return 1
    return 0


def filled(text: str) -> str:
    """The README with its tables as the program has them now."""
    text = _between(text, "diffs", _table("diff", "what it does", diff_entries()))
    return _between(text, "codemods", _table("codemod", "what it does", codemod_entries()))


def _between(text: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: scripts/make_readme.py -->\n", f"<!-- end of {name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"README.md has no place for the table of {name}")
    return pattern.sub(lambda _: f"{begin}{table}{end}", text)


def _table(head: str, what: str, entries: Iterable[Entry]) -> str:
    rows = [(head, what, "removes", "its changes are"), ("---",) * 4]
    for entry in entries:
        if entry.available:
            severity = "" if entry.severity is None else entry.severity.label
            what = f"{entry.what} For now within the diffs alone." if entry.only_in_diffs else entry.what
            row = (f"`{entry.id}`", what, severity, entry.applicability)
        else:
            row = (f"`{entry.id}`", entry.what, "", "in a later release")
        rows.append(row)
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
