"""Writes the tables of docs/hardening.md from the catalogue of directives, between their markers.

With `--check` nothing is written, and the exit code is 1 when a table is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hwc_refactor.nixos.sandbox import traits  # noqa: E402
from hwc_refactor.nixos.sandbox.hardening import Directive, directives  # noqa: E402

DOCS = ROOT / "docs" / "hardening.md"
OUT_OF_SIGHT = {
    "never": "left out",
    "no-root": "written without root's rights",
    "review": "the same, with a note",
}


def main() -> int:
    """Make or check the page; the exit code."""
    old = DOCS.read_text(encoding="utf-8")
    new = filled(old)
    if "--check" not in sys.argv[1:]:
        DOCS.write_text(new, encoding="utf-8")
    elif new != old:
        print("docs/hardening.md is not up to date; run scripts/make_hardening_docs.py", file=sys.stderr)
        return 1
    return 0


def filled(text: str) -> str:
    """The page with its tables as the catalogue has them now.

    Raises:
        ValueError: when a table's markers are missing.
    """
    for name, lines in (("catalogue", catalogue()), ("traits", traits_table())):
        begin, end = f"<!-- {name}: scripts/make_hardening_docs.py -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/hardening.md has no table '{name}'")
        text = "".join((before, begin, *(f"{line}\n" for line in lines), end, after))
    return text


def catalogue() -> Iterator[str]:
    """The directives that sandbox, in the order in which they are written."""
    yield "| directive | level | what it does | what it takes away | what speaks against it | program not in sight |"
    yield "|---|---|---|---|---|---|"
    for directive in directives().values():
        if directive.level != "recipe":
            yield f"| {' | '.join(cells(directive))} |"


def cells(directive: Directive) -> Iterator[str]:
    """The cells of one directive, as Markdown."""
    value = directive.value.strip('"')
    yield f"`{directive.name}`" + (f" = `{value}`" if value else ", for each service")
    yield directive.level
    yield directive.does
    yield directive.breaks
    yield ", ".join(f"`{name}`" for name in sorted(directive.against))
    yield OUT_OF_SIGHT[directive.out_of_sight]


def traits_table() -> Iterator[str]:
    """The traits, as their module explains them."""
    yield from (line for line in str(traits.__doc__).splitlines() if line.startswith("|"))


if __name__ == "__main__":
    sys.exit(main())
