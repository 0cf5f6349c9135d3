"""What a codemod is made of: the decorator, the context it is given, and its manual.

A codemod is one module in `codemods/` with one function. It is handed an object and gives a change, a
refusal, or nothing where there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hwc_refactor.draft import Draft
from hwc_refactor.model import Change, Refusal, Severity, Subject
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.objects import Block, Kind
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.settings import Settings

Outcome = Change | Refusal
Propose = Callable[[Block, "Context"], Outcome | None]
Strays = Callable[["Context", Sequence[Block]], Iterable[Refusal]]


@dataclass(frozen=True, slots=True)
class Manual:
    """The docstring of a codemod, taken apart.

    Attributes:
        summary: its first line.
        sections: text by heading, in order; see `HEADINGS`.
    """

    summary: str
    sections: Mapping[str, str]


HEADINGS = (
    "What it does",
    "Why",
    "Before",
    "After",
    "When it refuses",
    "What a person must still do",
    "Sources",
)


@dataclass(frozen=True, slots=True)
class Codemod:
    """One codemod as the engine and the reports know it.

    Attributes:
        id: its name on the command line; the name of its file with dashes.
        kind: the kind of object it is handed.
        severity: how bad it is what it removes.
        applicability: what its changes promise, in words: `safe`, `review`, `safe or review`.
        documented_as: the documented diffs it belongs to: `diff 3`, `phase 3`.
        propose: what it makes of one object.
        strays: refusals for what it looks for but finds outside of every object, None without such.
        manual: its docstring.
        only_in_diffs: whether it runs for documented diffs alone, not on everything it finds.
    """

    id: str
    kind: Kind
    severity: Severity
    applicability: str
    documented_as: str
    propose: Propose
    manual: Manual
    strays: Strays | None = None
    only_in_diffs: bool = False


def codemod(
    id_: str,
    *,
    kind: Kind,
    severity: Severity,
    applicability: str,
    documented_as: str,
    manual: str | None,
    strays: Strays | None = None,
    only_in_diffs: bool = False,
) -> Callable[[Propose], Codemod]:
    """Declare a function as a codemod; `manual` is the docstring of its module."""

    def declare(propose: Propose) -> Codemod:
        return Codemod(
            id_,
            kind,
            severity,
            applicability,
            documented_as,
            propose,
            read_manual(manual or ""),
            strays,
            only_in_diffs,
        )

    return declare


def read_manual(docstring: str) -> Manual:
    """Take a docstring with the fixed headings apart."""
    lines = docstring.strip("\n").splitlines()
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines[1:]:
        if line.strip() in HEADINGS and not line.startswith(" "):
            current = sections.setdefault(line.strip(), [])
        elif current is not None:
            current.append(line.removeprefix("    "))
    return Manual(
        lines[0].strip() if lines else "",
        {heading: "\n".join(text).strip("\n") for heading, text in sections.items()},
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What a codemod may know beside the object.

    Attributes:
        tree: the snapshot.
        settings: the user's configuration and options.
        codemod: the id of the codemod that runs.
        parameters: what a documented diff's recipe prescribes for this object; empty outside of one.
        diff: the number of that documented diff.
    """

    tree: Tree
    settings: Settings
    codemod: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    diff: int | None = None

    def draft(self, block: Block, title: str, why: str) -> Draft:
        """Begin a change of an object."""
        return Draft(self.tree, self.codemod, block, title, why)

    def refuse(self, block: Block, code: str, reason: str, at: Expr | None = None) -> Refusal:
        """Leave an object as it is, and say why; `at` is the place that the reason is about."""
        where = at or block.place
        line = where.line if at is not None else block.line
        return Refusal(
            self.codemod,
            Subject(block.kind.name, block.name),
            where.file.source.path,
            line,
            code,
            reason,
            self.diff,
        )

    def text(self, parameter: str) -> str | None:
        """A text parameter of the recipe."""
        value = self.parameters.get(parameter)
        return value if isinstance(value, str) else None

    def texts(self, parameter: str) -> tuple[str, ...] | None:
        """A list of texts among the recipe's parameters."""
        value = self.parameters.get(parameter)
        return tuple(str(v) for v in value) if isinstance(value, list) else None

    def table(self, parameter: str) -> Mapping[str, str]:
        """A table of texts among the recipe's parameters; empty when it is not given."""
        value = self.parameters.get(parameter)
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
