"""Give a service the documented sandboxing baseline.

What it does
    Adds the sandboxing directives of the documented baseline that the service does not have yet, and names
    the places it writes to in `ReadWritePaths`. A directory that the script makes itself is made by
    systemd-tmpfiles before: a sandbox that names a path which does not exist yet does not start. Values
    that are there stay as they are. In this release it runs as part of a documented diff.
Why
    A service without a sandbox can write everywhere and use every interface of the kernel that its user may
    use; for a service that runs as root that is the whole system.
Before
    systemd.services.env-setup = {
      serviceConfig.Type = "oneshot";
      script = "echo KEY=value > ${stateDir}/.env";
    };
After
    systemd.services.env-setup = {
      serviceConfig = {
        Type = "oneshot";
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ReadWritePaths = [ stateDir ];
      };
      script = "echo KEY=value > ${stateDir}/.env";
    };

    systemd.tmpfiles.rules = [ "d ${stateDir} - - - -" ];
When it refuses
    script-not-in-sight: what it runs is not written in the tree, so what the sandbox would break is not known
    unknown-command: it runs a program of which it is not known what it needs
    writes-unknown-path: it writes to a place that cannot be named in the unit
    shared-definition: its settings stand in a place that serves other services too
What a person must still do
    Look at its journal after the first run: a denied path shows as "Read-only file system".
Sources
    systemd.exec(5); tmpfiles.d(5); systemd-analyze(1), security;
    what each directive does and breaks stands in the catalogue of directives
"""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor import placing
from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.draft import Draft
from hwc_refactor.hostside import add_directories
from hwc_refactor.model import Severity
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.hardening import directives
from hwc_refactor.nixos.objects import SERVICE, Block
from hwc_refactor.nixos.scripts import (
    Written,
    bears_strictness,
    home_paths,
    service_script,
    unknown_commands,
    written_places,
)
from hwc_refactor.placing import NoPlace

WHY = "It runs without a sandbox: it can write everywhere and use every interface of the kernel."


@codemod(
    "harden-service",
    kind=SERVICE,
    severity=Severity.MEDIUM,
    applicability="safe",
    documented_as="diff 3, phase 3",
    manual=__doc__,
    only_in_diffs=True,
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Harden one service."""
    if not block.own:
        return None
    wanted = [name for name in ctx.texts("directives") or () if not block.get("serviceConfig", name)]
    script = service_script(block)
    if script is None:
        return ctx.refuse(
            block, "script-not-in-sight", "What it runs is not written in the tree as one shell script."
        )
    if unknown := unknown_commands(script):
        return ctx.refuse(
            block,
            "unknown-command",
            f"It runs {', '.join(unknown)}; what the sandbox would break there is not known.",
            script.at,
        )
    places = written_places(script)
    writable = _writable(places)
    if writable is None:
        return ctx.refuse(
            block,
            "writes-unknown-path",
            "It writes to a place whose path is only known when it runs.",
            script.at,
        )
    draft = ctx.draft(block, f"sandbox {block.name}", WHY)
    try:
        _write(draft, block, ctx, wanted, writable, script)
        if "ProtectSystem" in wanted:
            _make_first(draft, block, ctx, places, writable)
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    return draft.done()


def _writable(places: Sequence[Written]) -> tuple[str, ...] | None:
    """The elements of `ReadWritePaths`, as Nix source text; None when a place cannot be named."""
    found: list[str] = []
    folders = {place.root.text for place in places if place.root and (place.made or _has_more(place))}
    for place in places:
        if place.path.startswith(("/tmp/", "/var/tmp/")):
            continue
        if place.root is not None:
            name = place.root.text
            found.append(name if place.kept or name in folders else f"(dirOf {name})")
        elif place.path.startswith("/") and "$" not in place.path and "*" not in place.path:
            folder = place.path if place.made or place.kept else place.path.rsplit("/", 1)[0]
            if not folder:
                return None
            found.append(quote(folder))
        else:
            return None
    return tuple(dict.fromkeys(found))


def _has_more(place: Written) -> bool:
    """Whether more follows behind the interpolation that a path begins with: then that is a folder."""
    return place.root is not None and place.path != "${" + place.root.text + "}"


def _write(
    draft: Draft,
    block: Block,
    ctx: Context,
    wanted: Sequence[str],
    writable: tuple[str, ...],
    script: Script,
) -> None:
    items: list[Snippet] = []
    settings = {"Type": quote(ctx.text("type") or ""), "RemainAfterExit": "true"}
    if not ctx.text("type"):
        del settings["Type"]
    if not ctx.parameters.get("remain-after-exit"):
        del settings["RemainAfterExit"]
    items += [
        Snippet(f"{name} = {value};")
        for name, value in settings.items()
        if not block.get("serviceConfig", name)
    ]
    user = ctx.text("user")
    if user and not block.get("serviceConfig", "User") and not block.get("serviceConfig", "DynamicUser"):
        items.append(_snippet(f"User = {quote(user)};", ctx.text("user-heading")))
    homes = list(home_paths(script))
    kept = [name for name in wanted if not (name == "ProtectHome" and homes)]
    if len(kept) < len(wanted):
        draft.note(f"ProtectHome is left out: its script names {', '.join(homes)}.")
    for number, name in enumerate(kept):
        text = f"{name} = {directives()[name].value};"
        items.append(_snippet(text, None if number else ctx.text("heading")))
    if "ProtectSystem" in kept and writable and not block.get("serviceConfig", "ReadWritePaths"):
        heading = ctx.text("write-paths-heading")
        names = " and ".join(text.strip('"()') for text in writable)
        items.append(
            _snippet(f"ReadWritePaths = [ {' '.join(writable)} ];", f"{heading} {names}" if heading else None)
        )
    _into_service_config(draft, block, items)
    if ctx.parameters.get("strict-script") and bears_strictness(script):
        if placing.not_own(ctx.tree, block, script.at) is None:
            draft.prepend_line(script.at.file, script.at.node, "set -euo pipefail")
        else:
            draft.note("Its script serves other services too, so 'set -euo pipefail' is not put at its head.")
    _start_with(draft, block, ctx)


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


def _start_with(draft: Draft, block: Block, ctx: Context) -> None:
    """The units that pull it in, as the documented diff has them."""
    units = ctx.texts("wanted-by")
    slots = [slot for slot in block.get("wantedBy") if not slot.rest]
    if not units or len(slots) != 1:
        return
    present = tuple(block.tree.resolver.literal(item.expr) or "" for item in block.items("wantedBy"))
    if present == units or not all(name.startswith(("podman-", "docker-")) for name in present):
        return
    draft.remove_binding(block, slots[0])
    draft.add(block, (), [Snippet(f"wantedBy = [ {' '.join(map(quote, units))} ];", blank=True)])
    draft.note(
        f"It is started with {', '.join(units)} now, no longer by {', '.join(present)}:"
        " a container that is started by hand expects that it ran since boot."
    )


def _make_first(
    draft: Draft, block: Block, ctx: Context, places: Sequence[Written], writable: tuple[str, ...]
) -> None:
    """Directories that the script makes itself have to be there before the sandbox names them."""
    made = {place.root.text for place in places if place.made and place.root is not None}
    made |= {quote(place.path) for place in places if place.made and place.root is None}
    needed = [text for text in writable if text in made]
    if needed:
        add_directories(
            draft, block, [text[1:-1] if text.startswith('"') else "${" + text + "}" for text in needed]
        )
        draft.note(
            "The directory is made by systemd-tmpfiles before the sandbox needs it; one that exists stays as it is."
        )
