"""Every health check of the zoo, converted and evaluated: it asks the same, as whom and when it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from example import EXAMPLE, copy_example, example_plan, write_after
from nixeval import LIBS, facts, needs_nix
from units import complaints, exposure, needs_systemd, write_unit
from zoocases import ZooCase, zoo

from hwc_refactor.model import Plan
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.loops.checks import check_of, is_named, short_name
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

CASES = zoo("monitors")
CONVERTED = [case for case in CASES if not case.refused]
ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
GOOD = pytest.mark.parametrize("case", CONVERTED, ids=lambda case: case.name)


def converted(root: Path, settings: Settings | None = None) -> Plan:
    """Convert all checks below a folder; the texts are written."""
    wishes = settings or Settings()
    plan = make_plan(read_project(root, (), wishes), Selection(codemods=("monitor-module",)), wishes)
    write_after(root, plan)
    return plan


def names(plan: Plan) -> dict[str, str]:
    """The new unit of each check that was converted; those that go together keep their names."""
    found: dict[str, str] = {}
    for change in (planned.change for planned in plan.changes):
        subjects = [one.name for one in (change.subject, *change.also) if one.kind == "service"]
        for name in subjects:
            found[name] = f"hwc-monitor-{name if len(subjects) > 1 else short_name(name)}"
    return found


@ALL
def test_case_is_converted_or_refused_as_it_says(case: ZooCase, tmp_path: Path) -> None:
    plan = converted(case.write(tmp_path / "root"))
    assert plan.problems == ()
    assert {refusal.code for refusal in plan.refusals} == case.refused, plan.refusals
    assert bool(plan.changes) is not bool(case.refused)


@ALL
def test_second_run_changes_nothing(case: ZooCase, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    converted(root)
    assert converted(root).changes == ()


@GOOD
@needs_nix
@pytest.mark.parametrize("lib", LIBS)
def test_it_is_the_same_check(case: ZooCase, lib: str | None, tmp_path: Path) -> None:
    before = case.evaluate(case.write(tmp_path / "before"), lib)
    plan = converted(case.write(tmp_path / "after"))
    renamed = names(plan)
    assert renamed
    for old, new in zip(before, case.evaluate(tmp_path / "after", lib), strict=True):
        assert new["failed"] == []
        for name, unit in renamed.items():
            if name not in old["services"]:  # its condition does not hold
                assert unit not in new["services"]
                assert unit not in new["timers"]
                continue
            assert name not in new["services"]
            same_service(old["services"][name], new["services"][unit])
            same_times(old["timers"].get(name), new["timers"][unit])


def same_service(old: Any, new: Any) -> None:
    for key in ("description", "environment", "path", "onFailure"):
        assert new[key] == old[key], key
    assert set(new["after"]) >= {unit for unit in old["after"] if unit}
    settings, now = old["serviceConfig"], new["serviceConfig"]
    assert now["Type"] == "oneshot"
    assert "Restart" not in now
    assert now["NoNewPrivileges"] is True
    assert now["ProtectSystem"] == "strict"
    user = settings.get("User", "root")
    if user != "root":
        assert now["User"] == user
        assert now["DynamicUser"] is False
    elif settings.get("DynamicUser"):
        assert now["DynamicUser"] is True
    else:
        assert now["DynamicUser"] is not (now.get("User") == "root")


def same_times(old: Any, new: Any) -> None:
    times = new["timerConfig"]
    assert new["wantedBy"] == ["timers.target"]
    assert {"OnCalendar", "OnActiveSec", "OnBootSec"} & times.keys()
    for key, value in (old or {"timerConfig": {}})["timerConfig"].items():
        if key != "Unit":
            assert times[key] == value or (key, value) == ("OnCalendar", "minutely"), key


@GOOD
def test_the_faithful_form_counts_from_end_to_start(case: ZooCase, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    text = case.source.read_text(encoding="utf-8")
    plan = converted(root, Settings(timer_style="faithful"))
    after = plan.after[case.source.name].decode()
    looped = "sleep" in text
    assert ("OnUnitInactiveSec" in after) is (looped or "OnUnitInactiveSec" in text)


def test_names_that_say_a_service_is_a_check() -> None:
    assert is_named("couchdb-health-monitor")
    assert is_named("uptime_check")
    assert is_named("look-at-it", ("look-*",))
    assert not is_named("monitord")
    assert not is_named("backup")
    assert [short_name(name) for name in ("a-health-check", "a-monitor", "monitor", "a")] == [
        "a",
        "a",
        "monitor",
        "a",
    ]


@pytest.mark.parametrize(
    ("script", "root"),
    [
        ("virsh domstate x", ("virsh",)),
        ("podman ps", ("podman",)),
        ("curl -f http://localhost", ()),
        ("cat /var/lib/x/state", ("/var/lib/x/state",)),
        ("cat /proc/loadavg", ()),
        ("read -r x < /etc/secret", ("/etc/secret",)),
        ("systemctl is-active nginx", ()),
    ],
)
def test_what_needs_root(script: str, root: tuple[str, ...]) -> None:
    text = f'{{ systemd.services.a-check = {{ startAt = "hourly"; script = "{script}"; }}; }}'
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    check = check_of(block)
    assert check is not None
    assert check.does == ()
    assert check.root == root


@pytest.mark.parametrize(
    "script", ["systemctl restart nginx", "podman rm x", "zpool scrub tank", "frobnicate"]
)
def test_what_is_more_than_a_check(script: str) -> None:
    text = f'{{ systemd.services.a-check = {{ startAt = "hourly"; script = "{script}"; }}; }}'
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    check = check_of(block)
    assert check is not None
    assert [does.text for does in check.does] == [f"it runs {script.split()[0]}"]


# -- the documented example ----------------------------------------------------------------------------

HOST = ('root + "/hosts/server"',)
UNIT = "hwc-monitor-winapps-vm"


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with diff 6 made."""
    root = copy_example(tmp_path_factory.mktemp("diff6") / "root")
    write_after(root, example_plan(6))
    return root


