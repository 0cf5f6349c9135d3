"""How long one round of a health check may take, by the bounds and pauses of its commands.

The facts: `data/checks.toml`, `waits`.
"""

from __future__ import annotations

import itertools
import math
import re

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_walk import LOOPS
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.checks import waits
from hwc_refactor.nixos.loops.loop import Loop, sleep_of
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.facts import facts

_SEQ = re.compile(r"\$\((?:\S*/)?seq (?:(?P<first>\d+) )?(?P<last>\d+)\)|\{(?P<from>\d+)\.\.(?P<to>\d+)\}")
"""What a loop counts through: `$(seq 1 30)`, `{1..30}` (seq(1), bash(1), Brace Expansion)."""


def longest(block: Block, loop: Loop | None) -> float:
    """The seconds that one round of a check may take; infinite where it pauses nobody knows how often.

    Args:
        block: the check.
        loop: the loop that repeats it, whose own pause is no part of a round.
    """
    total = 0.0
    for ran in facts(block).ran:
        rounds = _rounds(ran, loop)
        pause = _pause(ran)
        if pause and rounds is None:
            return math.inf
        if pause and rounds:
            total += pause * rounds
        total += _bound(ran) * (rounds or 1)
    return total


def _bound(ran: Ran) -> float:
    """The seconds after which a command gives up, as it is told."""
    options = waits().get(ran.name)
    if options is None:
        return 0.0
    words = [word for place in ran.words for word in place.text.split("=", 1)]
    said = [then for word, then in itertools.pairwise(words) if word in options.split()] if options else words
    return next((seconds for word in said if (seconds := _seconds(word)) is not None), 0.0)


def _pause(ran: Ran) -> float:
    """The seconds that a `sleep` takes; infinite where that is not known, 0 for other commands."""
    if ran.script is None or ran.command is None or sleep_of(ran.script, ran.command.node) is None:
        return 0.0
    found = [_seconds(place.text) for place in ran.words]
    return math.inf if None in found else sum(seconds for seconds in found if seconds is not None)


def _seconds(word: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", word)
    return None if found is None else float(found[1]) * {"m": 60, "h": 3600}.get(found[2], 1)


def _rounds(ran: Ran, loop: Loop | None) -> int | None:
    """How often a command runs in one round, by the loops around it: 0 for the pause of the check itself."""
    rounds = 1
    node = None if ran.command is None else ran.command.node.parent
    while node is not None and ran.script is not None:
        if loop is not None and node == loop.node:
            return 0 if rounds == 1 and _pause(ran) else rounds
        if node.type in LOOPS:
            counted = _counted(ran.script, node)
            if counted is None:
                return None
            rounds *= counted
        node = node.parent
    return rounds


def _counted(script: Script, loop: Node) -> int | None:
    """How many rounds a `for` makes; None when only the running script knows."""
    if loop.type != "for_statement":
        return None
    values = loop.children_by_field_name("value")
    texts = [script.source(value) for value in values]
    found = _SEQ.fullmatch(texts[0]) if len(texts) == 1 else None
    if found is not None:
        first, last = found["first"] or found["from"] or "1", found["last"] or found["to"]
        return max(int(last) - int(first) + 1, 0)
    plain = all(value.type in ("word", "number", "raw_string") for value in values)
    return len(values) if plain and not any(re.search(r"[*?$]|__nix", text) for text in texts) else None
