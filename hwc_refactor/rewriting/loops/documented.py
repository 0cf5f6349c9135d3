"""The loop of diff 1 as the audit documents it: renamed, sandboxed, its log lines in the journal, a timer.

What is prescribed stands in the recipe, `patches/diff1.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.codemod import Context
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comments_of
from hwc_refactor.nix.shell import Word
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Gap, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.loops.intervals import delay, interval
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.obstacles import Obstacle
from hwc_refactor.nixos.loops.unit import shared_conditions
from hwc_refactor.nixos.scripts.executables import executable_of
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.loops.ticking import documented_times, drop_restarts, faithful, limit
from hwc_refactor.rewriting.loops.timers import add_timer, beside
from hwc_refactor.rewriting.loops.unlooping import Replacement, indentation, newline, unlooped
from hwc_refactor.rewriting.renaming import rename_service


class _Logging(Struct, frozen=True, eq=False):
    """A command that appends its output to a file.

    Attributes:
        end: where the command ends.
        stop: where its redirection ends.
        target: the file.
    """

    end: int
    stop: int
    target: Word


def documented(draft: Draft, block: Block, loop: Loop, ctx: Context) -> Obstacle | None:
    """Write a loop as its diff documents it.

    Returns:
        What is different from what the diff is about; nothing is written then that counts.

    Raises:
        NoPlace: when a place serves other services too.
    """
    logging = _logging(block, loop, ctx.text("program") or "", ctx.texts("arguments") or ())
    if isinstance(logging, Obstacle):
        return logging
    name = ctx.text("rename") or block.name
    placing.demand_own(block.tree, block, loop.script.at)
    place = beside(block, shared_conditions(block))
    draft.rewrite_script(loop.script, list(_script(block, loop, logging, ctx)))
    every, before = interval(block, loop), delay(block, loop)
    assert every is not None
    patient = ctx.settings.timer_style != "faithful"
    _service(draft, block, ctx, [] if patient else limit(draft, block, every))
    _names(draft, block, loop, ctx)
    times = documented_times(every) if patient else faithful(every, before, first=loop.sleeps_first)
    settings = "\n".join(f"  {key} = {text};" for key, text in times.items())
    add_timer(
        draft,
        place,
        name,
        [
            f"description = {quote(ctx.text('timer-description') or '')};",
            'wantedBy = [ "timers.target" ];',
            "timerConfig = {\n" + settings + "\n};",
        ],
        expressions=every.expressions,
        heading=ctx.text("timer-heading"),
    )
    rename_service(draft, block, name)
    _tell(draft, block, loop, logging, name)
    return None


def _logging(block: Block, loop: Loop, program: str, arguments: Sequence[str]) -> _Logging | Obstacle:
    """The one command of the loop, whose output goes to a log file.

    Its arguments say what its lines hold: with others, the names that the diff gives them would be wrong.
    """
    script, work = loop.script, loop.work
    differs = Obstacle(
        "not-as-documented",
        f"The diff is about a loop that runs {program} {' '.join(arguments)} and appends its output to a file;"
        " 'apply --codemod loop-to-timer' takes it as it is",
        script.body.path,
        loop.line,
    )
    if len(work) != 1 or work[0].type != "redirected_statement":
        return differs
    inner, *redirects = work[0].named_children
    command = script.command(inner) if inner.type == "command" else None
    if command is None or len(redirects) != 1 or redirects[0].type != "file_redirect":
        return differs
    target = redirects[0].child_by_field_name("destination")
    appends = any(child.type == ">>" for child in redirects[0].children)
    if executable_of(block.tree, command.name.text, script.holes()).name != program or not appends:
        return differs
    if target is None or redirects[0].start_byte < inner.end_byte:
        return differs
    if {word.literal for word in command.arguments} != set(arguments):
        return differs
    return _Logging(inner.end_byte, redirects[0].end_byte, script.word(target))


# -- the script ----------------------------------------------------------------------------------------


def _script(block: Block, loop: Loop, logging: _Logging, ctx: Context) -> Iterator[Replacement]:
    script, node = loop.script, loop.node
    feed = newline(script) + indentation(script, node.start_byte)
    step = "\t" if feed.endswith("\t") else "  "
    heading = f"# {ctx.text('script-heading')}{feed}"
    shebang = _shebang(loop)
    strict = any(command.name.text == "set" for command in script.commands)
    if shebang is not None:
        yield shebang.start_byte, shebang.end_byte, "" if strict else f"set -euo pipefail{newline(script)}"
    elif not strict:
        heading = f"set -euo pipefail{newline(script)}{feed}{heading}"
    for start, end, text in unlooped(block, loop).edits:
        yield start, end, heading + text if start == node.start_byte else text
    lines = (
        f" | while IFS=, read -r {' '.join(ctx.texts('journal-fields') or ())}; do",
        f"{step}# {ctx.text('journal-heading')}",
        f'{step}echo "{ctx.text("journal-line")}"',
        "done",
    )
    yield logging.end, logging.stop, feed.join(lines)


def _shebang(loop: Loop) -> Node | None:
    """A first line that names an interpreter, where the builder has put one before it already."""
    first = loop.script.root.named_children[0]
    built = loop.program.wrapped is not None and loop.program.wrapped.builder.startswith("writeShell")
    return first if built and loop.script.source(first).startswith("#!") else None


# -- the service ---------------------------------------------------------------------------------------


def _service(draft: Draft, block: Block, ctx: Context, limits: Sequence[Snippet]) -> None:
    if block.get("serviceConfig", "User"):
        draft.remove(block, ("serviceConfig", "User"))
    first = [*limits, *_snippets(ctx.texts("settings") or ())]
    last = _snippets(ctx.texts("sandbox") or ())
    if block.get("serviceConfig", "Type"):
        draft.set(block, ("serviceConfig", "Type"), '"oneshot"')
        draft.add(block, ("serviceConfig",), first, after="Type")
        draft.add(block, ("serviceConfig",), last, after="ExecStart")
    else:
        draft.add(block, ("serviceConfig",), [Snippet('Type = "oneshot";'), *first, *last], after="ExecStart")
    drop_restarts(draft, block)
    if block.get("wantedBy"):
        if not block.items("wantedBy"):
            draft.review("It was not started at boot until now; its timer is.")
        draft.remove(block, ("wantedBy",))


def _snippets(lines: Sequence[str]) -> list[Snippet]:
    """Bindings; a line that begins with `#` is a heading above the next one, an empty one a blank line."""
    found: list[Snippet] = []
    above: tuple[str, ...] = ()
    blank = False
    for line in lines:
        if line.startswith("#"):
            above, blank = (*above, line), True
        elif line:
            found.append(Snippet(line, above=above, blank=blank))
            above, blank = (), False
        else:
            blank = True
    if blank and found:
        found[-1] = replace(found[-1], blank_below=True)
    return found


def _names(draft: Draft, block: Block, loop: Loop, ctx: Context) -> None:
    """What describes and names it."""
    description = ctx.text("description")
    if description is not None:
        draft.set(block, ("description",), quote(description))
    slot = block.slots[0]
    heading = ctx.text("heading-behind")
    if heading is not None and slot.binding is not None:
        above = comments_of(slot.expr.file, slot.binding).leading
        if above:
            text = slot.expr.file.text(above[-1]).decode(errors="replace").rstrip()
            draft.replace_text(slot.expr.file, above[-1], f"{text} {heading}")
    built = block.tree.resolver.value(loop.program.slot.expr)
    if isinstance(built, Str) and len(built.parts) == 1 and isinstance(built.parts[0], Gap):
        built = built.parts[0].value
    name = ctx.text("rename")
    if isinstance(built, Call) and len(built.args) == 2 and name is not None:
        if block.tree.resolver.literal(built.args[0]) == block.name:
            draft.replace_text(built.args[0].file, built.args[0].node, quote(name))


def _tell(draft: Draft, block: Block, loop: Loop, logging: _Logging, name: str) -> None:
    text = logging.target.text
    for number, hole in enumerate(loop.script.holes()):
        text = text.replace(f"__nix{number}__", "${" + hole.text + "}")
    draft.review()
    draft.note(
        f"Its lines go to the journal ('journalctl -u {name}'), no longer to {text}: what reads that file, or"
        " makes its folder, is not needed any more."
    )
    draft.note(f"It is {name} now; 'systemctl start {name}' takes one sample, its timer one after the other.")
