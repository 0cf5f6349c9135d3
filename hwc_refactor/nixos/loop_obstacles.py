"""Why a loop must not become a timer: one small predicate for each reason, with the sentence a user reads.

The reasons that the unit gives, rather than the script, stand in `loop_units`, and their order in `loop_verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.shell_flow import carried
from hwc_refactor.nix.shell_walk import Reached, background, leavings, reached
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.commands import knowledge
from hwc_refactor.nixos.executables import executable_of
from hwc_refactor.nixos.intervals import Interval, interval_of
from hwc_refactor.nixos.looping import is_staying, is_waiting, names
from hwc_refactor.nixos.loops import Loop, Step, feeding, hidden, piece, sleep_of
from hwc_refactor.nixos.objects import Block

_READS = frozenset({"command", "redirected_statement", "while_statement", "list", "negated_command"})
_GIVEN = frozenset({"herestring_redirect", "heredoc_redirect", "file_redirect"})
PAUSE = Decimal(30)
"""The longest interval in seconds that may be the pause before a program is started again."""
SHORTEST = Decimal(3)
"""The shortest interval in seconds that the limit on starts (5 in 10 s; systemd-system.conf(5)) lets pass."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a loop stays a loop.

    Attributes:
        code: a stable word for the reason.
        text: a sentence for the user, without a place and a full stop.
        path, line: the place it is about.
    """

    code: str
    text: str
    path: str
    line: int

    def reason(self, file: str) -> str:
        """The sentence, for a reader who looks at a file."""
        where = f"line {self.line}" if self.path == file else f"{self.path}, line {self.line}"
        return f"{self.text} ({where})."


Predicate = Callable[[Block, Loop], Iterator[Obstacle]]


def interval(block: Block, loop: Loop) -> Interval | None:
    """How long the loop sleeps between its rounds."""
    return interval_of(block, loop.script, loop.sleeps[0]) if loop.sleeps else None


def delay(block: Block, loop: Loop) -> Interval | None:
    """How long it sleeps once before its first round."""
    last = loop.before[-1] if loop.before else None
    if last is None or last.script is not loop.script:
        return None
    return interval_of(block, last.script, last.node)


def setup(loop: Loop) -> tuple[Step, ...]:
    """What runs once before the loop, without a sleep at its end."""
    last = loop.before[-1] if loop.before else None
    if last is not None and last.script is loop.script and sleep_of(last.script, last.node) is not None:
        return loop.before[:-1]
    return loop.before


# -- where it stands -----------------------------------------------------------------------------------


def not_in_sight(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """The script cannot be edited, or a part of it is not written in the tree."""
    script = loop.script
    if script.body.string is None and script.body.offset is not None:
        yield _obstacle(
            loop.script,
            loop.node,
            "script-not-in-sight",
            f"The loop stands in {script.body.path}, a file of its own that other programs may run too",
        )
    elif not script.body.editable:
        yield _obstacle(
            loop.script,
            loop.node,
            "script-not-in-sight",
            "Its script is put together from several strings, or escaped in a command line",
        )
    for step in (*(Step(script, node) for node in loop.round), *loop.before):
        for at in reached(step.script, [step.node]):
            if hidden(block.tree, step.script, at.node):
                text = step.script.holes()[_hole(step.script, at.node)].text
                yield _obstacle(
                    step.script,
                    at.node,
                    "script-not-in-sight",
                    f"A part of its script is an expression whose text is not in sight, {_short(text)}",
                )
                return


def beside(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It runs beside another process, or only in some cases."""
    if loop.where == "background":
        yield _obstacle(
            loop.script,
            loop.background or loop.node,
            "loop-starts-background-job",
            "The loop itself runs in the background, beside another process of the service",
        )
    elif loop.where == "beside":
        yield _obstacle(
            loop.script,
            loop.node,
            "unit-type-conflict",
            "The loop runs in ExecStartPost, beside the main process of the service",
        )


