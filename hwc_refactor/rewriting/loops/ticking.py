"""A service with a loop becomes a oneshot with a timer: what is written, and what is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from hwc_refactor.codemod import Context
from hwc_refactor.model import Refusal
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.build_shift import reindent
from hwc_refactor.nix.comments import Comments, comments_about
from hwc_refactor.nix.shell_flow import kept_arrays
from hwc_refactor.nix.shell_walk import reached
from hwc_refactor.nix.values import Expr, Item, ListValue, Slot
from hwc_refactor.nixos.block import USER_SERVICE, Block
from hwc_refactor.nixos.loops.intervals import Interval, delay, interval, span
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.looping import names
from hwc_refactor.nixos.loops.obstacles import Obstacle
from hwc_refactor.nixos.loops.unit import said, shared_conditions
from hwc_refactor.nixos.scripts.commands import knowledge
from hwc_refactor.nixos.scripts.executables import executable_of
from hwc_refactor.nixos.wrappers import unwrapped
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.loops.timers import add_timer, beside
from hwc_refactor.rewriting.loops.unlooping import unlooped
from hwc_refactor.rewriting.placing import NoPlace

BOOT = frozenset({"multi-user.target", "default.target", "basic.target"})
"""What starts a unit at boot, as timers.target starts a timer (systemd.special(7))."""
LIFE = (
    "wants",
    "requires",
    "requisite",
    "bindsTo",
    "partOf",
    "conflicts",
    "upholds",
    "upheldBy",
    "requiredBy",
)
"""Options that say with which other units the loop lived; each start by a timer would pull those in again."""
KEPT_WITH = frozenset({"bindsTo", "partOf", "upheldBy", "requiredBy"})
"""Those of them that matter for targets too: a target may be stopped, when a user leaves."""
ROUNDS = 10
HOUR = Decimal(3600)
DAY = Decimal(86400)


class _Moved(Struct, frozen=True, eq=False):
    """A definition that the timer has now.

    Attributes:
        text: it as source text, with its comments.
        slot: where the service has it; None for one that is new.
        value: its expression, where the text holds it.
    """

    text: str
    slot: Slot | None = None
    value: Expr | None = None


def refused(ctx: Context, block: Block, obstacle: Obstacle) -> Refusal:
    """The refusal that an obstacle amounts to."""
    line = obstacle.line if obstacle.path == block.file else None
    return ctx.refuse(block, obstacle.code, obstacle.reason(block.file), line=line)


def convert(draft: Draft, block: Block, loop: Loop, *, style: str) -> None:
    """Turn a service with a loop into a oneshot and a timer.

    Args:
        draft: the change.
        block: the service.
        loop: its loop, which nothing stands in the way of.
        style: `faithful`, from the end of one round to the start of the next; or `documented`.

    Raises:
        NoPlace: when a place serves other services too.
    """
    every, before = interval(block, loop), delay(block, loop)
    assert every is not None
    run_once(draft, block, loop)
    times = faithful(every, before, first=loop.sleeps_first)
    if style == "documented":
        times = documented_times(every)
    settings = "\n".join(f"  {name} = {value};" for name, value in times.items())
    moved = list(_moved(draft, block))
    expressions = [*every.expressions, *(before.expressions if before is not None else ())]
    add_timer(
        draft,
        beside(block, shared_conditions(block)),
        block.name,
        [*(one.text for one in moved), "timerConfig = {\n" + settings + "\n};"],
        expressions=[*expressions, *(one.value for one in moved if one.value is not None)],
    )
    add_type(draft, block, every, timeout=style == "faithful")
    keep_runtime_directory(draft, block)
    for one in moved:
        if one.slot is not None:
            draft.remove_binding(block, one.slot, moved=True)
    drop_restarts(draft, block)
    tell(draft, block, loop)


# -- the service ---------------------------------------------------------------------------------------


def run_once(draft: Draft, block: Block, loop: Loop) -> None:
    """Leave one round of the loop in the script."""
    placing.demand_own(block.tree, block, loop.script.at)
    found = unlooped(block, loop)
    draft.rewrite_script(loop.script, found.edits)
    for text in found.comments:
        draft.note(f"The comment '{text}' went with what it described.")
    if found.closed:
        draft.note(
            "'true' stands at the end of its script, since the last command fails only to give an answer."
        )


def limit(draft: Draft, block: Block, every: Interval) -> list[Snippet]:
    """How long a round may take, where the service does not say so itself."""
    if any(_slots(block, "serviceConfig", name) for name in ("TimeoutStartSec", "TimeoutSec")):
        return []
    longest = span(_longest(every))
    draft.note(
        f"A round that takes longer than {longest} is ended: without TimeoutStartSec, one that hangs"
        " would stop the timer for ever. Raise it where a round may take longer."
    )
    return [Snippet(f'TimeoutStartSec = "{longest}";')]


def add_type(draft: Draft, block: Block, every: Interval, *, timeout: bool) -> None:
    """Make it a oneshot, with a limit to how long a round may take."""
    typed = _slots(block, "serviceConfig", "Type")
    items = [] if typed else [Snippet('Type = "oneshot";')]
    for slot in typed:
        inner = unwrapped(block.tree, slot.expr).expr
        placing.demand_own(block.tree, block, inner)
        draft.replace_text(inner.file, inner.node, '"oneshot"')
    if timeout:
        items += limit(draft, block, every)
    if len(items) > 1 and not block.get("serviceConfig"):
        draft.add_set(block, ("serviceConfig",), items)
    elif items:
        home = draft.home(block, ("serviceConfig",))
        if len(items) > 1 and not home.lead:
            draft.spread(home.file, home.holder)
        draft.add(block, ("serviceConfig",), items, after="Type")


def _longest(every: Interval) -> Decimal:
    """How long a round may take: ten times the interval, an hour at least, a day or the interval at most."""
    if every.seconds is None:
        return DAY
    return max(HOUR, min(ROUNDS * every.seconds, max(DAY, every.seconds)))


def drop_restarts(draft: Draft, block: Block) -> None:
    """Take out what restarted the loop, and the limits on that: a timer starts it again."""
    for setting in sorted(names("settings", "removed")):
        for path in (("serviceConfig", setting), ("unitConfig", setting)):
            if _slots(block, *path):
                draft.remove(block, path)
    for option in ("startLimitIntervalSec", "startLimitBurst"):
        if _slots(block, option):
            draft.remove(block, (option,))
            draft.note(f"{option} is gone: it would count the starts by the timer.")


def keep_runtime_directory(draft: Draft, block: Block) -> None:
    """A runtime directory goes when its unit stops: keep it from one round to the next."""
    kept = _slots(block, "serviceConfig", "RuntimeDirectoryPreserve")
    if _slots(block, "serviceConfig", "RuntimeDirectory") and not kept:
        draft.add(block, ("serviceConfig",), ["RuntimeDirectoryPreserve = true;"], after="RuntimeDirectory")
        draft.note("Its RuntimeDirectory is kept from one round to the next (RuntimeDirectoryPreserve).")


def _moved(draft: Draft, block: Block) -> Iterator[_Moved]:
    """What says when the loop is started, and with what it lives: it is the timer's now."""
    started = _slots(block, "wantedBy")
    if not started:
        yield _Moved("wantedBy = [ ];")
        _not_started(draft, block)
    elif len(started) > 1:
        raise NoPlace("wantedBy is defined in several ways")
    else:
        if _outer(block, started[0]):
            raise NoPlace("wantedBy counts under a condition of its own")
        listed = block.tree.resolver.value(started[0].expr)
        complete = isinstance(listed, ListValue) and listed.complete
        units = {_unit(block, item) for item in listed.items} if isinstance(listed, ListValue) else set()
        if complete and not units:
            _not_started(draft, block)
        plain = complete and bool(units) and units <= BOOT
        text = '[ "timers.target" ]' if plain else _value(block, started[0])
        carried = _carried(started[0], f"wantedBy = {text};")
        yield _Moved(carried, started[0], None if plain else started[0].expr)
    for option in LIFE:
        found = _slots(block, option)
        if not found or (option not in KEPT_WITH and _targets(block, option)):
            continue
        if len(found) > 1:
            raise NoPlace(f"{option} is defined in several ways")
        text = _carried(found[0], f"{option} = {_value(block, found[0])};")
        yield _Moved(text, found[0], found[0].expr)
        draft.note(
            f"'{option}' is the timer's now: on the service it would take hold at the start of every round,"
            " not once as it did for the loop."
        )


