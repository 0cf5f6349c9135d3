"""What diff 1 makes of the example holds every fact of the documented "after", or of its correction.

The configurations are evaluated and their results compared; the script is read from the tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documented import HOST, evaluated, example_with
from example import EXAMPLE, copy_example, example_plan, plan_for, texts, write_after
from nixeval import LIBS, NIXPKGS_LIB, differences, needs_nix
from units import complaints, exposure, needs_systemd, write_unit

from hwc_refactor.model import Applicability
from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.programs import main_program
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

FILE = "domains/infrastructure/hardware/parts/gpu.nix"
OLD, NEW = "gpu-monitor", "gpu-metrics-collect"
ALONE = (
    f'root + "/{FILE}"',
    'root + "/domains/paths.nix"',
    '{ hwc.infrastructure.hardware.gpu = { type = "nvidia"; nvidia.enableMonitoring = true; }; }',
)
WITHOUT = (*ALONE[:2], '{ hwc.infrastructure.hardware.gpu.type = "nvidia"; }')

SETTINGS = {
    "Type": "oneshot",
    "DynamicUser": True,
    "Group": "video",
    "SupplementaryGroups": ["video"],
    "LogsDirectory": "gpu",
    "NoNewPrivileges": True,
    "ProtectSystem": "strict",
    "ProtectHome": True,
    "PrivateTmp": True,
    "ProtectKernelTunables": True,
    "ProtectKernelModules": True,
    "ProtectControlGroups": True,
    "RestrictAddressFamilies": ["AF_UNIX"],
    "RestrictNamespaces": True,
    "DeviceAllow": ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-modeset", "/dev/nvidia-uvm"],
    "StandardOutput": "journal",
    "StandardError": "journal",
}
SCRIPT = """\
set -euo pipefail

# Query GPU metrics and output to journal in structured format
__nix0__/bin/nvidia-smi \\
  --query-gpu=timestamp,name,temperature.gpu,utilization.gpu,utilization.memory,memory.used,memory.total \\
  --format=csv,noheader,nounits | while IFS=, read -r timestamp name temp gpu_util mem_util mem_used mem_total; do
  # Output as structured journal log
  echo "GPU_TIMESTAMP=$timestamp GPU_NAME=$name GPU_TEMP=$temp GPU_UTIL=$gpu_util \
MEM_UTIL=$mem_util MEM_USED=$mem_used MEM_TOTAL=$mem_total"
done
"""
DOCUMENTED = {"OnBootSec": "1min", "OnUnitActiveSec": "1min", "AccuracySec": "10s"}
FAITHFUL = {"OnActiveSec": "0s", "OnUnitInactiveSec": "1min", "AccuracySec": "1s"}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with diff 1 made."""
    return example_with(tmp_path_factory, 1)


def script(root: Path) -> Script:
    """The script of the service, as it stands in the file."""
    tree = Tree({path: data for path, data in texts(root).items() if path.endswith(".nix")})
    (block,) = objects(tree, SERVICE, (NEW,))
    program = main_program(block)
    assert program is not None
    assert program.script is not None
    assert program.wrapped is not None
    assert (program.wrapped.builder, program.wrapped.name) == ("writeShellScript", NEW)
    return program.script


@pytest.mark.parametrize("lib", LIBS)
class TestService:
    """The service that takes one sample."""

    @pytest.fixture
    def service(self, after: Path, lib: str | None) -> Any:
        return evaluated(after, lib, ALONE)["systemd"]["services"][NEW]

    @pytest.mark.parametrize("name", SETTINGS)
    def test_setting(self, service: Any, name: str) -> None:
        assert service["serviceConfig"][name] == SETTINGS[name]

    def test_no_other_settings(self, service: Any) -> None:
        assert service["serviceConfig"].keys() - {"ExecStart"} == SETTINGS.keys()

    def test_description(self, service: Any) -> None:
        assert service["description"] == "Collect NVIDIA GPU metrics"

    def test_only_its_timer_starts_it(self, service: Any) -> None:
        assert service["wantedBy"] == []

    def test_its_script_has_its_name(self, service: Any) -> None:
        assert service["serviceConfig"]["ExecStart"].endswith(f"-{NEW}")

    def test_the_old_name_is_gone(self, after: Path, lib: str | None) -> None:
        assert OLD not in evaluated(after, lib, ALONE)["systemd"]["services"]


@pytest.mark.parametrize("lib", LIBS)
class TestTimer:
    """The timer that starts it."""

    @pytest.fixture
    def timer(self, after: Path, lib: str | None) -> Any:
        return evaluated(after, lib, ALONE)["systemd"]["timers"][NEW]

    def test_times(self, timer: Any) -> None:
        assert timer["timerConfig"] == DOCUMENTED

    def test_it_starts_at_boot(self, timer: Any) -> None:
        assert timer["wantedBy"] == ["timers.target"]

    def test_description(self, timer: Any) -> None:
        assert timer["description"] == "GPU metrics collection timer"

    def test_it_is_there_when_the_service_is(self, after: Path, lib: str | None) -> None:
        found = evaluated(after, lib, WITHOUT)["systemd"]
        assert NEW not in found["services"]
        assert NEW not in found["timers"]


