"""Secrets: agenix and sops-nix declarations, and the paths at which they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from hwc_refactor.nix.values import Expr, Ref, Str, Value
from hwc_refactor.nixos.objects import AGENIX_SECRET, SOPS_SECRET, Block, objects
from hwc_refactor.nixos.tree import Tree

Scheme = Literal["agenix", "sops", "path"]

_DELIVERED = re.compile(r"/run/(?P<place>agenix|secrets|secrets-for-users)/(?P<name>[\w./-]+)\Z")
"""Where agenix and sops-nix deliver secrets by default (their modules' options `secretsDir`, `path`)."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as something names it.

    Attributes:
        name: its name in the scheme; the path itself for a plain path.
        scheme: which tool delivers it; `path` when that is not known.
        at: the place that names it.
    """

    name: str
    scheme: Scheme
    at: Expr


def secret_of(value: Value) -> Secret | None:
    """The secret whose path a value is: `config.age.secrets.x.path`, `/run/secrets/x`; None for others."""
    match value:
        case Ref(path=("config", "age", "secrets", name, "path"), at=at):
            return Secret(name, "agenix", at)
        case Ref(path=("config", "sops", "secrets", name, "path"), at=at):
            return Secret(name, "sops", at)
        case Ref(path=("config", "sops", "templates", name, "path"), at=at):
            return Secret(name, "sops", at)
        case Str(at=at) if (text := value.literal) is not None:
            match = _DELIVERED.match(text)
            if match is not None:
                return Secret(match["name"], "agenix" if match["place"] == "agenix" else "sops", at)
            if text.startswith("/") and re.search(r"(?i)secret|token|passw|credential|\.key\Z", text):
                return Secret(text, "path", at)
    return None


def declared_secrets(tree: Tree) -> list[Block]:
    """The secrets that the tree declares for agenix and sops-nix."""
    return [*objects(tree, AGENIX_SECRET), *objects(tree, SOPS_SECRET)]
