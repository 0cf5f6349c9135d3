"""A health check in the words of the shared module, edited in place.

What the module calls the same stays as it is. The loop, or the timer, becomes a schedule or an interval;
what the service is ordered behind becomes `dependsOn`; what is left of its settings stays in `serviceConfig`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hwc_refactor import placing
from hwc_refactor.draft import Draft
from hwc_refactor.nix import build
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import STRING_TYPES, attr_name, identifier_or_quoted, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Call, Expr, Gap, Scalar, Slot, Str
from hwc_refactor.nixos.checks import Check
from hwc_refactor.nixos.intervals import Interval, delay, interval
from hwc_refactor.nixos.loop_units import said, shared_conditions
from hwc_refactor.nixos.looping import names
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.programs import Program, main_program
from hwc_refactor.nixos.scripts import bears_errexit
from hwc_refactor.placing import NoPlace
from hwc_refactor.relocating import relocate
from hwc_refactor.ticking import faithful
from hwc_refactor.unlooping import Replacement, indentation, newline, unlooped

Path = tuple[str, ...]
TARGET = ("services", "hwc", "monitor")
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
SAME = frozenset({"description", "path", "environment", "onFailure", "script"})
"""What the module calls as NixOS does."""
ORDER = ("after", "requires", "bindsTo", "requisite", "partOf", "wants")
"""Relations to other units: a check only waits for them, and never starts or stops with them."""
DROPPED = frozenset(
    {"startLimitIntervalSec", "startLimitBurst", "restartIfChanged", "stopIfChanged", "startAt"}
)
"""What is about restarting the loop, or said otherwise."""
GIVEN = frozenset(
    {"PATH", "HOME", "PWD", "SHELL", "USER", "LOGNAME", "INVOCATION_ID", "HOSTNAME", "UID", "EUID", "BASHPID"}
)
"""Variables that bash and systemd give to every script (systemd.exec(5), Environment Variables; bash manual)."""


class CannotSay(Exception):
    """Something cannot be said in the module's words. `code` names the reason, the message is for users."""

    def __init__(self, code: str, message: str, at: Expr | None = None) -> None:
        """Give the refusal's code, its sentence and the place it is about."""
        super().__init__(message)
        self.code = code
        self.at = at


@dataclass(frozen=True, slots=True)
class Wanted:
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


