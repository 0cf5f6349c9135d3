"""The user and the time zone that an image is told by variables, as options of the shared module."""

from __future__ import annotations

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import bindings_of
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.containers.plain_values import is_host_zone, number_text
from hwc_refactor.rewriting.containers.rewording import Rewording


def user(on: Rewording) -> list[Snippet]:
    """The user that the image is told, as `user`; null where it is told none."""
    found = {name: _variable(on, name) for name in ("PUID", "PGID")}
    texts = {name: None if slot is None else number_text(on.block, slot.expr) for name, slot in found.items()}
    uid, gid = texts["PUID"], texts["PGID"]
    if uid is not None and gid is not None:
        on.gone += [slot for slot in found.values() if slot is not None]
        return [] if (uid, gid) == ("1000", "1000") else [Snippet(f"user = {{ uid = {uid}; gid = {gid}; }};")]
    lines = [f"{word} = null;" for name, word in (("PUID", "uid"), ("PGID", "gid")) if not _is_set(on, name)]
    return [Snippet(f"user = {{ {' '.join(lines)} }};")] if lines else []


def time_zone(on: Rewording) -> list[Snippet]:
    """The time zone: of the host, or none where the image is told none."""
    slot = _variable(on, "TZ")
    if slot is not None and is_host_zone(on.block, slot.expr):
        on.gone.append(slot)
        return []
    return [] if _is_set(on, "TZ") else [Snippet("timeZone = null;")]


def drop_empty_environment(on: Rewording) -> None:
    """Take the environment away where nothing is left in it."""
    slot = on.single("environment")
    if slot is None or slot.expr.node.type != "attrset_expression" or on.hides("environment"):
        return
    gone = {one.binding for one in on.gone}
    if any(item not in gone for item in bindings_of(slot.expr.node)):
        return
    now = on.draft.here(slot.expr.file, slot.expr.node)
    if not now.named_child_count:
        on.take(slot)


def _variable(on: Rewording, name: str) -> Slot | None:
    """The definition of a variable that may go; an environment that hides another one keeps all it has."""
    return None if on.hides("environment") else on.single("environment", name)


def _is_set(on: Rewording, name: str) -> bool:
    """Whether the environment is sure to hold a variable, which then wins over the module's."""
    return any(slot.certain for slot in on.block.get("environment", name))
