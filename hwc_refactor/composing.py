"""Changes that were proposed on one snapshot, made one after the other on it, as far as they do not meet.

A change may be built upon others: then its edits are theirs as well, and take their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hwc_refactor.checking import check
from hwc_refactor.model import Change
from hwc_refactor.nix.edited import edited_once
from hwc_refactor.nix.edits import Edit, apply_edits
from hwc_refactor.nix.syntax import ParsedFile
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.tree import Tree


class Made(Struct, frozen=True):
    """A change that is made, and the files it touches, before (None: new) and after it."""

    key: Key
    change: Change
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]


class Composition(Struct):
    """What comes of changes on a snapshot.

    Attributes:
        snapshot: the snapshot.
        made: the changes that are made, in order.
        waiting: the keys of those that meet one of them, or are built upon one that is not made.
        withdrawn: those that would break a file, each with what is said against it.
        texts: the files by now, as far as they are touched.
        parsed: syntax trees of some of them.
    """

    snapshot: Tree
    made: list[Made] = []
    waiting: set[Key] = set()
    withdrawn: list[tuple[Change, str]] = []
    texts: dict[str, bytes | None] = {}
    parsed: dict[str, ParsedFile] = {}
    _edits: dict[str, dict[Key, list[Edit]]] = {}
    _keys: set[Key] = set()
    _beside: set[str] = set()

    def add(self, key: Key, change: Change) -> None:
        """Make a change, let it wait, or withdraw it."""
        edits = self._composed(key, change)
        new_files = {new.path for new in change.new_files}
        beside = new_files.union(change.defines)
        if edits is None or self._beside & beside:
            self.waiting.add(key)
            return
        parsed: dict[str, ParsedFile] = {}
        after: dict[str, bytes] = {new.path: new.data for new in change.new_files}
        for path, by_key in edits.items():
            merged = [edit for own in by_key.values() for edit in own]
            file = self.snapshot.sound(path)
            if file is None:
                after[path] = apply_edits(self.snapshot.data(path) or b"", merged)
            else:
                parsed[path] = edited_once(file, merged)
                after[path] = parsed[path].source.data
        complaints = (
            check.complaint(parsed[path].problem) if path in parsed else check.syntax_problem(path, data)
            for path, data in sorted(after.items())
        )
        complaint = next((text for text in complaints if text is not None), None)
        if complaint is not None:
            self.withdrawn.append((change, complaint))
            return
        before = {path: self.texts.get(path, self.snapshot.data(path)) for path in after}
        self.made.append(Made(key, change, before, after))
        self.texts.update(after)
        self.parsed.update(parsed)
        self._edits.update(edits)
        self._keys.add(key)
        self._beside |= beside

    def _composed(self, key: Key, change: Change) -> dict[str, dict[Key, list[Edit]]] | None:
        """All edits in the files that a change touches, with its own; None where it has to wait."""
        if not self._keys.issuperset(change.upon):
            return None
        found: dict[str, dict[Key, list[Edit]]] = {}
        for edit in change.edits:
            path = edit.span.file
            if path not in found:
                others = self._edits.get(path, {})
                found[path] = {other: own for other, own in others.items() if other not in change.upon}
                found[path][key] = []
            found[path][key].append(edit)
        for by_key in found.values():
            spans = [edit.span for other, edits in by_key.items() if other != key for edit in edits]
            if any(edit.span.meets(span) for edit in by_key[key] for span in spans):
                return None
        return found


def compose(snapshot: Tree, proposed: Sequence[tuple[Key, Change]]) -> Composition:
    """Make proposed changes, in their order."""
    composition = Composition(snapshot)
    for key, change in proposed:
        composition.add(key, change)
    return composition
