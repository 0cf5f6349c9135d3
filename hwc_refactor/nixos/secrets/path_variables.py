"""Variables of a unit that hold the path of a secret, which its own scripts read: `cat "$TOKEN_FILE"`.

A variable whose file only a program reads says already what it should: such ones are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.programs import Program
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.secrets.forms import copes, form_of, repeated
from hwc_refactor.nixos.secrets.programs import private_variable
from hwc_refactor.nixos.secrets.uses import TAKEN_OUT, Mention, written_scripts


class PathVariable(Struct, frozen=True, eq=False):
    """A variable of a unit that holds the path of a secret.

    Attributes:
        secret: the secret.
        name: the variable.
        slot: the definition that sets it.
        mentions: what the scripts of the unit do with it.
    """

    secret: Secret
    name: str
    slot: Slot
    mentions: tuple[Mention, ...]


def path_variables(block: Block) -> Iterator[PathVariable]:
    """The variables in `environment` whose file a script of the unit takes a secret out of."""
    for name in block.names("environment"):
        slots = block.get("environment", name)
        if len(slots) != 1 or slots[0].rest or private_variable(name) is not None:
            continue
        secret = secret_of(block.tree.resolver.value(slots[0].expr))
        if secret is None:
            continue
        found = [
            mention
            for program, script in written_scripts(block)
            if script.sound
            for mention in _mentions(script, program, secret, name)
        ]
        if any(mention.form in TAKEN_OUT for mention in found):
            yield PathVariable(secret, name, slots[0], tuple(found))


def loaded_variables(block: Block) -> Iterator[str]:
    """The variables in `environment` that hold the path of a credential already: systemd.unit(5), %d."""
    for name in block.names("environment"):
        for slot in block.get("environment", name):
            if not slot.rest and (block.tree.resolver.literal(slot.expr) or "").startswith("%d/"):
                yield name


def _mentions(script: Script, program: Program, secret: Secret, name: str) -> Iterator[Mention]:
    assigned = (node.child_by_field_name("name") for node in script.nodes("variable_assignment"))
    if any(node is not None and script.source(node) == name for node in assigned):
        return
    for node in script.nodes("simple_expansion", "expansion"):
        if not node.named_children or script.source(node.named_children[0]) != name:
            continue
        start, end = node.start_byte, node.end_byte
        chain = script.chain(start, end)
        form, command = form_of(script, chain, start, end)
        without = form == "read" and copes(script, chain)
        yield Mention(
            secret, form, program, script, start, end, node, False, command, name, repeated(chain), without
        )
