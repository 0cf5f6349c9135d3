"""Tables in a page that come from the program: each stands between two markers that name it and its script."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def keep(page: str, script: str, tables: Mapping[str, str]) -> int:
    """Write the tables of a page, or with `--check` on the command line only compare; the exit code.

    Args:
        page: the page's path below the root of the repository.
        script: the path of the script that makes the tables, as the markers have it.
        tables: the tables by name, each ending with a line feed.
    """
    path = ROOT / page
    old = path.read_text(encoding="utf-8")
    new = filled(old, script, tables)
    if "--check" not in sys.argv[1:]:
        path.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{page} is not up to date; run {script}", file=sys.stderr)
        return 1
    return 0


def filled(text: str, script: str, tables: Mapping[str, str]) -> str:
    """A page with these tables.

    Raises:
        SystemExit: when the page has no markers for one of them.
    """
    for name, table in tables.items():
        begin, end = f"<!-- {name}: {script} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"the page has no place for the table '{name}' of {script}")
        text = f"{before}{begin}{table}{end}{after}"
    return text
