"""Run a container with the capabilities and devices it needs instead of `--privileged`.

What it does
    Takes `--privileged`, `privileged = true` and capabilities that reach beyond the container (`SYS_ADMIN`,
    `SYS_MODULE`, `ALL` …) away from an OCI container and writes what the image needs by its own
    documentation: capabilities, devices, `no-new-privileges`, and the kernel modules that the container
    can no longer load itself, on the host. Resource limits are written where a documented diff or the
    configuration file names them; none are invented. Flags are written where flags are used, options where
    options are used.
Why
    A privileged container holds every capability, sees every device of the host and runs without seccomp
    and read-only kernel interfaces: whoever breaks the program inside owns the host.
What it finds
    privileged, critical: A privileged container holds every capability and sees every device of the host,
        so whoever breaks the program inside owns the host.
    capabilities, high: It holds capabilities that reach beyond the container, so whoever breaks the program
        inside can change the host.
    limits, low: Nothing bounds what the container takes of the host, or keeps its programs from gaining
        privileges.
Before
    virtualisation.oci-containers.containers.gluetun = {
      image = "qmcgaw/gluetun:v3.39.1";
      extraOptions = [ "--cap-add=NET_ADMIN" "--cap-add=SYS_MODULE" "--privileged" ];
    };
After
    virtualisation.oci-containers.containers.gluetun = {
      image = "qmcgaw/gluetun:v3.39.1";
      extraOptions = [
        "--cap-add=NET_ADMIN"
        "--cap-add=NET_RAW"
        "--device=/dev/net/tun:/dev/net/tun"
        "--security-opt=no-new-privileges:true"
      ];
    };

    boot.kernelModules = [ "tun" "iptable_mangle" "iptable_nat" ];
When it refuses
    image-unknown: what the image needs is not known; give a profile with --profile or in hwc-refactor.toml
    image-not-in-sight: the image is not known, so neither is what it needs
    privileged-required: the documentation of the image demands privileges
    needs-image-knowledge: what it needs depends on how the program inside is used
    device-not-named: the privileges may be how it reaches its hardware, and no such device is passed by name
    device-by-volume: a device is passed as a volume, which works for privileged containers only, and its image is not
        known to take it by name
    set-by-option: an option decides whether the container is privileged
    set-elsewhere: a file that does not define the container gives it the privileges
    shared-option-list: the flag stands in a list or function that serves other containers too
    container-not-in-sight: the flag is handed to something that is no container of this tree
What a person must still do
    Watch the container after the switch: a feature that its documentation does not mention may have used
    the privileges. Where a profile says so, the note of the change names what to look at.
Sources
    podman-run(1), --privileged, --cap-add, --security-opt; capabilities(7);
    the documentation of each image, as listed in the image catalogue
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Refusal, Severity
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.containers.container import Container, backend
from hwc_refactor.nixos.containers.declared import Declared, container_of
from hwc_refactor.nixos.containers.hardware import Mounted, meant_devices, mounted_devices
from hwc_refactor.nixos.containers.needs import Needs, beyond, limits_to_add, needs_of
from hwc_refactor.nixos.containers.profiles import Profile, find_profile
from hwc_refactor.nixos.containers.strays import stray_privileges
from hwc_refactor.nixos.objects import CONTAINER, HWC_CONTAINER, Block, objects
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.containers.confining import bound, forbid_new_privileges
from hwc_refactor.rewriting.containers.flaglist import FlagList, Group
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.hostside import add_kernel_modules
from hwc_refactor.rewriting.placing import NoPlace

WHY = (
    "A privileged container holds every capability and sees every device of the host:"
    " whoever breaks the program inside owns the host."
)
UNBOUND = (
    "Nothing bounds what the container takes of the host, or keeps its programs from gaining privileges."
)


def _strays(ctx: Context, blocks: Sequence[Block]) -> Iterable[Refusal]:
    declared = (block for block in objects(ctx.tree, HWC_CONTAINER) if block.own)
    return stray_privileges(ctx.tree, ctx.codemod, [*blocks, *declared])


@codemod(
    "unprivileged-container",
    kind=CONTAINER,
    also=(HWC_CONTAINER,),
    severity=Severity.CRITICAL,
    applicability="review",
    documented_as="diff 3",
    manual=__doc__,
    strays=_strays,
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Make one container unprivileged."""
    container = container_of(block)
    if container.elsewhere is not None and (refusal := _given_elsewhere(container, container.elsewhere, ctx)):
        return refusal
    privileged = container.privileged
    wanted_limits = {**ctx.table("limits"), **ctx.settings.limits_for(block.name)}
    limits = limits_to_add(container, wanted_limits) if block.own else ()
    if not (privileged or limits or ctx.parameters or beyond(container, None)):
        return None
    profile = _profile(container, ctx)
    broad = beyond(container, profile)
    if not (privileged or broad or limits or ctx.parameters):
        return None
    ctx = ctx.finding(
        "privileged" if privileged else "capabilities" if broad else "limits", at=_place(container)
    )
    if privileged or broad:
        if obstacle := _obstacle(container, profile, ctx):
            return obstacle
    needs = Needs()
    if profile is not None and (privileged or broad or ctx.parameters):
        needs = needs_of(
            container,
            profile,
            dropped=privileged or "ALL" in broad,
            backend=backend(ctx.tree),
            capabilities=ctx.texts("capabilities"),
        )
    why = WHY if privileged or broad else UNBOUND
    draft = ctx.draft(block, _title(block, privileged, broad, bool(limits)), why)
    try:
        mounted = mounted_devices(container, profile) if privileged and profile is not None else []
        _write(draft, container, ctx, needs.with_devices(mounted), broad, limits)
        for device in mounted:
            _unmount(draft, block, device)
    except NoPlace as obstacle:
        return ctx.refuse(
            block, "shared-option-list", f"What it is given cannot be changed for it alone: {obstacle}."
        )
    _annotate(draft, container, needs, broad)
    return draft.done()


