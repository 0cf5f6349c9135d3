"""Where codemods and recipes are imported from.

They are folders of their own beside this package in a checkout, and within it where it is installed, so that no
package of anybody else is called as they are.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

CODEMODS, RECIPES = "codemods", "patches"


@cache
def package(part: str) -> str:
    """The full name of the package of one of them."""
    within = f"hwc_refactor.{part}"
    return within if find_spec(within) else part
