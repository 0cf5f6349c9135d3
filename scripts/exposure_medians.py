"""How exposed the services of real configurations are: as they are, hardened, and with everything before that.

    python scripts/exposure_medians.py FOLDER [--jobs 2]

Each folder below FOLDER is a configuration of its own; nothing is written. Prints the median exposure (as
`systemd-analyze security` reckons it, see hwc_refactor/nixos/sandbox/exposure.py) of the services that a configuration
makes itself: all of them, those whose programs are named, and those of which all that they run is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.sandbox.hardening import facts_in_sight
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.registry import codemods
from hwc_refactor.selection import ORDER, Selection
from hwc_refactor.settings import LEVELS, Settings

ALONE = ("harden-service",)
BEFORE = ("root-to-dynamic-user", "state-directories", "restart-policy")
WITH = tuple(name for name in ORDER if name in (*BEFORE, *ALONE) and name in codemods())
RUNS: Mapping[str, tuple[tuple[str, ...], str]] = {
    **{f"{level}": (ALONE, level) for level in LEVELS},
    **{f"{level}, with users of their own": (WITH, level) for level in LEVELS},
}
"""What is measured: which codemods, at which level."""
GROUPS = ("all services", "programs named", "all that they run known")

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """The exposure of one service, and into which groups it falls."""

    exposure: float
    groups: tuple[str, ...]


def figures(project: Project) -> dict[Name, Figure]:
    """The services that a configuration makes itself, by file and name."""
    tree = Tree(project.texts, companions=project.companion)
    found = {}
    for block in objects(tree, SERVICE):
        score = exposure(block) if block.own else None
        if score is not None:
            found[block.file, block.name] = Figure(score, tuple(groups(block)))
    return found


def groups(block: Block) -> Iterator[str]:
    """The groups that a service falls into."""
    yield GROUPS[0]
    ran = facts(block).programs
    if ran and all(program.unknown is None for program in ran):
        yield GROUPS[1]
    if facts_in_sight(block):
        yield GROUPS[2]


def measured(root: Path) -> dict[str, dict[Name, Figure]]:
    """The figures of one configuration: `before`, and after each run."""
    project = read_project(root, [], Settings())
    found = {"before": figures(project)}
    for name, (ids, level) in RUNS.items():
        plan = make_plan(project, Selection(codemods=ids), replace(Settings(), level=level), verify=False)
        texts = {
            **project.texts,
            **{path: text for path, text in plan.after.items() if path.endswith(".nix")},
        }
        found[name] = figures(Project(root, texts, companions={**project.companions, **plan.after}))
    return found


def table(roots: Sequence[dict[str, dict[Name, Figure]]]) -> Iterator[str]:
    """The medians, as Markdown."""
    runs = ("before", *RUNS)
    yield f"| | services | {' | '.join(runs)} |"
    yield f"|---|--:|{'--:|' * len(runs)}"
    for group in GROUPS:
        rows = [
            [root[run][name].exposure for run in runs]
            for root in roots
            for name, figure in root["before"].items()
            if group in figure.groups and all(name in root[run] for run in runs)
        ]
        if rows:
            medians = [f"{median(column):.1f}" for column in zip(*rows, strict=True)]
            yield f"| {group} | {len(rows)} | {' | '.join(medians)} |"


def main(arguments: Sequence[str]) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(arguments)
    roots = sorted(path for path in given.folder.iterdir() if path.is_dir())
    with ProcessPoolExecutor(given.jobs) as pool:
        print("\n".join(table(list(pool.map(measured, roots)))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