def _place(container: Container) -> Expr | None:
    """Where its privileges are given, when that is beside the container itself."""
    flags = [flag.items[0].expr for flag in container.privileged_flags]
    given = [*flags, *(slot.expr for slot in container.privileged_option)]
    return next((at for at in given if at.file.source.path == container.block.file), None)


def _profile(container: Container, ctx: Context) -> Profile | None:
    image = container.image
    return None if image is None else find_profile(image, ctx.settings.profiles)


def _given_elsewhere(container: Container, added: Container, ctx: Context) -> Refusal | None:
    """Why a container stays as it is when another file hands it privileges."""
    broad = set(beyond(added, _profile(container, ctx))) if added.capabilities else set()
    flags = [*added.privileged_flags, *(flag for flag, names in added.capability_flags if broad & set(names))]
    slots = [
        *added.privileged_option,
        *(slot for name, slot in added.capability_options.items() if name in broad),
    ]
    places = [*(flag.items[0].expr for flag in flags), *(slot.expr for slot in slots)]
    for at in places:
        return ctx.refuse(
            container.block,
            "set-elsewhere",
            f"{at.file.source.path} gives it privileges: take them away there, or move them to where the container"
            " is defined.",
            at,
        )
    return None


def _obstacle(container: Container, profile: Profile | None, ctx: Context) -> Refusal | None:
    """Why the privileges cannot be taken away, if they cannot."""
    block = container.block
    for flag in container.privileged_flags:
        if flag.conditions:
            return ctx.refuse(
                block,
                "set-by-option",
                f"Whether it is privileged depends on '{flag.conditions[-1].text}', which is set elsewhere.",
                flag.items[0].expr,
            )
    for slot in container.privileged_option:
        if not container.says_privileged(slot):
            text = slot.expr.text if not slot.conditions else slot.conditions[-1].text
            return ctx.refuse(
                block, "set-by-option", f"Whether it is privileged depends on '{text}'.", slot.expr
            )
    image = container.image
    if image is None or not image.known:
        return ctx.refuse(
            block,
            "image-not-in-sight",
            "Its image cannot be told from the tree, so neither can what it needs.",
        )
    if profile is None:
        return ctx.refuse(
            block,
            "image-unknown",
            f"What {image.repository} needs without privileges is not known: look for capabilities and devices in"
            " its documentation and give them as an [[image]] profile in hwc-refactor.toml or with --profile.",
        )
    if profile.privileged_required:
        why = profile.privileged_why or "its documentation demands privileges."
        return ctx.refuse(block, "privileged-required", f"{image.repository} needs them: {why}")
    if profile.undecidable:
        return ctx.refuse(block, "needs-image-knowledge", profile.undecidable)
    if not container.privileged:
        return None
    mounted = mounted_devices(container, profile)
    movable = {device.item.expr.node for device in mounted}
    for path, _, at in container.volumes():
        harmless = path in ("/dev/shm", "/dev/log", "/dev/null") or at.node in movable
        if path.startswith("/dev") and not harmless:
            return ctx.refuse(
                block,
                "device-by-volume",
                f"{path} is passed as a volume, which works for privileged containers only;"
                " pass each device by name with --device first.",
                at,
            )
    named = bool(mounted) or container.passes_device(profile)
    if (profile.optional_devices or profile.needs_device) and not named:
        return ctx.refuse(
            block,
            "device-not-named",
            f"The privileges may be how it reaches its hardware: name the devices it uses (such as"
            f" {', '.join(profile.optional_devices[:3]) or '--device'}) first.",
        )
    for word, comment in meant_devices(container):
        return ctx.refuse(
            block,
            "device-not-named",
            f"The comment '{comment}' says that it is privileged for the sake of hardware ({word}) that is not passed"
            " by name: name that device first.",
        )
    return None


