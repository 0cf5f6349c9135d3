"""What the tool makes of real configurations: every codemod over every repository of a folder, nothing written.

    python scripts/corpus_run.py FOLDER [--level strict] [--jobs 2] [--only GLOB] [--output FILE]

Each folder below FOLDER is a configuration of its own. It is audited and planned with `--all`; then it is seen
that

- no codemod failed and no change was withdrawn,
- nix accepts every file that it accepted before (where nix is installed),
- systemd says nothing of a unit file that it did not say before (where systemd is installed),
- a second run on the result changes nothing.

Prints tables of findings, changes and refusals, and the exposure of services before and after. The exit code is
1 when something of the above does not hold.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from hwc_refactor.audit import audit
from hwc_refactor.checking import check, systemd
from hwc_refactor.model import Plan
from hwc_refactor.nixos.block import SERVICE, TIMER
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import rendered
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.selection import Selection, steps
from hwc_refactor.settings import Settings

ALL = Selection(everything=True)
FAULT = "fault of the tool"


@dataclass(slots=True)
class Outcome:
    """What became of one repository.

    Attributes:
        changes, notes: by codemod; how many changes, and how many want a look.
        refusals: by codemod and code.
        findings: of the audit, by codemod.
        faults: what does not hold, in words.
        exposures: of each service of which both are known, before and after.
    """

    name: str
    files: int = 0
    seconds: float = 0.0
    unread: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    reviews: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    exposures: list[tuple[float, float]] = field(default_factory=list)


def run(root: Path, level: str) -> Outcome:
    """Everything for one repository."""
    outcome = Outcome(root.name)
    try:
        _run(root, replace(Settings(), level=level), outcome)
    except Exception:
        outcome.faults.append(f"it ended with {traceback.format_exc(limit=-3)}")
    return outcome


def _run(root: Path, settings: Settings, outcome: Outcome) -> None:
    project = read_project(root, [], settings)
    outcome.files = len(project.texts)
    found = audit(project, steps(ALL, settings), settings)
    outcome.findings.update(finding.codemod for finding in found.findings)
    start = time.perf_counter()
    plan = make_plan(project, ALL, settings)
    outcome.seconds = time.perf_counter() - start
    outcome.changes.update(planned.change.codemod for planned in plan.changes)
    outcome.reviews.update(
        planned.change.codemod for planned in plan.changes if planned.change.applicability == "review"
    )
    outcome.refusals.update((refusal.codemod, refusal.code) for refusal in plan.refusals)
    problems = {(one.file, one.message): None for one in (*found.problems, *plan.problems)}
    outcome.faults += [f"{file}: {message}" for file, message in problems if FAULT in message]
    outcome.unread = sum(FAULT not in message for _, message in problems)
    texts = {**project.texts, **{path: data for path, data in plan.after.items() if path.endswith(".nix")}}
    after = Project(root, texts, companions={**project.companions, **plan.after})
    outcome.faults += [*_unparsable(plan), *_again(after, settings)]
    outcome.faults += _units(project, after, outcome.exposures)


def _unparsable(plan: Plan) -> Iterator[str]:
    """The files that nix does not accept any more."""
    changed = {path: data for path, data in plan.after.items() if path.endswith(".nix")}
    for path, problem in (check.nix_problems(changed) or {}).items():
        before = plan.before[path]
        if before is None or not check.nix_problems({path: before}):
            yield f"{path}:{problem.line}: nix does not accept it any more: {problem.message}"


def _again(after: Project, settings: Settings) -> Iterator[str]:
    """What a second run would still change."""
    for planned in make_plan(after, ALL, settings, verify=False).changes:
        change = planned.change
        yield f"{change.file}:{change.line}: {change.codemod} changes {change.subject} a second time"


def _units(before: Project, after: Project, exposures: list[tuple[float, float]]) -> Iterator[str]:
    """What systemd says of unit files that it did not say before; gathers the exposure of services."""
    old, new = Tree(before.texts, companions=before.companion), Tree(after.texts, companions=after.companion)
    figures = {(block.file, block.name): exposure(block) for block in objects(old, SERVICE) if block.own}
    for block in objects(new, SERVICE):
        was, now = figures.get((block.file, block.name)), exposure(block) if block.own else None
        if was is not None and now is not None:
            exposures.append((was, now))
    said = set(_said(old))
    for file, unit, text in _said(new):
        if not any(text == known and (unit == other or file == there) for there, other, known in said):
            yield f"{file}: {unit}: {text}"


def _said(tree: Tree) -> list[tuple[str, str, str]]:
    """What systemd says: file, unit and line."""
    blocks = [block for kind in (SERVICE, TIMER) for block in objects(tree, kind)]
    units = [(block, unit) for block in blocks if (unit := rendered(block)) is not None]
    complaints = systemd.complaints([unit for _, unit in units]) or ()
    return [(units[one.unit][0].file, units[one.unit][1].name, one.text) for one in complaints]


def report(outcomes: Sequence[Outcome], level: str) -> Iterator[str]:
    """All tables, as Markdown."""
    files, seconds = sum(o.files for o in outcomes), sum(o.seconds for o in outcomes)
    yield f"{len(outcomes)} repositories, {files} files, level {level}; planned in {seconds:.1f} s."
    yield f"{sum(o.unread for o in outcomes)} files could not be read or parsed; those are left alone."
    yield ""
    yield from _by_codemod(outcomes)
    yield from _by_code(outcomes)
    yield from _exposures(outcomes)
    faults = [(outcome.name, fault) for outcome in outcomes for fault in outcome.faults]
    yield f"## {len(faults)} faults"
    yield ""
    for name, fault in faults:
        yield f"- {name}: {fault}"


def _by_codemod(outcomes: Sequence[Outcome]) -> Iterator[str]:
    findings, changes, reviews, refused = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for outcome in outcomes:
        findings += outcome.findings
        changes += outcome.changes
        reviews += outcome.reviews
        for (codemod, _), count in outcome.refusals.items():
            refused[codemod] += count
    yield from ("| codemod | findings | changes | of them review | refusals |", "|---|--:|--:|--:|--:|")
    for codemod in sorted({*findings, *changes, *refused}):
        cells = (findings[codemod], changes[codemod], reviews[codemod], refused[codemod])
        yield f"| {codemod} | {' | '.join(map(str, cells))} |"
    yield ""


def _by_code(outcomes: Sequence[Outcome]) -> Iterator[str]:
    codes: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        codes += outcome.refusals
    yield from ("| codemod | code | refusals |", "|---|---|--:|")
    for (codemod, code), count in sorted(codes.items(), key=lambda item: (item[0][0], -item[1])):
        yield f"| {codemod} | {code} | {count} |"
    yield ""


def _exposures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    pairs = [pair for outcome in outcomes for pair in outcome.exposures]
    moved = [pair for pair in pairs if pair[0] != pair[1]]
    worse = sum(after > before for before, after in pairs)
    for name, group in (("all services", pairs), ("services that changed", moved)):
        if group:
            before, after = (median(figures) for figures in zip(*group, strict=True))
            yield f"Exposure of {name} ({len(group)}): median {before:.1f} before, {after:.1f} after."
    yield f"More exposed than before: {worse}."
    yield ""


def main(arguments: Sequence[str]) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--level", choices=("documented", "strict"), default="documented")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="*", metavar="GLOB", help="only repositories of this name")
    parser.add_argument("--output", type=Path, help="write the tables there")
    given = parser.parse_args(arguments)
    roots = sorted(
        path for path in given.folder.iterdir() if path.is_dir() and fnmatchcase(path.name, given.only)
    )
    with ProcessPoolExecutor(given.jobs) as pool:
        outcomes = list(pool.map(run, roots, [given.level] * len(roots)))
    text = "\n".join(report(outcomes, given.level)) + "\n"
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8", errors="backslashreplace")
    else:
        sys.stdout.write(text)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
