"""Give a service the sandboxing that it bears.

What it does
    Adds the sandboxing directives that the service does not have yet and of which nothing it does needs the
    opposite: `--level documented` those of the documented baseline, `--level strict` everything that can be
    justified for this very service. What a service does is read from its scripts and command lines; each
    directive that is written comes with its reason, each that is left out with what speaks against it. Places
    it writes to are named in `ReadWritePaths`, and a directory that it makes itself is made by
    systemd-tmpfiles before: a sandbox that names a path which does not exist yet does not start. Services that
    one function makes are hardened there, with what is right for all of them. Values that are there stay as
    they are; a weaker one is named.
Why
    A service without a sandbox can write everywhere and use every interface of the kernel that its user may
    use; for a service that runs as root that is the whole system.
Before
    systemd.services.figures = {
      serviceConfig.User = "figures";
      script = "date > /srv/figures/today";
    };
After
    systemd.services.figures = {
      serviceConfig = {
        User = "figures";

        # Security hardening
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [ "AF_UNIX" ];
        RestrictNamespaces = true;
        CapabilityBoundingSet = "";
        ProtectClock = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        PrivateNetwork = true;
        LockPersonality = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        ReadWritePaths = [ "-/srv/figures" ];
      };
      script = "date > /srv/figures/today";
    };
When it refuses
    script-not-in-sight: it runs as root, and what it runs is not written in the tree
    unknown-command: it runs as root, and runs a program of which it is not known what it needs
    restrictions-break-it: what it does speaks against every directive that it lacks
    settings-not-in-sight: some of its settings come from outside, and may hold these directives already
    confined-already: NixOS gives it a root directory of its own, and settings that go with that
    upstream-unit: it replaces what a unit made elsewhere runs, or adds to that
    shared-definition: its settings stand in a place that serves other services too
What a person must still do
    Look at its journal after the first run: a denied path shows as "Read-only file system".
Sources
    systemd.exec(5); tmpfiles.d(5); systemd-analyze(1), security;
    nixpkgs, nixos/modules/security/systemd-confinement.nix;
    what each directive does and breaks stands in the catalogue of directives
"""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Refusal, Severity
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Str
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, listed
from hwc_refactor.nixos.paths.beginnings import mode_at_first
from hwc_refactor.nixos.paths.hosted import owner
from hwc_refactor.nixos.paths.writable import Element, common, named_already, read_only_when_full, writable
from hwc_refactor.nixos.sandbox.configured import confined_by_nixos
from hwc_refactor.nixos.sandbox.hardening import Level, Verdict, sandboxing, temporary, there, verdicts
from hwc_refactor.nixos.sandbox.trait import confined
from hwc_refactor.nixos.sandbox.traits import traits
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import main_program
from hwc_refactor.nixos.scripts.strictness import bears_strictness
from hwc_refactor.nixos.units.upstream import module_of
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.alike import TIES, made_alike, tell_together
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.hostside import add_directories
from hwc_refactor.rewriting.placing import NoPlace

WHY = "It runs without a sandbox: it can write everywhere and use every interface of the kernel."
HEADING = "Security hardening"


