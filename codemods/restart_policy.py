"""Restart a service on failure only, and not without end.

What it does
    Writes `Restart = "on-failure"` where a service says `always`, and bounds how often it is tried
    (`startLimitIntervalSec`, `startLimitBurst`) beside `serviceConfig`, where NixOS puts them into the
    section that systemd reads them from. Bounds that stand in `serviceConfig` are moved there. A function that makes
    several services is changed itself, where that is right for all of them.
Why
    A service that is started again whatever happens hides that it ends or fails, and keeps a broken program
    running in circles.
Before
    systemd.services.app.serviceConfig = {
      ExecStart = "/run/current-system/sw/bin/app";
      Restart = "always";
    };
After
    systemd.services.app.serviceConfig = {
      ExecStart = "/run/current-system/sw/bin/app";
      Restart = "on-failure";
    };
    systemd.services.app.startLimitIntervalSec = 300;
    systemd.services.app.startLimitBurst = 5;
When it refuses
    restart-is-meant: mkForce or a comment says that it shall be started again, or its loop fails to say that
        something is not well, and would look no more once systemd has given up
    restart-after-clean-end: it ends by itself, and the restart is what makes it run again
    script-not-in-sight: what it runs is not written in the tree, and may end by itself
    unbounded-is-meant: a bound of 0 says that it shall never give up
    oneshot: systemd does not take a oneshot service that is always restarted
    shared-definition: the setting stands in a place that serves other services too
What a person must still do
    Know that a service which ends with exit code 0 stays down, and that systemd gives up after five starts
    within five minutes: `systemctl reset-failed` takes that back.
Sources
    systemd.service(5), Restart=; systemd.unit(5), StartLimitIntervalSec=;
    NixOS, systemd.services.<name>.startLimitIntervalSec
"""

from __future__ import annotations

import re

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Change, Refusal, Severity
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Branch, Call, Expr, Scalar, Slot, Str
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, listed
from hwc_refactor.nixos.scripts.programs import Program, main_program
from hwc_refactor.nixos.units.restarts import ends_by_itself, seconds, span, tells_by_failing
from hwc_refactor.nixos.wrappers import FORCING, unwrapped
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.alike import SETTINGS, TIES, made_alike, tell_together
from hwc_refactor.rewriting.directives import add_directives, plain
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

WHY = (
    "It is started again whatever happens: that hides failures and keeps a broken program running in circles."
)
INTERVAL, BURST = "startLimitIntervalSec", "startLimitBurst"
LIMITS = {INTERVAL: "300", BURST: "5"}
"""What the audit documents for an application."""

_KEYS = {INTERVAL: ("StartLimitIntervalSec", "StartLimitInterval"), BURST: ("StartLimitBurst",)}
"""What systemd calls them; `StartLimitInterval` is the name before version 230 (systemd's NEWS)."""

_MEANT = re.compile(
    r"(?i)\b(?:exits?|quits?|stops?|clean(?:ly)?|even (?:if|when|on)|success|intentional|deliberate|on purpose|because"
    r"|since|so that|otherwise|never|must|every time|idle|again)\b"
)
_ABOVE = (
    "description",
    "after",
    "before",
    "wants",
    "requires",
    "bindsTo",
    "partOf",
    "wantedBy",
    "requiredBy",
    "unitConfig",
)
"""Attributes of a unit above its limits."""


