"""The values a run is made of. All of them are frozen; a report needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from msgspec import Struct

from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.patch import FileChange, file_changes, patch


class Applicability(StrEnum):
    """What a change promises."""

    SAFE = "safe"
    """What runs afterwards has what it had and used before; nobody has to look."""
    REVIEW = "review"
    """The rewrite is sound, but a fact outside the tree decides whether it is wanted: the notes say which."""


class Severity(IntEnum):
    """How bad it is what a codemod removes."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The name in lower case, as in reports."""
        return self.name.lower()


class Subject(Struct, frozen=True, order=True):
    """What a change or refusal is about: the kind and name of a NixOS object."""

    kind: str
    name: str

    def __str__(self) -> str:
        """`container gluetun`."""
        return f"{self.kind} {self.name}"


class NewFile(Struct, frozen=True):
    """A file that a change creates, with its path relative to the root."""

    path: str
    data: bytes


class Found(Struct, frozen=True):
    """What was found, as an audit tells it; what a codemod leaves open is filled from its manual.

    Attributes:
        rule: the word of the codemod's manual for it, empty where the codemod finds one thing only.
        message: what is wrong with this very object; empty for the words of the manual.
        span: where it stands; None for the object as a whole.
    """

    rule: str = ""
    message: str = ""
    span: Span | None = None


NOT_SAID = Found()


class Change(Struct, frozen=True):
    """One rewrite, whole or not at all.

    Attributes:
        codemod: id of the codemod that proposes it.
        subject: the object it changes.
        file, line: where that object stands; line from 1.
        title: one line in the imperative mood.
        why: a sentence or two on what is wrong today.
        notes: what a person must still do or know.
        applicability: what the change promises.
        edits: replacements in files of the snapshot it was proposed on.
        new_files: files that do not exist yet.
        diff: number of the documented diff it belongs to, if any.
        details: the reason of each single thing that it writes or leaves out.
        found: what it takes away.
        gained: what the object has now and had not before, in a few words each.
        also: further objects that it changes, because they are made together.
        defines: what it defines beside its object, such as an option of the system in a file; two changes that define
            the same are made one after the other.
        upon: the objects of the changes that it is built upon; its edits are theirs as well.
    """

    codemod: str
    subject: Subject
    file: str
    line: int
    title: str
    why: str
    notes: tuple[str, ...]
    applicability: Applicability
    edits: tuple[Edit, ...]
    new_files: tuple[NewFile, ...] = ()
    diff: int | None = None
    details: tuple[str, ...] = ()
    found: Found = NOT_SAID
    gained: tuple[str, ...] = ()
    also: tuple[Subject, ...] = ()
    defines: tuple[str, ...] = ()
    upon: tuple[tuple[str, str, str, int], ...] = ()


class Refusal(Struct, frozen=True):
    """Why something that was found is left as it is: the equal of a change.

    Attributes:
        code: a stable word for the reason, `image-unknown`.
        reason: one sentence that a user understands.
        found: what stays.
    """

    codemod: str
    subject: Subject
    file: str
    line: int
    code: str
    reason: str
    diff: int | None = None
    found: Found = NOT_SAID


class Problem(Struct, frozen=True):
    """An error: a file that cannot be used, or a fault of the tool. Line and column count from 1."""

    file: str
    line: int
    column: int
    message: str


class Exposure(Struct, frozen=True):
    """How exposed a service is before and after a change, from 0 to 10, as `systemd-analyze security` says."""

    before: float
    after: float

    def __str__(self) -> str:
        """`9.6 -> 8.3`."""
        return f"{self.before:.1f} -> {self.after:.1f}"


class PlannedChange(Struct, frozen=True):
    """A change with its place in the plan.

    Attributes:
        id: stable over runs: it depends on codemod, file and object only.
        before, after: the files it touches, as they were (None: new) and as they are then.
        exposure: that of the service it is about; None for other objects, and where it is not known.
    """

    id: str
    change: Change
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]
    exposure: Exposure | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that the change touches."""
        return tuple(sorted(self.after))

    @property
    def file_changes(self) -> list[FileChange]:
        """The files, sorted by path."""
        return file_changes(self.before, self.after)

    @property
    def patch(self) -> bytes:
        """The unified diff of this change alone, on the text that the changes before it left."""
        return patch(self.file_changes)


class Plan(Struct, frozen=True):
    """The outcome of a run: what would change, what is refused and why, what went wrong.

    Attributes:
        root: absolute path of the root, for reports.
        before, after: the touched files, as they are (None: new) and as they would be.
        not_run: rungs of the check ladder that could not run or were skipped, each with the reason.
        suppressed: what the user has decided to leave as it is, with the user's reason.
    """

    root: str
    changes: tuple[PlannedChange, ...]
    refusals: tuple[Refusal, ...]
    problems: tuple[Problem, ...]
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]
    not_run: tuple[str, ...] = ()
    suppressed: tuple[Refusal, ...] = ()

    @property
    def file_changes(self) -> list[FileChange]:
        """The touched files, sorted by path."""
        return file_changes(self.before, self.after)
