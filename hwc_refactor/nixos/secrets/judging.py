"""Whether a value is a secret in the configuration: by the name it has, and by the shape of the value.

Nothing here holds what a secret is: only its name and its place.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.values import Branch, Call, Expr, Gap, Ref, Slot, Str, Text, Unknown, Value
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, plain_name, telling
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.wrappers import unwrapped

Kind = Literal["text", "option", "evaluation", "given"]

_OPTION = re.compile(r"(?i)(?:.*(?:password|passwd|passphrase|secret|token|apikey|secretkey|privatekey))\Z")
_READERS = frozenset({"readFile", "fileContents"})
_GIVEN = re.compile(r"(?i)secret|passw|passphrase|token|credential|api-?_?key|(?:db|admin|root)_?pass\b")
_ELSEWHERE = re.compile(r"(?i)file|path|placeholder|\bpkgs\b|[\s{(]")
"""What names a file, a package, or is more than a name."""


class Inline(Struct, frozen=True, eq=False):
    """A secret in the configuration.

    Attributes:
        name: the variable it stands in, or what stands for it.
        kind: `text`, known text; `option`, the text of an option; `evaluation`, read from a file then;
            `given`, a value by its name a secret that is not in sight.
        at: its place: an expression, or a span of a Nix file.
        secret: the secret of a scheme whose file is read at evaluation; None for others.
        slot: the definition of the variable, where it is an attribute of `environment`.
        option: the option that holds it.
    """

    name: str
    kind: Kind
    at: Expr | Span
    secret: Secret | None = None
    slot: Slot | None = None
    option: str = ""


def judged(name: str, tree: Tree, expr: Expr) -> Inline | None:
    """What an expression is, if it is a secret in the configuration; in one case only, or by `mkForce`, too."""
    direct = judged_value(name, tree, tree.resolver.value(expr), expr)
    if direct is not None:
        return direct
    waiting = [expr]
    while waiting:
        inner = unwrapped(tree, waiting.pop()).expr
        value = tree.resolver.value(inner)
        if isinstance(value, Branch):
            waiting += [value.otherwise, value.then]
        elif inner is not expr and (found := judged_value(name, tree, value, inner)) is not None:
            return None if found.kind == "evaluation" else found
    return None


def judged_value(name: str, tree: Tree, value: Value, at: Expr) -> Inline | None:
    """What a value is, if it is a secret in the configuration."""
    secret_name = is_secret_name(plain_name(name))
    read = _read(tree, value)
    if read is not None:
        secret, shown = read
        if secret is not None or secret_name or re.search(r"(?i)secret|token|passw", shown):
            return Inline(name, "evaluation", at, secret)
        return None
    if isinstance(value, Str):
        text = value.literal
        if text is None:
            gaps = [part for part in value.parts if isinstance(part, Gap)]
            if len(value.parts) == 1 and secret_name:
                return _named(name, gaps[0].value, at, gaps[0].at)
            return Inline(name, "text", at) if has_password("\0".join(_texts(value))) else None
        if has_password(text) or (secret_name and telling(text)):
            return Inline(name, "text", at)
        return None
    return _named(name, value, at, at) if secret_name else None


def _texts(value: Str) -> list[str]:
    return [part.text for part in value.parts if isinstance(part, Text)]


def _named(name: str, value: Value, at: Expr, source: Expr) -> Inline | None:
    """What a value that is a name of something else is by that name."""
    if isinstance(value, Ref) and value.path[0] == "config":
        return (
            Inline(name, "option", at, None, None, ".".join(value.path))
            if _OPTION.match(value.path[-1])
            else None
        )
    shown = source.text
    if isinstance(value, Ref | Unknown) and _GIVEN.search(shown) and not _ELSEWHERE.search(shown):
        return Inline(name, "given", at)
    return None


def _read(tree: Tree, value: Value) -> tuple[Secret | None, str] | None:
    """The file that is read when the configuration is evaluated: its secret, and its text in the source."""
    match value:
        case Call(args=(*_, last)) if value.name in _READERS:
            return secret_of(tree.resolver.value(last)), last.text
        case Call(args=args) if value.name in ("removeSuffix", "trim", "replaceStrings", "removeSuffix'"):
            return _read(tree, tree.resolver.value(args[-1]))
        case Str(parts=(Gap(value=inner), *_)):
            return _read(tree, inner)
    return None