@dataclass(eq=False)
class _Writer:
    draft: Draft
    block: Block
    check: Check
    wanted: Wanted
    middle: list[Snippet] = field(default_factory=list)
    """New bindings behind the description."""
    end: list[Snippet] = field(default_factory=list)
    """New bindings at the end."""
    gone: list[Slot] = field(default_factory=list)
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
        self._script(program)
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
        self.gone += [slot for name in DROPPED for slot in self.block.get(name) if not slot.rest]
        self.gone += [slot for name in removed for slot in self._slots("unitConfig", name)]

    def _slots(self, *path: str) -> list[Slot]:
        return [slot for slot in self.block.get(*path) if not slot.rest]

    # -- when ------------------------------------------------------------------------------------------

    def _when(self) -> None:
        loop, started = self.check.loop, self._slots("wantedBy")
        if loop is not None:
            every = interval(self.block, loop)
            assert every is not None
            self.middle += self._every(every)
            if not started or not self.block.items("wantedBy"):
                self.draft.note("It was not started at boot until now; its timer is.")
        elif self.check.timer is None:
            (slot,) = self._slots("startAt")
            self.middle.append(Snippet(f"schedule = {self._calendar(slot)};"))
            self.middle += [Snippet("persistent = false;"), Snippet("onBootDelay = null;")]
        else:
            self.middle += self._timer_words(self.check.timer)
        self.gone += started

    def _every(self, every: Interval) -> Iterator[Snippet]:
        loop = self.check.loop
        assert loop is not None
        if self.wanted.style == "faithful":
            times = faithful(every, delay(self.block, loop), first=loop.sleeps_first)
            lines = "\n".join(f"  {name} = {value};" for name, value in times.items())
            yield Snippet("schedule = null;")
            yield Snippet(f"timerConfig = {{\n{lines}\n}};")
            return
        preset = None if every.parts or every.seconds is None else PRESETS.get(every.seconds)
        if preset is not None:
            yield Snippet(f'schedule = "{preset}";')
        else:
            yield Snippet(f"interval = {every.nix};")
            if loop.sleeps_first:
                yield Snippet(f"onBootDelay = {every.nix};")
        self.draft.note(
            "The time between two rounds counted from the end of one to the start of the next; now it counts"
            f" {'by the clock' if preset else 'from start to start'}."
        )

    def _calendar(self, slot: Slot) -> str:
        if slot.conditions and len(slot.conditions) > len(shared_conditions(self.block)):
            raise CannotSay("option-not-in-module", "Its schedule counts only under a condition.", slot.expr)
        text = self.block.tree.resolver.literal(slot.expr)
        if text is None and slot.expr.node.type == "list_expression":
            raise CannotSay("option-not-in-module", "The module knows one schedule, not several.", slot.expr)
        return slot.expr.text if text not in CALENDARS else quote(CALENDARS[text or ""])

    def _timer_words(self, timer: Block) -> Iterator[Snippet]:
        """A timer's settings in the words of the module; what has none stays as it is."""
        for name in timer.view.slots:
            if name not in ("timerConfig", "wantedBy", "description", "enable", "partOf"):
                slot = timer.view.slots[name][0]
                raise CannotSay(
                    "option-not-in-module", f"The module's timer has no option '{name}'.", slot.expr
                )
        others: list[str] = []
        found: dict[str, Slot] = {}
        for name in timer.names("timerConfig"):
            slots = [slot for slot in timer.get("timerConfig", name) if not slot.rest]
            if len(slots) != 1:
                raise CannotSay(
                    "option-not-in-module", f"Its {name} is defined in several ways.", timer.place
                )
            found[name] = slots[0]
        said = {"Unit", "AccuracySec"}
        if "OnCalendar" in found:
            yield Snippet(f"schedule = {self._calendar(found['OnCalendar'])};")
            yield from self._said(found, "Persistent", "persistent", "true", "false")
            yield from self._said(found, "OnBootSec", "onBootDelay", "", "null")
            said |= {"OnCalendar", "Persistent", "OnBootSec"}
        elif "OnUnitActiveSec" in found:
            yield Snippet(f"interval = {found['OnUnitActiveSec'].expr.text};")
            yield Snippet("onBootDelay = null;")
            said |= {"OnUnitActiveSec"}
        else:
            yield Snippet("schedule = null;")
            yield Snippet("onBootDelay = null;")
        yield from self._said(found, "AccuracySec", "accuracy", "", "" if "OnCalendar" in found else '"1min"')
        others = [f"{name} = {slot.expr.text};" for name, slot in found.items() if name not in said]
        if len(others) == 1:
            yield Snippet(f"timerConfig.{others[0]}")
        elif others:
            yield Snippet("timerConfig = {\n" + "\n".join(f"  {line}" for line in others) + "\n};")

    def _said(
        self, found: Mapping[str, Slot], key: str, option: str, default: str, absent: str
    ) -> Iterator[Snippet]:
        """A setting by its option; `default` is what the option has anyway, `absent` what says that it is not there."""
        if key not in found:
            if absent:
                yield Snippet(f"{option} = {absent};")
        elif found[key].expr.text != default:
            yield Snippet(f"{option} = {found[key].expr.text};")

    # -- as whom ---------------------------------------------------------------------------------------

    def _as_whom(self) -> None:
        users = self._slots("serviceConfig", "User")
        dynamic = [
            self.block.tree.resolver.value(s.expr) for s in self._slots("serviceConfig", "DynamicUser")
        ]
        plain = any(isinstance(value, Scalar) and value.value is True for value in dynamic)
        root = (not users and not plain) or said(self.block, "serviceConfig", "User") == "root"
        if not root:
            return
        if self.check.root:
            commands = [name for name in self.check.root if not name.startswith("/")]
            paths = [name for name in self.check.root if name.startswith("/")]
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
            slots = self._slots("serviceConfig", name)
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
        else:
            self.draft.note(
                "A round that takes longer than 30 seconds has failed: raise 'timeout' where it may."
            )
        return kept

    # -- relations -------------------------------------------------------------------------------------

    def _relations(self) -> None:
        listed = {option: self._slots(option) for option in ORDER}
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
            known = {self.block.tree.resolver.literal(item.expr) or "" for item in self.block.items(first)}
        for option in ORDER:
            for slot in listed[option]:
                if option in ("after", first):
                    continue
                units = [self.block.tree.resolver.literal(item.expr) for item in self.block.items(option)]
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

    # -- the script ------------------------------------------------------------------------------------

    def _script(self, program: Program) -> None:
        loop = self.check.loop
        script = loop.script if loop is not None else program.script
        edits: tuple[Replacement, ...] = ()
        nodes: Sequence[Node] = () if script is None else script.root.named_children
        if loop is not None:
            nodes = (*(step.node for step in loop.before), *loop.work)
            placing.demand_own(self.block.tree, self.block, loop.script.at)
            found = unlooped(self.block, loop)
            edits = found.edits
            for text in found.comments:
                self.draft.note(f"The comment '{text}' went with what it described.")
        if program.option == ("script",):
            if script is None:
                raise CannotSay("script-not-in-sight", "Its script is not written in the tree.", program.at)
            self._rewrite(script, _laxer(self.block, script, program, nodes, edits))
            return
        inline = self._inline(program)
        if inline is not None and script is not None and script.at.node == inline.node:
            self._moved(script, _laxer(self.block, script, program, nodes, edits), inline)
            return
        if edits and script is not None:
            self._rewrite(script, edits)
        self.middle.append(Snippet(f"script = {self._started(program)};"))

    def _rewrite(self, script: Script, edits: tuple[Replacement, ...]) -> None:
        if edits:
            placing.demand_own(self.block.tree, self.block, script.at)
            self.draft.rewrite_script(script, edits)

    def _inline(self, program: Program) -> Expr | None:
        """The text of a script that a builder is given on the spot: `pkgs.writeShellScript "x" ''…''`."""
        value = self.block.tree.resolver.value(program.slot.expr)
        if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
            value = value.parts[0].value
        if (
            not isinstance(value, Call)
            or not value.name.startswith("writeShellScript")
            or len(value.args) != 2
        ):
            return None
        text = value.args[1]
        within = program.slot.binding is not None and (
            program.slot.binding.start_byte <= text.node.start_byte < program.slot.binding.end_byte
        )
        return text if within and text.node.type in STRING_TYPES else None

    def _moved(self, script: Script, edits: tuple[Replacement, ...], text: Expr) -> None:
        """The script stands in an option of its own now, instead of in ExecStart."""
        self._rewrite(script, edits)
        current = self.draft.now(text.file)
        node = self.draft.here(text.file, text.node)
        margin = current.source.indent(node.start_byte)
        text_now = current.text(node).replace(b"\r\n", b"\n")
        moved = build.reindent(text_now, margin, b"").decode(errors="replace")
        self.middle.append(Snippet(f"script = {moved};"))

    def _started(self, program: Program) -> str:
        """A script that starts the program of an Exec line."""
        at = program.slot.expr
        if program.prefixes or (
            program.line is not None and any(b"%" in a.data or b"$" in a.data for a in program.line.arguments)
        ):
            raise CannotSay("script-not-in-sight", "Its command line is no plain one for a shell.", at)
        if at.node.type in STRING_TYPES:
            line = program.line
            if line is None or any(a.inside is not None and a.start != a.inside for a in line.arguments):
                raise CannotSay("script-not-in-sight", "Its command line is no plain one for a shell.", at)
            return at.text
        return '"${' + at.text + '}"'

    # -- places ----------------------------------------------------------------------------------------

    def _place(self, kept: list[str]) -> None:
        home = placing.home(self.block.tree, self.block, ())
        own = {slot.binding for slot in self.block.slots}
        items = [node for node in bindings_of(home.holder) if not home.lead or node in own]
        if not items:
            raise NoPlace("it is written in a set that is computed")
        description = self._slots("description")
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
        timer = self.check.timer
        if timer is None:
            return
        if [c.text for c in (*timer.conditions, *shared_conditions(timer))] != [
            c.text for c in (*self.block.conditions, *shared_conditions(self.block))
        ]:
            raise CannotSay("option-not-in-module", "Its timer counts under other conditions.", timer.place)
        for slot in timer.slots:
            self.draft.remove_binding(timer, slot)

    def _move(self) -> None:
        relocate(self.draft, self.block, TARGET, whole=False)
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