@codemod(
    "restart-policy",
    kind=SERVICE,
    severity=Severity.MEDIUM,
    applicability="review",
    documented_as="diff 2, 4, phase 3",
    manual=__doc__,
    surveys=(SETTINGS, TIES),
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Bound the restarts of one service."""
    if not block.own or not _said(block):
        return None
    family = None if ctx.diff is not None else made_alike(block, for_each=True)
    together = None if family is None else _together(block, family, ctx)
    if isinstance(together, Change):
        return together
    if (refusal := _obstacles(block, ctx)) is not None:
        return refusal
    draft = ctx.draft(block, f"restart {block.name} on failure only", WHY)
    try:
        _write(draft, block, ctx)
    except NoPlace as obstacle:
        why = f"It cannot be changed for it alone: {obstacle}."
        return together or ctx.refuse(block, "shared-definition", why)
    draft.review("When it ends with exit code 0 it stays down from now on.")
    return draft.done()


def _together(block: Block, family: Family, ctx: Context) -> Change | Refusal | None:
    """Bound the restarts of services that one expression makes there, where that is right for all of them."""
    for one in family.blocks:
        where = "" if one is block else f"{one.name} is made with it: "
        if (refusal := _obstacles(one, ctx)) is not None:
            return ctx.refuse(block, refusal.code, where + refusal.reason)
    body = family.bodies[0]
    if not _said(body) or not all(_said(one) for one in family.blocks):
        why = "It cannot be changed for it alone: each call of its function says how it is restarted."
        return ctx.refuse(block, "shared-definition", why)
    draft = ctx.draft(block, f"restart {listed([one.name for one in family.blocks])} on failure only", WHY)
    try:
        _write(draft, body, ctx)
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    tell_together(draft, block, family)
    draft.review("What ends with exit code 0 stays down from now on.")
    return draft.done()


def _said(block: Block) -> dict[Slot, list[Str]]:
    """The definitions of `Restart` that say `always`, and their texts that do."""
    slots = [slot for slot in block.get("serviceConfig", "Restart") if not slot.rest]
    return {slot: found for slot in slots if (found := _always(block, slot))}


def _obstacles(block: Block, ctx: Context) -> Refusal | None:
    """Why it keeps being restarted always, the first reason."""
    return next((found for slot in _said(block) if (found := _obstacle(block, ctx, slot))), None)


def _always(block: Block, slot: Slot) -> list[Str]:
    """The texts in a definition that say `always`, those of an `if` among them."""
    waiting, found = [slot.expr], list[Str]()
    while waiting:
        value = block.tree.resolver.value(unwrapped(block.tree, waiting.pop()).expr)
        if isinstance(value, Branch):
            waiting += [value.otherwise, value.then]
        elif isinstance(value, Str) and value.literal == "always":
            found.append(value)
    return found


def _obstacle(block: Block, ctx: Context, slot: Slot) -> Refusal | None:
    """Why it keeps being restarted always."""
    around = unwrapped(block.tree, slot.expr)
    forced = next((name for name in (*slot.modifiers, *around.modifiers) if name in FORCING), None)
    if forced is not None:
        return ctx.refuse(block, "restart-is-meant", f"It is set with {forced}: that is meant.", slot.expr)
    file = slot.expr.file
    comments = () if slot.binding is None else comments_of(file, slot.binding).all
    for text in (comment_text(file, comment) for comment in comments):
        if _MEANT.search(text) and not re.search(r"[;{}=]", text):
            return ctx.refuse(block, "restart-is-meant", f"A comment says why: '{text}'.", slot.expr)
    if block.text("serviceConfig", "Type") == "oneshot":
        return ctx.refuse(
            block, "oneshot", "systemd does not take a oneshot service that is always restarted.", slot.expr
        )
    for path in (path for name in (INTERVAL, BURST) for path in _paths(name)):
        for limit in block.get(*path):
            if unwrapped(block.tree, limit.expr).expr.text.strip('"') in ("0", "0s"):
                return ctx.refuse(
                    block, "unbounded-is-meant", "A limit of 0 says that it shall never give up.", limit.expr
                )
    if ctx.diff is None and (why := ends_by_itself(block)) is not None:
        return ctx.refuse(
            block, "restart-after-clean-end", f"The restart makes it run again: {why}.", slot.expr
        )
    program = main_program(block)
    if (
        ctx.diff is None
        and program is not None
        and program.unknown is not None
        and not _is_package(program, block)
    ):
        reason = "What it runs is not written in the tree, and so whether it ends by itself."
        return ctx.refuse(block, "script-not-in-sight", reason, program.at)
    if ctx.diff is None and (end := tells_by_failing(block)) is not None:
        reason = (
            f"It ends with '{end}' when what it looks at is not well, and is started again to look again."
        )
        return ctx.refuse(block, "restart-is-meant", reason, slot.expr)
    return None


def _is_package(program: Program, block: Block) -> bool:
    """Whether what is not in sight is the program of a package, `lib.getExe inputs.app.packages.default`."""
    value = block.tree.resolver.value(program.at)
    if not isinstance(value, Call) or value.name not in ("getExe", "getExe'"):
        return False
    return not isinstance(block.tree.resolver.value(value.args[0]), Call)


def _paths(name: str) -> tuple[tuple[str, ...], ...]:
    """Where a bound may stand; with either of them 0 there is none (systemd.unit(5), StartLimitIntervalSec=)."""
    return ((name,), *((part, key) for part in ("unitConfig", "serviceConfig") for key in _KEYS[name]))


def _write(draft: Draft, block: Block, ctx: Context) -> None:
    always = _said(block)
    for slot in always:
        placing.demand_own(block.tree, block, unwrapped(block.tree, slot.expr).expr)
        if slot.binding is None:
            raise NoPlace("Restart is given by an expression")
    places = {text.at.span: text.at for texts in always.values() for text in texts}
    for at in places.values():
        placing.demand_own(block.tree, block, at)
        draft.replace_text(at.file, at.node, quote("on-failure"))
    pause = ctx.text("restart-sec")
    if pause and block.get("serviceConfig", "RestartSec"):
        draft.set(block, ("serviceConfig", "RestartSec"), quote(pause))
    elif pause:
        add_directives(draft, block, [Snippet(f"RestartSec = {quote(pause)};")], after="Restart")
    _limit(draft, block, ctx)


def _limit(draft: Draft, block: Block, ctx: Context) -> None:
    """Bounds beside `serviceConfig`; those that stand in it move."""
    limits = dict(ctx.table("start-limit")) if ctx.diff is not None else dict(LIMITS)
    for name in (INTERVAL, BURST):
        for key in _KEYS[name]:
            misplaced = plain(block, key)
            if misplaced is None:
                continue
            draft.remove_binding(block, misplaced)
            number = _whole(block, name, misplaced.expr)
            limits[name] = number or ""
            if number is None:
                directive = Snippet(f"{_KEYS[name][0]} = {misplaced.expr.text};")
                draft.add(block, ("unitConfig",), [directive], after=_place(block))
        if block.get(name) or any(block.get("unitConfig", key) for key in _KEYS[name]):
            limits.pop(name, None)
    bindings = [Snippet(f"{name} = {value};") for name, value in limits.items() if value]
    if not bindings:
        return
    draft.add(block, (), bindings, after=_place(block))
    if limits.get(INTERVAL) == LIMITS[INTERVAL] and limits.get(BURST) == LIMITS[BURST]:
        pause = span(ctx.text("restart-sec") or "") or seconds(block, "RestartSec")
        draft.note(_told(pause))


def _whole(block: Block, name: str, expr: Expr) -> str | None:
    """A bound as the whole number that its option takes (NixOS, startLimitIntervalSec, startLimitBurst)."""
    value = block.tree.resolver.value(expr)
    if isinstance(value, Scalar) and isinstance(value.value, int) and not isinstance(value.value, bool):
        return expr.text
    if not isinstance(value, Str) or value.literal is None:
        return None
    length = span(value.literal) if name == INTERVAL or value.literal.isdigit() else None
    return f"{length:.0f}" if length is not None and length == int(length) else None


def _told(pause: float | None) -> str:
    """What the documented bounds come to with a pause of so many seconds between two starts."""
    interval, burst = int(LIMITS[INTERVAL]), int(LIMITS[BURST])
    if pause is not None and burst * pause >= interval:
        return (
            f"With {pause:g} s between them there are never more than {burst} starts within {interval} s, so systemd"
            f" does not give up: raise {INTERVAL} where it shall."
        )
    within = "" if pause is None else f", that is after failures of about {burst * pause:g} s"
    return (
        f"systemd gives up after {burst} starts within {interval} s{within}: raise {BURST} where it has to last"
        " longer."
    )


def _place(block: Block) -> str | None:
    """The attribute behind which the bounds go: the last of those that say how the unit hangs together."""
    file = block.slots[0].expr.file
    starts = {
        name: max(places)
        for name in (*_ABOVE, "serviceConfig")
        if (places := [s.binding.start_byte for s in block.get(name) if s.binding and s.expr.file is file])
    }
    end = starts.pop("serviceConfig", 0)
    found = [(start, name) for name, start in starts.items() if start < end]
    return max(found)[1] if found else None
