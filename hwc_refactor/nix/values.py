"""What static resolution answers with. Every piece of a value knows the expression it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.syntax import Node, ParsedFile

if TYPE_CHECKING:
    from hwc_refactor.nix.scope import Env


class Expr(Struct, frozen=True, eq=False):
    """An expression in its scope: the unit that resolution passes around, unevaluated."""

    file: ParsedFile
    node: Node
    env: Env

    @property
    def span(self) -> Span:
        """Where the expression stands."""
        return Span(self.file.source.path, self.node.start_byte, self.node.end_byte)

    @property
    def text(self) -> str:
        """The source text of the expression."""
        return self.file.text(self.node).decode(errors="replace")

    @property
    def line(self) -> int:
        """The line on which it begins, from 1."""
        return self.file.source.line(self.node.start_byte)


class Unknown(Struct, frozen=True, eq=False):
    """What could not be worked out, and why, in words for the user."""

    reason: str
    at: Expr | None = None


class Scalar(Struct, frozen=True, eq=False):
    """A number, a boolean or null."""

    value: int | float | bool | None
    at: Expr


class PathValue(Struct, frozen=True, eq=False):
    """A path literal, as written (`./x.nix`), relative to the file of `at` unless absolute."""

    text: str
    at: Expr


class Text(Struct, frozen=True, eq=False):
    """A piece of a string that is known, and the expression that holds it."""

    text: str
    at: Expr


class Gap(Struct, frozen=True, eq=False):
    """A piece of a string that stays open: an interpolation whose value is not known text."""

    value: Value
    at: Expr


class Str(Struct, frozen=True, eq=False):
    """A string: known pieces and gaps, in order."""

    parts: tuple[Text | Gap, ...]
    at: Expr

    @property
    def literal(self) -> str | None:
        """The whole text when nothing of it is open, else None."""
        if any(isinstance(part, Gap) for part in self.parts):
            return None
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def shown(self) -> str:
        """The text with `${…}` for each gap, for messages and for matching known parts."""
        return "".join(
            part.text if isinstance(part, Text) else "${" + part.at.text + "}" for part in self.parts
        )


class Ref(Struct, frozen=True, eq=False):
    """A name from outside with the attributes selected from it: `config.hwc.x.image`, `pkgs.bash`.

    Attributes:
        path: the name and the attributes.
        binder: the function whose parameter the name is, where no caller binds it; None for the
            arguments that the module system passes (`config`, `lib`, `pkgs`, `options`) and builtins.
    """

    path: tuple[str, ...]
    at: Expr
    binder: Node | None = None


class Call(Struct, frozen=True, eq=False):
    """An application that is not carried out: of a library function, or of something outside the root."""

    function: tuple[str, ...]
    args: tuple[Expr, ...]
    at: Expr

    @property
    def name(self) -> str:
        """The last part of the function's name: `mkIf` for `lib.modules.mkIf`."""
        return self.function[-1]


class Closure(Struct, frozen=True, eq=False):
    """A function of the root with the scope it was defined in."""

    at: Expr


class Condition(Struct, frozen=True, eq=False):
    """What must hold for a definition to count: an expression, or its negation."""

    expr: Expr
    holds: bool = True

    @property
    def text(self) -> str:
        """The condition as source text."""
        return self.expr.text if self.holds else f"!({self.expr.text})"


class Branch(Struct, frozen=True, eq=False):
    """An `if` whose condition is not known."""

    condition: Expr
    then: Expr
    otherwise: Expr
    at: Expr


class Item(Struct, frozen=True, eq=False):
    """One element of a list: its expression, the list literal it stands in, and its conditions.

    `unknown` marks a stretch of elements that cannot be named; `expr` is then the whole operand.
    """

    expr: Expr
    holder: Expr | None
    conditions: tuple[Condition, ...] = ()
    unknown: Unknown | None = None


class ListValue(Struct, frozen=True, eq=False):
    """A list: literal elements and open stretches, in order."""

    items: tuple[Item, ...]
    at: Expr

    @property
    def complete(self) -> bool:
        """Whether every element is in sight and unconditional."""
        return not any(item.unknown or item.conditions for item in self.items)


class Slot(Struct, frozen=True, eq=False):
    """One place that defines an attribute.

    Attributes:
        rest: the attribute names that still follow in the attribute path of the binding; empty when
            `expr` is the value itself.
        expr: the value at the end of the path.
        binding: the `binding`, `inherit` or `inherit_from` node, None for a computed attribute.
        holder: the attribute set (or `let`) that the binding stands in.
        depth: how many components of the binding's attribute path lead to this attribute.
        conditions: what must hold for this definition to count.
        modifiers: `mkForce`, `mkDefault` … around the value, outermost first.
        doubt: why something that is not in sight may stand in its place; None where nothing may.
    """

    rest: tuple[str | Expr, ...]
    expr: Expr
    binding: Node | None
    holder: Expr | None
    depth: int = 1
    conditions: tuple[Condition, ...] = ()
    modifiers: tuple[str, ...] = ()
    doubt: Unknown | None = None

    @property
    def certain(self) -> bool:
        """Whether it counts whatever the rest of the configuration says."""
        return not self.conditions and self.doubt is None


class Attrs(Struct, frozen=True, eq=False):
    """An attribute set: for each name the places that define it, and what stays open.

    Attributes:
        slots: name → definitions. More than one where a set is spread (`a.b = 1; a.c = 2;`) or merged.
        dynamic: definitions whose name is not known, with the expression of the name.
        open: why there may be further attributes, or others than these.
        at: the expression of the set.
    """

    slots: Mapping[str, tuple[Slot, ...]]
    at: Expr
    dynamic: tuple[tuple[Expr, Slot], ...] = ()
    open: tuple[Unknown, ...] = ()
    literal: bool = False


Value = Unknown | Scalar | PathValue | Str | Ref | Call | Closure | Branch | ListValue | Attrs