def test_script(after: Path) -> None:
    found = script(after)
    assert found.body.data.decode() == SCRIPT
    assert [hole.text for hole in found.holes()] == [
        "config.boot.kernelPackages.nvidiaPackages.${cfg.nvidia.driver}"
    ]


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("modules", [ALONE, HOST], ids=["module", "host"])
def test_nothing_else_changes(after: Path, modules: tuple[str, ...], lib: str | None) -> None:
    before, now = evaluated(EXAMPLE, lib, modules), evaluated(after, lib, modules)
    monitored = OLD in before["systemd"]["services"]
    assert set(differences(before, now)) == (
        {f"systemd.services.{OLD}", f"systemd.services.{NEW}", f"systemd.timers.{NEW}"}
        if monitored
        else set()
    )


@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
@pytest.mark.parametrize("modules", [ALONE, WITHOUT], ids=["on", "off"])
def test_both_libs_come_to_the_same(modules: tuple[str, ...], after: Path) -> None:
    assert evaluated(after, None, modules) == evaluated(after, NIXPKGS_LIB, modules)


def test_what_a_person_has_to_know_is_said() -> None:
    (change,) = example_plan(1).changes
    notes = " ".join(change.change.notes)
    assert change.change.applicability is Applicability.REVIEW
    for words in ("not started at boot until now", "go to the journal", f"It is {NEW} now"):
        assert words in notes


@needs_nix
def test_the_faithful_form_may_be_asked_for(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    settings = Settings(timer_style="faithful")
    write_after(root, make_plan(read_project(root, (), settings), Selection(diffs=(1,)), settings))
    systemd = evaluated(root, None, ALONE)["systemd"]
    assert systemd["timers"][NEW]["timerConfig"] == FAITHFUL
    assert systemd["services"][NEW]["serviceConfig"]["TimeoutStartSec"] == "1h"


def test_the_timer_keeps_the_interval_of_the_loop(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    file = root / "domains/infrastructure/hardware/parts/gpu.nix"
    file.write_text(file.read_text(encoding="utf-8").replace("sleep 60", "sleep 300"), encoding="utf-8")
    (change,) = plan_for(root, 1).changes
    patch = change.patch.decode()
    for line in ('OnBootSec = "5min";', 'OnUnitActiveSec = "5min";', 'AccuracySec = "10s";'):
        assert line in patch
    file.write_text(file.read_text(encoding="utf-8").replace("wantedBy = [ ];", ""), encoding="utf-8")
    assert plan_for(root, 1).changes[0].change.applicability is Applicability.REVIEW


OTHERS = """{
  systemd.services.dashboard = {
    after = [ "gpu-monitor.service" ];
    wants = [ "gpu-monitor.service" "nginx.service" ];
    partOf = [ "gpu-monitor.service" ];
    bindsTo = [ "gpu-monitor.service" ];
    script = ''
      systemctl restart gpu-monitor # a fresh sample
      systemctl is-active gpu-monitor.service
      exec /bin/dashboard
    '';
  };
  environment.shellAliases.gpu = "journalctl -u gpu-monitor.service";
}
"""


def test_other_units_and_scripts_follow_the_name(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    (root / "others.nix").write_text(OTHERS, encoding="utf-8")
    plan = plan_for(root, 1)
    text = plan.after["others.nix"].decode()
    assert text == OTHERS.replace('bindsTo = [ "gpu-monitor.service"', f'bindsTo = [ "{NEW}.timer"').replace(
        "gpu-monitor", NEW
    ).replace(f"-u {NEW}", "-u gpu-monitor")
    (change,) = plan.changes
    assert any("others.nix (line 13) names gpu-monitor in a text" in note for note in change.change.notes)


def test_another_loop_of_that_name_is_refused(tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    path = root / FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("gpu-usage.log\n", "gpu-usage.log\n              date\n"), encoding="utf-8")
    plan = plan_for(root, 1)
    assert [refusal.code for refusal in plan.refusals] == ["not-as-documented"]
    assert plan.changes == ()


@needs_nix
@needs_systemd
class TestUnitFiles:
    """The unit files in systemd's own eyes."""

    @pytest.fixture
    def unit(self, after: Path, tmp_path: Path) -> Path:
        service = evaluated(after, None, ALONE)["systemd"]["services"][NEW]
        return write_unit(tmp_path / "after", NEW, {**service, "script": "true\n"})

    def test_systemd_has_no_complaint(self, unit: Path) -> None:
        assert complaints(unit) == ""

    def test_nor_has_it_one_about_the_timer(self, unit: Path) -> None:
        timer = unit.with_suffix(".timer")
        lines = "\n".join(f"{name}={value}" for name, value in DOCUMENTED.items())
        timer.write_text(f"[Unit]\nDescription=x\n\n[Timer]\n{lines}\n", encoding="utf-8")
        assert complaints(timer) == ""

    def test_a_complaint_would_be_heard(self, unit: Path) -> None:
        text = unit.read_text(encoding="utf-8")
        unit.write_text(text.replace("Type=oneshot", "Type=oneshot\nRestart=always"), encoding="utf-8")
        assert "Restart=" in complaints(unit)

    def test_it_is_less_exposed(self, unit: Path, tmp_path: Path) -> None:
        old = evaluated(EXAMPLE, None, ALONE)["systemd"]["services"][OLD]
        before = exposure(write_unit(tmp_path / "before", OLD, {**old, "script": "true\n"}))
        assert exposure(unit) <= 6.2 < before
