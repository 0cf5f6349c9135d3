"""The documentation says what is so: its worked example runs, its lists are complete."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import casefile
import harness
import pytest
import spellings
from example import REPOSITORY

from hwc_refactor import selection
from hwc_refactor.codemod import FINDS, HEADINGS, Codemod
from hwc_refactor.registry import codemods
from hwc_refactor.selection import ORDER

DOCS = REPOSITORY / "docs"
SCRIPTS = REPOSITORY / "scripts"
TUTORIAL = (DOCS / "writing-a-codemod.md").read_text(encoding="utf-8")
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code of a language in the tutorial."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)


@pytest.fixture
def worked_example(monkeypatch: pytest.MonkeyPatch) -> Codemod:
    """The codemod of the tutorial, known to the engine for the time of a test."""
    (source,) = blocks("python")
    module = ModuleType("syslog_to_journal")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(source, "docs/writing-a-codemod.md", "exec"), module.__dict__)
    found = module.propose
    assert isinstance(found, Codemod)
    known = {**codemods(), found.id: found}
    for user in (selection, casefile, harness):
        monkeypatch.setattr(user, "codemods", lambda: known)
    monkeypatch.setattr(selection, "ORDER", (found.id, *ORDER))
    return found


def test_worked_example_holds_its_cases(worked_example: Codemod, tmp_path: Path) -> None:
    names = re.findall(r"^`tests/cases/(\S+\.case)`:$", TUTORIAL, re.MULTILINE)
    texts = blocks("nix")
    assert len(names) == len(texts) == 2
    for name, text in zip(names, texts, strict=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        case = casefile.read_case(path)
        assert case.folder == worked_example.id
        harness.check_case(case)
        for transform in spellings.VARIANTS.values():
            harness.check_variant(case, transform)


def test_words_of_the_tutorial_exist(worked_example: Codemod) -> None:
    from hwc_refactor.codemod import Context
    from hwc_refactor.nixos.block import Block
    from hwc_refactor.rewriting.draft import Draft

    for name, owner in (("block", Block), ("ctx", Context), ("draft", Draft)):
        known = set(dir(owner))
        assert set(re.findall(rf"`{name}\.(\w+)", TUTORIAL)) <= known


@pytest.mark.parametrize("found", codemods().values(), ids=list(codemods()))
def test_codemod_is_as_the_tutorial_says(found: Codemod) -> None:
    assert found.id in ORDER
    assert (REPOSITORY / "codemods" / f"{found.id.replace('-', '_')}.py").is_file()
    assert tuple(heading for heading in found.manual.sections if heading != FINDS) == HEADINGS
    assert all(found.manual.sections.values())


def test_architecture_names_every_module() -> None:
    modules = {
        path.relative_to(REPOSITORY).as_posix()
        for package in ("hwc_refactor", "codemods")
        for path in (REPOSITORY / package).rglob("*.py")
        if path.name != "__init__.py" and path.read_bytes().strip()
    }
    assert modules - set(listed()) == set()


def test_architecture_names_nothing_that_is_not_there() -> None:
    assert [path for path in listed() if not (REPOSITORY / path).exists()] == []


def listed() -> list[str]:
    """The files in the listing: `folder/` lines with indented names below them."""
    text = ARCHITECTURE.partition("## Every file")[2]
    found: list[str] = []
    folder = ""
    for line in text.splitlines():
        if match := re.match(r"### `(\S+/)`", line):
            folder = match[1]
        elif match := re.match(r"\| `([\w.*-]+)` \|", line):
            found.append(folder + match[1])
    return found


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target
    for path in re.findall(
        r"`((?:hwc_refactor|codemods|tests|docs|patches)/[\w./-]*\w\.(?:py|md|nix|toml))`", text
    ):
        if "syslog" not in path:
            assert (REPOSITORY / path).exists(), path


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("make_*.py")), ids=lambda script: script.stem)
def test_what_scripts_make_is_up_to_date(script: Path) -> None:
    command = [sys.executable, str(script), "--check"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_stale_tables_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = "scripts/make_hardening_docs.py"
    tables = runpy.run_path(str(REPOSITORY / script))["tables"]()
    page = (DOCS / "hardening.md").read_text(encoding="utf-8")
    stale = page.replace("| `ProtectClock` = `true` |", "| `ProtectClock` = `false` |")
    assert stale != page
    filled = runpy.run_path(str(SCRIPTS / "marked.py"))["filled"]
    assert filled(stale, script, tables) == page
    with pytest.raises(SystemExit, match="no place for the table 'catalogue'"):
        filled(page.replace("end of catalogue", "end"), script, tables)