@needs_nix
@pytest.mark.parametrize("lib", LIBS)
class TestWindowsGuest:
    """The check of the Windows guest, as the document has it."""

    @pytest.fixture
    def systemd(self, after: Path, lib: str | None) -> Any:
        return facts(after, lib, *HOST)["systemd"]

    def test_service(self, systemd: Any) -> None:
        service = systemd["services"][UNIT]
        assert service["description"] == "WinApps Windows VM health check"
        assert service["after"] == ["libvirtd.service", "winapps-vm-autostart.service"]
        settings = service["serviceConfig"]
        assert (settings["Type"], settings["User"], settings["DynamicUser"]) == ("oneshot", "root", False)
        assert settings["TimeoutSec"] == "30"

    def test_timer(self, systemd: Any) -> None:
        timer = systemd["timers"][UNIT]
        assert timer["wantedBy"] == ["timers.target"]
        assert timer["timerConfig"] == {
            "OnBootSec": "1min",
            "OnCalendar": "*:0/1",
            "Persistent": True,
            "AccuracySec": "1min",
        }

    def test_the_old_services_are_gone(self, systemd: Any, lib: str | None) -> None:
        before = facts(EXAMPLE, lib, *HOST)["systemd"]
        gone = {"winapps-monitor", "couchdb-health-monitor"}
        assert before["services"].keys() - systemd["services"].keys() == gone
        assert systemd["services"].keys() - before["services"].keys() == {UNIT, "hwc-monitor-couchdb"}


def test_documented_text(after: Path) -> None:
    text = (after / "domains/infrastructure/winapps/index.nix").read_text(encoding="utf-8")
    start = text.index("    services.hwc.monitor.winapps-vm = {\n")
    lines = [line.strip() for line in text[start:].splitlines()]
    assert lines[:6] == [
        "services.hwc.monitor.winapps-vm = {",
        "enable = true;",
        'description = "WinApps Windows VM health check";',
        'schedule = "every-minute";',
        "requireRoot = true; # Needs virsh access",
        "script = ''",
    ]
    assert 'dependsOn = [ "libvirtd.service" "winapps-vm-autostart.service" ];' in lines
    assert not any(word in text[start:] for word in ("while true", "sleep"))


@needs_nix
@needs_systemd
@pytest.mark.parametrize("unit", [UNIT, "hwc-monitor-couchdb"])
def test_systemd_has_no_complaint(unit: str, after: Path, tmp_path: Path) -> None:
    service = facts(after, None, *HOST)["systemd"]["services"][unit]
    file = write_unit(tmp_path, unit, {**service, "after": [], "script": "true\n"})
    assert complaints(file) == ""
    assert exposure(file) < 8
