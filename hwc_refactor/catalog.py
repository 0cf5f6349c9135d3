"""All documented diffs and codemods by name, those of later releases included, for lists and messages."""

from __future__ import annotations

from dataclasses import dataclass

from hwc_refactor.model import Severity


@dataclass(frozen=True, slots=True)
class Entry:
    """A documented diff or a codemod as a list shows it.

    Attributes:
        id: what to type: the number of a diff, the name of a codemod.
        what: what it changes.
        severity: how bad it is what it removes; None where this release does not say.
        applicability: what its changes promise; empty where this release does not say.
        documented_as: the documented diffs or phase it belongs to; for a diff, its codemods.
        available: whether this release has it.
        only_in_diffs: whether it runs as part of documented diffs alone.
    """

    id: str
    what: str
    severity: Severity | None
    applicability: str
    documented_as: str
    available: bool
    only_in_diffs: bool = False


_DIFFS = {
    1: "Fix GPU monitor (an endless loop becomes a timer)",
    2: "Fix business API (secrets out of the environment, a user of its own)",
    3: "Fix Gluetun container (remove --privileged)",
    4: "Fix media orchestrator (no root, no secrets in files)",
    5: "Standardize containers with a shared module",
    6: "Standardize health checks with a shared module",
}
_CODEMODS = {
    "loop-to-timer": ("diff 1", "Turn an endless loop with a sleep into a oneshot service and a timer."),
    "env-secrets-to-load-credential": (
        "diff 2, 4",
        "Hand secrets over with LoadCredential, not in the environment.",
    ),
    "unprivileged-container": ("diff 3", "Run a container with what it needs instead of --privileged."),
    "root-to-dynamic-user": ("diff 4", "Run a service as a user of its own instead of root."),
    "container-module": ("diff 5", "Declare a container with services.hwc.container."),
    "monitor-module": ("diff 6", "Declare a health check with services.hwc.monitor."),
    "harden-service": ("phase 3", "Give a service the documented sandboxing baseline."),
    "state-directories": ("phase 3", "Let systemd make and own a service's directories."),
    "pin-image": ("diff 3, 5", "Pin a container's image to a version."),
    "restart-policy": ("diff 2, 4", "Restart on failure only, and not without end."),
}


def diff_entries() -> list[Entry]:
    """The six documented diffs."""
    from hwc_refactor.recipes import recipes

    found = []
    for number, what in _DIFFS.items():
        recipe = recipes().get(number)
        if recipe is None:
            found.append(Entry(str(number), what, None, "", "", False))
        else:
            used = ", ".join(dict.fromkeys(step.codemod for step in recipe.passes))
            found.append(Entry(str(number), recipe.title, recipe.severity, _weakest(number), used, True))
    return found


def codemod_entries() -> list[Entry]:
    """All codemods, in the order in which they run."""
    from hwc_refactor.registry import codemods
    from hwc_refactor.selection import ORDER

    found = []
    for name in dict.fromkeys((*ORDER, *codemods())):
        known = codemods().get(name)
        if known is None:
            documented_as, what = _CODEMODS[name]
            found.append(Entry(name, what, None, "", documented_as, False))
        else:
            found.append(
                Entry(
                    name,
                    known.manual.summary,
                    known.severity,
                    known.applicability,
                    known.documented_as,
                    True,
                    known.only_in_diffs,
                )
            )
    return found


def names() -> tuple[str, ...]:
    """What `explain` takes: the numbers of the diffs and the names of the codemods."""
    return (*map(str, _DIFFS), *_CODEMODS)


def codemod_names() -> tuple[str, ...]:
    """The names of all codemods."""
    return tuple(_CODEMODS)


def _weakest(number: int) -> str:
    """What a diff promises: what the weakest of its codemods does."""
    from hwc_refactor.recipes import recipes
    from hwc_refactor.registry import codemods

    promises = [codemods()[step.codemod].applicability for step in recipes()[number].passes]
    return next((word for word in ("review", "safe or review") if word in promises), "safe")
