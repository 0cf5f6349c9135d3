"""Every container of the zoo, converted and evaluated: nothing is lost, and only documented things are gained."""

from __future__ import annotations

from pathlib import Path

import pytest
from containereval import compare, is_documented
from nixeval import LIBS, needs_nix
from zoocases import ZooCase, zoo

from hwc_refactor.model import Plan
from hwc_refactor.plan import make_plan
from hwc_refactor.project import read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

CASES = zoo("containers")
ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def converted(root: Path, *only: str, settings: Settings | None = None) -> Plan:
    """Convert all containers below a folder, or those of some names; the texts are written."""
    wishes = settings or Settings()
    selection = Selection(codemods=("container-module",), only=only)
    plan = make_plan(read_project(root, (), wishes), selection, wishes)
    for path, data in plan.after.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return plan


def is_told(lost: str, notes: str) -> bool:
    """Whether it is a port of a container in another one's network, which podman refuses, and a note says so."""
    _, _, what = lost.partition(" ")
    return what.startswith("ports ") and f'"{what.removeprefix("ports ")}" cannot be published' in notes


def is_warning(gain: str) -> bool:
    """Whether the module warns of an image that floats."""
    return gain.startswith("warning services.hwc.container.") and "Pin it" in gain


def texts(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@ALL
def test_case_is_converted_or_refused_as_it_says(case: ZooCase, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    plan = converted(root)
    assert plan.problems == ()
    assert {refusal.code for refusal in plan.refusals} == case.refused, plan.refusals
    assert plan.changes or case.refused


@ALL
@needs_nix
@pytest.mark.parametrize("lib", LIBS)
def test_nothing_is_lost(case: ZooCase, lib: str | None, tmp_path: Path) -> None:
    before = case.evaluate(case.write(tmp_path / "before"), lib)
    plan = converted(case.write(tmp_path / "after"))
    notes = "\n".join(note for change in plan.changes for note in change.change.notes)
    after = case.evaluate(tmp_path / "after", lib)
    for old, new in zip(before, after, strict=True):
        found = compare(old, new)
        assert [line for line in found.lost if not is_told(line, notes)] == []
        assert [line for line in found.gained if not (is_documented(line) or is_warning(line))] == []


@ALL
@needs_nix
def test_without_limits_there_are_none(case: ZooCase, tmp_path: Path) -> None:
    before = case.evaluate(case.write(tmp_path / "before"))
    converted(case.write(tmp_path / "after"), settings=Settings(keep_limits=True))
    for old, new in zip(before, case.evaluate(tmp_path / "after"), strict=True):
        gained = compare(old, new).gained
        assert not [gain for gain in gained if " --memory" in gain or " --cpus" in gain or " --pids" in gain]


@ALL
def test_second_run_changes_nothing(case: ZooCase, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    first = converted(root)
    second = converted(root)
    assert second.changes == ()
    assert {r.code for r in second.refusals} == {r.code for r in first.refusals}


@ALL
def test_two_halves_are_one_run(case: ZooCase, tmp_path: Path) -> None:
    whole, halves = case.write(tmp_path / "whole"), case.write(tmp_path / "halves")
    names = sorted({change.change.subject.name for change in converted(whole).changes})
    converted(halves, *names[1::2])
    converted(halves)
    assert texts(halves) == texts(whole)
