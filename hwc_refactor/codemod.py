"""What a codemod is made of: the decorator, the context it is given, and its manual.

A codemod is one module in `codemods/` with one function. It is handed an object and gives a change, a
refusal, or nothing where there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.model import NOT_SAID, Change, Found, Refusal, Severity, Subject
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import Block, Kind
from hwc_refactor.nixos.surveys import Survey
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.draft import About, Draft
from hwc_refactor.rewriting.groundwork import Ground, NoGround, SharedModule, added, lacks, lay
from hwc_refactor.settings import Settings

Outcome = Change | Refusal
Outcomes = Outcome | Sequence[Outcome] | None
"""What is said of one object: a change, refusals for what stays, or nothing. At most one change."""

Propose = Callable[[Block, "Context"], Outcomes]
Strays = Callable[["Context", Sequence[Block]], Iterable[Refusal]]


class Manual(Struct, frozen=True):
    """The docstring of a codemod, taken apart.

    Attributes:
        summary: its first line.
        sections: text by heading, in order; see `HEADINGS`.
    """

    summary: str
    sections: Mapping[str, str]


class Foundation(Struct, frozen=True):
    """A shared module that the changes of a codemod build on.

    Attributes:
        module: the module.
        why: why it is added, in a sentence.
        needs: whether an object is to have it.
    """

    module: SharedModule
    why: str
    needs: Callable[[Block, Context], bool]

    def lay(self, ctx: Context, blocks: Iterable[Block]) -> Ground:
        """The change that has to be made before those of all objects that are found."""
        needing = [block for block in blocks if self.needs(block, ctx)]
        return lay(ctx.tree, ctx.settings, ctx.codemod, self.module, needing, self.why)

    def lacks(self, ctx: Context, block: Block) -> NoGround | None:
        """Why the change of one object cannot be made for want of the module."""
        return lacks(ctx.tree, ctx.settings, self.module, block)

    def adds(self, ctx: Context) -> str | None:
        """The path of the file that would be added; None where it is there."""
        return added(ctx.tree, self.module)


HEADINGS = (
    "What it does",
    "Why",
    "Before",
    "After",
    "When it refuses",
    "What a person must still do",
    "Sources",
)


FINDS = "What it finds"
"""A heading that may stand before `Before`: for each thing a codemod finds `word, severity: a sentence`."""


class Rule(Struct, frozen=True):
    """One thing that a codemod finds.

    Attributes:
        id: the codemod's id, and behind a slash the word of its manual where it finds several things.
        severity: how bad it is.
        text: what is wrong, in a sentence.
    """

    id: str
    severity: Severity
    text: str


class Codemod(Struct, frozen=True):
    """One codemod as the engine and the reports know it.

    Attributes:
        id: its name on the command line; the name of its file with dashes.
        kind: the kind of object it is handed.
        also: further kinds of objects it is handed.
        severity: how bad it is what it removes.
        applicability: what its changes promise, in words: `safe`, `review`, `safe or review`.
        documented_as: the documented diffs it belongs to: `diff 3`, `phase 3`.
        propose: what it makes of one object.
        strays: refusals for what it looks for but finds outside of every object, None without such.
        manual: its docstring.
        ground: the shared module that its changes build on, None for those that stand alone.
        surveys: what is asked of all objects of some kind to judge a single one.
        in_turn: whether what it says of an object holds as well when objects before it in the same file have been
            changed; then its changes of one file are built upon each other.
    """

    id: str
    kind: Kind
    severity: Severity
    applicability: str
    documented_as: str
    propose: Propose
    manual: Manual
    strays: Strays | None = None
    ground: Foundation | None = None
    also: tuple[Kind, ...] = ()
    surveys: tuple[Survey, ...] = ()
    in_turn: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds of objects it is handed."""
        return (self.kind, *self.also)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What it finds: the rules of its manual, else one of its own name."""
        listed = self.manual.sections.get(FINDS, "")
        if not listed:
            return (Rule(self.id, self.severity, _first_sentence(self.manual.sections.get("Why", ""))),)
        return tuple(
            Rule(f"{self.id}/{word}", Severity[severity.upper()], text)
            for word, severity, text in read_rules(listed)
        )

    def rule(self, word: str) -> Rule:
        """The rule of a word; the gravest for a word that is empty or none of the manual."""
        rules = self.rules
        named = (rule for rule in rules if rule.id == f"{self.id}/{word}")
        return next(named, max(rules, key=lambda rule: rule.severity))


def codemod(
    id_: str,
    *,
    kind: Kind,
    severity: Severity,
    applicability: str,
    documented_as: str,
    manual: str | None,
    strays: Strays | None = None,
    ground: Foundation | None = None,
    also: tuple[Kind, ...] = (),
    surveys: tuple[Survey, ...] = (),
    in_turn: bool = False,
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
            ground,
            also,
            surveys,
            in_turn,
        )

    return declare


def read_manual(docstring: str) -> Manual:
    """Take a docstring with the fixed headings apart."""
    lines = docstring.strip("\n").splitlines()
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines[1:]:
        if line.strip() in (*HEADINGS, FINDS) and not line.startswith(" "):
            current = sections.setdefault(line.strip(), [])
        elif current is not None:
            current.append(line.removeprefix("    "))
    return Manual(
        lines[0].strip() if lines else "",
        {heading: "\n".join(text).strip("\n") for heading, text in sections.items()},
    )


def read_rules(section: str) -> Iterable[tuple[str, str, str]]:
    """Word, severity and sentence of each entry of "What it finds"; an entry may run over several lines."""
    entries: list[str] = []
    for line in section.splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line)
    for entry in entries:
        head, _, text = entry.partition(": ")
        word, _, severity = head.partition(", ")
        yield word, severity, text.strip()


def _first_sentence(text: str) -> str:
    words = " ".join(text.split())
    end = words.find(". ")
    return words if end < 0 else words[: end + 1]


class Context(Struct, frozen=True):
    """What a codemod may know beside the object.

    Attributes:
        tree: the snapshot.
        settings: the user's configuration and options.
        codemod: the id of the codemod that runs.
        parameters: what a documented diff's recipe prescribes for this object; empty outside of one.
        diff: the number of that documented diff.
        found: what was found, once the codemod has said it.
        upon: edits that changes before have made, and upon which a draft is built.
    """

    tree: Tree
    settings: Settings
    codemod: str
    parameters: Mapping[str, object] = {}
    diff: int | None = None
    found: Found = NOT_SAID
    upon: tuple[Edit, ...] = ()

    def finding(self, rule: str = "", message: str = "", at: Expr | Span | None = None) -> Context:
        """The context for what was found: changes and refusals made with it carry it.

        Args:
            rule: its word under "What it finds" in the manual.
            message: what is wrong with this very object, as a sentence; by default that of the manual.
            at: where it stands; by default the object as a whole.
        """
        return replace(self, found=Found(rule, message, at.span if isinstance(at, Expr) else at))

    def draft(self, block: Block, title: str, why: str) -> Draft:
        """Begin a change of an object."""
        return Draft(self.tree, self.codemod, About.block(block), title, why, self.found, self.upon)

    def refuse(
        self, block: Block, code: str, reason: str, at: Expr | Span | None = None, *, line: int | None = None
    ) -> Refusal:
        """Leave an object as it is, and say why.

        Args:
            block: the object.
            code: a stable word for the reason.
            reason: a sentence for the user.
            at: the expression that the reason is about, or another place in a Nix file.
            line: the line of the object's file that it is about, where no expression begins there.
        """
        span = at.span if isinstance(at, Expr) else at
        if line is None:
            line = block.line
            if span is not None:
                line = self.tree.file(span.file).source.line(span.start)
        found = self.found
        if span is not None and found.span is None:
            found = replace(found, span=span)
        return Refusal(
            self.codemod,
            Subject(block.kind.shown, block.name),
            block.file if span is None else span.file,
            line,
            code,
            reason,
            self.diff,
            found,
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