def inside(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It is not what the script comes to in every case."""
    if loop.where == "inside":
        yield _obstacle(
            loop.script,
            loop.node,
            "loop-under-a-condition",
            "The script comes to the loop only in some cases, or does something else as well",
        )


def keeps_a_process(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It runs a program that does not end, and starts it again when it has."""
    found = list(_ran(block, loop))
    for node, name, words in found:
        if is_staying(name, words):
            text = f"A round runs '{name}', which does not end by itself: the loop only starts it again"
            yield _obstacle(loop.script, node, "loop-keeps-a-process", text)
            return
    every = interval(block, loop)
    short = every is not None and every.seconds is not None and every.seconds <= PAUSE
    work = [(node, name) for node, name, _ in found if name not in names("reports")]
    if short and len(work) == 1 and len(loop.work) == sum(1 for _ in _plain(loop)):
        known = knowledge(work[0][1])
        if known is None or "code" in known.needs:
            text = f"It may be that '{work[0][1]}' never ends, and the loop only starts it again"
            yield _obstacle(loop.script, work[0][0], "loop-keeps-a-process", text)


def _plain(loop: Loop) -> Iterator[Node]:
    """The statements of its work that are commands, whatever follows when they fail."""
    for node in loop.work:
        inner = node.named_children[0] if node.type in ("list", "redirected_statement") else node
        if inner.type == "command":
            yield node


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
            yield _obstacle(
                script,
                job,
                "loop-starts-background-job",
                "It starts a job in the background, which would be ended together with each run of a oneshot",
            )
            return


# -- what it does --------------------------------------------------------------------------------------


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
                yield _obstacle(
                    loop.script,
                    at.node,
                    "loop-driven-by-events",
                    f"A round waits in '{name}' for something to happen; time does not drive it",
                )
                return
    if _around_pipe(loop):
        yield _obstacle(
            loop.script,
            loop.node,
            "loop-driven-by-events",
            "It works through what a pipe or a file hands to it",
        )


def waits_for_condition(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It ends when something has come true, and what waits for it goes on."""
    if loop.form == "waiting":
        yield _obstacle(
            loop.script,
            loop.node,
            "loop-waits-for-condition",
            "The loop ends when its condition says so, and the service goes on or is done",
        )
    for leaving in leavings(loop.script, loop.round):
        ends = leaving.how == "exit" and leaving.argument in ("", "0")
        if leaving.how in ("break", "return", "exec") or ends:
            yield _obstacle(
                loop.script,
                leaving.node,
                "loop-waits-for-condition",
                f"A round may leave the loop with '{leaving.how}', so it does not go on for ever",
            )
            return


def waits_before(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It waits once before its first round."""
    for step in setup(loop):
        for at in reached(step.script, [step.node]):
            if at.node.type == "command" and sleep_of(step.script, at.node) is not None:
                yield _obstacle(
                    step.script,
                    at.node,
                    "loop-waits-for-condition",
                    "Before its first round it waits; with a timer it would wait before every run",
                )
                return


def exit_is_the_signal(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """It leaves with an error, and the failed unit is what somebody looks at."""
    for leaving in leavings(loop.script, loop.round):
        if leaving.how == "exit" and leaving.argument not in ("", "0"):
            yield _obstacle(
                loop.script,
                leaving.node,
                "exit-is-the-signal",
                f"A round may end the service with 'exit {leaving.argument}', and that it has ended is the"
                " message; a timer would try again",
            )
            return


def exit_is_told(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """It leaves with an error for good, or something acts on that."""
    restart = [slot.expr for slot in block.get("serviceConfig", "Restart") if not slot.rest]
    restarts = len(restart) == 1 and block.tree.resolver.literal(restart[0]) in ("always", "on-failure")
    acted = block.get("onFailure") or block.get("serviceConfig", "RestartMode")
    if not restarts or acted:
        yield from exit_is_the_signal(block, loop)


def cleans_up(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """Something runs when the loop ends: after every tick, with a timer."""
    for command in loop.script.commands:
        if command.name.text == "trap" and not any(w.text in ("-p", "-l") for w in command.arguments):
            yield _obstacle(loop.script, command.node, "loop-cleans-up", "A trap runs when the service ends")
            return
    for step in loop.after:
        yield _obstacle(
            step.script,
            step.node,
            "loop-cleans-up",
            "After the loop the script goes on; with a timer that would run after every round",
        )
        return


def carries_state(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """What a round knows from the one before it is lost with the process."""
    for found in carried(loop.script, (*loop.condition, *loop.statements)):
        yield _obstacle(
            loop.script,
            found.read,
            "loop-carries-state",
            f"A round reads '{found.name}', which the one before it has set (line {loop.script.line(found.set)})",
        )
        return
    for at in reached(loop.script, loop.round):
        command = loop.script.command(at.node) if at.node.type == "command" else None
        if command is None or at.apart:
            continue
        first = command.arguments[0].text if command.arguments else ""
        relative = bool(first) and not first.startswith(("/", "$", "~", "__nix", "-"))
        if (command.name.text in ("cd", "pushd") and relative) or command.name.text in ("eval", "popd"):
            yield _obstacle(
                loop.script,
                at.node,
                "loop-carries-state",
                f"A round changes the state of the shell with '{command.name.text}', which the next one has",
            )
            return
    yield from _moment(block, loop)


def _moment(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A value that belongs to the moment before the loop began."""
    used = {
        loop.script.source(at.node)
        for at in reached(loop.script, (*loop.condition, *loop.statements))
        if at.node.type == "variable_name"
    }
    for step in setup(loop):
        for at in reached(step.script, [step.node]):
            name = at.node.child_by_field_name("name") if at.node.type == "variable_assignment" else None
            if name is None or step.script.source(name) not in used:
                continue
            for below in reached(step.script, at.node.named_children):
                if _is_moment(block, step.script, below):
                    yield _obstacle(
                        step.script,
                        step.node,
                        "loop-carries-state",
                        f"Its rounds use '{step.script.source(name)}', which belongs to the moment in which"
                        " the loop began",
                    )
                    return


def _is_moment(block: Block, script: Script, at: Reached) -> bool:
    if at.node.type == "variable_name":
        return script.source(at.node) in names("moment", "variables")
    command = script.command(at.node) if at.node.type == "command" else None
    if command is None:
        return False
    return executable_of(block.tree, command.name.text, script.holes()).name in names("moment")


# -- when it does it -----------------------------------------------------------------------------------


def only_sleeps(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """There is nothing that a timer could start."""
    if not loop.round:
        yield _obstacle(
            loop.script,
            loop.node,
            "loop-is-meant",
            "It does nothing but sleep, which keeps the service active",
        )


def sleeps_more_than_once(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """Two sleeps in every round, or one between two halves of the work."""
    if len(loop.sleeps) > 1:
        yield _obstacle(
            loop.script,
            loop.sleeps[1],
            "loop-sleeps-more-than-once",
            f"Every round sleeps {len(loop.sleeps)} times; a timer has one interval",
        )
    elif len(loop.sleeps) == 1 and loop.form != "sleeping":
        at = loop.statements.index(loop.sleeps[0])
        if 0 < at < len(loop.statements) - 1:
            yield _obstacle(
                loop.script,
                loop.sleeps[0],
                "loop-sleeps-more-than-once",
                "It sleeps between two halves of a round, neither at its beginning nor at its end",
            )


def may_skip_sleep(_: Block, loop: Loop) -> Iterator[Obstacle]:
    """A round that goes to the next one without a pause."""
    if loop.sleeps_first:
        return
    for leaving in leavings(loop.script, loop.work):
        if leaving.how == "continue":
            yield _obstacle(
                loop.script, leaving.node, "loop-may-skip-sleep", "A round may skip its sleep with 'continue'"
            )
            return


def interval_unknown(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """How long it sleeps is only known when it runs."""
    if not loop.sleeps:
        below = [
            at.node
            for at in reached(loop.script, loop.statements)
            if at.node.type == "command" and sleep_of(loop.script, at.node) is not None
        ]
        if below:
            yield _obstacle(
                loop.script,
                below[0],
                "interval-unknown",
                "It sleeps only in some cases, or within a function",
            )
        else:
            yield _obstacle(
                loop.script,
                loop.node,
                "loop-driven-by-events",
                "It never sleeps, so its rounds wait for something else than time",
            )
        return
    if interval(block, loop) is None:
        text = " ".join(loop.script.source(loop.sleeps[0]).split())
        for number, hole in enumerate(loop.script.holes()):
            text = text.replace(f"__nix{number}__", "${" + hole.text + "}")
        yield _obstacle(
            loop.script,
            loop.sleeps[0],
            "interval-unknown",
            f"How long '{text}' takes is only known when it runs",
        )
        return
    last = loop.before[-1] if loop.before else None
    if last is not None and last.script is not loop.script:
        last = None
    slept = last is not None and sleep_of(last.script, last.node) is not None
    if last is not None and slept and (delay(block, loop) is None or loop.sleeps_first):
        yield _obstacle(
            last.script,
            last.node,
            "interval-unknown",
            "How long it waits before its first round cannot be said for a timer",
        )


def interval_too_short(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A unit that is started so often runs into the limit on starts."""
    found = interval(block, loop)
    if found is None or found.seconds is None or found.seconds >= SHORTEST:
        return
    if found.seconds < 1:
        yield _obstacle(
            loop.script,
            loop.sleeps[0],
            "interval-below-one-second",
            "It sleeps for less than a second; starting a unit as often costs more than the loop does",
        )
    else:
        yield _obstacle(
            loop.script,
            loop.sleeps[0],
            "interval-hits-start-limit",
            f"It sleeps {found.shown}; systemd refuses to start a unit more than five times in ten seconds",
        )


# -- what comes before it ------------------------------------------------------------------------------


def setup_has_effects(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """What runs once today would run before every round."""
    for step in setup(loop):
        found = lasting(block, step.script, [step.node])
        if found is not None:
            yield _obstacle(
                step.script,
                found[0],
                "setup-has-effects",
                f"Before the loop it {found[1]}; with a timer it would do that before every round",
            )
            return


def lasting(block: Block, script: Script, nodes: Iterable[Node]) -> tuple[Node, str] | None:
    """What in a stretch of script does harm when it runs again and again: the place, and what it does."""
    for at in reached(script, nodes):
        below = piece(block.tree, script, at.node)
        if below is not None:
            found = lasting(block, below, below.root.named_children)
            if found is not None:
                return at.node, found[1]
            continue
        if at.node.type == "file_redirect" and any(
            c.type in (">", ">>", "&>", ">|") for c in at.node.children
        ):
            target = at.node.child_by_field_name("destination")
            text = "" if target is None else script.source(target).strip("\"'")
            owner = at.node.parent
            held = owner is not None and script.source(owner).startswith("exec")
            if not text.startswith(("/dev/null", "/dev/std", "&")) and not held and not text.isdigit():
                return at.node, "writes a file"
            if held and _empties(script, at.node):
                return at.node, f"empties {text}"
        command = script.command(at.node) if at.node.type == "command" else None
        if command is None or command.name.text in script.functions:
            continue
        name = executable_of(block.tree, command.name.text, script.holes()).name or command.program
        known = knowledge(name)
        harmless = name in names("again") or (known is not None and known.plain)
        if not harmless and not (at.apart and known is not None and not known.writes):
            return at.node, f"runs '{name}'"
    return None


def opened_once(block: Block, loop: Loop) -> Iterator[Obstacle]:
    """A file that all rounds write into one after the other would begin anew with every round."""
    node = loop.node
    while node != loop.around and node.parent is not None:
        around = node.parent
        for beside in around.named_children:
            if beside == node or beside.type == "comment":
                continue
            if beside.type == "file_redirect":
                found = _empties(loop.script, beside)
            else:
                found = lasting(block, loop.script, [beside]) is not None
            if found:
                text = " ".join(loop.script.source(beside).split())
                yield _obstacle(
                    loop.script,
                    beside,
                    "loop-carries-state",
                    f"All its rounds write into '{_short(text)}', which a timer would begin anew with every round",
                )
                return
        node = around


# -- words ---------------------------------------------------------------------------------------------


def _obstacle(script: Script, node: Node, code: str, text: str) -> Obstacle:
    return Obstacle(code, text, script.body.path, script.line(node))


def _empties(script: Script, redirect: Node) -> bool:
    """Whether a redirection begins its file anew."""
    target = redirect.child_by_field_name("destination")
    text = "" if target is None else script.source(target).strip("\"'")
    opens = any(child.type in (">", "&>", ">|") for child in redirect.children)
    return opens and not text.startswith(("/dev/", "&", ">(")) and not text.isdigit() and text != "-"


def _hole(script: Script, node: Node) -> int:
    command = script.command(node)
    assert command is not None
    return command.name.hole or 0


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"


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
