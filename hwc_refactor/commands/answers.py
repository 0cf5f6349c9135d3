"""Reports that were made before, for the same question about the same files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from hwc_refactor.parts import CODEMODS, RECIPES, package
from hwc_refactor.project import Listing, Project
from hwc_refactor.storage import cache

__all__ = ["Shown", "answered"]

_PARSERS = ("tree_sitter", "tree_sitter_nix", "tree_sitter_bash")


class Shown(Struct, frozen=True):
    """All that a run shows.

    Attributes:
        report: for standard output, or a file.
        before, after: for standard error, before and after the report; ready to be written.
        code: the exit code.
    """

    report: bytes
    before: str
    after: str
    code: int


def answered(
    listing: Listing, question: Sequence[str], work: Callable[[Project], Shown], *, keep: bool
) -> Shown:
    """What a run shows: as it was kept, else by doing the work, and kept then.

    Args:
        listing: the files it is about.
        question: what else the answer depends on: settings, options, the manner of the report.
        work: what to do with the files.
        keep: whether a kept answer is wanted, and this one may be kept.
    """
    kept = cache.locate(listing.root) if keep and not listing.problems else None
    if kept is None:
        return work(listing.read())
    question = (_tool(), str(listing.root), repr(listing.others), *question)
    began = time.time_ns()
    entry = kept.find(question)
    if entry is not None:
        seen = cache.glance(listing.root, (*listing.paths, *entry.others), began)
        if seen.digest == entry.glance:
            return _read(entry.value)
    project = listing.read()
    if entry is not None and entry.content == _content(project, entry.others):
        value = entry.value
    else:
        value = _write(work(project))
    if not project.problems:
        others = tuple(sorted(project.companions))
        seen = cache.glance(listing.root, (*listing.paths, *others), began)
        trusted = seen.digest if seen.settled else b""  # lists of files follow from the question
        kept.keep(question, cache.Entry(others, trusted, _content(project, others), value))
    return _read(value)


def _content(project: Project, others: Iterable[str]) -> bytes:
    return cache.content(project.texts, {path: project.companion(path) for path in others})


def _write(shown: Shown) -> bytes:
    head = json.dumps([shown.before, shown.after, shown.code])
    return head.encode("ascii") + b"\n" + shown.report


def _read(value: bytes) -> Shown:
    head, _, report = value.partition(b"\n")
    before, after, code = json.loads(head)
    return Shown(report, before, after, code)


def _tool() -> str:
    """What tells this very program from others: code, data and recipes, and the parsers it uses."""
    specs = [find_spec(name) for name in ("hwc_refactor", package(CODEMODS), package(RECIPES), *_PARSERS)]
    places = [place for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]
    return cache.tool(map(Path, places))
