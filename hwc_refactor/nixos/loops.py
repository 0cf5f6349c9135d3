"""The loop in which a service spends its life: `while true; do …; sleep 60; done`, in whatever form it is written.

Everything is read from the shell's syntax tree. Whether the loop may become a timer is judged elsewhere
(`loop_obstacles`); here it is found, and taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from hwc_refactor.nix.shell import Command, Script, script_of
from hwc_refactor.nix.shell_walk import LOOPS, leavings, reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Branch, Call, Expr, Str
from hwc_refactor.nixos.executables import executable_of, script_text
from hwc_refactor.nixos.facts import facts
from hwc_refactor.nixos.looping import is_waiting
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.programs import Program, programs
from hwc_refactor.nixos.tree import Tree

Form = Literal["endless", "sleeping", "waiting"]
Where = Literal["main", "inside", "background", "beside"]

_TRUE = frozenset({"true", ":", "/bin/true", "/run/current-system/sw/bin/true"})
_AROUND = frozenset({"redirected_statement", "compound_statement", "pipeline"})
_JOINS = frozenset({"optionalString", "concatStringsSep", "concatMapStringsSep", "concatStrings"})


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A statement of a script, outside of the loop."""

    script: Script
    node: Node

    @property
    def line(self) -> int:
        """The line it stands on."""
        return self.script.line(self.node)


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop of a service.

    Attributes:
        program: the program of the service it belongs to.
        script: the script it stands in.
        node: the loop.
        form: `endless` (`while true`, `until false`, `for ((;;))`), `sleeping` (`while sleep 5`), or
            `waiting` for a command to succeed or fail.
        where: `main` when it is what the service does in the end; `inside` when it stands in a branch, or a
            function that something else calls; in the `background`; or `beside` the main process.
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


def service_loop(block: Block) -> Loop | None:
    """The loop of a service: the one its main process is in, else one that stands elsewhere in what it runs."""
    return block.tree.remember(("loop", id(block)), block, lambda: _service_loop(block))


def _service_loop(block: Block) -> Loop | None:
    started = [program for program in programs(block) if program.directive == "ExecStart"]
    for program in started:
        loop = _main(block.tree, program)
        if loop is not None and _told(loop):
            return loop
    others = [
        loop
        for program in started
        if program.script is None and program.line is None
        for script in _possible(block.tree, program.at)
        for loop in _others(program, script)
    ]
    if any(_may_loop(program) for program in programs(block)):
        others += [loop for program, script in facts(block).scripts for loop in _others(program, script)]
    ranked = sorted(others, key=lambda loop: (loop.form == "waiting", loop.program.directive != "ExecStart"))
    return ranked[0] if ranked else None


def _possible(tree: Tree, expr: Expr) -> Iterator[Script]:
    """The scripts that a script option may hold, each in some cases only."""
    match tree.resolver.content(expr)[0]:
        case Branch(then=then, otherwise=otherwise):
            parts = [then, otherwise]
        case Call(name="optionalString" | "mkIf", args=(_, part)):
            parts = [part]
        case _:
            return
    for part in parts:
        script = script_text(tree, part)
        yield from _possible(tree, part) if script is None else (script,)


def _may_loop(program: Program) -> bool:
    """Whether the text of a program, or of what it runs, may hold a loop: a look at its bytes."""
    return program.directive in ("ExecStart", "ExecStartPost") and program.unknown is None


# -- the main loop -------------------------------------------------------------------------------------


def _main(tree: Tree, program: Program) -> Loop | None:
    """The loop that a program ends in, through scripts that do nothing but start another one in the end."""
    script, before = program.script, tuple[Step, ...]()
    for _ in range(4):
        if script is None or not script.sound:
            return None
        steps = _steps(script, script.root)
        for number, step in enumerate(steps):
            found = _at_top(program, script, step.node)
            if found is not None:
                return replace(
                    found,
                    before=(*before, *steps[:number], *found.before),
                    after=(*found.after, *steps[number + 1 :]),
                )
        if not steps:
            return None
        before = (*before, *steps[:-1])
        script = _started(tree, script, steps[-1].node)
    return None