def _write(
    draft: Draft,
    container: Container,
    ctx: Context,
    needs: Needs,
    broad: tuple[str, ...],
    limits: tuple[str, ...],
) -> None:
    block, headings = container.block, ctx.table("headings")
    gone = list(container.privileged_flags)
    gone += [flag for flag, names in container.capability_flags if names and set(names) <= set(broad)]
    source = gone[0].items[0] if gone else None
    flags = FlagList(ctx.tree, block, draft, gone)
    given = [flag for flag, _ in container.capability_flags]
    last = given[-1].items[-1] if given else None
    capabilities, devices = needs.capabilities, needs.devices
    if container.typed:
        _write_options(draft, container, needs)
        capabilities = devices = ()
    passed = container.flags_named("--device")
    new_capabilities = Group(
        tuple(f"--cap-add={name}" for name in capabilities), "" if given else headings.get("capabilities", "")
    )
    new_devices = Group(
        tuple(f"--device={device}" for device in devices), "" if passed else headings.get("devices", "")
    )
    if passed:
        flags.add(new_capabilities, after=last, before=source)
        flags.add(new_devices, after=passed[-1].items[-1])
    else:
        flags.add(new_capabilities, new_devices, after=last, before=source)
    flags.add(Group(needs.flags))
    if isinstance(container, Declared):
        bound(draft, container, limits, headings.get("limits", ""))
        if needs.security:
            forbid_new_privileges(draft, container)
    else:
        flags.add(Group(limits, headings.get("limits", "")))
        flags.add(Group(needs.security, headings.get("security", "")))
    for flag, names in container.capability_flags:
        if flag not in gone and set(names) & set(broad):
            flags.set_value(flag, ",".join(name for name in names if name not in broad))
    if gone:
        flags.head(next(iter(given), None), headings.get("capabilities", ""), blank=False)
        flags.head(next(iter(passed), None), headings.get("devices", ""))
        flags.head(next(iter(container.flags_named("--network")), None), headings.get("network", ""))
    modules = [flag for flag in gone if "SYS_MODULE" in (flag.value or "")]
    flags.remove(modules, in_place=headings.get("removed-module", ""))
    flags.remove([flag for flag in gone if flag not in modules])
    flags.finish()
    for slot in container.privileged_option:
        draft.remove_binding(block, slot)
    for name in broad:
        if name in container.capability_options:
            draft.remove_binding(block, container.capability_options[name])
    for name, value in ctx.table("environment").items():
        if not block.get("environment", name):
            draft.add(block, ("environment",), [f'{name} = "{value}";'])
    if needs.kernel_modules:
        add_kernel_modules(draft, block, needs.kernel_modules, headings.get("modules", ""))


def _unmount(draft: Draft, block: Block, device: Mounted) -> None:
    """Take a device out of the volumes, for it is passed by name now."""
    item = device.item
    assert item.holder is not None
    placing.demand_own(block.tree, block, item.expr)
    draft.remove_elements(item.holder.file, item.holder.node, [item.expr.node])
    draft.note(
        f"{device.host} is passed by name now: as a volume it is of use to privileged containers only."
    )


def _write_options(draft: Draft, container: Container, needs: Needs) -> None:
    """Capabilities and devices by the options `capabilities` and `devices`, where options are used."""
    block = container.block
    capabilities = [Snippet(f"{name} = true;") for name in needs.capabilities]
    if len(capabilities) > 1 and not block.get("capabilities"):
        draft.add_set(block, ("capabilities",), capabilities)
    elif capabilities:
        draft.add(block, ("capabilities",), capabilities)
    if needs.devices:
        draft.extend_list(block, ("devices",), needs.devices)


def _annotate(draft: Draft, container: Container, needs: Needs, broad: tuple[str, ...]) -> None:
    for note in needs.notes:
        draft.note(note)
    for name, value in (needs.host_sysctls or {}).items():
        draft.note(
            f"On the host's network it cannot have {name} of its own: set"
            f' boot.kernel.sysctl."{name}" = {value}; on the host.'
        )
    if broad:
        draft.note(f"It loses {', '.join(broad)}, which its documentation does not ask for.")
    if container.unread:
        draft.note("Some of its options come from expressions that are not in sight; they stay as they are.")
    draft.review(
        "Watch it after the switch: what its documentation does not mention may have used the privileges."
    )


def _title(block: Block, privileged: bool, broad: tuple[str, ...], limits: bool) -> str:
    if privileged:
        return f"run {block.name} without --privileged"
    if broad:
        return f"take {', '.join(broad)} away from {block.name}"
    return f"bound and confine {block.name}" if limits else f"confine {block.name}"
