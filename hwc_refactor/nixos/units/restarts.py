"""How a service is restarted, and whether it ends by itself. The facts: `data/restarts.toml`.

`Restart=on-failure` does not restart after exit code 0 (systemd.service(5), Restart=): what relies on being
started again after a clean end has to keep `always`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_walk import Leaving, leavings
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Scalar, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import main_program

LONG_PAUSE = 300
"""A pause before the restart, in seconds, from which on it is rather an interval."""

_UNITS = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?(?![a-zA-Z])\s*")


def ends_by_itself(block: Block) -> str | None:
    """What tells that a service ends without a failure, in words for the user; None when nothing does."""
    pause = seconds(block, "RestartSec")
    if pause is not None and pause >= LONG_PAUSE:
        return f"it waits {pause:g} s before each start, which makes the restart a schedule"
    program = main_program(block)
    if program is None:
        return None
    if program.script is not None:
        return _script(block, program.script)
    ran = next((ran for ran in facts(block).ran if ran.program is program), None)
    return None if ran is None or not ends(ran) else f"{ran.name} ends when its work is done"


def tells_by_failing(block: Block) -> str | None:
    """What ends a loop that fails when what it looks at does, and is started again to look again; None without."""
    program = main_program(block)
    script = None if program is None else program.script
    for node in () if script is None else script.root.named_children:
        if script is not None and _is_endless(script, node):
            left = next((one for one in _left(script, node) if _fails(one)), None)
            if left is not None:
                return _shown(left)
    return None


def _left(script: Script, loop: Node) -> Iterator[Leaving]:
    """What leaves an endless loop."""
    body = loop.child_by_field_name("body")
    for leaving in leavings(script, () if body is None else body.named_children):
        if leaving.how != "continue":
            yield leaving


def _fails(leaving: Leaving) -> bool:
    return leaving.how == "exit" and leaving.argument != "0"


def _shown(leaving: Leaving) -> str:
    return f"{leaving.how} {leaving.argument}".rstrip()


def ends(ran: Ran) -> bool:
    """Whether a command ends by itself, with the arguments it has."""
    first = next((word.text for word in ran.operands), None)
    if first in _table("subcommands").get(ran.name, ()):
        return True
    if ran.name not in str(_data()["ends"]).split() and ran.name not in _table("stays"):
        return False
    kept = _table("stays").get(ran.name, ())
    return not any(option in re.split(r"[,=]", word.text) for word in ran.words for option in kept)


def _script(block: Block, script: Script) -> str | None:
    return _statements(block, script, script.root, frozenset())


def _statements(block: Block, script: Script, body: Node, called: frozenset[str]) -> str | None:
    """Whether statements end by themselves: what the last of them does.

    Args:
        block: the service.
        script: its script.
        body: what holds the statements.
        called: the functions of the script that are being looked into.
    """
    statements = [node for node in body.named_children if node.type not in ("comment", "function_definition")]
    if not statements:
        return "its script is empty"
    last = statements[-1]
    if _is_endless(script, last):
        left = next((one for one in _left(script, last) if not _fails(one)), None)
        return None if left is None else f"a round of its loop may end with '{_shown(left)}'"
    if last.type in ("command", "redirected_statement"):
        return _command(block, script, last, called)
    return "its script ends by itself"


def _is_endless(script: Script, node: Node) -> bool:
    if node.type == "while_statement":
        condition = node.child_by_field_name("condition")
        return condition is not None and script.source(condition).strip(" ;\n") in (
            "true",
            ":",
            "[ 1 ]",
            "((1))",
        )
    return node.type == "c_style_for_statement" and "condition" not in [
        node.field_name_for_child(number) for number in range(node.child_count)
    ]


def _command(block: Block, script: Script, node: Node, called: frozenset[str]) -> str | None:
    """Whether the last command of a script ends by itself: the one that it runs in the end."""
    command = node if node.type == "command" else node.child_by_field_name("body")
    if command is None or command.type != "command":
        return "its script ends by itself"
    known = script.command(command)
    function = None if known is None else script.functions.get(known.program)
    if known is not None and function is not None:
        inside = function.child_by_field_name("body")
        if inside is None or known.program in called:
            return None
        return _statements(block, script, inside, called | {known.program})
    ran = [one for one in facts(block).ran if one.command is not None and one.command.node == command]
    if ran and ran[-1].script is not None and ran[-1].script.body.data == script.body.data and ends(ran[-1]):
        return f"{ran[-1].name} ends when its work is done"
    return None


def seconds(block: Block, name: str) -> float | None:
    """A span of time that a directive says, in seconds; None when it is not there or not known."""
    value = block.value("serviceConfig", name)
    if (
        isinstance(value, Scalar)
        and isinstance(value.value, int | float)
        and not isinstance(value.value, bool)
    ):
        return float(value.value)
    return span(value.literal) if isinstance(value, Str) and value.literal is not None else None


def span(text: str) -> float | None:
    """A span of time in seconds, as systemd reads it (systemd.time(7)); None for anything else."""
    if not text or _SPAN.sub("", text).strip():
        return None
    return sum(float(number) * _UNITS[_unit(unit)] for number, unit in _SPAN.findall(text))


def _unit(text: str) -> str:
    return next(
        name for name in ("hour", "day", "min", "sec", "h", "d", "m", "s", "") if text.startswith(name)
    )


@cache
def _table(name: str) -> dict[str, tuple[str, ...]]:
    table = _data()[name]
    assert isinstance(table, dict)
    return {str(program): tuple(str(words).split()) for program, words in table.items()}


@cache
def _data() -> dict[str, object]:
    return table("restarts.toml")
