"""When a health check runs, in the words of the shared module: a schedule, an interval, or settings of a timer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.checks import Check
from hwc_refactor.nixos.loops.intervals import Interval, delay, interval
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.unit import shared_conditions
from hwc_refactor.rewriting.loops.ticking import faithful
from hwc_refactor.rewriting.module_words import CannotSay

PRESETS: Mapping[Decimal, str] = {
    Decimal(60): "every-minute",
    Decimal(300): "every-5-minutes",
    Decimal(900): "every-15-minutes",
}
CALENDARS = {
    "*:0/1": "every-minute",
    "minutely": "every-minute",
    "*:0/5": "every-5-minutes",
    "*:0/15": "every-15-minutes",
}
"""Calendar expressions that a preset stands for (systemd.time(7), `minutely`)."""


class Times(Struct, frozen=True):
    """When a check runs, in the words of the module.

    Attributes:
        words: its bindings.
        notes: what is different from before.
        gone: definitions that are said otherwise now.
    """

    words: tuple[Snippet, ...]
    notes: tuple[str, ...] = ()
    gone: tuple[Slot, ...] = ()


def times(block: Block, check: Check, style: str) -> Times:
    """When a health check runs: by its loop, by its `startAt`, or by its timer.

    Args:
        block: the service.
        check: the health check that it is.
        style: the form of a timer made from a loop, `documented` or `faithful`.

    Raises:
        CannotSay: when its timer has no words in the module.
    """
    loop, started = check.loop, tuple(block.whole("wantedBy"))
    if loop is not None:
        every = interval(block, loop)
        assert every is not None
        found = _every(block, loop, every, style)
        if started and block.items("wantedBy"):
            return replace(found, gone=started)
        note = "It was not started at boot until now; its timer is."
        return Times(found.words, (*found.notes, note), started)
    if check.timer is None:
        (slot,) = block.whole("startAt")
        words = (f"schedule = {_calendar(block, slot)};", "persistent = false;", "onBootDelay = null;")
        return Times(tuple(Snippet(word) for word in words), gone=started)
    return Times(tuple(_timer_words(block, check.timer, at_boot=bool(block.items("wantedBy")))), gone=started)


def _every(block: Block, loop: Loop, every: Interval, style: str) -> Times:
    if style == "faithful":
        settings = faithful(every, delay(block, loop), first=loop.sleeps_first)
        lines = "\n".join(f"  {name} = {value};" for name, value in settings.items())
        return Times((Snippet("schedule = null;"), Snippet(f"timerConfig = {{\n{lines}\n}};")))
    preset = None if every.parts or every.seconds is None else PRESETS.get(every.seconds)
    if preset is not None:
        words = [f'schedule = "{preset}";']
    else:
        words = [f"interval = {every.nix};"]
        words += [f"onBootDelay = {every.nix};"] if loop.sleeps_first else []
    note = (
        "The time between two rounds counted from the end of one to the start of the next; now it counts"
        f" {'by the clock' if preset else 'from start to start'}."
    )
    return Times(tuple(Snippet(word) for word in words), (note,))


def _calendar(block: Block, slot: Slot) -> str:
    if slot.conditions and len(slot.conditions) > len(shared_conditions(block)):
        raise CannotSay("option-not-in-module", "Its schedule counts only under a condition.", slot.expr)
    text = block.tree.resolver.literal(slot.expr)
    if text is None and slot.expr.node.type == "list_expression":
        raise CannotSay("option-not-in-module", "The module knows one schedule, not several.", slot.expr)
    return slot.expr.text if text not in CALENDARS else quote(CALENDARS[text or ""])


def _timer_words(block: Block, timer: Block, *, at_boot: bool) -> Iterator[Snippet]:
    """A timer's settings in the words of the module; what has none stays as it is.

    Args:
        block: the service.
        timer: its timer.
        at_boot: whether the service is started at boot, too.
    """
    for name in timer.view.slots:
        if name not in ("timerConfig", "wantedBy", "description", "enable", "partOf"):
            slot = timer.view.slots[name][0]
            raise CannotSay("option-not-in-module", f"The module's timer has no option '{name}'.", slot.expr)
    others: list[str] = []
    found: dict[str, Slot] = {}
    for name in timer.names("timerConfig"):
        slots = timer.whole("timerConfig", name)
        if len(slots) != 1:
            raise CannotSay("option-not-in-module", f"Its {name} is defined in several ways.", timer.place)
        found[name] = slots[0]
    said = {"Unit", "AccuracySec"}
    first = '"0s"' if at_boot else "null"
    if not at_boot and not _FIRST & found.keys():
        raise CannotSay(
            "option-not-in-module",
            "Nothing starts it for the first time: its timer counts from the round before alone.",
            timer.place,
        )
    if "OnCalendar" in found:
        yield Snippet(f"schedule = {_calendar(block, found['OnCalendar'])};")
        yield from _said(found, "Persistent", "persistent", "true", "false")
        yield from _said(found, "OnBootSec", "onBootDelay", "", first)
        said |= {"OnCalendar", "Persistent", "OnBootSec"}
    elif "OnUnitActiveSec" in found:
        yield Snippet(f"interval = {found['OnUnitActiveSec'].expr.text};")
        yield Snippet(f"onBootDelay = {first};")
        said |= {"OnUnitActiveSec"}
    else:
        yield Snippet("schedule = null;")
        yield Snippet(f"onBootDelay = {first};")
    yield from _said(found, "AccuracySec", "accuracy", "", "" if "OnCalendar" in found else '"1min"')
    others = [f"{name} = {slot.expr.text};" for name, slot in found.items() if name not in said]
    if len(others) == 1:
        yield Snippet(f"timerConfig.{others[0]}")
    elif others:
        yield Snippet("timerConfig = {\n" + "\n".join(f"  {line}" for line in others) + "\n};")


_FIRST = frozenset({"OnActiveSec", "OnBootSec", "OnStartupSec", "OnCalendar"})
"""Settings of a timer that come to a first round (systemd.timer(5))."""


def _said(found: Mapping[str, Slot], key: str, option: str, default: str, absent: str) -> Iterator[Snippet]:
    """A setting by its option; `default` is what the option has anyway, `absent` what says that it is not there."""
    if key not in found:
        if absent:
            yield Snippet(f"{option} = {absent};")
    elif found[key].expr.text != default:
        yield Snippet(f"{option} = {found[key].expr.text};")
