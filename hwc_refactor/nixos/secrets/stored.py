"""Environment files that are text of the tree: they lie in the Nix store, readable for everybody, secrets and all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.values import Expr, Gap, Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.executables import file_of
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, telling

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)=(?P<value>.*)")
STORED = (("environmentFiles",), ("serviceConfig", "EnvironmentFile"))
"""The options that name environment files."""


def stored_secrets(block: Block) -> Iterator[tuple[str, Expr]]:
    """The variables that hold a secret in such files of a service or container, and the files."""
    for option in STORED:
        for expr in stored_files(block, option):
            yield from ((name, expr) for name in dict.fromkeys(_within(block, expr)))


def stored_files(block: Block, option: tuple[str, ...]) -> Iterator[Expr]:
    """The environment files that an option names."""
    for slot in block.get(*option):
        if not slot.rest:
            items = [item.expr for item in block.tree.resolver.items(slot.expr) if item.unknown is None]
            yield from items or [slot.expr]


def _within(block: Block, expr: Expr) -> Iterator[str]:
    value = block.tree.resolver.value(expr)
    if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
        value = value.parts[0].value
    file = file_of(block.tree, value)
    if file is not None:
        yield from secret_lines(file.data.decode(errors="replace"))


def secret_lines(text: str) -> Iterator[str]:
    """The variables in the lines of an environment file that hold a secret as text."""
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is not None:
            value = match["value"].strip().strip("\"'")
            if has_password(value) or (is_secret_name(match["name"]) and telling(value)):
                yield match["name"]
