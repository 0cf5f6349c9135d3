"""What diff 4 makes of the example holds every fact of the documented "after", or of its correction.

Nothing here looks at Nix text: the configurations are evaluated and their results compared. The Python program
is run with the credentials that the unit would have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Call
from documented import HARDENING, evaluated, example_with, value
from example import EXAMPLE, copy_example
from nixeval import ABSENT, LIBS, NIXPKGS_LIB, differences, needs_nix
from units import complaints, exposure, needs_systemd, write_unit

ORCHESTRATOR = "systemd.services.media-orchestrator"
PROGRAM = "workspace/automation/media-orchestrator.py"
KEYS = ["radarr-api-key", "sonarr-api-key", "lidarr-api-key", "prowlarr-api-key"]

ADDED = {
    "DynamicUser": True,
    "Group": "media",
    "SupplementaryGroups": ["media"],
    "StateDirectory": "media-orchestrator",
    "CacheDirectory": "media-orchestrator",
    "RuntimeDirectory": "media-orchestrator",
    "WorkingDirectory": "/var/lib/media-orchestrator",
    **HARDENING,
    "CapabilityBoundingSet": "",
    "StandardOutput": "journal",
    "StandardError": "journal",
}
SETTINGS = {"Type": "simple", "Restart": "on-failure", "RestartSec": "10s", **ADDED}
SCRIPT_BEGINS = "# Create environment file with *arr API keys from agenix"
WANTS = ["agenix.service", "network-online.target"]


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with diff 4 made."""
    return example_with(tmp_path_factory, 4)


@pytest.mark.parametrize("lib", LIBS)
class TestService:
    """The service as the whole host has it."""

    @pytest.fixture
    def service(self, after: Path, lib: str | None) -> Any:
        return value(evaluated(after, lib), ORCHESTRATOR)

    @pytest.mark.parametrize("name", SETTINGS)
    def test_setting(self, service: Any, name: str) -> None:
        assert service["serviceConfig"][name] == SETTINGS[name]

    def test_no_other_settings(self, service: Any) -> None:
        assert service["serviceConfig"].keys() == {*SETTINGS, "ExecStart", "LoadCredential"}

    def test_keys_are_credentials(self, service: Any) -> None:
        wanted = [f"{key}:/run/agenix/{key}" for key in KEYS]
        assert sorted(service["serviceConfig"]["LoadCredential"]) == sorted(wanted)

    def test_start_limits_stand_where_systemd_reads_them(self, service: Any) -> None:
        assert (service["startLimitIntervalSec"], service["startLimitBurst"]) == (300, 5)
        assert not [name for name in service["serviceConfig"] if name.startswith("StartLimit")]

    def test_script_path_stays_absolute(self, service: Any, lib: str | None) -> None:
        before = value(evaluated(EXAMPLE, lib), ORCHESTRATOR)["serviceConfig"]["ExecStart"]
        assert service["serviceConfig"]["ExecStart"] == before
        assert before.endswith(" /var/lib/hwc/media-orchestrator/orchestrator.py")

    def test_nothing_runs_before_it(self, service: Any) -> None:
        assert service["preStart"] == ""
        assert "EnvironmentFile" not in service["serviceConfig"]

    def test_order(self, service: Any, lib: str | None) -> None:
        assert service["wants"] == WANTS
        assert service["after"] == value(evaluated(EXAMPLE, lib), ORCHESTRATOR)["after"]
        assert service["requires"] == service["bindsTo"] == []


@pytest.mark.parametrize("lib", LIBS)
def test_host_changes_as_documented_and_nowhere_else(after: Path, lib: str | None) -> None:
    found = differences(evaluated(EXAMPLE, lib), evaluated(after, lib))
    old, new = found.pop(f"{ORCHESTRATOR}.preStart")
    assert old.strip().startswith(SCRIPT_BEGINS)
    assert new == ""
    loaded = found.pop(f"{ORCHESTRATOR}.serviceConfig.LoadCredential")
    assert loaded[0] == ABSENT
    install = {path: found.pop(path) for path in list(found) if "media-orchestrator-install" in path}
    assert all("orchestrator.py" in str(now) for _, now in install.values())
    assert found == {
        f"{ORCHESTRATOR}.wants": ([], WANTS),
        f"{ORCHESTRATOR}.startLimitIntervalSec": (ABSENT, 300),
        f"{ORCHESTRATOR}.startLimitBurst": (ABSENT, 5),
        f"{ORCHESTRATOR}.serviceConfig.User": ("root", ABSENT),
        f"{ORCHESTRATOR}.serviceConfig.EnvironmentFile": ("/var/lib/hwc/media-orchestrator/.env", ABSENT),
        f"{ORCHESTRATOR}.serviceConfig.Restart": ("always", "on-failure"),
        f"{ORCHESTRATOR}.serviceConfig.RestartSec": ("3s", "10s"),
        **{f"{ORCHESTRATOR}.serviceConfig.{name}": (ABSENT, setting) for name, setting in ADDED.items()},
    }


@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
def test_both_libs_come_to_the_same(after: Path) -> None:
    mine, theirs = (value(evaluated(after, lib), ORCHESTRATOR) for lib in (None, NIXPKGS_LIB))
    assert mine == theirs


READ_KEYS = "import runpy, sys; found = runpy.run_path(sys.argv[1]); print(*(found[n] for n in sys.argv[2:]))"


