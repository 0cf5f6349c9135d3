"""Declare a health check with the shared module services.hwc.monitor.

What it does
    Turns a service that only asks and reports, again and again, into `services.hwc.monitor.X`: an endless
    loop with a sleep, or a oneshot with a timer. The loop, or the timer, becomes `schedule` or `interval`;
    what it is ordered behind becomes `dependsOn`; root stays only where its commands need it. The module's
    file is added once, and imported in one place that is sure to reach all checks, or in the files of the
    checks where there is none. The name loses the word that says it is a check. Checks that one function
    makes go together, by an edit of the function, and keep their names.
Why
    Each check that is written in its own way lacks what is easily forgotten: a sandbox, a timeout, a user of
    its own. An endless loop keeps a shell alive for nothing, and hides a failed check from systemd.
What it finds
    check, medium: A health check of its own making, without the sandbox and the timeout of the shared module.
    more, low: A service that is called a check does more than asking and reporting.
Before
    systemd.services.wiki-health = {
      description = "The wiki answers";
      after = [ "nginx.service" ];
      wantedBy = [ "multi-user.target" ];
      script = ''
        while true; do
          curl -fsS http://localhost/ > /dev/null || echo "no answer"
          sleep 300
        done
      '';
    };
After
    services.hwc.monitor.wiki = {
      enable = true;
      description = "The wiki answers";
      schedule = "every-5-minutes";
      dependsOn = [ "nginx.service" ];
      script = ''
        curl -fsS http://localhost/ > /dev/null || echo "no answer"
      '';
    };
When it refuses
    does-more-than-check: it changes something, or it is not known what it does
    option-not-in-module: it uses an option that the module has no word for
    name-taken: there is another monitor of the name it would get
    loop-carries-state: a round reads what the one before it has set
    loop-waits-for-condition: the loop ends when something is true, or waits for it before its first round
    loop-driven-by-events: a command in it waits for something to happen
    loop-cleans-up: something runs when it ends
    loop-starts-background-job: a job in the background would be ended together with the oneshot
    loop-sleeps-more-than-once: every round sleeps more than once, or between two halves of its work
    loop-may-skip-sleep: a `continue` goes to the next round without the sleep
    loop-under-a-condition: the script comes to the loop only in some cases
    loop-keeps-a-process: a round runs a program that does not end by itself, and the loop starts it again
    loop-is-meant: a comment says why it is a loop, or it does nothing but sleep
    interval-below-one-second: it sleeps for less than a second
    interval-hits-start-limit: it sleeps so briefly that systemd would refuse to start the unit as often
    interval-unknown: how long it sleeps is only known when it runs
    exit-is-the-signal: it ends with an error for good, or something is told when it does
    setup-has-effects: what runs once before the loop has effects
    timer-exists: the loop has a timer already
    template-unit: it is a template
    name-not-literal: its name is made by an expression
    unit-type-conflict: it is no plain process
    unit-disabled: it is switched off by `enable`
    unit-state-used-elsewhere: another unit, a script or a test names it
    defined-in-several-files: another file changes the service too
    script-not-in-sight: its script is not written in one place as text that can be edited
    shared-definition: its definition stands in a place that serves other services too
    module-import-unclear: no file is sure to be read wherever the checks are; see --module-import
    module-import-unusable: the file that --module-import names has no list of modules
    module-path-taken: the file of the module cannot be made where it would go
    module-differs: another module declares the same option, or the module does it in another way
What a person must still do
    Look at the first runs: `systemctl status hwc-monitor-X`. Add the new file to git, for a flake sees only
    what git knows.
Sources
    systemd.timer(5); systemd.exec(5); the options of the module, docs/modules.md
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.codemod import Context, Foundation, Outcome, codemod
from hwc_refactor.model import Change, Severity
from hwc_refactor.nix.build import BuildError
from hwc_refactor.nixos.block import HWC_MONITOR, SERVICE, Block
from hwc_refactor.nixos.loops import endings, unit
from hwc_refactor.nixos.loops.checks import Check, check_of, short_name
from hwc_refactor.nixos.loops.obstacles import Obstacle
from hwc_refactor.nixos.loops.verdict import obstacles
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.surveys import Survey, surveyed
from hwc_refactor.rewriting.groundwork import SharedModule, is_shared
from hwc_refactor.rewriting.loops.ticking import refused
from hwc_refactor.rewriting.module_words import CannotSay
from hwc_refactor.rewriting.monitors.made import TIES, Made, is_made, made_with
from hwc_refactor.rewriting.monitors.monitoring import Wanted, monitor, monitor_all
from hwc_refactor.rewriting.placing import NoPlace

MODULE = SharedModule("services.hwc.monitor", "modules/services/hwc-monitor.nix")
WHY = (
    "Written in its own way, it can lack what is easily forgotten: a sandbox, a timeout, a user of its own."
    " The shared module says it for all checks."
)
NAMES = Survey("names of services", SERVICE, lambda block: block.name if block.own else None)


@codemod(
    "monitor-module",
    kind=SERVICE,
    severity=Severity.MEDIUM,
    applicability="review",
    documented_as="diff 6",
    manual=__doc__,
    surveys=(NAMES, TIES),
    ground=Foundation(
        MODULE,
        why="The health checks of this configuration are declared with it.",
        needs=lambda block, ctx: isinstance(_declared(block, ctx), Change),
    ),
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Declare one health check with the module."""
    return _declared(block, ctx)


