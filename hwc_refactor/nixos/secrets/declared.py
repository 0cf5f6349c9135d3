"""Secrets: agenix and sops-nix declarations, and the paths at which they are read."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.scope import env_along
from hwc_refactor.nix.search import Search
from hwc_refactor.nix.syntax import parser
from hwc_refactor.nix.values import Call, Expr, Gap, Ref, Str, Value
from hwc_refactor.nixos.block import AGENIX_SECRET, SOPS_SECRET, Block, Kind
from hwc_refactor.nixos.surveys import Survey, surveyed
from hwc_refactor.nixos.tree import Tree

_SELECTED = Search(parser, "select_expression")

Scheme = Literal["agenix", "sops", "clan", "option", "path", "unseen"]

DELIVERED = re.compile(r"/run/(?P<place>agenix|secrets|secrets-for-users)/(?P<name>[\w./-]+)\Z")
"""Where agenix and sops-nix deliver secrets by default (their modules' options `secretsDir`, `path`)."""

_SECRET_WORD = (
    r"(?:pass(?:word|wd|phrase|code)?|secret|token|credentials?|webhook(?:-url)?"
    r"|api-?key|private-?key|\w+-key|key)"
)
_FILE_OPTION = re.compile(rf"(?:.*-)?{_SECRET_WORD}-(?:file|path)\Z")
"""Names of options that hold the path of a secret: `passwordFile`, `apiTokenFile`, `clientSecretPath`."""

_PUBLIC = re.compile(r"(?:.*-)?(?:public|pub|host|trusted|known)-keys?-(?:file|path)\Z")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")


class Secret(Struct, frozen=True):
    """A secret as something names it.

    Attributes:
        name: its name in the scheme; the option's path, or the path itself, where there is none.
        scheme: which tool delivers it; `option` where an option holds its path, `path` when nothing is known,
            `unseen` where its file cannot be told from here.
        at: the place that names it: the expression of its path, or the script that holds it as text.
        path: its path, where that is known text.
    """

    name: str
    scheme: Scheme
    at: Expr
    path: str | None = None

    @property
    def key(self) -> tuple[Scheme, str]:
        """What tells it from other secrets."""
        return self.scheme, self.name


def secret_of(value: Value) -> Secret | None:
    """The secret whose path a value is: `config.age.secrets.x.path`, `/run/secrets/x`; None for others."""
    match value:
        case Ref(path=("config", "age", "secrets", name, "path"), at=at):
            return Secret(name, "agenix", at)
        case Ref(path=("config", "sops", "secrets", name, "path"), at=at):
            return Secret(name, "sops", at)
        case Ref(path=("config", "sops", "templates", name, "path"), at=at):
            return Secret(name, "sops", at)
        case Ref(path=("config", "clan", "core", "vars", "generators", _, "files", name, "path"), at=at):
            return Secret(name, "clan", at)
        case Ref(path=path, at=at) if len(path) > 1 and is_file_option(path[-1]):
            return Secret(".".join(path), "option", at)
        case Str(parts=(Gap(value=inner),), at=at):
            found = secret_of(inner)
            return None if found is None else replace(found, at=at)
        case Str(at=at) if (text := value.literal) is not None:
            match = DELIVERED.match(text)
            if match is not None:
                return Secret(match["name"], "agenix" if match["place"] == "agenix" else "sops", at, text)
            if by_hand(text):
                return Secret(text, "path", at, text)
    return None


def plain(tree: Tree, expr: Expr) -> Expr:
    """An expression without what only writes it as text: `cfg.tokenFile` of `lib.escapeShellArg cfg.tokenFile`."""
    match tree.resolver.value(expr):
        case Call(name="escapeShellArg" | "toString", args=(given,)):
            return plain(tree, given)
    return expr


def by_hand(path: str) -> bool:
    """Whether a literal path is by its looks that of a secret which somebody has put there."""
    if path.startswith(("/run/agenix", "/run/secrets")):
        return False
    return bool(
        re.match(r"/[\w./@+-]+\Z", path) and re.search(r"(?i)secret|token|passw|credential|\.key\Z", path)
    )


def is_file_option(name: str) -> bool:
    """Whether an option of this name holds the path of a secret: `passwordFile`, not `configFile`."""
    words = "-".join(_CAMEL.split(name)).lower()
    return bool(_FILE_OPTION.match(words)) and not _PUBLIC.match(words)


def secrets_within(tree: Tree, expr: Expr) -> list[Secret]:
    """The secrets whose paths stand anywhere in an expression; names are looked up where it stands."""
    found: list[Secret] = []
    end = expr.node.start_byte
    for node in _SELECTED.within(expr.node):
        if node.start_byte < end:  # within the last one
            continue
        chain = expr.file.chain(node.start_byte, node.end_byte)
        inside = [one for one in chain if one.start_byte >= expr.node.start_byte]
        inside = [one for one in inside if one.end_byte <= expr.node.end_byte]
        env = expr.env
        for one, scope in env_along(expr.file, inside, expr.env):
            env = scope if one == node else env
        secret = secret_of(tree.resolver.value(Expr(expr.file, node, env)))
        if secret is not None:
            found.append(replace(secret, at=Expr(expr.file, node, env)))
            end = node.end_byte
    return found


def declared_secrets(tree: Tree, kind: Kind) -> tuple[object, ...]:
    """The names of the secrets that the tree declares for agenix, or for sops-nix."""
    return surveyed(tree, _DECLARED[kind])


def _name(block: Block) -> str:
    return block.name


_DECLARED = {kind: Survey(f"names of {kind.name}", kind, _name) for kind in (AGENIX_SECRET, SOPS_SECRET)}
DECLARED = tuple(_DECLARED.values())
"""What has to be known of all secrets to tell which are declared."""
