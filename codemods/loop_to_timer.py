"""Turn an endless loop with a sleep into a oneshot service and a timer.

What it does
    A service whose script is `while true; do …; sleep 60; done`, in whatever form and wherever it is
    written, runs the body once, as a oneshot; a timer beside it starts it, under the same conditions. What
    restarted the loop goes. What decided when it was started, and what kept it alive, moves to the timer:
    `wantedBy`, `wants`, `requires`, `bindsTo`, `partOf`. The timer counts from the end of one run to the start
    of the next, as the sleep did; with `--timer-style documented`, and in diff 1, it counts from start to start.
Why
    A loop keeps a shell alive for nothing, hides failures from systemd, and drifts.
What it finds
    endless, high: An endless loop keeps a shell alive between its rounds and hides failures from systemd.
    wait, low: A loop waits, with sleep, for something to come true.
Before
    systemd.services.disk-usage = {
      wantedBy = [ "multi-user.target" ];
      script = ''
        while true; do
          df --output=pcent /srv
          sleep 300
        done
      '';
    };
After
    systemd.services.disk-usage = {
      script = ''
        df --output=pcent /srv
      '';
      serviceConfig = {
        Type = "oneshot";
        TimeoutStartSec = "1h";
      };
    };

    systemd.timers.disk-usage = {
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnActiveSec = "0s";
        OnUnitInactiveSec = "5min";
        AccuracySec = "1s";
      };
    };
When it refuses
    loop-carries-state: a round goes on from the one before it: a variable, the folder, its own /tmp, an open file
    loop-waits-for-condition: the loop ends when something is true, or waits for it before its first round
    loop-driven-by-events: a command in it waits for something to happen; time does not drive it
    loop-cleans-up: a trap, ExecStop, or what follows the loop runs when it ends
    loop-starts-background-job: a job in the background would be ended together with the oneshot
    loop-sleeps-more-than-once: every round sleeps more than once, or between two halves of its work
    loop-may-skip-sleep: a `continue` goes to the next round without the sleep
    loop-under-a-condition: the script comes to the loop only in some cases, or starts another shell for it
    loop-keeps-a-process: a round runs a program that does not end by itself, and the loop starts it again
    loop-is-meant: a comment says why it is a loop and no timer, or it does nothing but sleep
    interval-below-one-second: it sleeps for less than a second
    interval-hits-start-limit: it sleeps so briefly that systemd would refuse to start the unit as often
    interval-unknown: how long it sleeps is only known when it runs
    exit-is-the-signal: it ends with an error, and the failed unit is what somebody looks at
    setup-has-effects: what runs once before the loop has effects, and would run before every round
    timer-exists: a timer of its name is there already
    template-unit: it is a template, whose instances somebody else starts
    name-not-literal: its name is made by an expression
    home-manager-unit: it is a unit of home-manager, whose timers are made otherwise
    unit-type-conflict: it is no plain process: forking, notify, oneshot, with a watchdog, or beside another one
    unit-disabled: it is switched off by `enable`
    unit-state-used-elsewhere: another unit, a script or a test names it, and counts on its being active
    defined-in-several-files: another file changes the service too
    loop-of-another-language: the loop is that of a Python program, or of watch
    script-not-in-sight: the loop, or a part of it, is not written in the tree as text that can be edited
    shared-definition: its definition stands in a place that serves other services too
    not-as-documented: the diff documents another script than the one that is there
What a person must still do
    Stop and start it as NAME.timer; the service is active only while a round runs. Look at the timeout.
Sources
    systemd.timer(5), OnUnitInactiveSec=, OnActiveSec=, AccuracySec=; systemd.service(5), Type=oneshot,
    TimeoutStartSec=; systemd.unit(5), StartLimitIntervalSec=; bash and coreutils manuals
"""

from __future__ import annotations

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Severity
from hwc_refactor.nix.build import BuildError
from hwc_refactor.nixos.block import SERVICE, USER_SERVICE, Block
from hwc_refactor.nixos.loops.foreign import foreign_loop
from hwc_refactor.nixos.loops.intervals import interval
from hwc_refactor.nixos.loops.search import service_loop
from hwc_refactor.nixos.loops.unit import used_elsewhere
from hwc_refactor.nixos.loops.verdict import obstacles
from hwc_refactor.rewriting.loops.documented import documented
from hwc_refactor.rewriting.loops.ticking import convert, refused
from hwc_refactor.rewriting.placing import NoPlace

WHY = "A loop keeps a shell alive for nothing, hides failures from systemd, and drifts."


@codemod(
    "loop-to-timer",
    kind=SERVICE,
    also=(USER_SERVICE,),
    severity=Severity.HIGH,
    applicability="review",
    documented_as="diff 1",
    manual=__doc__,
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Turn the loop of one service into a timer."""
    loop = service_loop(block)
    if loop is None:
        foreign, ctx = foreign_loop(block), ctx.finding("endless")
        if foreign is None:
            return None
        return ctx.refuse(block, "loop-of-another-language", foreign.reason, foreign.program.at)
    ctx = ctx.finding("wait" if loop.form == "waiting" else "endless")
    besides = (used_elsewhere,) if ctx.text("rename") else ()
    for obstacle in obstacles(block, loop, besides=besides):
        return refused(ctx, block, obstacle)
    every = interval(block, loop)
    assert every is not None
    draft = ctx.draft(block, f"run {block.name} by a timer instead of looping every {every.shown}", WHY)
    try:
        if ctx.diff is not None:
            differs = documented(draft, block, loop, ctx)
            if differs is not None:
                return refused(ctx, block, differs)
        else:
            convert(draft, block, loop, style=ctx.settings.timer_style or "faithful")
    except (NoPlace, BuildError) as error:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {error}.")
    return draft.done()
