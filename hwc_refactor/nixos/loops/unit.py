"""Why the loop of a unit must not become a timer: the reasons that the unit gives, not its script."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.comments import comment_text, comments_inside, comments_of
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.values import Condition, Scalar, Slot
from hwc_refactor.nixos.block import TIMER, USER_SERVICE, USER_TIMER, Block
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.looping import names, types
from hwc_refactor.nixos.loops.obstacles import Obstacle
from hwc_refactor.nixos.loops.setup import lasting
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.commands import knowledge
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import HOME_MANAGER, programs
from hwc_refactor.nixos.units.naming import Mention, mentions
from hwc_refactor.nixos.wrappers import unwrapped

_STOPS = ("preStop", "postStop")
_STOP_LINES = ("ExecStop", "ExecStopPost")
_MEANT = re.compile(r"\btimers?\b|(?=.*\bloop)(?=.*\b(?:on purpose|deliberate|intention))", re.IGNORECASE)
_PLANNED = re.compile(r"\b(?:todo|fixme|xxx|should|convert|replace|migrate|move)\b", re.IGNORECASE)


def name(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """Its timer needs the same name."""
    if "@" in block.name:
        yield _whole(
            block, "template-unit", "It is a template, whose instances somebody else starts and stops"
        )
    elif not block.named:
        yield _whole(block, "name-not-literal", f"Its name is made by an expression, {block.name}")


def home_manager(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It is written in the words of home-manager."""
    if loop.program.option[:1] == (HOME_MANAGER,):
        yield _whole(
            block, "home-manager-unit", "It is a unit of home-manager, whose timers are made otherwise"
        )


