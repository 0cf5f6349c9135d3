"""Why something stays as it is: what predicates about services and containers answer with."""

from __future__ import annotations

from hwc_refactor.frozen import dataclass
from hwc_refactor.nix.values import Expr


@dataclass(frozen=True, slots=True, eq=False)
class Obstacle:
    """A reason against a change.

    Attributes:
        code: a stable word, `image-unknown`.
        reason: one sentence for the user.
        at: the expression that it is about; None for the object itself.
    """

    code: str
    reason: str
    at: Expr | None = None
