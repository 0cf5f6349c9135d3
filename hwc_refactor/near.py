"""The name that somebody most likely meant who wrote another one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is written nearly so, else the only one that shares the most words with it."""
    names = sorted(known)
    dashed = word.replace("_", "-").lower()
    close = get_close_matches(dashed, names, 1) or get_close_matches(word, names, 1)
    if close:
        return close[0]
    shared = {name: len(set(dashed.split("-")) & set(name.lower().split("-"))) for name in names}
    most = max(shared.values(), default=0)
    best = [name for name in names if most and shared[name] == most]
    return best[0] if len(best) == 1 else None
