"""The accounts that a configuration declares: people who log in, and users of services."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.values import Attrs, Scalar
from hwc_refactor.nixos.discover import definitions
from hwc_refactor.nixos.tree import Tree


class Account(Struct, frozen=True):
    """A user that `users.users` declares.

    Attributes:
        name: the name of its attribute.
        person: whether it is one that logs in (`isNormalUser`).
        renamed: whether it has a name of its own beside that of its attribute.
    """

    name: str
    person: bool
    renamed: bool = False


def accounts(tree: Tree) -> dict[str, Account]:
    """The users that the tree declares, by name."""
    known = tree.memo.get("accounts")
    if isinstance(known, dict):
        return known
    found: dict[str, Account] = {}
    for one in definitions(tree, None, "users", ("users",)):
        if isinstance(one.name, str):
            view = tree.resolver.step((one.slot,))
            earlier = found.get(one.name)
            person = (earlier is not None and earlier.person) or (view is not None and _is_person(tree, view))
            renamed = (earlier is not None and earlier.renamed) or (view is not None and "name" in view.slots)
            found[one.name] = Account(one.name, person, renamed)
    tree.memo["accounts"] = found
    return found


def _is_person(tree: Tree, view: Attrs) -> bool:
    """NixOS, users.users.<name>.isNormalUser: whether it is the account of a person."""
    for slot in view.slots.get("isNormalUser", ()):
        value = tree.resolver.value(slot.expr)
        if not slot.rest and isinstance(value, Scalar) and value.value is True:
            return True
    return False