def _declared(block: Block, ctx: Context) -> Outcome | None:
    if not block.own or is_shared(ctx.tree, MODULE, block.file):
        return None
    check = check_of(block, ctx.settings.monitors)
    if check is None:
        return None
    ctx = ctx.finding("more" if check.does else "check")
    for obstacle in _obstacles(block, check):
        return refused(ctx, block, obstacle)
    if is_made(block) and (made := made_with(block, ctx.settings.monitors)) is not None:
        return _together(block, made, ctx)
    name = ctx.table("names").get(block.name) or short_name(block.name)
    if name != block.name and _taken(block, name):
        name = block.name
    if objects(ctx.tree, HWC_MONITOR, (name,)):
        return ctx.refuse(block, "name-taken", f"There is a monitor '{name}' already.")
    draft = ctx.draft(block, f"declare {block.name} with {MODULE.option}", WHY)
    draft.review(f"Its units are hwc-monitor-{name}.service and hwc-monitor-{name}.timer now.")
    style = ctx.settings.timer_style or "documented"
    try:
        monitor(draft, block, check, Wanted(name, ctx.table("descriptions").get(block.name), style))
    except CannotSay as error:
        return ctx.refuse(block, error.code, str(error), error.at)
    except (NoPlace, BuildError) as error:
        return ctx.refuse(block, "shared-definition", f"It cannot be moved for it alone: {error}.")
    return draft.done()


def _together(block: Block, made: Made, ctx: Context) -> Outcome | None:
    """Declare the checks of one function, which keep their names."""
    for member, check in zip(made.members, made.checks, strict=True):
        for obstacle in _obstacles(member, check):
            return ctx.refuse(
                block,
                "shared-definition",
                f"It is made together with '{member.name}', which stays as it is. {obstacle.reason(block.file)}",
            )
        if objects(ctx.tree, HWC_MONITOR, (member.name,)):
            return ctx.refuse(block, "name-taken", f"There is a monitor '{member.name}' already.")
    names = ", ".join(member.name for member in made.members)
    draft = ctx.draft(block, f"declare {names} with {MODULE.option}", WHY)
    draft.review("The units of each are hwc-monitor-NAME.service and hwc-monitor-NAME.timer now.")
    try:
        monitor_all(draft, made, ctx.settings.timer_style or "documented")
    except CannotSay as error:
        return ctx.refuse(block, error.code, str(error), error.at)
    except (NoPlace, BuildError) as error:
        return ctx.refuse(block, "shared-definition", f"It cannot be moved for it alone: {error}.")
    draft.together(member for member in made.members if member is not block)
    return draft.done()


def _obstacles(block: Block, check: Check) -> Iterator[Obstacle]:
    """Why a check stays as it is: the reasons of its loop first."""
    if check.loop is not None:
        besides = (endings.exit_is_the_signal,)
        yield from obstacles(block, check.loop, besides=besides)
        yield from endings.exit_is_told(block, check.loop)
    else:
        yield from unit.unrepeated(block)
    for does in check.does:
        yield Obstacle("does-more-than-check", f"It is more than a check: {does.text}", does.path, does.line)


def _taken(block: Block, name: str) -> bool:
    """Whether another check would get a short name, or has it."""
    if objects(block.tree, HWC_MONITOR, (name,)):
        return True
    others = (other for other in surveyed(block.tree, NAMES) if isinstance(other, str))
    return any(other != block.name and short_name(other) == name and check_name(other) for other in others)


def check_name(name: str) -> bool:
    """Whether a name has the word that says it is a check."""
    return short_name(name) != name