def kind(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It is more than a plain process that runs."""
    for slot in _slots(block, "serviceConfig", "Type"):
        bare = unwrapped(block.tree, slot.expr)
        text = block.tree.resolver.literal(bare.expr)
        if bare.conditions or len(slot.conditions) > len(shared_conditions(block)):
            text = None
        if text is None or text in types():
            why = types().get(text or "", "its type is given by an expression")
            shown = slot.expr.text if text is None else text
            yield _at(slot, "unit-type-conflict", f"Type = {shown}: {why}")
            return
    for setting in sorted(names("settings", "refused")):
        for slot in _slots(block, "serviceConfig", setting):
            yield _at(
                slot,
                "unit-type-conflict",
                f"{setting} says something about the running loop, which a oneshot cannot hold",
            )
            return
    for path in (("postStart",), ("serviceConfig", "ExecStartPost"), ("reload",)):
        for slot in _slots(block, *path):
            yield _at(
                slot,
                "unit-type-conflict",
                f"{path[-1]} is about the running loop; with a timer it would run after every round",
            )
            return
    starts = [program for program in programs(block) if program.directive == "ExecStart"]
    if len(starts) > 1 or len(starts[0].slot.conditions) > len(shared_conditions(block)):
        yield _at(
            starts[0].slot,
            "unit-type-conflict",
            "What it runs is defined in several ways, or only under a condition",
        )


def open_definition(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """A part of the definition is not in sight: it may hold what a oneshot cannot."""
    for path in ((), ("serviceConfig",)):
        doubts = block.doubts(*path) if path else block.view.open
        for doubt in doubts[:1]:
            place = doubt.at or block.place
            yield Obstacle(
                "shared-definition",
                f"A part of its definition is not in sight, {' '.join(place.text.split())[:60]}",
                place.file.source.path,
                place.line,
            )
            return


def elsewhere(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """Another file changes the unit."""
    if block.elsewhere:
        yield _at(
            block.elsewhere[0],
            "defined-in-several-files",
            "Another definition changes this service too, in a way that a oneshot may not bear",
        )


def timer(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """A timer of its name is there."""
    for slot in _slots(block, "startAt"):
        yield _at(slot, "timer-exists", "startAt starts it by a timer already")
        return
    others = USER_TIMER if block.kind is USER_SERVICE else TIMER
    for found in objects(block.tree, others, (block.name,)):
        yield Obstacle("timer-exists", "A timer of its name is there already", found.file, found.line)
        return


def disabled(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """It is switched off."""
    for slot in _slots(block, "enable"):
        value = block.tree.resolver.value(unwrapped(block.tree, slot.expr).expr)
        if not (isinstance(value, Scalar) and value.value is True):
            yield _at(slot, "unit-disabled", "It is switched off by 'enable', and its timer would not be")
            return


def cleans_up(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """Something runs when it stops."""
    for path in (*((option,) for option in _STOPS), *(("serviceConfig", line) for line in _STOP_LINES)):
        for slot in _slots(block, *path):
            yield _at(
                slot,
                "loop-cleans-up",
                f"{path[-1]} runs when the loop is stopped; with a timer it would run after every round",
            )
            return


def starts_with_effects(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """What runs before it once would run before every round."""
    for program in programs(block):
        if program.directive not in ("ExecStartPre", "ExecCondition"):
            continue
        script = program.script
        found = None
        name = program.executable.name or ""
        known = knowledge(name)
        if (
            script is None
            and name != "sleep"
            and (name in names("again") or (known is not None and known.plain))
        ):
            continue
        if script is None or not script.sound:
            text = "runs a program whose effects are not in sight"
        else:
            found = lasting(block, script, script.root.named_children)
            if found is None:
                continue
            text = found[1]
        where, line = program.at.file.source.path, program.at.line
        if script is not None and found is not None:
            where, line = script.body.path, script.line(found[0])
        yield Obstacle(
            "setup-has-effects",
            f"Before it starts, {program.directive} {text}; with a timer it would do that before every round",
            where,
            line,
        )
        return


def own_tmp(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """Files in a /tmp of its own are gone after every run of a oneshot."""
    private = ("PrivateTmp", "DynamicUser")
    if not any(
        _is_true(block, slot) for setting in private for slot in _slots(block, "serviceConfig", setting)
    ):
        return
    for use in facts(block).writes:
        if use.place.text.startswith(("/tmp/", "/var/tmp/")) and use.how != "rm":
            where, line = use.program.at.file.source.path, use.program.at.line
            if use.place.script is not None and use.place.node is not None:
                where, line = use.place.script.body.path, use.place.script.line(use.place.node)
            yield Obstacle(
                "loop-carries-state",
                f"It writes {use.place.text} into a /tmp of its own, which systemd empties after every run of"
                " a oneshot",
                where,
                line,
            )
            return


def used_elsewhere(block: Block, _: Loop | None) -> Iterator[Obstacle]:
    """Something in the root counts on its being active."""
    for mention in mentions_of(block):
        yield Obstacle(
            "unit-state-used-elsewhere",
            "Something else names it; a oneshot behind a timer is inactive most of the time",
            mention.path,
            mention.line,
        )
        return


def unrepeated(block: Block) -> Iterator[Obstacle]:
    """Why a service that a timer starts cannot go below another option: the reasons that its unit gives."""
    for predicate in (name, disabled, elsewhere):
        yield from predicate(block, None)
    for slot in _slots(block, "serviceConfig", "Type"):
        if block.tree.resolver.literal(slot.expr) not in ("oneshot", "simple", "exec"):
            yield _at(slot, "unit-type-conflict", f"Type = {slot.expr.text} is no plain process")
    for mention in mentions_of(block):
        text = "Something else names it, and its units would have other names"
        yield Obstacle("unit-state-used-elsewhere", text, mention.path, mention.line)


def mentions_of(block: Block) -> list[Mention]:
    """The places outside of its own definition that name the unit."""
    kind = USER_TIMER if block.kind is USER_SERVICE else TIMER
    timers = objects(block.tree, kind, (block.name,)) if block.named else []
    slots = [*block.slots, *block.elsewhere, *(slot for one in timers for slot in one.slots)]
    own = [(slot.expr.file.source.path, *_extent(slot)) for slot in slots]
    return [
        mention
        for mention in mentions(block.tree, block.name)
        if not any(path == mention.path and start <= mention.offset < end for path, start, end in own)
    ]


def meant(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """The author says that it is a loop on purpose."""
    for path, line, text in _comments(block, loop.script):
        if _MEANT.search(text) and not _PLANNED.search(text):
            yield Obstacle("loop-is-meant", f"A comment says that the loop is meant: '{text}'", path, line)
            return


def _comments(block: Block, script: Script) -> Iterator[tuple[str, int, str]]:
    for node in script.nodes("comment"):
        yield script.body.path, script.line(node), script.source(node).lstrip("# ").strip()
    for slot in block.slots:
        file = slot.expr.file
        whole = slot.binding if slot.binding is not None else slot.expr.node
        above = comments_of(file, whole).all if slot.binding is not None else ()
        for comment in (*above, *comments_inside(file, whole)):
            line = file.source.line(comment.start_byte)
            yield file.source.path, line, comment_text(file, comment)


def _whole(block: Block, code: str, text: str) -> Obstacle:
    return Obstacle(code, text, block.file, block.line)


def _at(slot: Slot, code: str, text: str) -> Obstacle:
    return Obstacle(code, text, slot.expr.file.source.path, slot.expr.line)


def _extent(slot: Slot) -> tuple[int, int]:
    node = slot.expr.node
    if slot.binding is not None and slot.binding.start_byte <= node.start_byte < slot.binding.end_byte:
        node = slot.binding
    return node.start_byte, node.end_byte


def shared_conditions(block: Block) -> tuple[Condition, ...]:
    """The conditions under which the definition of a service stands as a whole, beside those of the object."""
    found = [slot.conditions for slots in block.view.slots.values() for slot in slots]
    length = 0
    for column in zip(*found, strict=False):
        if len({(c.expr.span, c.holds) for c in column}) > 1:
            break
        length += 1
    return found[0][:length] if found else ()


def said(block: Block, *path: str) -> str | None:
    """The known text of an attribute that is defined once, whenever the service is."""
    slots = _slots(block, *path)
    if len(slots) != 1 or len(slots[0].conditions) > len(shared_conditions(block)):
        return None
    return block.tree.resolver.literal(unwrapped(block.tree, slots[0].expr).expr)


def _slots(block: Block, *path: str) -> list[Slot]:
    return [slot for slot in block.get(*path) if not slot.rest]


def _is_true(block: Block, slot: Slot) -> bool:
    value = block.tree.resolver.value(slot.expr)
    return not (isinstance(value, Scalar) and value.value is False)
