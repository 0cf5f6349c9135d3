"""Loops whose rounds are not driven by time: they wait for events, keep a process, or start jobs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hwc_refactor.nix.shell_walk import background, reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.intervals import interval
from hwc_refactor.nixos.loops.loop import Loop, feeding
from hwc_refactor.nixos.loops.looping import is_staying, is_waiting, names
from hwc_refactor.nixos.loops.obstacles import Obstacle, obstacle_at
from hwc_refactor.nixos.scripts.commands import knowledge
from hwc_refactor.nixos.scripts.executables import executable_of

_READS = frozenset({"command", "redirected_statement", "while_statement", "list", "negated_command"})
_GIVEN = frozenset({"herestring_redirect", "heredoc_redirect", "file_redirect"})
PAUSE = Decimal(30)
"""The longest interval in seconds that may be the pause before a program is started again."""


def driven_by_events(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A command in it waits for something to happen."""
    for node in (*loop.condition, *loop.statements, *feeding(loop.node)):
        for at in reached(loop.script, [node]):
            command = loop.script.command(at.node) if at.node.type == "command" else None
            if command is None:
                continue
            words = [word.text for word in command.arguments]
            name = executable_of(block.tree, command.name.text, loop.script.holes()).name or command.program
            if name in ("timeout", "stdbuf", "exec", "command", "unbuffer", "nice"):
                name, words = next(
                    ((w, words[n + 1 :]) for n, w in enumerate(words) if w.isalpha()), ("", [])
                )
            stream = name == "read" and at.function is None and _starved(at.node)
            if is_waiting(name, words) or stream:
                yield obstacle_at(
                    loop.script,
                    at.node,
                    "loop-driven-by-events",
                    f"A round waits in '{name}' for something to happen; time does not drive it",
                )
                return
    if _around_pipe(loop):
        yield obstacle_at(
            loop.script,
            loop.node,
            "loop-driven-by-events",
            "It works through what a pipe or a file hands to it",
        )


def _starved(node: Node) -> bool:
    """Whether a `read` waits for its input: nothing gives it a text that is there."""
    child, around = node, node.parent
    while around is not None and child.type in _READS:
        if around.type == "pipeline":
            return False
        if around.type == "while_statement" and around.named_children[-1] == child:
            return True
        child, around = around, around.parent
        if any(part.type in _GIVEN for part in child.children):
            return False
    return True


def _around_pipe(loop: Loop) -> bool:
    """Whether the loop reads what something hands to it."""
    node: Node | None = loop.node
    while node is not None and node != loop.around:
        above = node.parent
        if above is None:
            break
        if above.type == "pipeline" and above.named_children[0] != node:
            return True
        if above.type == "redirected_statement" and any(
            any(part.type == "<" for part in child.children) for child in above.children if child != node
        ):
            return True
        node = above
    return False


def keeps_a_process(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It runs a program that does not end, and starts it again when it has."""
    found = list(_ran(block, loop))
    for node, name, words in found:
        if is_staying(name, words):
            text = f"A round runs '{name}', which does not end by itself: the loop only starts it again"
            yield obstacle_at(loop.script, node, "loop-keeps-a-process", text)
            return
    every = interval(block, loop)
    short = every is not None and every.seconds is not None and every.seconds <= PAUSE
    work = [(node, name) for node, name, _ in found if name not in names("reports")]
    if short and len(work) == 1 and all(map(_is_plain, loop.work)):
        known = knowledge(work[0][1])
        if known is None or "code" in known.needs:
            text = f"It may be that '{work[0][1]}' never ends, and the loop only starts it again"
            yield obstacle_at(loop.script, work[0][0], "loop-keeps-a-process", text)


def _is_plain(node: Node) -> bool:
    """Whether a statement is a command, whatever follows when it fails, or such for each of some words."""
    if node.type == "for_statement":
        body = node.child_by_field_name("body")
        return body is not None and all(map(_is_plain, body.named_children))
    inner = node.named_children[0] if node.type in ("list", "redirected_statement") else node
    return inner.type == "command"


def _ran(block: Block, loop: Loop) -> Iterator[tuple[Node, str, list[str]]]:
    """The commands of a round, each with its name and its arguments."""
    for at in reached(loop.script, loop.round):
        command = loop.script.command(at.node) if at.node.type == "command" else None
        if command is None or command.name.text in loop.script.functions:
            continue
        found = executable_of(block.tree, command.name.text, loop.script.holes())
        if found.file is None or found.file.script is None:
            yield at.node, found.name or command.program, [word.text for word in command.arguments]


def starts_jobs(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """A job in the background, which systemd ends together with a oneshot."""
    for script, nodes in ((loop.script, loop.statements), *((s.script, (s.node,)) for s in loop.before)):
        job = background(script, nodes)
        if job is not None:
            yield obstacle_at(
                script,
                job,
                "loop-starts-background-job",
                "It starts a job in the background, which would be ended together with each run of a oneshot",
            )
            return
