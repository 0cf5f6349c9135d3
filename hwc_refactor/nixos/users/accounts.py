"""The accounts that a configuration declares: people who log in, and users of services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from hwc_refactor.nix.values import Scalar
from hwc_refactor.nixos.block import ACCOUNT, Block
from hwc_refactor.nixos.surveys import Survey, surveyed
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


def accounts(tree: Tree) -> Mapping[str, Account]:
    """The users that the tree declares, by name."""
    return tree.remember("accounts", tree, lambda: _by_name(surveyed(tree, ACCOUNTS)))


def _by_name(declared: Iterable[object]) -> dict[str, Account]:
    """The users by name; several files may have a part in one."""
    found: dict[str, Account] = {}
    for one in declared:
        if isinstance(one, Account):
            earlier = found.get(one.name, one)
            person, renamed = earlier.person or one.person, earlier.renamed or one.renamed
            found[one.name] = Account(one.name, person, renamed)
    return found


def _account(block: Block) -> Account | None:
    """What one file says of a user; None where the name is open."""
    return Account(block.name, _is_person(block), bool(block.get("name"))) if block.named else None


def _is_person(block: Block) -> bool:
    """NixOS, users.users.<name>.isNormalUser: whether it is the account of a person."""
    values = (block.tree.resolver.value(slot.expr) for slot in block.whole("isNormalUser"))
    return any(isinstance(value, Scalar) and value.value is True for value in values)


ACCOUNTS = Survey("accounts", ACCOUNT, _account)
