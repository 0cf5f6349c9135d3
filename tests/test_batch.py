"""Diff 5 as a whole: the batch of the example, in one run, in halves, one by one, and the table at its end."""

from __future__ import annotations

from pathlib import Path

from example import EXAMPLE, copy_example, example_plan, texts, write_after

from hwc_refactor.model import Applicability, Change, Plan, PlannedChange, Refusal, Subject
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.report.batch import table
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings


def run(root: Path, *only: str, without: frozenset[str] = frozenset()) -> Plan:
    """Convert the containers of a configuration, or those of some names, and write them."""
    settings = Settings()
    selection = Selection(diffs=(5,), only=only)
    plan = make_plan(read_project(root, (), settings), selection, settings, without=without)
    write_after(root, plan)
    return plan


def converted(plan: Plan) -> list[Change]:
    return [planned.change for planned in plan.changes if planned.change.codemod == "container-module"]


def test_all_containers_of_the_example_are_converted() -> None:
    plan = example_plan(5)
    subjects = {s.name for change in converted(plan) for s in (change.subject, *change.also)}
    assert len(subjects - {"services.hwc.container"}) == 21
    assert plan.refusals == ()
    left = [
        path
        for path, data in {**texts(EXAMPLE), **plan.after}.items()
        if b"oci-containers.containers" in data
    ]
    assert left == ["modules/services/hwc-container.nix"]


def test_the_module_comes_first_and_once() -> None:
    first, *others = example_plan(5).changes[1:]
    assert str(first.change.subject) == "module services.hwc.container"
    assert set(first.after) == {
        "domains/server/containers/default.nix",
        "modules/services/hwc-container.nix",
    }
    assert not any("modules/services/hwc-container.nix" in other.after for other in others)


def test_halves_are_the_whole(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    run(root, "[a-j]*")
    run(root)
    assert texts(root) == {**texts(EXAMPLE), **example_plan(5).after}


def test_one_by_one_is_the_whole(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    for change in reversed(converted(example_plan(5))):
        if change.subject.kind == "container":
            run(root, change.subject.name)
    assert texts(root) == {**texts(EXAMPLE), **example_plan(5).after}


def test_without_the_module_nothing_is_converted(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    module = next(p for p in example_plan(5).changes if p.change.subject.kind == "module")
    plan = run(root, without=frozenset({module.id}))
    assert converted(plan) == []
    assert {refusal.code for refusal in plan.refusals} == {"not-wanted"}


def test_each_change_can_be_left_out(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    wanted = next(p for p in example_plan(5).changes if p.change.subject.name == "jellyfin")
    run(root, without=frozenset({wanted.id}))
    expected = {**texts(EXAMPLE), **example_plan(5).after}
    path = "domains/server/containers/jellyfin/index.nix"
    assert texts(root) == {**expected, path: (EXAMPLE / path).read_bytes()}


def change(name: str, *also: str, gained: tuple[str, ...] = ()) -> PlannedChange:
    others = tuple(Subject("container", other) for other in also)
    subject = Subject("container", name)
    made = Change(
        "batch", subject, "a.nix", 3, "t", "w", (), Applicability.SAFE, (), gained=gained, also=others
    )
    return PlannedChange(name, made, {}, {})


def test_table_has_a_row_for_each_object() -> None:
    refusal = Refusal("batch", Subject("container", "odd"), "b.nix", 12, "some-code", "Why.")
    other = Refusal("other", Subject("container", "x"), "b.nix", 1, "c", "Why.")
    changes = (change("web", "web-2", gained=("pids 200", "cpus 1.0")), change("db"))
    plan = Plan("/", changes, (refusal, other), (), {}, {})
    assert [line.text for line in table(plan, {"batch"})] == [
        "Container  File      Became              Gained",
        "db         a.nix:3   converted",
        "web        a.nix:3   converted           pids 200, cpus 1.0",
        "web-2      a.nix:3   converted           pids 200, cpus 1.0",
        "odd        b.nix:12  refused: some-code",
    ]
    assert list(table(plan, ())) == []


MADE_TOGETHER = """{ lib, ... }:
let
  mk = name: { image = "ghcr.io/zoo/${name}:1"; };
in
{
  virtualisation.oci-containers.containers = {
    a = mk "a";
    b = mk "b"; # hwc-refactor: ignore[container-module] stays
  };
}
"""


def plan_of(text: str, without: frozenset[str] = frozenset()) -> Plan:
    settings = Settings()
    project = Project(Path("/root"), {"default.nix": text.encode()})
    selection = Selection(codemods=("container-module",))
    return make_plan(project, selection, settings, without=without, verify=False)


def test_who_is_to_be_left_keeps_back_those_made_with_it() -> None:
    plan = plan_of(MADE_TOGETHER)
    assert plan.changes == ()
    assert [(r.subject.name, r.code) for r in plan.refusals] == [("a", "not-wanted")]
    assert [r.subject.name for r in plan.suppressed] == ["b"]


def test_a_change_of_several_is_left_out_once() -> None:
    text = MADE_TOGETHER.partition(" # hwc")[0] + "\n  };\n}\n"
    made = next(p for p in plan_of(text).changes if p.change.also)
    plan = plan_of(text, frozenset({made.id}))
    assert converted(plan) == []
    assert {(r.subject.name, r.code) for r in plan.refusals} == {("a", "not-wanted"), ("b", "not-wanted")}
