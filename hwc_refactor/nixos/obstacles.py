"""Why something stays as it is: what predicates about services and containers answer with."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.values import Expr


class Obstacle(Struct, frozen=True, eq=False):
    """A reason against a change.

    Attributes:
        code: a stable word, `image-unknown`.
        reason: one sentence for the user.
        at: the expression that it is about; None for the object itself.
    """

    code: str
    reason: str
    at: Expr | None = None
