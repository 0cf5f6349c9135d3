"""Writes the tables of docs/hardening.md from the catalogue of directives, between their markers.

With `--check` nothing is written, and the exit code is 1 when a table is not up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import marked

from hwc_refactor.nixos.sandbox import traits
from hwc_refactor.nixos.sandbox.hardening import Directive, directives

OUT_OF_SIGHT = {
    "never": "left out",
    "no-root": "written without root's rights",
    "review": "the same, with a note",
}


def main() -> int:
    """Make or check the page; the exit code."""
    return marked.keep("docs/hardening.md", "scripts/make_hardening_docs.py", tables())


def tables() -> dict[str, str]:
    """The tables of the page by name."""
    made = {"catalogue": catalogue(), "traits": traits_table()}
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in made.items()}


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