def _laxer(
    block: Block, script: Script, program: Program, nodes: Sequence[Node], edits: tuple[Replacement, ...]
) -> tuple[Replacement, ...]:
    """The edits, and what takes back of the module's `set -euo pipefail` what the script does not bear."""
    options = [
        word.text for command in script.commands if command.program == "set" for word in command.arguments
    ]
    flags = [option.lstrip("-") for option in options if option.startswith("-")]
    off: list[str] = []
    strict = program.strict or any("e" in flag for flag in flags) or "errexit" in options
    if not strict and not bears_errexit(script, nodes):
        off.append("+e")
    unset = {name for name in script.expanded() - script.assigned() if name.isalnum() or name.isidentifier()}
    unset -= {*block.names("environment"), *GIVEN}
    if unset and not any("u" in flag for flag in flags) and "nounset" not in options:
        off.append("+u")
    if any(True for _ in script.nodes("pipeline")) and "pipefail" not in options:
        off.append("+o pipefail")
    if not off:
        return edits
    statements = [node for node in script.root.named_children if node.type != "comment"]
    at = statements[0].start_byte if statements else 0
    text = f"set {' '.join(off)}{newline(script)}{indentation(script, at)}"
    first = next((edit for edit in edits if edit[0] == at), None)
    if first is None:
        return ((at, at, text), *edits)
    return tuple((s, e, text + t) if (s, e, t) == first else (s, e, t) for s, e, t in edits)
