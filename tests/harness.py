"""What is checked of every case without being asked: see `casefile.py` for what a case is."""

from __future__ import annotations

import difflib
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch as mocked

from casefile import Case, Texts, cases, read_case, rewrite
from spellings import with_tabs
from unidiff.patch import PatchSet

from hwc_refactor.checking import check
from hwc_refactor.model import Plan, Refusal
from hwc_refactor.nix.comments import comment_text, comments_inside
from hwc_refactor.nix.differences import split_lines
from hwc_refactor.nix.source import NAMED, Source
from hwc_refactor.nix.syntax import parse
from hwc_refactor.patch import FileChange, patch, validate
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project
from hwc_refactor.registry import codemods
from hwc_refactor.selection import Selection


class Failed(AssertionError):
    """A case does not hold. The message begins with the kind: missing, noisy, wrong, or what was broken."""

    def __init__(self, kind: str, case: Case, message: str) -> None:
        super().__init__(f"{kind}: {case.id}\n{message}")
        self.kind = kind


# -- running -------------------------------------------------------------------------------------------


def run(case: Case, texts: Texts | None = None) -> Plan:
    """The plan of a case, or of other texts with the case's selection.

    nix is left to a test of its own that looks at all results in one call.
    """
    files = dict(sorted((case.before if texts is None else texts).items()))
    modules = {path: data for path, data in files.items() if path.endswith(".nix")}
    diffs = () if case.recipe is None else (case.recipe,)
    selection = Selection(diffs=diffs, codemods=() if diffs else (case.folder,))
    with mocked.object(check, "nix_parser", return_value=None):
        project = Project(Path("/configuration"), modules, companions=_Others(files))
        return make_plan(project, selection, case.settings)


class _Others(dict[str, bytes | None]):
    """The files of a case that are no Nix files, as a project knows them: by path, and by `**/name`."""

    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: str) -> bytes | None:
        if not path.startswith(NAMED):
            return None
        names = [one for one in self if one.rpartition("/")[2] == path.removeprefix(NAMED)]
        return "\n".join(names).encode() or None


@cache
def planned(path: Path) -> Plan:
    """The plan of the case in a file."""
    return run(read_case(path))


# -- what is checked -----------------------------------------------------------------------------------


def check_case(case: Case) -> None:
    """Compare a case with what the tool does, and check what holds for every case."""
    plan = planned(case.path)
    if os.environ.get("UPDATE_CASES") and case.after is not None and plan.changes:
        rewrite(case, plan)
        read_case.cache_clear()
        case = read_case(case.path)
    _same(case, case.expected, plan)
    _refusals(case, case.refusals, plan)
    _words(case, plan)
    _parses(case, plan)
    _comments(case, plan)
    _diff(case, plan)
    _second_run(case, plan)


def check_variant(case: Case, transform: Callable[[bytes], bytes]) -> None:
    """The same case in another spelling gives the same result in that spelling."""
    if os.environ.get("UPDATE_CASES"):
        return
    spelled = {path for path in case.before if path.endswith(".nix")}
    before = {path: transform(data) if path in spelled else data for path, data in case.before.items()}
    expected = {path: transform(data) if path in spelled else data for path, data in case.expected.items()}
    plan = run(case, before)
    if case.blanks and transform is with_tabs:
        got = {**before, **plan.after}
        assert {path: _flush(data) for path, data in got.items()} == {
            path: _flush(data) for path, data in expected.items()
        }
    else:
        _same(case, expected, plan, before)
    _refusals(case, case.refusals, plan)
    _diff(case, plan)


def _flush(data: bytes) -> list[bytes]:
    return [line.lstrip() for line in data.split(b"\n")]


def _same(case: Case, expected: Texts, plan: Plan, before: Texts | None = None) -> None:
    texts = case.before if before is None else before
    if plan.problems:
        raise Failed("wrong", case, "\n".join(f"{p.file}:{p.line}: {p.message}" for p in plan.problems))
    got = {**texts, **plan.after}
    if got == expected:
        return
    if got == texts:
        refused = "\n".join(f"refused with {r.code}: {r.reason}" for r in plan.refusals)
        raise Failed("missing", case, refused + "\n" + _shown(texts, expected))
    kind = "noisy" if expected == texts else "wrong"
    raise Failed(kind, case, _shown(expected, got))


def _shown(left: Texts, right: Texts) -> str:
    pieces: list[str] = []
    for path in sorted({*left, *right}):
        old, new = (_visible(side.get(path, b"")) for side in (left, right))
        pieces += difflib.unified_diff(old, new, f"expected/{path}", f"got/{path}", lineterm="")
    return "\n".join(pieces)


def _visible(data: bytes) -> list[str]:
    """The lines of a text, with what the eye does not see written out."""
    text = (
        data.decode(errors="replace").replace("\r", "\\r").replace("\t", "\\t").replace("\ufeff", "\\ufeff")
    )
    return text.split("\n")


def _refusals(case: Case, expected: tuple[tuple[str, int, str], ...], plan: Plan) -> None:
    got = tuple(sorted((r.file, r.line, r.code) for r in plan.refusals))
    if got == expected:
        return
    kind = "missing" if set(got) < set(expected) else "noisy" if set(expected) < set(got) else "wrong"
    told = "\n".join(f"  {r.file}:{r.line}: {r.code}: {r.reason}" for r in plan.refusals)
    raise Failed(kind, case, f"expected refusals {expected}\ngot\n{told}")


