"""Convert the containers of many configurations, and say what became of them.

    python scripts/convert_containers.py DIR [--only NAME] [--evaluate] [--table]

DIR holds one folder for each configuration. Each is copied, all of its containers are converted in the copy,
and it is checked that a second run changes nothing, that nix still parses what it parsed, and that the
inverse edits give the old bytes. With --evaluate each file with containers is evaluated by itself before and
after, with stand-ins for what it reads from elsewhere, and the containers are compared: what is lost is a fault,
but for ports that podman refuses and a note tells of, and so is what is gained and not documented.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from containereval import compare, is_documented, is_told
from nixeval import EvaluationError, Facts
from standins import StandIns

from hwc_refactor.checking import check
from hwc_refactor.model import Plan
from hwc_refactor.nixos.block import CONTAINER, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

SELECTION = Selection(codemods=("container-module",))


@dataclass(slots=True)
class Result:
    """What became of one configuration.

    Attributes:
        definitions: how many containers are defined.
        refused: how many are refused, by code.
        faults: what does not hold, one line each.
        evaluated, alone: how many files were compared, and how many cannot be evaluated by themselves.
    """

    name: str
    definitions: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    evaluated: int = 0
    alone: int = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", help="name of a configuration; repeatable")
    parser.add_argument("--evaluate", action="store_true", help="evaluate before and after")
    parser.add_argument("--table", action="store_true", help="print each container")
    parser.add_argument("--lib", help="folder with nixpkgs' lib/, instead of the small one of the tests")
    given = parser.parse_args(arguments)
    total = Result("all")
    for root in sorted(given.folder.iterdir()):
        if given.only and root.name not in given.only:
            continue
        result = convert(root, evaluate=given.evaluate, table=given.table, lib=given.lib)
        if not result.definitions:
            continue
        show(result)
        total.definitions += result.definitions
        total.refused += result.refused
        total.faults += result.faults
        total.evaluated += result.evaluated
        total.alone += result.alone
    show(total)
    raise SystemExit(1 if total.faults else 0)


def show(result: Result) -> None:
    """One line, and one for each fault."""
    converted = result.definitions - result.refused.total()
    share = 100 * converted / max(result.definitions, 1)
    codes = ", ".join(f"{code} {count}" for code, count in result.refused.most_common()) or "none"
    evaluated = f"{result.evaluated} files compared, {result.alone} not alone"
    print(
        f"{result.name}: {converted} of {result.definitions} ({share:.0f} %), refused: {codes}; {evaluated}"
    )
    for fault in result.faults if result.name != "all" else ():
        print(f"  FAULT {fault}")
    sys.stdout.flush()


def convert(root: Path, *, evaluate: bool, table: bool, lib: str | None) -> Result:
    """Convert one configuration in memory, and check what can be checked."""
    project = read_project(root, (), Settings())
    tree = Tree(project.texts)
    blocks = objects(tree, CONTAINER)
    result = Result(root.name, len(blocks))
    if not blocks:
        return result
    plan = make_plan(project, SELECTION, Settings(), verify=False)
    result.refused.update(refusal.code for refusal in plan.refusals)
    result.faults += [f"{p.file}:{p.line}: {p.message}" for p in plan.problems if "fault" in p.message]
    if table:
        print_table(plan)
    after = {**project.texts, **plan.after}
    again = make_plan(Project(root, dict(sorted(after.items()))), SELECTION, Settings(), verify=False)
    if again.changes:
        result.faults.append(f"a second run makes {len(again.changes)} changes")
    result.faults += unparsed(project, plan)
    result.faults += not_taken_back(plan)
    if evaluate:
        compare_files(result, project, plan, blocks, lib)
    return result


def print_table(plan: Plan) -> None:
    """Each change and refusal with what is gained."""
    for planned in plan.changes:
        change = planned.change
        names = ", ".join((change.subject.name, *(subject.name for subject in change.also)))
        print(f"| {names} | {change.file}:{change.line} | converted | {', '.join(change.gained)} |")
    for refusal in plan.refusals:
        print(f"| {refusal.subject.name} | {refusal.file}:{refusal.line} | {refusal.code} | |")


def unparsed(project: Project, plan: Plan) -> Iterator[str]:
    """Files that nix reads no more."""
    for path, complaint in (check.nix_problems(dict(plan.after)) or {}).items():
        old = project.texts.get(path)
        if old is None or not check.nix_problems({path: old}):
            yield f"{path}: {complaint}"


def not_taken_back(plan: Plan) -> Iterator[str]:
    """Changes that do not begin where the last one ended, or end elsewhere than the plan."""
    texts = dict(plan.before)
    for planned in plan.changes:
        for path, old in planned.before.items():
            if texts.get(path) != old:
                yield f"{path}: {planned.change.title} begins on another text"
            texts[path] = planned.after[path]
    if {path: texts[path] for path in plan.after} != dict(plan.after):
        yield "the changes do not come to the whole"


def compare_files(result: Result, project: Project, plan: Plan, blocks: list[Block], lib: str | None) -> None:
    """Evaluate each file with containers by itself, before and after."""
    touched = {path for path in plan.after if project.texts.get(path) is not None}
    files = sorted(
        {
            block.file
            for block in blocks
            if block.own
            and not touched.isdisjoint({block.file, *(s.expr.file.source.path for s in block.slots)})
        }
    )
    notes: dict[str, list[str]] = {}
    for planned in plan.changes:
        for subject in (planned.change.subject, *planned.change.also):
            notes.setdefault(subject.name, []).extend(planned.change.notes)
    with tempfile.TemporaryDirectory(prefix="hwc-convert-") as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        write(before, project.texts)
        write(after, {**project.texts, **plan.after})

        def one(file: str) -> tuple[str, list[str] | None]:
            stand_ins = StandIns(Tree(project.texts), file)
            try:
                old = stand_ins.evaluate(before, lib)
            except EvaluationError:
                return file, None
            try:
                new = stand_ins.evaluate(after, lib)
                old = stand_ins.evaluate(before, lib)
            except EvaluationError as error:
                return file, [f"does not evaluate any more: {' '.join(str(error).split())[-300:]}"]
            found: list[str] = []
            for left, right in zip(old, new, strict=True):
                difference = compare(without_folder(left, before), without_folder(right, after))
                found += [
                    f"lost {line}"
                    for line in difference.lost
                    if not is_told(line, notes.get(line.partition(" ")[0], ()))
                ]
                found += [
                    f"gained {line}"
                    for line in difference.gained
                    if not is_documented(line) and not line.startswith("warning")
                ]
            return file, found

        with ThreadPoolExecutor(2) as pool:
            for file, found in pool.map(one, files):
                if found is None:
                    result.alone += 1
                    continue
                result.evaluated += 1
                result.faults += [f"{file}: {text}" for text in found]


def without_folder(facts: Facts, folder: Path) -> Facts:
    """The same without the folder that the configuration was copied to, which paths of it tell."""
    told: Facts = json.loads(json.dumps(facts).replace(str(folder), ""))
    return told


def write(root: Path, texts: Mapping[str, bytes]) -> None:
    """Put files below a folder."""
    for path, data in texts.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    main()