def _steps(script: Script, holder: Node) -> list[Step]:
    """The statements of a script or block; a function is no statement."""
    skipped = ("comment", "function_definition")
    return [Step(script, node) for node in holder.named_children if node.type not in skipped]


def _at_top(program: Program, script: Script, node: Node) -> Loop | None:
    """The loop that a statement is, within redirections, braces, or the function that it calls."""
    loop = _inner(script, node)
    if loop is not None:
        return Loop(program, script, loop, _form(script, loop), around=node)
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.text not in script.functions:
        return None
    name = command.name.text
    calls = [one for one in script.commands if one.name.text == name]
    body = script.functions[name].child_by_field_name("body")
    if len(calls) != 1 or _behind(node, "&") or body is None or body.type != "compound_statement":
        return None
    steps = _steps(script, body)
    for number, step in enumerate(steps):
        loop = _inner(script, step.node)
        if loop is not None:
            return Loop(
                program,
                script,
                loop,
                _form(script, loop),
                around=step.node,
                before=tuple(steps[:number]),
                after=tuple(steps[number + 1 :]),
            )
    return None


def _inner(script: Script, node: Node) -> Node | None:
    """The endless loop that a statement consists of, through what stands around it."""
    while node.type in _AROUND:
        inside = [child for child in node.named_children if child.type != "comment"]
        if not inside or (node.type == "compound_statement" and len(inside) > 1):
            return None
        node = inside[0]
    if node.type not in LOOPS or node.type == "for_statement":
        return None
    around = node.parent
    while around is not None and around.type in _AROUND:
        if _behind(around, "&"):
            return None
        around = around.parent
    form = _form(script, node)
    if _behind(node, "&") or form == "waiting":
        return None
    return node


def _behind(node: Node, token: str) -> bool:
    following = node.next_sibling
    return following is not None and following.type == token


def _started(tree: Tree, script: Script, node: Node) -> Script | None:
    """The script that a command starts, when it is written out in the tree: `exec ${worker}`."""
    command = script.command(node) if node.type == "command" else None
    if command is None:
        return None
    word = command.name
    if word.text == "exec" and command.arguments:
        word = command.arguments[0]
    file = executable_of(tree, word.text, script.body.holes).file
    return None if file is None else file.script


# -- forms ---------------------------------------------------------------------------------------------


def _form(script: Script, node: Node) -> Form:
    """What keeps a loop going."""
    if node.type == "c_style_for_statement":
        return "endless" if node.child_by_field_name("condition") is None else "waiting"
    condition = [child for child in node.named_children if child.type not in ("do_group", "comment")]
    wanted = node.children[0].type == "while"
    if len(condition) == 1:
        if wanted and sleep_of(script, condition[0]) is not None:
            return "sleeping"
        if _truth(script, condition[0]) is wanted:
            return "endless"
    return "waiting"


def _truth(script: Script, node: Node) -> bool | None:
    """What a condition that consists of constants amounts to; None for any other."""
    text = script.source(node).strip()
    if node.type == "negated_command":
        inner = [child for child in node.named_children if child.type != "comment"]
        below = _truth(script, inner[0]) if len(inner) == 1 else None
        return None if below is None else not below
    if node.type in ("command", "word"):
        command = script.command(node) if node.type == "command" else None
        if command is None:
            return None
        if command.program in ("true", ":") and not command.arguments:
            return True
        if command.program == "false" and not command.arguments:
            return False
        if command.program == "test":
            return _test([word.literal for word in command.arguments])
        return None
    if node.type == "test_command":
        words = text.strip("[] \t\n").split()
        bare = all(word.strip("\"'").isalnum() or word in ("=", "==", "-eq", "!=", "-ne") for word in words)
        return _test([word.strip("\"'") for word in words]) if bare else None
    if node.type == "compound_statement" and node.children[0].type == "((":
        number = text.strip("() \t\n")
        return int(number) != 0 if number.isdigit() else None
    if node.type in ("compound_statement", "subshell") and len(node.named_children) == 1:
        return _truth(script, node.named_children[0])
    return None


def _test(words: Sequence[str | None]) -> bool | None:
    """The outcome of `[ … ]` on constants."""
    if any(word is None for word in words):
        return None
    match words:
        case []:
            return False
        case [word]:
            return bool(word)
        case [left, "=" | "==" | "-eq", right]:
            return left == right
        case [left, "!=" | "-ne", right]:
            return left != right
    return None