def _not_started(draft: Draft, block: Block) -> None:
    start = "systemctl --user start" if block.kind is USER_SERVICE else "systemctl start"
    draft.note(
        f"It is not started at boot, and neither is its timer: '{start} {block.name}.timer' begins it,"
        f" '{start} {block.name}' runs one round."
    )


def _targets(block: Block, option: str) -> bool:
    """Whether a list names nothing but targets, which are there once and stay."""
    units = block.texts(option)
    return bool(units) and all(unit is not None and unit.endswith((".target", ".mount")) for unit in units)


def _unit(block: Block, item: Item) -> str:
    return block.tree.resolver.literal(item.expr) or ""


def _carried(slot: Slot, text: str) -> str:
    """A binding with the comments that stand at it."""
    file = slot.expr.file
    found = comments_about(file, slot.binding) if slot.binding is not None else Comments()
    above = [file.text(comment).decode(errors="replace").rstrip() for comment in found.leading]
    behind = (
        "" if found.trailing is None else "  " + file.text(found.trailing).decode(errors="replace").rstrip()
    )
    return "\n".join((*above, text + behind))


def _value(block: Block, slot: Slot) -> str:
    """The source text of a definition's value, with `mkForce` and the like."""
    value = None if slot.binding is None else slot.binding.child_by_field_name("expression")
    if value is None or _outer(block, slot):
        raise NoPlace("a definition is inherited, computed or conditional")
    source = slot.expr.file.source
    text = reindent(slot.expr.file.text(value), source.indent(value.start_byte), b"").decode(errors="replace")
    if "''" in text:
        return text
    return re.sub(r"(?m)^\t+", lambda lead: "  " * len(lead[0]), text)  # a level, as in all new text


