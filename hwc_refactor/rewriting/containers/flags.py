"""A container's flags for network and GPU, as options of the shared module."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.containers.operands import Operand
from hwc_refactor.nixos.containers.terms import Terms
from hwc_refactor.rewriting.containers.rewording import Rewording


def network(on: Rewording, terms: Terms, options: Slot | None) -> Snippet:
    """The network of the container; where no flag names one, podman's bridge."""
    lead: list[str] = []
    if options is not None and options.binding is not None:
        own = comments_of(options.expr.file, options.binding)
        lead = [comment_text(options.expr.file, comment) for comment in own.all]
    word = terms.network or '"bridge"'
    said = on.snippet(f"networkMode = {word};", terms, "network", lead)
    if terms.network is None and "--network" in terms.present and not said.behind:
        return replace(said, behind="adds no flag: its network is named in extraOptions")
    return said


def gpu(on: Rewording, terms: Terms) -> list[Snippet]:
    """The GPU that its flags pass."""
    if not terms.gpu:
        return []
    if len(terms.gpu) == 1:
        return [on.snippet(f"gpu.{terms.gpu[0]}", terms, "gpu")]
    body = "\n".join(f"  {line}" for line in terms.gpu)
    return [on.snippet(f"gpu = {{\n{body}\n}};", terms, "gpu")]


def drop_ports(on: Rewording, terms: Terms) -> None:
    """Take ports away that podman refuses, because the container lives in another one's network."""
    slot = on.single("ports")
    word = terms.network or ""
    if slot is None or not (word == '"vpn"' or word.startswith('"container:')):
        return
    items = on.block.items("ports")
    if not items:
        return
    other = "gluetun" if word == '"vpn"' else word.strip('"').removeprefix("container:")
    shown = ", ".join(item.expr.text for item in items)
    on.draft.note(
        f"It lives in the network of '{other}', where its own ports {shown} cannot be published: podman"
        " refuses them. Publish them there."
    )
    on.empty("ports", slot)


def take_flags(on: Rewording, terms: Terms, options: Slot, operands: Sequence[Operand]) -> None:
    """Take out the flags that are said otherwise now."""
    gone = [operand for operand in operands if all_taken(terms, operand)]
    if operands and len(gone) == len(operands):
        on.empty("extraOptions", options)
        return
    for operand in operands:
        taken = [flag for flag in operand.flags if terms.term_of(flag) is not None]
        if taken and operand not in gone:
            nodes = [item.expr.node for flag in taken for item in flag.items]
            on.lose(on.draft.take_elements(operand.expr.file, operand.expr.node, nodes))
    for operand in gone:
        on.lose(on.draft.take_operand(operand.expr.file, operand.expr.node))


def all_taken(terms: Terms, operand: Operand) -> bool:
    """Whether every flag of an operand is said otherwise now, and nothing else is in it."""
    return operand.complete and all(terms.term_of(flag) is not None for flag in operand.flags)
