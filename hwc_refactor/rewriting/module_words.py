"""What the words of a shared module cannot say."""

from __future__ import annotations

from hwc_refactor.nix.values import Expr


class CannotSay(Exception):
    """Something cannot be said in the module's words. `code` names the reason, the message is for users."""

    def __init__(self, code: str, message: str, at: Expr | None = None) -> None:
        """Give the refusal's code, its sentence and the place it is about."""
        super().__init__(message)
        self.code = code
        self.at = at
