"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from hwc_refactor.model import Plan, Severity


class Mode(StrEnum):
    """What was asked for."""

    DRY_RUN = "dry-run"
    CHECK = "check"
    APPLY = "apply"


class Result(Struct, frozen=True):
    """The outcome of a command that plans changes, with what a reader wants to know beside it.

    Attributes:
        plan: the outcome.
        mode: whether it was made, or only shown.
        again: the command that makes what was only shown; the one that takes back what was made.
        severities: how bad it is what a codemod removes, by id.
        dirty: touched files whose present state no commit holds.
        left: files that somebody else changed in the last moment, and that were left alone.
        commits: hashes of the commits made, in order.
        only: the names that the run was narrowed to.
        batches: ids of the codemods that convert all objects of a kind; they are told in a table.
        prefix: where the root lies in its git work tree, when somebody is to apply the diff there with git.
    """

    plan: Plan
    mode: Mode
    again: str
    severities: Mapping[str, Severity] = {}
    dirty: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    prefix: str = ""
    batches: frozenset[str] = frozenset()
