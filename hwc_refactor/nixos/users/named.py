"""The user that an expression names: as text, by number, or by its account, `config.users.users.x.name`."""

from __future__ import annotations

import re

from hwc_refactor.nix.values import Expr, Gap, Ref, Scalar, Str, Value
from hwc_refactor.nixos.elsewhere import texts
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.users.accounts import accounts


def user_named(tree: Tree, expr: Expr) -> str | None:
    """The user that an expression names; None when that is not known."""
    value = tree.resolver.value(expr)
    match value:
        case Str(parts=(Gap(value=inner),)):
            return _account(tree, inner)
        case Str():
            return value.literal
        case Scalar(value=int() as number) if not isinstance(number, bool):
            return str(number)
    return _account(tree, value)


def _account(tree: Tree, value: Value) -> str | None:
    """The name of an account whose `name` is read; by default that of its attribute (NixOS, users.users.<name>)."""
    match value:
        case Ref(path=("config", "users", "users", name, "name")):
            known = accounts(tree).get(name)
            return None if known is not None and known.renamed else name
    return None


def may_be_root(tree: Tree, expr: Expr) -> bool:
    """Whether a user that is not known is root by what the tree says of it elsewhere."""
    value = tree.resolver.value(expr)
    return not isinstance(value, Scalar) and any(text in ("root", "0") for text in texts(tree, value))


def is_person(tree: Tree, expr: Expr) -> bool:
    """Whether a user that is not known has the account of a person: `users.users.${name}.isNormalUser = true;`."""
    words = expr.text.strip('"').removeprefix("${").removesuffix("}")
    spelled = [words] + [name for name in words.split(".")[-1:] if name not in _COMMON]
    said = re.compile(
        rb"\$\{[^}]*(?<![\w'-])(?:%s)\}\"?\s*[.=]" % b"|".join(re.escape(w.encode()) for w in spelled)
    )
    return any(said.search(tree.data(path) or b"") for path in tree.holding(b"isNormalUser"))


_COMMON = frozenset({"user", "name", "username", "owner"})
"""Names that many sets have, with another meaning each."""
