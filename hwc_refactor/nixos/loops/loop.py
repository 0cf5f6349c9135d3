"""The loop in which a service spends its life, taken apart: its rounds, its sleeps, what runs before and after.

Everything is read from the shell's syntax tree. How a loop is found stands in `search`; whether it may
become a timer is judged in `verdict`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.shell import Command, Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.scripts.programs import Program

Form = Literal["endless", "sleeping", "waiting"]
Where = Literal["main", "inside", "nested", "background", "beside"]
_TRUE = frozenset({"true", ":", "/bin/true", "/run/current-system/sw/bin/true"})
WRAPPERS = frozenset({"redirected_statement", "compound_statement", "pipeline"})
"""Nodes that may stand around a loop which is all they run."""


class Step(Struct, frozen=True, eq=False):
    """A statement of a script, outside of the loop."""

    script: Script
    node: Node

    @property
    def line(self) -> int:
        """The line it stands on."""
        return self.script.line(self.node)


class Loop(Struct, frozen=True, eq=False, dict=True):
    """A loop of a service.

    Attributes:
        program: the program of the service it belongs to.
        script: the script it stands in.
        node: the loop.
        form: `endless` (`while true`, `until false`, `for ((;;))`), `sleeping` (`while sleep 5`), or
            `waiting` for a command to succeed or fail.
        where: `main` when it is what the service does in the end; `inside` when it stands in a branch, or a
            function that something else calls; `nested` in a shell that a script starts; in the `background`;
            or `beside` the main process.
        around: the statement it is part of, with its redirections; the loop itself where there are none.
        before: what runs before it, once.
        after: what runs when it has ended.
        background: the place at which it is put into the background.
    """

    program: Program
    script: Script
    node: Node
    form: Form
    where: Where = "main"
    around: Node | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    background: Node | None = None

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self.script.line(self.node)

    @cached_property
    def group(self) -> Node | None:
        """Its body: the node from `do` to `done`."""
        return next((child for child in self.node.children if child.type == "do_group"), None)

    @cached_property
    def items(self) -> tuple[Node, ...]:
        """The statements and comments of its body."""
        return () if self.group is None else tuple(self.group.named_children)

    @cached_property
    def statements(self) -> tuple[Node, ...]:
        """The statements of its body."""
        return tuple(item for item in self.items if item.type != "comment")

    @cached_property
    def condition(self) -> tuple[Node, ...]:
        """The statements of its condition."""
        if self.node.type != "while_statement":
            return ()
        return tuple(n for n in self.node.named_children if n.type not in ("do_group", "comment"))

    @cached_property
    def sleeps(self) -> tuple[Node, ...]:
        """The sleeps that every round comes to: statements of the body, and the one that is the condition."""
        found = [node for node in self.statements if sleep_of(self.script, node) is not None]
        if self.form == "sleeping":
            found = [*self.condition, *found]
        return tuple(found)

    @property
    def sleeps_first(self) -> bool:
        """Whether a round begins with its sleep."""
        if self.form == "sleeping":
            return True
        return bool(self.sleeps) and self.statements[0] == self.sleeps[0] and len(self.statements) > 1

    @cached_property
    def work(self) -> tuple[Node, ...]:
        """The statements of its body but for its sleeps."""
        return tuple(node for node in self.statements if node not in self.sleeps)

    @cached_property
    def round(self) -> tuple[Node, ...]:
        """All that runs in a round, but for its sleeps."""
        return self.work if self.form != "waiting" else (*self.condition, *self.work)


def sleep_of(script: Script, node: Node) -> Command | None:
    """The `sleep` that a statement is; `sleep 60 || true` is one too."""
    if node.type == "list":
        left, *right = node.named_children
        plain = len(right) == 1 and script.source(right[0]) in _TRUE
        node = left if plain and any(child.type == "||" for child in node.children) else node
    command = script.command(node) if node.type == "command" else None
    return command if command is not None and command.program == "sleep" else None


def feeding(node: Node) -> Iterator[Node]:
    """What hands a loop its input: the stages of the pipeline before it, and its redirections."""
    around = node.parent
    while around is not None and around.type in WRAPPERS:
        if around.type == "pipeline":
            yield from (stage for stage in around.named_children if stage.end_byte <= node.start_byte)
        elif around.type == "redirected_statement":
            yield from (child for child in around.named_children if child.type == "file_redirect")
        node, around = around, around.parent


def setup(loop: Loop) -> tuple[Step, ...]:
    """What runs once before the loop, without a sleep at its end."""
    last = loop.before[-1] if loop.before else None
    if last is not None and last.script is loop.script and sleep_of(last.script, last.node) is not None:
        return loop.before[:-1]
    return loop.before