# -- other loops ---------------------------------------------------------------------------------------


def _others(program: Program, script: Script) -> Iterator[Loop]:
    """Loops that a service is in, but not as its main process and its end."""
    if not script.sound or program.directive not in ("ExecStart", "ExecStartPost"):
        return
    for node in script.nodes("while_statement", "c_style_for_statement"):
        loop = Loop(program, script, node, _form(script, node), "inside")
        if program.directive == "ExecStartPost":
            loop = replace(loop, where="beside")
        if not _told(loop):
            continue
        job = _job(script, node)
        yield loop if job is None else replace(loop, where="background", background=job)


def _told(loop: Loop) -> bool:
    """Whether a loop is one that goes by time, or never ends; not one that works through something."""
    sleeps = any(
        at.node.type == "command" and sleep_of(loop.script, at.node) is not None
        for at in reached(loop.script, [*loop.condition, *loop.items])
    )
    if loop.form == "waiting":
        reads = any(
            command.name.text in ("read", "mapfile")
            for node in loop.condition
            for command in _commands(loop.script, node)
        )
        if reads and loop.where != "beside" and _fed_by_events(loop):
            return True
        beside = loop.where == "beside" or loop.node.type != "while_statement"
        return sleeps and not reads and not beside
    waiting = any(
        is_waiting(command.program, [word.text for word in command.arguments])
        for node in loop.items
        for command in _commands(loop.script, node)
    )
    return sleeps or waiting or not any(True for _ in leavings(loop.script, loop.items))


def _fed_by_events(loop: Loop) -> bool:
    """Whether a loop reads what a command hands to it that waits for something to happen."""
    commands = (command for node in feeding(loop.node) for command in _commands(loop.script, node))
    return any(is_waiting(one.program, [word.text for word in one.arguments]) for one in commands)


def feeding(node: Node) -> Iterator[Node]:
    """What hands a loop its input: the stages of the pipeline before it, and its redirections."""
    around = node.parent
    while around is not None and around.type in _AROUND:
        if around.type == "pipeline":
            yield from (stage for stage in around.named_children if stage.end_byte <= node.start_byte)
        elif around.type == "redirected_statement":
            yield from (child for child in around.named_children if child.type == "file_redirect")
        node, around = around, around.parent


def _commands(script: Script, node: Node) -> Iterator[Command]:
    for at in reached(script, [node]):
        command = script.command(at.node) if at.node.type == "command" else None
        if command is not None:
            yield command


def _job(script: Script, node: Node) -> Node | None:
    """Where a loop, or the function that holds it, is put into the background."""
    around: Node | None = node
    while around is not None:
        if _behind(around, "&"):
            return around.next_sibling
        if around.type == "function_definition":
            named = around.child_by_field_name("name")
            name = "" if named is None else script.source(named)
            for command in script.commands:
                if command.name.text == name and _behind(command.node, "&"):
                    return command.node.next_sibling
        around = around.parent
    return None


# -- pieces --------------------------------------------------------------------------------------------


def piece(tree: Tree, script: Script, node: Node) -> Script | None:
    """The shell text that an interpolation in the place of a statement stands for.

    Returns:
        The text, when it is in sight; None when it is no text but a program, or is not in sight.
    """
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole or command.arguments:
        return None
    expr = script.body.holes[command.name.hole]
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.name == "optionalString" and len(value.args) == 2:
        return script_text(tree, value.args[1])
    if isinstance(value, Str) and any(char.isspace() for char in value.shown.strip()):
        return script_of(value.at)
    return None


def hidden(tree: Tree, script: Script, node: Node) -> bool:
    """Whether a statement is an interpolation whose text is not in sight, so that anything may stand there."""
    command = script.command(node) if node.type == "command" else None
    if command is None or command.name.hole is None or command.name.behind_hole:
        return False
    if piece(tree, script, node) is not None:
        return False
    value = tree.resolver.value(script.body.holes[command.name.hole])
    if isinstance(value, Call) and value.name in _JOINS:
        return True
    found = executable_of(tree, command.name.text, script.body.holes)
    return found.name is None and found.file is None
