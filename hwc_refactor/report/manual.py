"""The manual of a codemod or documented diff: plain text, on a terminal with colours, or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct

from hwc_refactor.report.lines import paint

if TYPE_CHECKING:
    from hwc_refactor.codemod import Codemod
    from hwc_refactor.recipes import Recipe

#: Sections whose text is Nix.
_CODE = ("Before", "After")


class Page(Struct, frozen=True):
    """A manual.

    Attributes:
        kind: `codemod` or `diff`.
        id: what to type.
        title: one line.
        facts: severity and the like, by name.
        sections: text by heading, in order.
        next: the command to try it with.
    """

    kind: str
    id: str
    title: str
    facts: Mapping[str, str]
    sections: Mapping[str, str]
    next: str


def of_codemod(codemod: Codemod) -> Page:
    """The manual of a codemod: its docstring."""
    facts = {
        "severity": codemod.severity.label,
        "applicability": codemod.applicability,
        "documented as": codemod.documented_as,
    }
    again = f"hwc-refactor apply --codemod {codemod.id} --dry-run"
    return Page("codemod", codemod.id, codemod.manual.summary, facts, codemod.manual.sections, again)


_AT_HOME = (
    "At the documented file first; when the object is not there, at every definition of that name"
    " under the root. When there is none, it says so and ends with exit code 2."
)
_EVERYWHERE = (
    "At all of them under the root, or those that --only names. When there is none, nothing is to do."
)

#: What a documented diff has from the manuals of its codemods.
_SHARED = ("When it refuses", "What a person must still do", "Sources")


def of_diff(recipe: Recipe, example: str, known: Mapping[str, Codemod]) -> Page:
    """The manual of a documented diff: its recipe, and what holds for its codemods.

    Args:
        recipe: the documented diff.
        example: what it changes in the example, as a unified diff.
        known: all codemods by id.
    """
    parts = [known[name] for name in dict.fromkeys(step.codemod for step in recipe.passes)]
    steps = "\n".join(
        f"{step.codemod} on all {step.kind}s"
        if step.batch
        else f"{step.codemod} on {step.kind} {step.name} in {step.file}"
        for step in recipe.passes
    )
    sections = {
        "Why": recipe.why,
        "What it does": steps,
        "Benefits": "\n".join(f"- {benefit}" for benefit in recipe.benefits),
        "Where it looks": _EVERYWHERE
        if all(step.batch or step.optional for step in recipe.passes)
        else _AT_HOME,
        "Before and after": example,
        **{heading: _gathered(parts, heading) for heading in _SHARED},
        "More": "\n".join(f"hwc-refactor explain {one.id}" for one in parts),
    }
    facts = {"severity": recipe.severity.label}
    number = str(recipe.diff)
    return Page(
        "diff", number, recipe.title, facts, sections, f"hwc-refactor apply --diff {number} --dry-run"
    )


def _gathered(parts: Sequence[Codemod], heading: str) -> str:
    """A section of several codemods, each under its name."""
    return "\n".join(
        f"{one.id}\n" + "\n".join(f"    {line}" for line in one.manual.sections[heading].split("\n"))
        for one in parts
    )


def as_json(page: Page) -> bytes:
    """A page as a JSON document."""
    value = {
        "version": 1,
        "kind": page.kind,
        "id": int(page.id) if page.kind == "diff" else page.id,
        "title": page.title,
        **{name.replace(" ", "_"): fact for name, fact in page.facts.items()},
        "sections": dict(page.sections),
        "next": page.next,
    }
    return json.dumps(value, indent=2).encode("ascii") + b"\n"


def print_page(page: Page, stream: IO[Any], *, colour: bool, width: int | None, fancy: bool) -> None:
    """A page for people; `fancy` colours the Nix in it."""
    head = f"diff {page.id}" if page.kind == "diff" else page.id
    stream.write(paint(f"{head}: {page.title}", "bold", colour=colour) + "\n")
    facts = ", ".join(f"{name}: {fact}" for name, fact in page.facts.items())
    stream.write(paint(facts, "dim", colour=colour) + "\n")
    for heading, text in page.sections.items():
        stream.write("\n" + paint(heading, "bold", colour=colour) + "\n")
        if heading in _CODE and fancy and colour:
            _print_nix(text, stream, width)
        else:
            stream.writelines(f"    {line}\n" if line else "\n" for line in text.split("\n"))
    stream.write(f"\nTry it: {paint(page.next, 'link', colour=colour)}\n")


def _print_nix(text: str, stream: IO[Any], width: int | None) -> None:
    from rich.padding import Padding
    from rich.syntax import Syntax

    from hwc_refactor.report.text import console

    code = Syntax(text, "nix", theme="ansi_dark", background_color="default")
    console(stream, colour=True, width=width).print(Padding(code, (0, 0, 0, 4)))