def _words(case: Case, plan: Plan) -> None:
    for refusal in plan.refusals:
        if refusal.code not in refusal_codes(refusal.codemod):
            raise Failed("wrong", case, f"'{refusal.code}' is not in the manual of {refusal.codemod}")
        _sentence(case, refusal.reason)
    notes = [note for change in plan.changes for note in change.change.notes]
    for note in notes:
        _sentence(case, note)
    for wanted in case.notes:
        if not any(wanted in note for note in notes):
            raise Failed("missing", case, f"no note says '{wanted}':\n" + "\n".join(notes))
    for change in plan.changes:
        _sentence(case, change.change.why)
        if not change.change.title or change.change.title.endswith("."):
            raise Failed("wrong", case, f"'{change.change.title}' is no title")


def _sentence(case: Case, text: str) -> None:
    begins = text[:1].isalnum() or text[:1] in ("/", "'")
    if not begins or not text.endswith(".") or text.endswith(".."):
        raise Failed("wrong", case, f"this is no sentence: {text}")


def refusal_codes(codemod: str) -> dict[str, str]:
    """The codes in the manual of a codemod, with what it says of each."""
    text = codemods()[codemod].manual.sections["When it refuses"]
    entries = (line.partition(":") for line in text.splitlines() if not line.startswith(" "))
    return {code: what.strip() for code, _, what in entries}


def _parses(case: Case, plan: Plan) -> None:
    for path, data in plan.after.items():
        problem = check.syntax_problem(path, data)
        if problem is not None:
            raise Failed("broken", case, f"{path}: {problem}")
        if any(line != line.rstrip() for line in _added(plan, path)):
            raise Failed("broken", case, f"{path}: blanks at the end of a new line")


def _added(plan: Plan, path: str) -> Iterator[bytes]:
    old = Counter(split_lines(plan.before[path] or b""))
    for line in split_lines(plan.after[path]):
        if not old[line]:
            yield line.rstrip(b"\r\n")


def _comments(case: Case, plan: Plan) -> None:
    """Every comment is still there, or a note names it."""
    notes = [note for change in plan.changes for note in change.change.notes]
    before, after = (_all_comments(texts) for texts in (case.before, {**case.before, **plan.after}))
    for text in before - after:
        if not any(line.strip("# ") in note for note in notes for line in text.splitlines()):
            raise Failed("broken", case, f"the comment '{text}' is lost and no note names it")


def _modules(texts: Texts) -> Iterator[tuple[str, bytes]]:
    return ((path, data) for path, data in texts.items() if path.endswith(".nix"))


def _all_comments(texts: Texts) -> Counter[str]:
    found: Counter[str] = Counter()
    for path, data in _modules(texts):
        file = parse(Source(path, data))
        found.update(comment_text(file, node) for node in comments_inside(file, file.root))
    return found


def _diff(case: Case, plan: Plan) -> None:
    """The diff is one, and outside of its hunks no byte differs."""
    text = patch(plan.file_changes)
    validate(text)
    for file in PatchSet(text.decode("utf-8").splitlines(keepends=True)) if text else ():
        old = split_lines(plan.before[file.path] or b"")
        new = split_lines(plan.after[file.path])
        for hunk in reversed(file):
            del old[hunk.source_start - 1 : hunk.source_start - 1 + hunk.source_length]
            del new[hunk.target_start - 1 : hunk.target_start - 1 + hunk.target_length]
        if old != new:
            raise Failed("broken", case, f"{file.path}: bytes differ outside of the hunks")


def _second_run(case: Case, plan: Plan) -> None:
    again = run(case, {**case.before, **plan.after})
    if again.changes:
        raise Failed("broken", case, "a second run changes\n" + _shown(plan.after, again.after))
    if _codes(again.refusals) != _codes(plan.refusals):
        told = "\n".join(f"  {r.file}:{r.line}: {r.code}: {r.reason}" for r in again.refusals)
        raise Failed("broken", case, f"a second run refuses something else\n{told}")


def _codes(refusals: tuple[Refusal, ...]) -> list[tuple[str, str]]:
    return sorted((refusal.subject.name, refusal.code) for refusal in refusals)


# -- all cases at once ---------------------------------------------------------------------------------


def nix_complaints() -> dict[str, str] | None:
    """What nix has against texts and results of all cases; None where it is not installed.

    Files with pipes are left out: not every nix knows them.
    """
    texts: dict[str, bytes] = {}
    for case in cases():
        for side, files in (("before", case.before), ("after", planned(case.path).after)):
            for path, data in _modules(files):
                if not parse(Source(path, data)).pipes:
                    texts[f"{case.id}/{side}/{path}"] = data
    complaints = check.nix_problems(texts)
    return None if complaints is None else {name: text.message for name, text in complaints.items()}


def apply_all(folder: Path) -> None:
    """Apply the diffs of all cases with one `git apply`, whole plans and single changes, and compare."""
    changes: list[FileChange] = []
    steps: list[bytes] = []
    wanted: dict[str, bytes] = {}
    for case in cases():
        plan = planned(case.path)
        whole = [_moved(change, f"plans/{case.id}/") for change in plan.file_changes]
        changes += whole
        for step in plan.changes:
            prefix = f"steps/{case.id}/"
            steps.append(patch(_moved(c, prefix) for c in step.file_changes))
        for top in ("plans", "steps"):
            for path, data in plan.after.items():
                wanted[f"{top}/{case.id}/{path}"] = data
                old = plan.before[path]
                if old is not None:
                    place = folder / top / case.id / path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(old)
    environment = {
        **os.environ,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=folder,
        input=patch(changes) + b"".join(steps),
        capture_output=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    for path, data in wanted.items():
        assert (folder / path).read_bytes() == data, path


def _moved(change: FileChange, prefix: str) -> FileChange:
    return FileChange(prefix + change.path, change.before, change.after)
