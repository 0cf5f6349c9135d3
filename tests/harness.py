"""Cases: one file, one case, and what is checked of every case without being asked.

A case is a file `tests/cases/<codemod>/<name>.case` (or `tests/cases/diff-<N>/` for a whole documented
diff):

    # what the case is about
    # options: {"pins": {"web": "1.2"}}
    # refuses: some-code
    …before…                              # <- here
    -----
    …after…

- The leading lines with `#` are its head; a blank line behind them ends the head and is not part of the
  text. `options` are fields of `Settings`, as JSON. `recipe: 3` runs the codemod as that documented diff
  has it.
- Without a line of dashes nothing may change.
- `refuses` names a code, once for each refusal; the line that it points to ends with `# <- here`, which
  is not part of the text.
- `module: hwc-container` puts the shared module of that name and a host that imports it and `module.nix`
  beside the case's own files; they are not shown.
- `note: some words` must stand in the notes of a change.
- `blanks: why` says that new lines keep their blanks in a file with tabs: those of a script in a new string,
  from which Nix strips blanks alone.
- `==> path <==` begins a file; behind the dashes only files that differ are named.

`UPDATE_CASES=1 pytest tests/test_cases.py` rewrites what stands behind the dashes.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import gcd
from pathlib import Path
from unittest.mock import patch as mocked

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
from hwc_refactor.recipes import recipes
from hwc_refactor.registry import codemods
from hwc_refactor.rewriting.shipped import shipped_modules
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

FOLDER = Path(__file__).parent / "cases"
ENDING = ".case"
ALONE = "module.nix"
"""The path of the file in a case that names none."""

SHIPPED = b"(as it is shipped)\n"
"""Stands for the text of a shared module behind the dashes."""
HOST = "host.nix"
"""The path of the host beside a case that has a shared module already."""

_HEAD = re.compile(r"# (blanks|refuses|options|recipe|note|module): (.+)")
_DASHES = re.compile(r"^-{5,}\n", re.MULTILINE)
_FILE = re.compile(r"^==> (.+) <==\n", re.MULTILINE)
_HERE = re.compile(r"(?:[ \t]*# <- here)+$", re.MULTILINE)

Texts = Mapping[str, bytes]


def shipped(path: str) -> bytes | None:
    """The shared module of a path, whose name may begin with an underscore."""
    return shipped_modules().get(path.replace("/_", "/"))


class Failed(AssertionError):
    """A case does not hold. The message begins with the kind: missing, noisy, wrong, or what was broken."""

    def __init__(self, kind: str, case: Case, message: str) -> None:
        super().__init__(f"{kind}: {case.id}\n{message}")
        self.kind = kind


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        path: its file.
        before: the files it begins with.
        after: the files that differ afterwards; None when nothing may change.
        refusals: the codes of the refusals with file and line, sorted.
        notes: words that must stand in the notes.
        settings: the user's settings.
        recipe: the number of the documented diff it runs, None for the codemod on everything.
        blanks: whether new lines keep their blanks in a file with tabs.
    """

    path: Path
    before: Texts
    after: Texts | None
    refusals: tuple[tuple[str, int, str], ...] = ()
    notes: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    recipe: int | None = None
    blanks: bool = False

    @property
    def folder(self) -> str:
        """The id of its codemod, or `diff-N`."""
        return self.path.parent.name

    @property
    def id(self) -> str:
        """Folder and name."""
        return f"{self.folder}/{self.path.name.removesuffix(ENDING)}"

    @property
    def expected(self) -> Texts:
        """All files as they should be afterwards."""
        return {**self.before, **(self.after or {})}


# -- reading and writing cases -------------------------------------------------------------------------


def cases(folder: str = "") -> list[Case]:
    """All cases, or those of one folder."""
    return [read_case(path) for path in sorted((FOLDER / folder).rglob(f"*{ENDING}"))]