def read_keys(program: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the program takes its keys to be; it is loaded, not run."""
    names = [key.replace("-", "_") for key in KEYS]
    return subprocess.run(
        [sys.executable, "-c", READ_KEYS, str(program), *names],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_program_reads_the_credentials(after: Path, tmp_path: Path) -> None:
    for key in KEYS:
        (tmp_path / key).write_text(f"value-of-{key}\n", encoding="utf-8")
    done = read_keys(after / PROGRAM, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert (done.stdout.split(), done.stderr) == ([f"value-of-{key}" for key in KEYS], "")


def test_program_no_longer_takes_them_from_its_environment(after: Path) -> None:
    variables = {key.replace("-", "_").upper(): "x" for key in KEYS}
    assert read_keys(EXAMPLE / PROGRAM, **variables).returncode == 0
    done = read_keys(after / PROGRAM, **variables)
    assert "/run/credentials/media-orchestrator/radarr-api-key" in done.stderr


class TestProgramByHand:
    """The service as the document has it: what reads its keys is not shown there."""

    SOURCE = "domains/server/orchestration/media-orchestrator.nix"
    READER = "    systemd.services.media-orchestrator.serviceConfig.EnvironmentFile = "

    def made(self, root: Path, call: Call, *, reader: bool, program: str | None) -> Any:
        """The change of the credentials after diff 4, where the example has this reader and program."""
        copy_example(root)
        if not reader:
            source = root / self.SOURCE
            lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(self.READER)]
            assert len(kept) == len(lines) - 1
            source.write_text("".join(kept), encoding="utf-8")
        if program is None:
            (root / PROGRAM).unlink()
        elif program:
            (root / PROGRAM).write_text(program, encoding="utf-8")
        done = call("apply", "--diff", "4", "--root", root, "--format", "json")
        assert done.code == 0
        found = json.loads(done.out)
        assert found["refusals"] == []
        assert len(found["changes"]) == 4
        assert call("apply", "--diff", "4", "--root", root, "--check").code == 0
        return next(one for one in found["changes"] if one["codemod"] == "env-secrets-to-load-credential")

    @pytest.mark.parametrize("reader", [True, False])
    @pytest.mark.parametrize("program", [None, "from dotenv import load_dotenv\n\nload_dotenv('.env')\n"])
    def test_a_person_is_told_what_to_change(
        self, tmp_path: Path, call: Call, reader: bool, program: str | None
    ) -> None:
        change = self.made(tmp_path / "root", call, reader=reader, program=program)
        assert change["applicability"] == "review"
        (note,) = [note for note in change["notes"] if "by hand" in note]
        assert all(
            f"{key.replace('-', '_').upper()} in '$CREDENTIALS_DIRECTORY/{key}'" in note for key in KEYS
        )
        assert (PROGRAM in note) == (program is not None)

    def test_what_can_be_changed_is_changed(self, tmp_path: Path, call: Call) -> None:
        change = self.made(tmp_path / "root", call, reader=False, program="")
        assert change["applicability"] == "review"
        assert PROGRAM in change["files"]

    @needs_nix
    @pytest.mark.parametrize("reader", [True, False])
    def test_the_service_is_the_documented_one_all_the_same(
        self, after: Path, tmp_path: Path, call: Call, reader: bool
    ) -> None:
        self.made(tmp_path / "root", call, reader=reader, program=None)
        (tmp_path / "root" / PROGRAM).write_text("", encoding="utf-8")
        found, documented = (
            value(evaluated(root, None), ORCHESTRATOR) for root in (tmp_path / "root", after)
        )
        assert found == documented

    def test_a_file_that_others_read_stays(self, tmp_path: Path, call: Call) -> None:
        root = copy_example(tmp_path / "root")
        source = root / self.SOURCE
        other = self.READER.replace("media-orchestrator", "media-watcher")
        text = source.read_text(encoding="utf-8").replace(
            "    # How the program gets",
            f'{other}"/var/lib/hwc/media-orchestrator/.env";\n\n    # How the program gets',
        )
        source.write_text(text, encoding="utf-8")
        (root / PROGRAM).unlink()
        call("apply", "--diff", "4", "--root", root)
        assert "cat > /var/lib/hwc/media-orchestrator/.env" in source.read_text(encoding="utf-8")


@needs_nix
@needs_systemd
class TestUnitFile:
    """The unit file in systemd's own eyes."""

    @pytest.fixture
    def unit(self, after: Path, tmp_path: Path) -> Path:
        return self.written(after, tmp_path / "after")

    def written(self, root: Path, folder: Path) -> Path:
        service = value(evaluated(root, None), ORCHESTRATOR)
        service["serviceConfig"]["ExecStart"] = "/bin/sh"
        return write_unit(folder, "media-orchestrator", service)

    def test_systemd_has_no_complaint(self, unit: Path) -> None:
        assert complaints(unit) == ""

    def test_start_limits_in_the_wrong_section_would_be_heard(self, unit: Path) -> None:
        text = unit.read_text(encoding="utf-8")
        unit.write_text(
            text.replace("[Service]\n", "[Service]\nStartLimitIntervalSec=300\n"), encoding="utf-8"
        )
        assert "Unknown key 'StartLimitIntervalSec' in section [Service]" in complaints(unit)

    def test_it_is_less_exposed(self, unit: Path, tmp_path: Path) -> None:
        before = exposure(self.written(EXAMPLE, tmp_path / "before"))
        assert exposure(unit) <= 4.1 < before
