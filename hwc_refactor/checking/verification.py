"""What `verify` finds: rungs that passed, failed or did not run, and how exposed services are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from hwc_refactor.model import Problem


class Outcome(StrEnum):
    """How a rung ended. What did not run is never counted as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not-run"


class Fault(Struct, frozen=True):
    """One thing that a rung has something against.

    Attributes:
        message: what it is.
        file, line, column: where; empty and 0 for what stands in no file, a column of 0 for a whole object.
        unit: the unit that it is about, empty for none.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    unit: str = ""


class Rung(Struct, frozen=True):
    """One check.

    Attributes:
        name: what looked, `systemd-analyze verify`.
        outcome: how it ended.
        detail: what it looked at, or why it did not run.
        faults: why it failed.
    """

    name: str
    outcome: Outcome
    detail: str
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, name: str, detail: str, faults: Iterable[Fault]) -> Rung:
        """A rung that ran."""
        found = tuple(faults)
        return cls(name, Outcome.FAILED if found else Outcome.PASSED, detail, found)


class ServiceExposure(Struct, frozen=True):
    """How exposed a service is, from 0 to 10: now, and at the revision that was compared with."""

    name: str
    file: str
    line: int
    before: float | None
    after: float | None


class Verification(Struct, frozen=True):
    """The outcome of a run of `verify`.

    Attributes:
        root: absolute path of the root.
        against: the commit that was compared with, None for none.
        rungs: the checks, in order.
        exposure: services, the most exposed first.
        touched: the units whose definitions differ from that commit.
        host: the flake reference of the host, None where there is no flake.
        problems: files that could not be read or parsed.
    """

    root: str
    against: str | None
    rungs: tuple[Rung, ...]
    exposure: tuple[ServiceExposure, ...] = ()
    touched: tuple[str, ...] = ()
    host: str | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(rung.outcome is Outcome.FAILED for rung in self.rungs)

    @property
    def building(self) -> tuple[str, ...]:
        """What to type to see whether the system builds and starts; nothing where no unit differs."""
        flake = f" --flake {self.host}" if self.host is not None else ""
        return (f"nixos-rebuild build{flake}", f"nixos-rebuild build-vm{flake}") if self.touched else ()

    @property
    def commands(self) -> tuple[str, ...]:
        """What to type to see what only the machine can show, in order: the build, then each unit."""
        return (*self.building, *(command for unit in self.touched for command in watching(unit)))


def watching(unit: str) -> Iterator[str]:
    """What to type to see how a unit is."""
    yield f"systemctl status {unit}"
    yield f"journalctl -u {unit} -f"
    if not unit.endswith(".timer"):
        yield f"systemd-analyze security {unit}"
