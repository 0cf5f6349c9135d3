"""Finding the loop of a service: the one that its main process ends in, else one that stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from hwc_refactor.nix.shell import Command, Script
from hwc_refactor.nix.shell_walk import LOOPS, leavings, reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Branch, Call, Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.forms import form_of
from hwc_refactor.nixos.loops.loop import WRAPPERS, Loop, Step, feeding, sleep_of
from hwc_refactor.nixos.loops.looping import is_waiting
from hwc_refactor.nixos.scripts.executables import executable_of, script_text
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.nested import nested_scripts
from hwc_refactor.nixos.scripts.programs import Program, programs
from hwc_refactor.nixos.tree import Tree


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
        known = facts(block)
        given = {id(script) for script in known.given}
        written = [(program, script) for program, script in known.scripts if id(script) not in given]
        others += [loop for program, script in written for loop in _others(program, script)]
        inner = [(program, nested.script) for program, script in written for nested in nested_scripts(script)]
        inner += [(program, script) for program, script in known.scripts if id(script) in given]
        others += [
            loop if loop.where == "beside" else replace(loop, where="nested")
            for program, script in inner
            for loop in _others(program, script)
        ]
    ranked = sorted(others, key=lambda loop: (loop.form == "waiting", loop.program.directive != "ExecStart"))
    return ranked[0] if ranked else None


def _possible(tree: Tree, expr: Expr) -> Iterator[Script]:
    """The scripts that a script option may hold, each in some cases only."""
    waiting = [expr]
    while waiting:
        at = waiting.pop()
        script = None if at is expr else script_text(tree, at)
        if script is not None:
            yield script
            continue
        match tree.resolver.content(at)[0]:
            case Branch(then=then, otherwise=otherwise):
                waiting += [otherwise, then]
            case Call(name="optionalString" | "mkIf", args=(_, part)):
                waiting.append(part)


def _may_loop(program: Program) -> bool:
    """Whether the text of a program, or of what it runs, may hold a loop: a look at its bytes."""
    return program.directive in ("ExecStart", "ExecStartPost") and program.unknown is None


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
        return Loop(program, script, loop, form_of(script, loop), around=node)
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
                form_of(script, loop),
                around=step.node,
                before=tuple(steps[:number]),
                after=tuple(steps[number + 1 :]),
            )
    return None


def _inner(script: Script, node: Node) -> Node | None:
    """The endless loop that a statement consists of, through what stands around it."""
    while node.type in WRAPPERS:
        inside = [child for child in node.named_children if child.type != "comment"]
        if not inside or (node.type == "compound_statement" and len(inside) > 1):
            return None
        node = inside[0]
    if node.type not in LOOPS or node.type == "for_statement":
        return None
    around = node.parent
    while around is not None and around.type in WRAPPERS:
        if _behind(around, "&"):
            return None
        around = around.parent
    form = form_of(script, node)
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


def _others(program: Program, script: Script) -> Iterator[Loop]:
    """Loops that a service is in, but not as its main process and its end."""
    if not script.sound or program.directive not in ("ExecStart", "ExecStartPost"):
        return
    for node in script.nodes("while_statement", "c_style_for_statement"):
        loop = Loop(program, script, node, form_of(script, node), "inside")
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