@cache
def read_case(path: Path) -> Case:
    """One case from its file."""
    heads, text = _split_head(path.read_text(encoding="utf-8"))
    before, dashes, after = _split_dashes(text)
    marked = _files(before)
    marks = [
        (name, number)
        for name, data in marked.items()
        for number, line in enumerate(data.decode().split("\n"), 1)
        for _ in range(line.count("# <- here"))
    ]
    codes = [value for key, value in heads if key == "refuses"]
    if len(marks) != len(codes):
        raise ValueError(f"{path}: {len(codes)} refusals and {len(marks)} marked lines")
    options = [json.loads(value) for key, value in heads if key == "options"]
    numbers = [int(value) for key, value in heads if key == "recipe"]
    folder = path.parent.name
    if folder.startswith("diff-"):
        numbers.append(int(folder.removeprefix("diff-")))
    recipe = numbers[0] if numbers else None
    texts = {name: _HERE.sub("", data.decode()).encode() for name, data in marked.items()}
    for key, value in heads:
        if key == "module":
            module = f"modules/services/{value}.nix"
            texts[module] = shipped_modules()[module]
            texts[HOST] = f"{{ imports = [ ./{ALONE} ./{module} ]; }}\n".encode()
    return Case(
        path,
        texts,
        {name: (shipped(name) or data) if data == SHIPPED else data for name, data in _files(after).items()}
        if dashes
        else None,
        tuple(sorted((*mark, code) for mark, code in zip(marks, codes, strict=True))),
        tuple(value for key, value in heads if key == "note"),
        _settings({key: value for option in options for key, value in option.items()}, folder, recipe),
        recipe,
        any(key == "blanks" for key, _ in heads),
    )


def rewrite(case: Case, plan: Plan) -> None:
    """Put what the tool does now behind the dashes of a case."""
    text = case.path.read_text(encoding="utf-8")
    found = _DASHES.search(text)
    assert found is not None
    after = {
        path: (SHIPPED if data == shipped(path) else data).decode()
        for path, data in plan.after.items()
        if case.before.get(path) != data
    }
    own = [name for name in case.before if name != HOST and not name.startswith("modules/services/hwc-")]
    if own == [ALONE] and list(after) == [ALONE]:
        shown = after[ALONE]
    else:
        shown = "".join(f"==> {path} <==\n{data}" for path, data in after.items())
    case.path.write_text(text[: found.end()] + shown, encoding="utf-8")


def _split_head(text: str) -> tuple[list[tuple[str, str]], str]:
    lines = text.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    found = (_HEAD.fullmatch(line.rstrip("\n")) for line in lines[:count])
    rest = lines[count:]
    if rest and not rest[0].strip():
        rest = rest[1:]
    return [(match[1], match[2]) for match in found if match is not None], "".join(rest)


def _split_dashes(text: str) -> tuple[str, bool, str]:
    parts = _DASHES.split(text)
    if len(parts) > 2:
        raise ValueError("a case has one line of dashes at most")
    return parts[0], len(parts) == 2, parts[-1]


def _files(text: str) -> dict[str, bytes]:
    lead, *rest = _FILE.split(text)
    if not rest:
        return {ALONE: lead.encode()}
    if lead.strip():
        raise ValueError("text before the first file name")
    return {path: data.encode() for path, data in zip(rest[::2], rest[1::2], strict=True)}


def _settings(options: Mapping[str, object], folder: str, recipe: int | None) -> Settings:
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    if recipe is not None and folder in codemods():
        others = {step.codemod for step in recipes()[recipe].passes} - {folder}
        given["disable"] = tuple(sorted(others))
    return Settings(**given)  # type: ignore[arg-type]


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


# -- other spellings -----------------------------------------------------------------------------------


def with_crlf(data: bytes) -> bytes:
    """With the line endings of Windows."""
    return data.replace(b"\n", b"\r\n")


def with_bom(data: bytes) -> bytes:
    """With a byte order mark."""
    return b"\xef\xbb\xbf" + data


def without_end(data: bytes) -> bytes:
    """Without the last line feed."""
    return data.removesuffix(b"\n")


def with_tabs(data: bytes) -> bytes:
    """With a tab for each level of indentation."""
    lines = data.split(b"\n")
    blanks = [len(line) - len(line.lstrip(b" ")) for line in lines]
    width = gcd(*(count for count in blanks if count)) or 2
    return b"\n".join(
        b"\t" * (count // width) + line[count:] for count, line in zip(blanks, lines, strict=True)
    )


VARIANTS: Mapping[str, Callable[[bytes], bytes]] = {
    "crlf": with_crlf,
    "bom": with_bom,
    "no-final-newline": without_end,
    "tabs": with_tabs,
}