@codemod(
    "harden-service",
    kind=SERVICE,
    severity=Severity.MEDIUM,
    applicability="safe or review",
    documented_as="diff 3, phase 3",
    manual=__doc__,
    surveys=(TIES,),
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Harden one service."""
    if not block.own:
        return None
    level: Level = "strict" if ctx.settings.level == "strict" else "documented"
    family = None if ctx.diff else made_alike(block)
    together = None if family is None else _together(block, family, ctx, level)
    if family is not None and not isinstance(together, Refusal):
        return together
    found = verdicts(block, level, ctx.texts("directives"))
    writes = [verdict for verdict in found if verdict.settings]
    if obstacle := _obstacle(block, ctx, found, writes):
        return obstacle
    if not writes and ctx.texts("directives") is None:
        return None
    draft = ctx.draft(block, f"sandbox {block.name}", WHY)
    try:
        _write(draft, block, ctx, writes)
    except NoPlace as obstacle:
        why = f"It cannot be changed for it alone: {obstacle}."
        return together or ctx.refuse(block, "shared-definition", why)
    _explain(draft, found)
    return draft.done()


def _together(block: Block, family: Family, ctx: Context, level: Level) -> Outcome | None:
    """Harden services that one expression makes there, with what is right for all of them."""
    found = verdicts(family.blocks[0], level, along=family.blocks[1:])
    writes = [verdict for verdict in found if verdict.settings]
    obstacles = [(one, found_) for one in family.blocks if (found_ := _obstacle(one, ctx, found, writes))]
    if obstacles:
        one, obstacle = min(obstacles, key=lambda at: at[1].code == "restrictions-break-it")
        where = "" if one is block else f"{one.name} is made with it: "
        return ctx.refuse(block, obstacle.code, where + obstacle.reason)
    if not writes:
        return None
    draft = ctx.draft(block, f"sandbox {listed([one.name for one in family.blocks])}", WHY)
    try:
        _write(draft, family.bodies[0], ctx, writes, common(family.blocks) or ())
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    tell_together(draft, block, family)
    _explain(draft, found)
    return draft.done()


def _obstacle(
    block: Block, ctx: Context, found: Sequence[Verdict], writes: Sequence[Verdict]
) -> Refusal | None:
    if all(verdict.there for verdict in found):
        return None
    if block.replaces:
        return ctx.refuse(
            block,
            "upstream-unit",
            "It replaces what a unit made elsewhere runs; that unit has its own sandbox.",
        )
    if (module := module_of(block)) is not None:
        return ctx.refuse(
            block,
            "upstream-unit",
            f"It adds to a unit that services.{module} of NixOS makes; that unit has its own sandbox.",
        )
    if confined_by_nixos(block):
        return ctx.refuse(
            block,
            "confined-already",
            "NixOS gives it a root directory of its own ('confinement.enable'), and settings that go with that.",
        )
    if doubts := block.doubts("serviceConfig"):
        return ctx.refuse(
            block,
            "settings-not-in-sight",
            f"Some of its settings are not in sight ({doubts[0].reason}) and may hold these directives already.",
            doubts[0].at,
        )
    if writes or any(there(block, name) for name in sandboxing()):
        return None
    known = facts(block)
    for ran in confined(known):
        if ran.known is None and ran.name.startswith("-"):
            reason = f"A part of its script is not in sight (line {ran.line})."
            return ctx.refuse(block, "script-not-in-sight", reason, ran.program.at)
        if ran.known is None:
            return ctx.refuse(
                block,
                "unknown-command",
                f"It runs {ran.name} (line {ran.line}); what a sandbox would break there is not known.",
                ran.program.at,
            )
    if opaque := traits(block).get("opaque"):
        at = next((program.at for program in known.programs), None)
        return ctx.refuse(block, "script-not-in-sight", f"What it runs is not all in sight: {opaque}.", at)
    reasons = list(dict.fromkeys(verdict.reason for verdict in found if not verdict.there))
    return ctx.refuse(
        block, "restrictions-break-it", f"What it does speaks against a sandbox: {'; '.join(reasons[:3])}."
    )


def _write(
    draft: Draft,
    block: Block,
    ctx: Context,
    writes: Sequence[Verdict],
    shared: Sequence[Element] | None = None,
) -> None:
    items = [Snippet(f"{name} = {value};") for name, value in _settings(block, ctx)]
    user = ctx.text("user")
    if user and not block.get("serviceConfig", "User") and not block.get("serviceConfig", "DynamicUser"):
        items.append(_snippet(f"User = {quote(user)};", ctx.text("user-heading")))
    prescribed = ctx.table("values")
    settings = [
        (name, f"{name} = {prescribed.get(name, value)};")
        for verdict in writes
        for name, value in verdict.settings
    ]
    apart = ctx.table("headings")
    lines = [text for name, text in settings if name not in apart]
    heading = ctx.text("heading") or (HEADING if len(lines) > 2 else None)
    items += [_snippet(text, None if number else heading) for number, text in enumerate(lines)]
    system = dict(settings).get("ProtectSystem", "")
    elements = _places(block, system, writable(block).elements if shared is None else shared)
    strict = '"strict"' in system
    told = [*_named_by_variables(block, ctx), *map(quote, temporary(block, writes))] if strict else []
    paths = [*told, *(element.text if ctx.diff else element.tolerant for element in elements)]
    present = there(block, "ReadWritePaths")
    if paths and not present:
        heading = ctx.text("write-paths-heading")
        names = " and ".join(element.text.strip('"()') for element in elements)
        text = f"ReadWritePaths = [ {' '.join(dict.fromkeys(paths))} ];"
        items.append(_snippet(text, heading if told else f"{heading} {names}" if heading else None))
    last = [(apart[name], text) for name, text in settings if name in apart]
    items += [
        Snippet(text, above=(heading,) if heading else (), blank=bool(heading) or not number)
        for number, (heading, text) in enumerate(last)
    ]
    _into_service_config(draft, block, items)
    if present and (missing := [path for path in dict.fromkeys(paths) if not named_already(block, path)]):
        draft.extend_list_by(block, ("serviceConfig", "ReadWritePaths"), missing)
    _strict_script(draft, block, ctx)
    _start_with(draft, block, ctx)
    _make_first(draft, block, elements)


def _places(block: Block, system: str, elements: Sequence[Element]) -> Sequence[Element]:
    """Those places among all that a service writes which are read-only under a setting of ProtectSystem."""
    if '"full"' in system:
        return [element for element in elements if read_only_when_full(block, element)]
    return elements if '"strict"' in system else ()


def _settings(block: Block, ctx: Context) -> list[tuple[str, str]]:
    """What a documented diff settles beside the sandbox."""
    settings = [("Type", quote(ctx.text("type") or "")), ("RemainAfterExit", "true")]
    wanted = {
        "Type": bool(ctx.text("type")),
        "RemainAfterExit": bool(ctx.parameters.get("remain-after-exit")),
    }
    return [(n, value) for n, value in settings if wanted[n] and not block.get("serviceConfig", n)]


def _named_by_variables(block: Block, ctx: Context) -> list[str]:
    """The paths that these variables of its environment hold, as Nix source text."""
    wanted = ctx.texts("write-paths-of") or ()
    found: dict[str, str] = {}
    for item in block.items("serviceConfig", "Environment"):
        value = block.tree.resolver.value(item.expr)
        name, _, path = value.shown.partition("=") if isinstance(value, Str) else ("", "", "")
        if name in wanted and path:
            whole = path.startswith("${") and path.endswith("}") and path.count("${") == 1
            found[name] = path[2:-1] if whole else f'"{path}"'
    return [found[name] for name in wanted if name in found]


def _snippet(text: str, heading: str | None) -> Snippet:
    return Snippet(text, above=(heading,), blank=True) if heading else Snippet(text)


def _into_service_config(draft: Draft, block: Block, items: Sequence[Snippet]) -> None:
    """Several directives belong into one set: a lone `serviceConfig.X = …;` becomes one."""
    if not items:
        return
    slots = [slot for name in block.names("serviceConfig") for slot in block.get("serviceConfig", name)]
    lone = slots[0] if len(slots) == 1 and slots[0].depth > 1 and len(items) > 2 else None
    if lone is not None and lone.binding is not None and not lone.conditions:
        placing.demand_own(block.tree, block, lone.expr)
        draft.nest(lone.expr.file, lone.binding, lone.depth - 1, items)
    elif not slots and len(items) > 1:
        draft.add_set(block, ("serviceConfig",), items)
    else:
        draft.add(block, ("serviceConfig",), items)


def _strict_script(draft: Draft, block: Block, ctx: Context) -> None:
    """`set -euo pipefail` at the head of the script, where a documented diff asks for it and it bears it."""
    script = _own_script(block)
    if not ctx.parameters.get("strict-script") or script is None or not bears_strictness(script):
        return
    if placing.not_own(ctx.tree, block, script.at) is None:
        draft.prepend_line(script.at.file, script.at.node, "set -euo pipefail")
    else:
        draft.note("Its script serves other services too, so 'set -euo pipefail' is not put at its head.")


def _own_script(block: Block) -> Script | None:
    program = main_program(block)
    if program is None or program.option != ("script",) or program.conditional:
        return None
    script = program.script
    return script if script is not None and script.sound and script.body.string is not None else None


def _start_with(draft: Draft, block: Block, ctx: Context) -> None:
    """The units that pull it in, as the documented diff has them."""
    units = ctx.texts("wanted-by")
    slots = [slot for slot in block.get("wantedBy") if not slot.rest]
    if not units or len(slots) != 1:
        return
    present = tuple(name or "" for name in block.texts("wantedBy"))
    if present == units or not all(name.startswith(("podman-", "docker-")) for name in present):
        return
    draft.remove_binding(block, slots[0])
    draft.add(block, (), [Snippet(f"wantedBy = [ {' '.join(map(quote, units))} ];", blank=True)])
    draft.note(
        f"It is started with {', '.join(units)} now, no longer by {', '.join(present)}:"
        " a container that is started by hand expects that it ran since boot."
    )


def _make_first(draft: Draft, block: Block, elements: Sequence[Element]) -> None:
    """Directories that the service makes itself have to be there before the sandbox names them."""
    paths = [element.within for element in elements if element.made]
    if paths:
        add_directories(
            draft, block, {path: mode_at_first(block, path) for path in paths}, owner(block) or ("-", "-")
        )
        draft.note(
            "The directory is made by systemd-tmpfiles before the sandbox needs it; one that exists stays as it is."
        )


def _explain(draft: Draft, found: Sequence[Verdict]) -> None:
    """The reason of each directive, written or not; what somebody should look at."""
    for verdict in found:
        name = verdict.directive.name
        if verdict.settings:
            draft.detail(f"{name}: {verdict.reason}.")
        elif not verdict.there:
            draft.detail(f"{name} is left out: {verdict.reason}.")
            if verdict.directive.level == "documented":
                draft.note(f"{name} is left out: {verdict.reason}.")
        elif verdict.weaker:
            draft.note(f"{name} = {verdict.weaker} is kept; {verdict.directive.value} would be stronger.")
    unseen = [verdict.directive.name for verdict in found if verdict.review]
    if unseen:
        draft.review(f"What it runs is not all in sight; watch it for {', '.join(unseen)} after the switch.")