def _outer(block: Block, slot: Slot) -> bool:
    """Whether a definition counts under a condition that is said neither of the whole service nor within it."""
    return any(not _holds(slot, c.expr) for c in slot.conditions[len(shared_conditions(block)) :])


def _holds(slot: Slot, expr: Expr) -> bool:
    """Whether an expression stands within the binding of a definition."""
    node = slot.binding
    same = expr.file.source.path == slot.expr.file.source.path
    return same and node is not None and node.start_byte <= expr.node.start_byte < node.end_byte


# -- the timer -----------------------------------------------------------------------------------------


def faithful(every: Interval, before: Interval | None, *, first: bool) -> dict[str, str]:
    """A timer that does what the loop did: it counts from the end of a round to the start of the next."""
    start = every.nix if first else '"0s"' if before is None else before.nix
    return {"OnActiveSec": start, "OnUnitInactiveSec": every.nix, "AccuracySec": '"1s"'}


def documented_times(every: Interval) -> dict[str, str]:
    """A timer in the documented form: it counts from start to start, first from the boot."""
    minute = every.seconds is not None and every.seconds >= 60
    accuracy = '"10s"' if minute else '"1s"'
    return {"OnBootSec": every.nix, "OnUnitActiveSec": every.nix, "AccuracySec": accuracy}


# -- notes ---------------------------------------------------------------------------------------------


def tell(draft: Draft, block: Block, loop: Loop) -> None:
    """Say what is different now; whether that is wanted is for the user to say."""
    draft.review()
    strict = loop.program.strict or any(
        command.name.text == "set" and any(word.text.startswith("-e") for word in command.arguments)
        for command in loop.script.commands
    )
    restarts = _slots(block, "serviceConfig", "Restart") and said(block, "serviceConfig", "Restart") != "no"
    if strict and not restarts:
        draft.note(
            "A command that fails ended the loop for good until now; it ends one round now, and the next one comes."
        )
    elif strict:
        draft.note(
            "A command that fails ended the loop until now, which systemd started again; it ends one round now,"
            " and the next one comes in its time."
        )
    else:
        draft.note("A round whose last command fails is a failed run now: 'systemctl --failed' lists it.")
    failing = _slots(block, "onFailure") or _slots(block, "serviceConfig", "OnFailure")
    if failing:
        draft.note("onFailure acts on every round that fails now; until now it acted when the loop ended.")
    arrays = kept_arrays(loop.script, loop.statements)
    if arrays:
        draft.note(
            f"{', '.join(arrays)} is empty at the start of each round now; 'declare' alone did not empty it."
        )
    unknown = sorted(set(_unknown(block, loop)))
    if unknown:
        draft.note(f"It is taken for granted that {', '.join(unknown)} ends by itself.")
    if _slots(block, "unitConfig"):
        draft.note("Its conditions (unitConfig) are asked before every round now, not once.")


def _unknown(block: Block, loop: Loop) -> Iterator[str]:
    for at in reached(loop.script, loop.work):
        command = loop.script.command(at.node) if at.node.type == "command" else None
        if command is None or command.name.text in loop.script.functions:
            continue
        name = executable_of(block.tree, command.name.text, loop.script.holes()).name
        if name is not None and knowledge(name) is None:
            yield name


def _slots(block: Block, *path: str) -> list[Slot]:
    return [slot for slot in block.get(*path) if not slot.rest]
