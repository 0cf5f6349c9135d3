"""The example configuration, before and after the documented diffs."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from hwc_refactor.model import Plan
from hwc_refactor.patch import patch
from hwc_refactor.plan import make_plan
from hwc_refactor.project import read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = REPOSITORY / "examples" / "homeserver"


def plan_for(root: Path, *diffs: int) -> Plan:
    """What documented diffs would do to a configuration."""
    settings = Settings()
    return make_plan(read_project(root, (), settings), Selection(diffs=diffs), settings)


@cache
def example_plan(*diffs: int) -> Plan:
    """The same for the example."""
    return plan_for(EXAMPLE, *diffs)


def patch_of(plan: Plan) -> bytes:
    """The unified diff of a plan."""
    return patch(plan.file_changes)


def copy_example(to: Path) -> Path:
    """A copy of the example that a test may change."""
    return Path(shutil.copytree(EXAMPLE, to))


def write_after(root: Path, plan: Plan) -> None:
    """Put the texts of a plan in place, as bytes, without the writer that has tests of its own."""
    for path, data in plan.after.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def texts(root: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
