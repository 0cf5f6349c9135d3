"""The checks that a plan goes through before it is shown, and what becomes of a change that does not pass."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event

import pytest
from example import EXAMPLE
from msgspec.structs import replace
from nixeval import needs_nix
from units import needs_systemd

from hwc_refactor.checking import check, ladder, systemd
from hwc_refactor.checking.beside import beside
from hwc_refactor.model import Applicability, Change, Plan, PlannedChange, Subject
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import UnitFile
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

SERVICE = '{ systemd.services.%s = { script = "run"; serviceConfig = { %s }; }; }'


def change(name: str, texts: Mapping[str, str], kind: str = "service") -> PlannedChange:
    """A change that leaves these texts."""
    made = Change("some-codemod", Subject(kind, name), "a.nix", 3, "t", "w", (), Applicability.SAFE, ())
    after = {path: text.encode() for path, text in texts.items()}
    return PlannedChange(name, made, dict.fromkeys(after), after)


def culprit(before: str, after: str, *changes: PlannedChange) -> ladder.Culprit | None:
    """The one of some changes that the ladder finds."""
    old, new = ({"a.nix": text.encode()} for text in (before, after))
    return ladder.culprit(changes, Project(Path("/"), old), Tree(old), Tree(new))


def diff_3(verify: bool = True) -> Plan:
    """The plan of diff 3 on the example."""
    project = read_project(EXAMPLE, [], Settings())
    return make_plan(project, Selection(diffs=(3,)), Settings(), verify=verify)


@needs_systemd
class TestUnits:
    """The third rung: rendered units."""

    def test_a_new_complaint(self) -> None:
        before, after = SERVICE % ("a", ""), SERVICE % ("a", "ProtectHouse = true;")
        found = culprit(before, after, change("a", {"a.nix": after}))
        assert found is not None
        assert found.complaint == "a.service: Unknown key 'ProtectHouse' in section [Service], ignoring."
        assert (found.problem.file, found.problem.line) == ("a.nix", 3)
        assert found.problem.message == (
            "some-codemod: the change of service a would break it and was withdrawn"
            f" ({found.complaint}); this is a fault of the tool"
        )

    @pytest.mark.parametrize("name", ["a", "b"])
    def test_a_complaint_that_was_there_before(self, name: str) -> None:
        old = 'ProtectHouse = true; Type = "oneshot"; Restart = "always";'
        before, after = SERVICE % ("a", old), SERVICE % (name, f"{old} PrivateTmp = true;")
        assert culprit(before, after, change("a", {"a.nix": after})) is None

    def test_what_was_wrong_with_a_unit_out_of_sight_is_not_known(self) -> None:
        before = '{ systemd.services.a = { script = "run"; serviceConfig = config.x; }; }'
        after = SERVICE % ("a", "ProtectHouse = true;")
        assert culprit(before, after, change("a", {"a.nix": after})) is None

    def test_the_change_of_the_unit_is_the_one(self) -> None:
        after = SERVICE % ("a", "ProtectHouse = true;")
        changes = [
            change("b", {"a.nix": after}),
            change("a", {"a.nix": after}),
            change("c", {"a.nix": after}),
        ]
        found = culprit(SERVICE % ("a", ""), after, *changes)
        assert found is not None
        assert found.change is changes[1]

    def test_changes_of_other_things_ask_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(systemd, "complaints", None)
        after = SERVICE % ("a", "ProtectHouse = true;")
        assert culprit(SERVICE % ("a", ""), after, change("a", {"a.nix": after}, "container")) is None

    def test_one_process_for_all_units(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[Sequence[str]] = []
        run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run

        def counted(command: Sequence[str], **more: object) -> subprocess.CompletedProcess[bytes]:
            calls.append(command)
            return run(command, **more)

        texts = {f"{name}.nix": SERVICE % (name, "") for name in "abcdefgh"}
        old = {path: text.encode() for path, text in texts.items()}
        new = {path: text.replace(b"{  }", b"{ PrivateTmp = true; }") for path, text in old.items()}
        changes = [replace(change(path[0], {}), after={path: data}) for path, data in new.items()]
        monkeypatch.setattr(subprocess, "run", counted)
        monkeypatch.setattr(check, "nix_parser", lambda: None)
        assert ladder.culprit(changes, Project(Path("/"), old), Tree(old), Tree(new)) is None
        assert [Path(call[0]).name for call in calls] == ["systemd-analyze"]
        assert sum(word.endswith(".service") for word in calls[0]) == 8

    def test_a_change_is_withdrawn_and_the_others_stay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def complaints(units: Sequence[UnitFile]) -> list[systemd.Complaint]:
            return [
                systemd.Complaint(index, "no")
                for index, unit in enumerate(units)
                if unit.setting("Service", "NoNewPrivileges")
            ]

        monkeypatch.setattr(systemd, "complaints", complaints)
        plan = diff_3()
        assert [c.change.codemod for c in plan.changes] == ["unprivileged-container", "pin-image"]
        (problem,) = plan.problems
        assert problem.message.endswith("(gluetun-env-setup.service: no); this is a fault of the tool")
        assert "not-wanted" not in {refusal.code for refusal in plan.refusals}
        assert len(diff_3(verify=False).changes) == 3


@needs_nix
class TestParser:
    """The second rung: nix' own parser."""

    def test_an_attribute_defined_twice(self) -> None:
        after = "{ a = 1; a = 2; }"
        found = culprit("{ a = 1; }", after, change("a", {"a.nix": after}))
        assert found is not None
        assert found.complaint == "attribute 'a' already defined at 1:3"

    def test_what_nix_did_not_accept_before(self) -> None:
        after = "{ a = 1; a = 2; b = 3; }"
        assert culprit("{ a = 1; a = 2; }", after, change("a", {"a.nix": after})) is None

    def test_every_file_that_nix_does_not_accept(self) -> None:
        texts = {f"{n}.nix": b"{ a = 1; }" for n in range(30)}
        texts |= {"3.nix": b"{ a = ; }", "7.nix": b"\n{ a = b; }", "29.nix": b"{ a = 1; a = 2; }"}
        found = check.nix_problems(texts)
        assert found is not None
        assert {path: (p.line, p.column) for path, p in found.items()} == {
            "3.nix": (1, 7),
            "7.nix": (2, 7),
            "29.nix": (1, 10),
        }
        assert found["7.nix"].message == "undefined variable 'b'"


