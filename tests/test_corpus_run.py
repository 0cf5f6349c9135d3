"""The script that runs everything over a folder of configurations sees what does not hold."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from example import REPOSITORY, copy_example
from units import needs_systemd

from hwc_refactor.checking.systemd import Complaint
from hwc_refactor.nixos.units.render import UnitFile
from hwc_refactor.plan import make_plan

SERVICE = '{ systemd.services.a = { script = "echo hello"; }; }\n'


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("corpus_run", REPOSITORY / "scripts" / "corpus_run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "corpus_run", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A configuration with one service that can be hardened."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.nix").write_text(SERVICE, encoding="utf-8")
    return tmp_path / "one"


def test_the_example_and_a_broken_file(tmp_path: Path) -> None:
    copy_example(tmp_path / "corpus" / "example")
    (tmp_path / "corpus" / "broken").mkdir()
    (tmp_path / "corpus" / "broken" / "a.nix").write_text("{ systemd.services = ; }", encoding="utf-8")
    program, folder = REPOSITORY / "scripts" / "corpus_run.py", tmp_path / "corpus"
    words = [sys.executable, str(program), str(folder), "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 repositories, 39 files, level documented" in done.stdout
    assert "1 files could not be read or parsed" in done.stdout
    assert "| unprivileged-container | " in done.stdout
    assert "\n## 0 faults\n" in done.stdout
    assert "More exposed than before: 0." in done.stdout


def test_a_service_before_and_after(script: ModuleType, repository: Path) -> None:
    outcome = script.run(repository, "documented")
    assert outcome.faults == []
    assert outcome.changes["harden-service"] == 1
    ((before, after),) = outcome.exposures
    assert after < before == 9.6


def test_a_crash_is_a_fault(script: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("it crashed")

    monkeypatch.setattr(script, "make_plan", crash)
    (fault,) = script.run(repository, "documented").faults
    assert "RuntimeError: it crashed" in fault


def test_a_second_run_that_changes_something_is_a_fault(
    script: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = script.read_project(repository, [], script.Settings())
    monkeypatch.setattr(
        script, "make_plan", lambda project, *more, **options: make_plan(first, *more, **options)
    )
    faults = script.run(repository, "documented").faults
    assert any("changes service a a second time" in fault for fault in faults)


@needs_systemd
def test_what_systemd_did_not_say_before_is_a_fault(
    script: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def complaints(units: Sequence[UnitFile]) -> list[Complaint]:
        return [
            Complaint(index, "no") for index, unit in enumerate(units) if len(unit.section("Service")) > 1
        ]

    monkeypatch.setattr(script.systemd, "complaints", complaints)
    outcome = script.run(repository, "documented")
    assert any(fault.endswith("this is a fault of the tool") for fault in outcome.faults)


def test_medians_of_the_exposure(repository: Path) -> None:
    words = [sys.executable, "scripts/exposure_medians.py", str(repository.parent), "--jobs", "1"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    head, _, *rows = done.stdout.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:3] for row in cells] == [
        ["all services", "1", "9.6"],
        ["programs named", "1", "9.6"],
        ["all that they run known", "1", "9.6"],
    ]
    documented, strict, with_user, strict_with_user = (float(cell) for cell in cells[0][3:])
    assert 9.6 > documented > with_user > strict_with_user
    assert documented > strict > strict_with_user
    assert head.count("|") == 8
