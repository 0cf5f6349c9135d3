"""A container's limits and privileges, as options of the shared module: its own, and the documented ones."""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.containers.terms import RESOURCES, Terms
from hwc_refactor.rewriting.containers.rewording import Rewording

GAINS = {
    "memory": "memory 2g",
    "memorySwap": "memory and swap 4g",
    "cpus": "cpus 1.0",
    "pidsLimit": "pids 200",
}
"""The documented limits, in the words of the table."""
NO_NEW_PRIVILEGES = "no new privileges"
_UNKNOWN_NEEDS = "no-new-privileges is left off: what the image needs depends on how it is used."


def no_new_privileges(on: Rewording, terms: Terms) -> list[Snippet]:
    """Whether it may gain privileges: it may not, unless something needs that or it cannot be known."""
    if terms.no_new_privileges:
        return []
    off = [Snippet("noNewPrivileges = false;")]
    if terms.no_new_privileges is False or ("--security-opt" in terms.present and not terms.complete):
        return off
    profile = on.wishes.profile
    if profile is not None and not profile.no_new_privileges:
        why = profile.no_new_privileges_why or profile.undecidable
        on.draft.note(f"no-new-privileges is left off: {why.rstrip('.')}." if why else _UNKNOWN_NEEDS)
        return off
    if any(maker.privileged for maker in on.makers):
        on.draft.note("no-new-privileges is left off, for it is privileged: see to that first.")
        return off
    if not terms.complete:
        on.draft.note("Not all of its flags are in sight, so it gains neither limits nor no-new-privileges.")
        return off
    on.draft.gain(NO_NEW_PRIVILEGES)
    return []


def resources(on: Rewording, terms: Terms) -> list[Snippet]:
    """Its limits: its own, the documented ones where it has none, or none where it stays unlimited."""
    values: dict[str, str] = {}
    gained: list[str] = []
    flag_of = {resource: flag for flag, resource in RESOURCES.items()}
    rootless = _is_rootless(on)
    for resource in RESOURCES.values():
        name = flag_of[resource]
        if resource in terms.limits:
            values[resource] = terms.limits[resource]
        elif f"--{name}" in terms.present or not terms.complete or on.wishes.keep_limits or rootless:
            values[resource] = "null"
        elif name in on.wishes.limits:
            values[resource] = quote(on.wishes.limits[name])
            gained.append(f"{name} {on.wishes.limits[name]}")
        elif resource == "memorySwap" and "memory" in values:
            values[resource] = "null"
        else:
            gained.append(GAINS[resource])
    if values.get("memory") == "null" and values.get("memorySwap") == "null":
        del values["memorySwap"]
    if rootless and len(terms.limits) < len(RESOURCES):
        on.draft.note(
            "It gains no limits, for it is run by an account without root's rights, to which the host may not have"
            " given the controllers that limits need."
        )
    _gains(on, gained)
    if not values:
        return []
    lines = [f"{name} = {value};" for name, value in values.items()]
    if len(lines) == 1:
        name = next(iter(values))
        return [on.snippet(f"resources.{lines[0]}", terms, name)]
    if set(values.values()) == {"null"} and not any(term in RESOURCES.values() for _, term in terms.taken):
        return [Snippet(f"resources = {{ {' '.join(lines)} }};")]
    return [_limits(on, terms, lines)]


def _is_rootless(on: Rewording) -> bool:
    """Whether an account other than root runs it: limits fail where the host delegates no controllers to that.

    podman, troubleshooting.md, "Running containers with resource limits fails with a permissions error".
    """
    slots = on.block.get("podman", "user")
    return any(on.block.tree.resolver.literal(slot.expr) != "root" for slot in slots)


def _limits(on: Rewording, terms: Terms, lines: Sequence[str]) -> Snippet:
    """The limits with the comments of their flags."""
    body: list[str] = []
    for line in lines:
        said = on.snippet(line, terms, line.partition(" ")[0])
        body += [f"  # {text}" for text in said.above]
        body.append(f"  {line}" + (f" # {said.behind}" if said.behind else ""))
    return Snippet("\n".join(("resources = {", *body, "};")))


def _gains(on: Rewording, gained: Sequence[str]) -> None:
    if not gained:
        return
    for text in gained:
        on.draft.gain(text)
    on.draft.review(
        f"It gains limits that it did not have: {', '.join(gained)}. Raise them where it needs more, or"
        " leave it unlimited with --keep-limits."
    )
