"""Services do under the sandbox that the tool writes what they did without, and the sandbox bites.

Everything here is run by systemd itself, see `sandbox.py`; where that cannot be had, these tests skip and say why.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from nixeval import needs_nix
from sandbox import PYTHON, Evaluated, Outcome, Unit, absent, evaluate, folder, run
from sandboxprobes import PROBES
from sandboxprobes import PYTHON as PRELUDE
from sandboxservices import SERVICES, Service

from hwc_refactor.nixos.sandbox.hardening import sandboxing
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

pytestmark = [needs_nix, pytest.mark.skipif(absent() is not None, reason=str(absent()))]

MODULE = "module.nix"
HARDENING = Selection(codemods=("harden-service",))
RUNS = {
    "before": None,
    "documented": (HARDENING, "documented"),
    "strict": (HARDENING, "strict"),
    "everything": (Selection(everything=True), "strict"),
}
"""What the tool is asked to do."""


def rewritten(service: Service, selection: Selection, level: str, root: Path) -> str:
    """The module of a service after a run of the tool."""
    texts = {MODULE: service.module.encode(), **{name: text.encode() for name, text in service.files.items()}}
    plan = make_plan(Project(root, texts), selection, Settings(level=level))
    assert not plan.problems
    return (plan.after.get(MODULE) or texts[MODULE]).decode()


def unit(service: Service, found: Evaluated, forced: tuple[str, str] | None = None) -> Unit:
    """A service as it is to be run, a directive forced upon it."""
    settings = list(found.settings["it"])
    if forced is not None:
        settings = [(name, value) for name, value in settings if name != forced[0]] + [forced]
    tries = 200 if forced is None else 20
    return Unit(settings, service.check, service.prepare, found.rules, service.serves, tries)


@pytest.mark.parametrize("name", SERVICES)
def test_does_its_thing_in_its_sandbox(name: str, tmp_path: Path) -> None:
    service = SERVICES[name]
    if missing := [program for program in service.needs if shutil.which(program) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    units: dict[str, Unit] = {}
    modules: dict[str, str] = {}
    with folder() as root:
        for kind, asked in RUNS.items():
            modules[kind] = service.module if asked is None else rewritten(service, *asked, tmp_path)
            path = tmp_path / kind / MODULE
            path.parent.mkdir()
            path.write_text(modules[kind], encoding="utf-8")
            found = evaluate(path, root)
            units[kind] = unit(service, found)
            if kind == "strict":
                for number, forced in enumerate(service.breaks):
                    written = [value for key, value in found.settings["it"] if key == forced[0]]
                    assert not written or " ".join(written) != forced[1], f"{forced} would break it"
                    units[f"forced{number}"] = unit(service, found, forced)
        outcomes = run(units, root / "nix" / "store")
    assert (modules["strict"] == modules["before"]) is service.left_alone
    for kind, outcome in outcomes.items():
        if kind.startswith("forced"):
            forced = service.breaks[int(kind.removeprefix("forced"))]
            assert not outcome.well, f"{forced} was thought to break it"
            assert outcome.result != "prepare", outcome
        else:
            assert outcome.well, f"{kind}: {outcome.result} {outcome.status}\n{outcome.said}\n{modules[kind]}"


@cache
def probed() -> Mapping[str, Outcome]:
    """What becomes of every probe, free and under its directive."""
    units: dict[str, Unit] = {}
    with folder() as root:
        store = root / "store"
        store.mkdir()
        for name, probe in PROBES.items():
            text = f"{probe.program} || exit 1\necho ran\n"
            program = ["/bin/sh"]
            if probe.program.startswith("#py"):
                text = f"{PRELUDE}{probe.program}\nprint('ran')\n"
                program = [PYTHON, "-I"]
            (store / name).write_text(text, encoding="utf-8")
            settings = [("Type", "exec"), ("ExecStart", f"{' '.join(program)} /nix/store/{name}")]
            check = f"grep -qx ran output && {probe.check}"
            for kind, more in (("free", ()), ("bound", probe.directive)):
                lines = [*settings, *probe.settings, *more]
                units[f"{kind}-{name}"] = Unit(lines, check, probe.prepare)
        return run(units, store)


def test_every_directive_has_a_probe() -> None:
    assert list(sandboxing()) == list(PROBES)


@pytest.mark.parametrize("name", PROBES)
def test_directive_bites(name: str) -> None:
    where = PROBES[name].where
    if where and platform.machine() not in where:
        pytest.skip(f"its probe is for {', '.join(where)}")
    free, bound = probed()[f"free-{name}"], probed()[f"bound-{name}"]
    assert free.well, free
    assert not bound.done, bound
    assert bound.result != "prepare"
