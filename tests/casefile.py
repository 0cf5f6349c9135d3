"""Cases: one file, one case; how it is read, and written again.

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

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hwc_refactor.model import Plan
from hwc_refactor.recipes import recipes
from hwc_refactor.registry import codemods
from hwc_refactor.rewriting.shipped import shipped_modules
from hwc_refactor.settings import Settings

FOLDER = Path(__file__).parent / "cases"
ENDING = ".case"
ALONE = "module.nix"
"""The path of the file in a case that names none."""

SHIPPED = b"(as it is shipped)\n"
"""Stands for the text of a shared module, before the dashes and behind them."""
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
    texts = {name: (shipped(name) or data) if data == SHIPPED else data for name, data in texts.items()}
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