def test_what_did_not_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    services, containers = [change("a", {})], [change("a", {}, "container")]
    monkeypatch.setattr(check, "nix_parser", lambda: None)
    monkeypatch.setattr(systemd, "analyzer", lambda: None)
    assert ladder.not_run([], verify=True) == ()
    assert ladder.not_run(containers, verify=True) == (
        "nix-instantiate --parse was not run: nix is not installed",
    )
    assert ladder.not_run(services, verify=True)[1:] == (
        "systemd-analyze verify was not run: systemd is not installed",
    )
    assert ladder.not_run(services, verify=False) == (
        "nix-instantiate --parse was skipped, as asked",
        "systemd-analyze verify was skipped, as asked",
    )
    monkeypatch.undo()
    assert culprit(SERVICE % ("a", ""), SERVICE % ("a", ""), *services) is None


def test_nothing_is_asked_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    after = SERVICE % ("a", "ProtectHouse = true; ProtectHouse = true;")
    assert culprit(SERVICE % ("a", ""), after, change("a", {"a.nix": after})) is None


class TestBeside:
    """nix and systemd are asked at the same time."""

    def test_one_goes_on_while_the_other_waits(self) -> None:
        begun, go_on = Event(), Event()

        def wait() -> str:
            begun.set()
            return "waited" if go_on.wait(60) else "waited in vain"

        def work() -> str:
            go_on.set()
            return "worked" if begun.wait(60) else "never begun"

        assert beside(wait, work) == ("waited", "worked")

    @pytest.mark.parametrize("first", [True, False])
    def test_a_fault_of_either_is_not_lost(self, first: bool) -> None:
        def fail() -> str:
            raise LookupError("fault")

        pair = (fail, str) if first else (str, fail)
        with pytest.raises(LookupError, match="fault"):
            beside(*pair)
