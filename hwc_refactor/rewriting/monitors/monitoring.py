"""A health check in the words of the shared module, edited in place.

What the module calls the same stays as it is. The loop, or the timer, becomes a schedule or an interval;
what the service is ordered behind becomes `dependsOn`; what is left of its settings stays in `serviceConfig`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import attr_name, identifier_or_quoted, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Scalar, Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.bounds import longest
from hwc_refactor.nixos.loops.checks import Check
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.looping import names
from hwc_refactor.nixos.loops.unit import said, shared_conditions
from hwc_refactor.nixos.scripts.programs import main_program
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.module_words import CannotSay
from hwc_refactor.rewriting.monitors.made import Made
from hwc_refactor.rewriting.monitors.script import script_words
from hwc_refactor.rewriting.monitors.times import times
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.relocating import relocate

Path = tuple[str, ...]
TARGET = ("services", "hwc", "monitor")
SAME = frozenset({"description", "path", "environment", "onFailure", "script"})
"""What the module calls as NixOS does."""
ORDER = ("after", "requires", "bindsTo", "requisite", "partOf", "wants")
"""Relations to other units: a check only waits for them, and never starts or stops with them."""
DROPPED = frozenset(
    {"startLimitIntervalSec", "startLimitBurst", "restartIfChanged", "stopIfChanged", "startAt"}
)
"""What is about restarting the loop, or said otherwise."""


TIMEOUT = 30
"""The seconds after which a round has failed where nothing else is said."""


class Wanted(Struct, frozen=True):
    """What the user or a documented diff wants.

    Attributes:
        name: the monitor's name.
        description: its description; None to leave it.
        style: the form of a timer made from a loop, `documented` or `faithful`.
    """

    name: str
    description: str | None = None
    style: str = "documented"


def monitor(draft: Draft, block: Block, check: Check, wanted: Wanted) -> None:
    """Declare a health check with the module.

    Raises:
        CannotSay: when something of it has no word there.
        NoPlace: when a place serves other services too.
    """
    _Writer(draft, block, check, wanted).write()


def monitor_all(draft: Draft, made: Made, style: str) -> None:
    """Declare the health checks that a function makes with the module, by one edit of the function.

    Raises:
        CannotSay: when something of them has no word there.
        NoPlace: when a place serves other services too.
    """
    _Writer(draft, made.body, made.check, Wanted(made.body.name, None, style), made).write()


class _Writer(Struct, eq=False):
    draft: Draft
    block: Block
    check: Check
    wanted: Wanted
    made: Made | None = None
    """What else the function makes that the check comes from, None for one that is written out."""
    middle: list[Snippet] = []
    """New bindings behind the description."""
    end: list[Snippet] = []
    """New bindings at the end."""
    gone: list[Slot] = []
    """Definitions that are said otherwise now."""

    def write(self) -> None:
        program = main_program(self.block)
        if program is None or program.slot.rest:
            raise CannotSay("script-not-in-sight", "What it runs is not written in one place.")
        self._known()
        self._when()
        self._as_whom()
        settings = self._settings()
        self._relations()
        self.middle += script_words(self.draft, self.block, self.check, program)
        self._place(settings)
        for slot in self.gone:
            self.draft.remove_binding(self.block, slot)
        self._timer()
        self._move()
        self.draft.gain("a sandbox")

    # -- what has no word ------------------------------------------------------------------------------

    def _known(self) -> None:
        removed = names("settings", "removed")
        for name, slots in self.block.view.slots.items():
            if name in (*SAME, *ORDER, "serviceConfig", "wantedBy") or name in DROPPED:
                continue
            if name == "unitConfig" and all(key in removed for key in self.block.names("unitConfig")):
                continue
            raise CannotSay("option-not-in-module", f"The module has no option '{name}'.", slots[0].expr)
        self.gone += [slot for name in DROPPED for slot in self.block.whole(name)]
        self.gone += [slot for name in removed for slot in self.block.whole("unitConfig", name)]

    # -- when ------------------------------------------------------------------------------------------

    def _when(self) -> None:
        found = times(self.block, self.check, self.wanted.style)
        self.middle += found.words
        for note in found.notes:
            self.draft.note(note)
        self.gone += found.gone

    # -- as whom ---------------------------------------------------------------------------------------

    def _as_whom(self) -> None:
        users = self.block.whole("serviceConfig", "User")
        dynamic = [
            self.block.tree.resolver.value(s.expr) for s in self.block.whole("serviceConfig", "DynamicUser")
        ]
        plain = any(isinstance(value, Scalar) and value.value is True for value in dynamic)
        root = (not users and not plain) or said(self.block, "serviceConfig", "User") == "root"
        if not root:
            return
        if self.check.root:
            commands = [name for name in self.check.root if not name.startswith(("/", "$"))]
            paths = [name for name in self.check.root if name.startswith(("/", "$"))]
            why = f"Needs {', '.join(commands)} access" if commands else f"Reads {', '.join(paths[:2])}"
            self.middle.append(Snippet("requireRoot = true;", behind=why))
        else:
            self.draft.gain("a user of its own")
            self.draft.review(
                "It ran as root; it has a user of its own now, for nothing in its script needs root."
            )

    def _settings(self) -> list[str]:
        """What stays in serviceConfig; everything else of it goes."""
        kept: list[str] = []
        for name in self.block.names("serviceConfig"):
            slots = self.block.whole("serviceConfig", name)
            text = said(self.block, "serviceConfig", name)
            known = name in names("settings", "removed") or name in ("Type", "ExecStart")
            if name == "Type" and text not in ("simple", "exec", "oneshot"):
                raise CannotSay("unit-type-conflict", f"Its Type is {text}.", slots[0].expr)
            known = known or (name == "User" and text == "root") or name == "DynamicUser"
            known = known or (name in ("StandardOutput", "StandardError") and text == "journal")
            if known:
                self.gone += slots
            else:
                kept.append(name)
        needed = {"DynamicUser": "false"} if "User" in kept else {}
        needed.update({name: value for name, value in self.check.settings.items() if name not in kept})
        lines = [f"{name} = {value};" for name, value in needed.items()]
        if kept and lines:
            self.draft.add(self.block, ("serviceConfig",), lines)
        elif len(lines) == 1:
            self.end.append(Snippet(f"serviceConfig.{lines[0]}"))
        elif lines:
            self.end.append(
                Snippet("serviceConfig = {\n" + "\n".join(f"  {line}" for line in lines) + "\n};")
            )
        if "TimeoutStartSec" in kept or "TimeoutSec" in kept:
            self.end.append(Snippet("timeout = null;"))
        elif (bound := max(longest(one, loop) for one, loop in self._all)) == math.inf:
            self.end.append(Snippet("timeout = null;"))
            self.draft.note("A round has no timeout, for it pauses nobody knows how often.")
        elif bound >= TIMEOUT:
            seconds = math.ceil(bound) + TIMEOUT
            self.end.append(Snippet(f"timeout = {seconds};"))
            self.draft.note(
                f"A round that takes longer than {seconds} seconds has failed; it had no such bound."
            )
        else:
            self.draft.note(
                "A round that takes longer than 30 seconds has failed: raise 'timeout' where it may."
            )
        return kept

    @property
    def _all(self) -> list[tuple[Block, Loop | None]]:
        """All the services that are edited at once, with their loops."""
        if self.made is None:
            return [(self.block, self.check.loop)]
        return [(one, check.loop) for one, check in zip(self.made.members, self.made.checks, strict=True)]

    # -- relations -------------------------------------------------------------------------------------

    def _relations(self) -> None:
        listed = {option: self.block.whole(option) for option in ORDER}
        for option, slots in listed.items():
            if len(slots) > 1:
                raise CannotSay(
                    "option-not-in-module", f"Its {option} is defined in several ways.", slots[0].expr
                )
        first = next((option for option in ("after", "requires", "bindsTo") if listed[option]), None)
        known = set[str]()
        if first is not None:
            (slot,) = listed[first]
            self._rename(slot, "dependsOn")
            known = {unit or "" for unit in self.block.texts(first)}
        for option in ORDER:
            for slot in listed[option]:
                if option in ("after", first):
                    continue
                units = self.block.texts(option)
                targets = all(unit is not None and unit.endswith(".target") for unit in units)
                if option == "wants" and targets:
                    continue
                missing = [unit for unit in units if unit is not None and unit not in known]
                if missing and first is not None and option != "partOf":
                    self.draft.extend_list(self.block, (first,), missing)
                    known |= set(missing)
                self.gone.append(slot)
                self.draft.note(
                    f"'{option}' is gone: a check is ordered behind what it looks at (dependsOn), and neither"
                    " starts nor stops it."
                )

    def _rename(self, slot: Slot, name: str) -> None:
        if slot.binding is None or slot.binding.type != "binding":
            raise NoPlace("a definition is inherited or computed")
        placing.demand_own(self.block.tree, self.block, slot.expr)
        self.draft.replace_text(slot.expr.file, attrpath_of(slot.binding)[slot.depth - 1], name)

    # -- places ----------------------------------------------------------------------------------------

    def _place(self, kept: list[str]) -> None:
        home = placing.home(self.block.tree, self.block, ())
        own = {slot.binding for slot in self.block.slots}
        items = [node for node in bindings_of(home.holder) if not home.lead or node in own]
        if not items:
            raise NoPlace("it is written in a set that is computed")
        description = self.block.whole("description")
        behind = items[0]
        if description and description[0].binding in items:
            behind = description[0].binding or behind
        if not home.lead:
            self.draft.spread(home.file, home.holder)
        led = [replace(s, text=home.lead + s.text) for s in self.middle]
        if self.end:
            self.draft.insert(
                home.file,
                home.holder,
                [replace(s, text=home.lead + s.text) for s in self.end],
                after=items[-1],
            )
        enabled = Snippet(f"{home.lead}enable = true;")
        if description and behind == description[0].binding:
            self.draft.insert(home.file, home.holder, led, after=behind)
            led = []
        self.draft.insert(home.file, home.holder, [enabled, *led], before=items[0])
        if self.wanted.description is not None and description:
            self.draft.set(self.block, ("description",), quote(self.wanted.description))
        if not kept:
            whole = [slot for slot in self.block.get("serviceConfig") if not slot.rest]
            if len(whole) == 1 and whole[0].expr.node.type == "attrset_expression":
                inside = [s for s in self.gone if _within(s, whole[0].expr.node, whole[0])]
                self.gone = [s for s in self.gone if s not in inside] + whole

    def _timer(self) -> None:
        if self.made is not None:
            for file, binding in self.made.timers():
                self.draft.drop_binding(file, binding)
            return
        timer = self.check.timer
        if timer is None:
            return
        if [c.text for c in (*timer.conditions, *shared_conditions(timer))] != [
            c.text for c in (*self.block.conditions, *shared_conditions(self.block))
        ]:
            raise CannotSay("option-not-in-module", "Its timer counts under other conditions.", timer.place)
        for slot in timer.slots:
            self.draft.remove_binding(timer, slot)
            if slot.holder is not None:
                self.draft.drop_emptied(slot.holder.file, slot.holder.node)

    def _move(self) -> None:
        if self.made is not None:
            for member in self.made.members:
                relocate(self.draft, member, TARGET, whole=member in self.made.whole)
            return
        relocate(self.draft, self.block, TARGET, whole=False, apart=True)
        if self.wanted.name == self.block.name:
            return
        path = (*TARGET, self.block.name)
        files = {slot.expr.file.source.path: slot.expr.file for slot in self.block.slots}
        for file in files.values():
            current = self.draft.now(file)
            new = identifier_or_quoted(self.wanted.name).encode()
            edits = [
                Edit(Span(current.source.path, node.start_byte, node.end_byte), new)
                for node in _components(current, current.root, (), path)
            ]
            if not edits:
                raise NoPlace("its name stands in no attribute path of its own")
            self.draft.edit(file, edits)


def _components(file: ParsedFile, node: Node, above: Path, path: Path) -> Iterator[Node]:
    """The components of attribute paths with which an option path ends, however it is spread over sets."""
    names = above
    if node.type == "binding":
        for part in attrpath_of(node):
            names = (*names, attr_name(file, part) or "")
            if names[-len(path) :] == path:
                yield part
    for child in node.named_children:
        yield from _components(file, child, names, path)


def _within(slot: Slot, node: Node, around: Slot) -> bool:
    same = slot.expr.file.source.path == around.expr.file.source.path
    return same and node.start_byte <= slot.expr.node.start_byte < node.end_byte
