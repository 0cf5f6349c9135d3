"""Settings of a service that hand the path of a secret to a program which refuses a file its group may read.

They are variables such as PGPASSFILE, and the command line of the service itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.values import Expr, Slot, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.programs import ON_STOP, line_body, programs
from hwc_refactor.nixos.secrets.declared import Secret, secret_of, secrets_within
from hwc_refactor.nixos.secrets.private_files import taken_privately
from hwc_refactor.nixos.secrets.programs import private_variable
from hwc_refactor.nixos.secrets.uses import secret_paths


class PrivateSetting(Struct, frozen=True, eq=False):
    """One setting that names the path of a secret.

    Attributes:
        secret: the secret.
        taker: the program or the variable that makes it a private file.
        slot: the definition.
        at: the value.
        variable: the variable of `environment` that is the path; empty where it is a part of a text.
        script: the text that holds the path, as a shell would read it; None for a variable.
        start, end: the range of the path in that text.
        built: whether the value is put together by Nix, or there only under a condition.
    """

    secret: Secret
    taker: str
    slot: Slot
    at: Expr
    variable: str = ""
    script: Script | None = None
    start: int = 0
    end: int = 0
    built: bool = False


def private_settings(block: Block) -> tuple[PrivateSetting, ...]:
    """The settings of a service that do so, for the secrets of a scheme or an option."""
    found = (*_variables(block), *_assignments(block), *_lines(block))
    return tuple(one for one in found if one.secret.scheme != "path")


def _variables(block: Block) -> Iterator[PrivateSetting]:
    for name in block.names("environment"):
        holds = private_variable(name)
        for slot in () if holds is None else block.get("environment", name):
            value = None if slot.rest else block.tree.resolver.value(slot.expr)
            if value is None:
                continue
            secret = secret_of(value)
            if holds == "file" and secret is not None:
                yield PrivateSetting(secret, name, slot, slot.expr, name)
            elif holds == "command" and isinstance(value, Str):
                yield from _in_text(block, Script(value.at, line_body(value)), slot)
            elif not isinstance(value, Str):
                for inner in secrets_within(block.tree, slot.expr):
                    yield PrivateSetting(inner, name, slot, slot.expr, built=True)


def _assignments(block: Block) -> Iterator[PrivateSetting]:
    """Elements of `Environment` that are `NAME=path` and nothing else."""
    resolver = block.tree.resolver
    for slot in block.get("serviceConfig", "Environment"):
        alone = isinstance(resolver.value(slot.expr), Str)
        items = () if alone or slot.rest else resolver.items(slot.expr)
        pairs = (
            [(slot.expr, False)]
            if alone
            else [(one.expr, bool(one.conditions)) for one in items if not one.unknown]
        )
        for expr, built in pairs:
            value = resolver.value(expr)
            body = line_body(value) if isinstance(value, Str) else None
            name, _, path = (
                ("", "", "") if body is None else body.data.decode(errors="replace").partition("=")
            )
            if not path or body is None or private_variable(name) != "file" or not isinstance(value, Str):
                continue
            script = Script(value.at, body)
            for secret, start, end in secret_paths(block.tree, script):
                if (start, end) == (len(name) + 1, len(body.data)):
                    yield PrivateSetting(secret, name, slot, value.at, "", script, start, end, built)


def _lines(block: Block) -> Iterator[PrivateSetting]:
    for program in programs(block):
        plain = program.directive not in ON_STOP and "+" not in program.prefixes
        if plain and program.line is not None and program.script is None:
            script = Script(program.at, program.line.body)
            yield from _in_text(block, script, program.slot, program.executable.name or "")


def _in_text(block: Block, script: Script, slot: Slot, name: str = "") -> Iterator[PrivateSetting]:
    if not script.sound or len(script.commands) != 1:
        return
    for secret, start, end in secret_paths(block.tree, script):
        taker = taken_privately(script, script.commands[0], start, end, name)
        if taker:
            yield PrivateSetting(secret, taker, slot, script.at, "", script, start, end)
