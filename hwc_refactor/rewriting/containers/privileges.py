"""The privileges of a container go, and what it needs instead is written: flags, options, the host's side."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.codemod import Context
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.declared import Declared
from hwc_refactor.nixos.containers.hardware import Mounted
from hwc_refactor.nixos.containers.needs import Needs
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.containers.confining import bound, forbid_new_privileges
from hwc_refactor.rewriting.containers.flaglist import FlagList, Group
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.hostside import add_kernel_modules


def exchange(
    draft: Draft,
    container: Container,
    ctx: Context,
    needs: Needs,
    broad: Sequence[str],
    limits: Sequence[str],
) -> None:
    """Take the privileges of a container away, and give it what it needs instead.

    Args:
        draft: the change.
        container: the container.
        ctx: the headings and the environment that a documented diff prescribes.
        needs: what it needs.
        broad: the capabilities that go; what else is privileged goes whole.
        limits: the limits that it gets, as flags.

    Raises:
        NoPlace: when something of it serves other containers too.
    """
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
        flags.add(Group(tuple(limits), headings.get("limits", "")))
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


def unmount(draft: Draft, block: Block, device: Mounted) -> None:
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


def annotate(draft: Draft, container: Container, needs: Needs, broad: Sequence[str]) -> None:
    """Tell what is left to do on the host, what goes, and what to watch."""
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
