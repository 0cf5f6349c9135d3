"""The secrets of podman that services of the tree make from files: `podman secret create NAME PATH`.

The facts: podman-secret-create(1); podman-run(1), --secret.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.containers.container import backend
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.secrets.uses import Mention, mentions
from hwc_refactor.nixos.tree import Tree

_WITH_VALUE = frozenset({"--driver", "-d", "--driver-opts", "--label", "-l"})


class PodmanSecret(Struct, frozen=True):
    """A secret of podman.

    Attributes:
        name: its name.
        maker: the service that makes it.
    """

    name: str
    maker: str


def podman_secrets(tree: Tree) -> Mapping[tuple[str, str], PodmanSecret]:
    """The secrets that services make in exactly one way, by the secret whose file they are made from."""
    if backend(tree) != "podman" or not tree.holding(b"secret create"):
        return {}
    found: dict[tuple[str, str], set[PodmanSecret]] = {}
    for block in objects(tree, SERVICE):
        if block.get("serviceConfig", "DynamicUser") or block.text("serviceConfig", "User") not in (
            None,
            "root",
        ):
            continue  # the secrets of another user's podman
        for mention in mentions(block):
            name = "" if mention.on_stop else _made(mention)
            if name:
                found.setdefault(mention.secret.key, set()).add(PodmanSecret(name, block.name))
    return {key: made.pop() for key, made in found.items() if len(made) == 1}


def _made(mention: Mention) -> str:
    """The name of the secret that the command at a mention makes; empty when it makes none."""
    if mention.form not in ("argument", "stdin") or mention.command != "podman" or mention.variable:
        return ""
    script = mention.script
    node = next(
        (
            one
            for one in reversed(script.chain(mention.start, mention.end))
            if one.type == "redirected_statement"
        ),
        None,
    )
    inside = None if node is None else node.child_by_field_name("body")
    commands = [
        one
        for one in script.commands
        if one.node == inside or one.node.start_byte <= mention.start < one.node.end_byte
    ]
    words = list(commands[-1].arguments) if commands else []
    if [word.text for word in words[:2]] != ["secret", "create"]:
        return ""
    operands = [
        word
        for number, word in enumerate(words[2:], 2)
        if (word.text == "-" or not word.text.startswith("-")) and words[number - 1].text not in _WITH_VALUE
    ]
    if len(operands) != 2:
        return ""
    name, source = operands
    here = source.start <= mention.start < source.end if mention.form == "argument" else source.text == "-"
    return name.literal or "" if here else ""
