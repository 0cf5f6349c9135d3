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
    container-not-in-sight: it is handed to something that is no container of NixOS: a quadlet, a service of compose,
        a container that a script starts
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
from hwc_refactor.model import Refusal, Severity, Subject
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, Block
from hwc_refactor.nixos.containers.container import Container, backend
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.containers.hardware import mounted_devices
from hwc_refactor.nixos.containers.images import Image, parse_image
from hwc_refactor.nixos.containers.needs import Needs, beyond, limits_to_add, needs_of
from hwc_refactor.nixos.containers.privileges import obstacles
from hwc_refactor.nixos.containers.profiles import Profile, find_profile
from hwc_refactor.nixos.containers.started import started_privileged
from hwc_refactor.nixos.containers.strays import stray_privileges
from hwc_refactor.nixos.objects import objects
from hwc_refactor.rewriting.containers import privileges
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
    for stray in (*stray_privileges(ctx.tree, [*blocks, *declared]), *started_privileged(ctx.tree)):
        subject = Subject(stray.kind, stray.name)
        yield Refusal(ctx.codemod, subject, stray.path, stray.line, "container-not-in-sight", stray.reason)


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
    image = _image(container, ctx)
    profile = _profile(image, ctx)
    broad = beyond(container, profile)
    if not (privileged or broad or limits or ctx.parameters):
        return None
    ctx = ctx.finding(
        "privileged" if privileged else "capabilities" if broad else "limits", at=_place(container)
    )
    if privileged or broad:
        for found in obstacles(container, image, profile):
            return ctx.refuse(block, found.code, found.reason, found.at)
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
        privileges.exchange(draft, container, ctx, needs.with_devices(mounted), broad, limits)
        for device in mounted:
            privileges.unmount(draft, block, device)
    except NoPlace as obstacle:
        return ctx.refuse(
            block, "shared-option-list", f"What it is given cannot be changed for it alone: {obstacle}."
        )
    privileges.annotate(draft, container, needs, broad)
    if image is not None and image is not container.image:
        draft.review(
            f"Its image is not in sight, and stays as it is: it is taken to be {image.repository}, as documented."
        )
    return draft.done()


def _place(container: Container) -> Expr | None:
    """Where its privileges are given, when that is beside the container itself."""
    flags = [flag.items[0].expr for flag in container.privileged_flags]
    given = [*flags, *(slot.expr for slot in container.privileged_option)]
    return next((at for at in given if at.file.source.path == container.block.file), None)


def _image(container: Container, ctx: Context) -> Image | None:
    """Its image: where that is not in sight, the one that a documented diff is about."""
    image, name = container.image, ctx.text("image")
    if name is None or (image is not None and image.known):
        return image
    documented = parse_image(name)
    return documented if image is None or image.may_be(documented) else image


def _profile(image: Image | None, ctx: Context) -> Profile | None:
    return None if image is None else find_profile(image, ctx.settings.profiles)


def _given_elsewhere(container: Container, added: Container, ctx: Context) -> Refusal | None:
    """Why a container stays as it is when another file hands it privileges."""
    broad = set(beyond(added, _profile(_image(container, ctx), ctx))) if added.capabilities else set()
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


def _title(block: Block, privileged: bool, broad: tuple[str, ...], limits: bool) -> str:
    if privileged:
        return f"run {block.name} without --privileged"
    if broad:
        return f"take {', '.join(broad)} away from {block.name}"
    return f"bound and confine {block.name}" if limits else f"confine {block.name}"
