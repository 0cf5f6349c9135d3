"""The priority plan: its phases, how far a configuration is, and that all of it is what `--all` runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Call
from example import EXAMPLE

from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.recipes import recipes
from hwc_refactor.registry import codemods
from hwc_refactor.selection import DIFF_ORDER, ORDER, PHASES, Selection, SelectionError, steps
from hwc_refactor.settings import Settings
from hwc_refactor.standing import counting_steps

CONTAINERS = "virtualisation.oci-containers.containers"


def after(project: Project, *runs: Selection) -> dict[str, bytes]:
    """The texts of a configuration after some runs, one after another."""
    texts = dict(project.texts)
    for run in runs:
        modules = {path: data for path, data in texts.items() if path.endswith(".nix")}
        others: dict[str, bytes | None] = {path: texts[path] for path in texts.keys() - modules.keys()}
        now = Project(project.root, modules, companions=others)
        plan = make_plan(now, run, Settings(), verify=False)
        assert plan.problems == ()
        texts = dict(sorted({**texts, **plan.after}.items()))
    return texts


def test_everything_is_the_phases_one_after_another() -> None:
    project = read_project(EXAMPLE, (), Settings())
    phases = after(project, *(Selection(phases=(number,)) for number in PHASES))
    assert phases == after(project, Selection(everything=True))
    assert phases == after(project, Selection(phases=tuple(PHASES)))
    assert phases != project.texts


def test_everything_runs_each_codemod_once_on_everything_in_order() -> None:
    for run in (
        Selection(everything=True),
        Selection(phases=(1, 2, 3)),
        Selection(phases=(1, 2, 3), codemods=("pin-image",)),
    ):
        found = [step for step in steps(run, Settings()) if step.generic]
        assert all(step.kind in step.codemod.kinds for step in found)
        assert len(found) == len({(step.codemod.id, step.kind.name) for step in found})
        names = list(dict.fromkeys(step.codemod.id for step in found))
        assert names == list(ORDER)


def test_counting_asks_each_codemod_about_each_kind_once() -> None:
    generic = [(step.codemod.id, step.kind.name) for step in counting_steps(Settings()) if step.generic]
    assert sorted(generic) == sorted(
        (name, kind.name) for name, codemod in codemods().items() for kind in (codemod.kind, *codemod.also)
    )


def test_a_phase_gives_the_values_of_a_document_to_its_own_objects_alone(tmp_path: Path) -> None:
    text = f'{{\n  {CONTAINERS}.gluetun = {{\n    image = "qmcgaw/gluetun:latest";\n  }};\n}}\n'.encode()
    for run in (Selection(everything=True), Selection(phases=(1,))):
        assert b"LOG_LEVEL" not in after(Project(tmp_path, {"x.nix": text}), run)["x.nix"]
    assert b"LOG_LEVEL" in after(Project(tmp_path, {"x.nix": text}), Selection(diffs=(3,)))["x.nix"]


def test_what_a_later_phase_changes_is_not_refused_any_more() -> None:
    plan = make_plan(
        read_project(EXAMPLE, (), Settings()), Selection(everything=True), Settings(), verify=False
    )
    pinned = {one.change.subject.name for one in plan.changes if one.change.codemod == "pin-image"}
    refused = {one.subject.name for one in plan.refusals if one.codemod == "pin-image"}
    assert "radarr" in pinned
    assert not pinned & refused


def test_the_plan_has_every_diff_and_every_codemod_once() -> None:
    assert sorted(DIFF_ORDER) == sorted(recipes())
    assert sorted(ORDER) == sorted(codemods())


@pytest.mark.parametrize("number", [0, 4])
def test_a_phase_that_never_was(number: int) -> None:
    with pytest.raises(SelectionError, match=f"there is no phase {number}; the plan has phases 1, 2 and 3"):
        steps(Selection(phases=(number,)), Settings())


def states(call: Call, root: Path) -> dict[int, tuple[str, int, int, int]]:
    found = json.loads(call("list", "--format", "json", "--root", root).out)["phases"]
    return {phase["id"]: (phase["state"], phase["done"], phase["open"], phase["refused"]) for phase in found}


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([], ("nothing", 0, 0, 0)),
        ([f'{CONTAINERS}.a.image = "redis:7";'], ("done", 1, 0, 0)),
        ([f'{CONTAINERS}.a.image = "redis:7";', f'{CONTAINERS}.b.image = "redis";'], ("refused", 1, 0, 1)),
        (
            [
                f'{CONTAINERS}.a.image = "redis:7";',
                f'{CONTAINERS}.b.image = "redis";',
                f'{CONTAINERS}.c = {{ image = "qmcgaw/gluetun"; extraOptions = [ "--privileged" ]; }};',
            ],
            ("open", 1, 1, 1),
        ),
        ([f'{CONTAINERS}.a.image = "redis"; # hwc-refactor: ignore[pin-image] so'], ("done", 1, 0, 0)),
    ],
)
def test_list_tells_how_far_a_phase_is(
    tmp_path: Path, call: Call, lines: list[str], state: tuple[str, int, int, int]
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "x.nix").write_text("{\n" + "".join(f"  {line}\n" for line in lines) + "}\n")
    assert states(call, tmp_path / "root")[1] == state
    text = call("list", "--root", tmp_path / "root").out.decode()
    rows = [line.split()[:5] for line in text.partition("PHASE")[2].splitlines()]
    assert ["1", *map(str, state)] in rows


def test_list_counts_diffs_wherever_their_object_is(tmp_path: Path, call: Call) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "x.nix").write_text(
        f'{{\n  {CONTAINERS}.gluetun = {{\n    image = "qmcgaw/gluetun";\n  }};\n}}\n'
    )
    found = json.loads(call("list", "--format", "json", "--root", tmp_path / "root").out)
    assert {diff["id"]: diff["found"] for diff in found["diffs"]}[3] == 2
    assert {codemod["id"]: codemod["found"] for codemod in found["codemods"]}["pin-image"] == 1
