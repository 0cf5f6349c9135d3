"""`hwc-refactor verify`: each rung, what did not run, and what changed that nothing announced."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Call, Done
from example import EXAMPLE, copy_example, write_after
from nixeval import facts, needs_nix
from units import needs_systemd, render

from hwc_refactor.checking import check, systemd
from hwc_refactor.checking.announced import announced
from hwc_refactor.checking.evaluation import Flake
from hwc_refactor.checking.unit_text import differences, fields
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import read_project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings
from hwc_refactor.storage.state import digest

SERVICE = '{ systemd.services.%s = { script = "run"; serviceConfig = { %s }; }; }\n'
SERVICE_NIX = "a/service.nix"


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def root(quiet_place: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one service; the current directory."""
    folder = tmp_path / "root"
    write(folder, {SERVICE_NIX: SERVICE % ("a", "PrivateTmp = true;")})
    git(folder.parent, "init", "--quiet", str(folder))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=start")
    monkeypatch.chdir(folder)
    return folder


def report(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.out)
    return found


def rungs(done: Done) -> dict[str, str]:
    return {rung["name"]: rung["outcome"] for rung in report(done)["rungs"]}


def faults(done: Done, name: str) -> list[dict[str, Any]]:
    (found,) = [rung["faults"] for rung in report(done)["rungs"] if rung["name"] == name]
    assert isinstance(found, list)
    return found


# -- the rungs that always run -------------------------------------------------------------------------


@needs_nix
@needs_systemd
def test_the_example_passes(call: Call) -> None:
    done = call("verify", "--root", EXAMPLE, "--format", "json")
    assert done.code == 0
    assert set(rungs(done).values()) == {"passed"}
    assert list(rungs(done)) == ["syntax", "nix-instantiate --parse", "systemd-analyze verify", "exposure"]
    found = report(done)
    assert (found["version"], found["against"], found["passed"], found["errors"]) == (1, None, True, [])
    figures = [one["after"] or 0 for one in found["exposure"]]
    assert figures == sorted(figures, reverse=True)
    assert {"name", "file", "line", "before", "after"} == found["exposure"][0].keys()


def test_a_file_that_does_not_parse(root: Path, call: Call) -> None:
    write(root, {"b.nix": "{\n  a = ;\n}\n"})
    done = call("verify", "--format", "json")
    assert done.code == 2
    (fault,) = faults(done, "syntax")
    assert (fault["file"], fault["line"], fault["column"]) == ("b.nix", 2, 6)
    (error,) = report(done)["errors"]
    assert (error["file"], error["line"], error["column"]) == ("b.nix", 2, 6)
    done = call("verify")
    assert done.code == 2
    assert b"\n  b.nix:2:6: " in done.out
    assert "b.nix:2:6: error: " in done.err
    assert "failed" in done.err
    assert call("verify", "a").code == 0


def test_a_file_that_need_not_parse_is_no_fault(root: Path, call: Call) -> None:
    (root / "locked.nix").write_bytes(b"\0GITCRYPT\0\xff\xfe")
    write(root, {"later.nix": "# { a = 1; }\n"})
    assert call("verify").code == 0


@needs_nix
def test_what_only_nix_finds(root: Path, call: Call) -> None:
    write(root, {"b.nix": "{\n  a = 1;\n  a = 2;\n}\n"})
    done = call("verify", "--format", "json")
    assert (done.code, rungs(done)["syntax"]) == (1, "passed")
    (fault,) = faults(done, "nix-instantiate --parse")
    assert (fault["file"], fault["line"], fault["column"]) == ("b.nix", 3, 3)


@needs_systemd
def test_a_unit_that_systemd_does_not_like(root: Path, call: Call) -> None:
    write(root, {"b.nix": "\n" + SERVICE % ("b", "ProtectHouse = true;")})
    done = call("verify", "--format", "json")
    assert done.code == 1
    assert faults(done, "systemd-analyze verify") == [
        {
            "file": "b.nix",
            "line": 2,
            "column": None,
            "unit": "b.service",
            "message": "Unknown key 'ProtectHouse' in section [Service], ignoring.",
        }
    ]


def test_rungs_that_cannot_run_are_not_passed(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "nix_parser", lambda: None)
    monkeypatch.setattr(systemd, "analyzer", lambda: None)
    done = call("verify", "--format", "json")
    assert done.code == 0
    assert rungs(done)["nix-instantiate --parse"] == rungs(done)["systemd-analyze verify"] == "not-run"
    done = call("verify")
    assert b"not run  systemd is not installed" in done.out
    assert "Checks: 2 passed, 2 not run." in done.err


def test_nothing_is_evaluated_or_run(
    root: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    write(root, {"b.nix": f'{{ x = builtins.trace "{made}" (throw "evaluated"); }}\n'})
    recorder = Recorder(tmp_path / "bin", monkeypatch)
    assert call("verify", "--against", "HEAD").code == 0
    assert all("--eval" not in words and "eval" not in words for words in recorder.calls())


# -- against a commit -----------------------------------------------------------------------------------


@needs_systemd
def test_only_new_lines_count(root: Path, call: Call) -> None:
    write(root, {SERVICE_NIX: SERVICE % ("a", "Wrong = 1;")})
    git(root, "commit", "--quiet", "--all", "--message=wrong")
    write(root, {SERVICE_NIX: "\n" + SERVICE % ("a", "Wrong = 1; PrivateTmp = true;")})
    assert call("verify").code == 1
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert done.code == 0
    (detail,) = [one["detail"] for one in report(done)["rungs"] if one["name"] == "systemd-analyze verify"]
    assert detail == "1 unit; 1 line of before left out"
    write(root, {SERVICE_NIX: SERVICE % ("a", "Wrong = 1; Worse = 2;")})
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert (done.code, [fault["message"] for fault in faults(done, "systemd-analyze verify")]) == (
        1,
        ["Unknown key 'Worse' in section [Service], ignoring."],
    )


@needs_nix
@pytest.mark.parametrize("wrong", ["{\n  a = 1;\n  a = 2;\n}\n", "{\n  a = nobody;\n}\n"])
def test_what_nix_did_not_accept_before_does_not_count(root: Path, call: Call, wrong: str) -> None:
    write(root, {"b.nix": wrong})
    git(root, "add", "b.nix")
    git(root, "commit", "--quiet", "--message=wrong")
    write(root, {"b.nix": f"# one line more\n{wrong}"})
    assert call("verify").code == 1
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert done.code == 0
    (detail,) = [one["detail"] for one in report(done)["rungs"] if one["name"] == "nix-instantiate --parse"]
    assert detail.endswith("; 1 complaint of before left out")
    write(root, {"b.nix": "{\n  a = somebody;\n}\n", "new.nix": wrong})
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert done.code == 1
    assert [fault["file"] for fault in faults(done, "nix-instantiate --parse")] == ["b.nix", "new.nix"]


def test_exposure_before_and_after(root: Path, call: Call) -> None:
    write(root, {SERVICE_NIX: SERVICE % ("a", 'PrivateTmp = true; ProtectSystem = "strict";')})
    write(root, {"new.nix": SERVICE % ("new", "")})
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert done.code == 0
    figures = {one["name"]: (one["before"], one["after"]) for one in report(done)["exposure"]}
    assert figures == {"a": (9.4, 9.2), "new": (None, 9.6)}
    assert b"a    9.4 -> 9.2  a/service.nix:1\n" in call("verify", "--against", "HEAD").out


def test_a_service_that_is_more_exposed_than_before(root: Path, call: Call) -> None:
    write(root, {SERVICE_NIX: SERVICE % ("a", "")})
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert (done.code, rungs(done)["exposure"]) == (1, "failed")
    assert faults(done, "exposure")[0]["message"] == "it is more exposed than before: 9.4 -> 9.6"


def test_a_service_that_moved_is_found_again(root: Path, call: Call) -> None:
    git(root, "mv", SERVICE_NIX, "moved.nix")
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert [(one["before"], one["after"]) for one in report(done)["exposure"]] == [(9.4, 9.4)]
    assert report(done)["touched"] == []


def test_commands_for_each_unit_that_is_touched(root: Path, call: Call) -> None:
    write(
        root, {SERVICE_NIX: SERVICE % ("a", "PrivateTmp = true; ProtectHome = true;"), "flake.nix": "{ }\n"}
    )
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert report(done)["touched"] == ["a.service"]
    assert report(done)["commands"] == [
        "nixos-rebuild build --flake .#HOST",
        "nixos-rebuild build-vm --flake .#HOST",
        "systemctl status a.service",
        "journalctl -u a.service -f",
        "systemd-analyze security a.service",
    ]
    assert b"  journalctl -u a.service -f\n" in call("verify", "--against", "HEAD").out


def test_the_commands_for_many_units_are_told_once(root: Path, call: Call) -> None:
    write(root, {f"{name}.nix": SERVICE % (name, "PrivateTmp = true;") for name in "bcdefgh"})
    done = call("verify", "--against", "HEAD")
    assert done.code == 0
    assert b"\n  h.service\n" in done.out
    assert done.out.count(b"journalctl") == 1
    assert b"  journalctl -u UNIT -f\n" in done.out
    assert b"  journalctl -u h.service -f\n" in call("verify", "--against", "HEAD", "--verbose").out
    assert len(report(call("verify", "--against", "HEAD", "--format", "json"))["commands"]) == 2 + 3 * 7


def test_the_work_tree_and_the_index_stay_as_they_are(root: Path, call: Call) -> None:
    write(root, {SERVICE_NIX: SERVICE % ("a", "")})
    write(root, {"staged.nix": "{ }\n"})
    git(root, "add", "staged.nix")
    before = git(root, "status", "--porcelain"), git(root, "diff"), sorted(root.rglob("*.nix"))
    assert call("verify", "--against", "HEAD").code == 1
    assert (git(root, "status", "--porcelain"), git(root, "diff"), sorted(root.rglob("*.nix"))) == before


def test_a_root_below_the_top(root: Path, call: Call) -> None:
    write(root, {SERVICE_NIX: SERVICE % ("a", "")})
    done = call("verify", "--root", root / "a", "--against", "HEAD", "--format", "json")
    assert [(one["file"], one["before"]) for one in report(done)["exposure"]] == [("service.nix", 9.4)]


def test_excluded_files_are_excluded_at_the_commit_too(root: Path, call: Call) -> None:
    write(root, {"hwc-refactor.toml": 'exclude = ["a/*"]\n'})
    done = call("verify", "--against", "HEAD", "--format", "json")
    assert (done.code, report(done)["exposure"], report(done)["touched"]) == (0, [], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--against", "nonsense"), "there is no commit 'nonsense'"),
        (("--against", "--output=x"), "there is no commit '--output=x'"),
        (("--flake", "."), "--flake needs the name of a host"),
        (("--flake", ".#a b"), "--flake needs the name of a host"),
        (("--flake", ".#host"), "there is no flake.nix"),
        (("--build",), "--build needs --flake"),
        (("--flake", ".#x", "--eval", SERVICE_NIX), "give one"),
        (("nowhere",), "nowhere does not exist"),
    ],
)
def test_unusable_input(root: Path, call: Call, arguments: tuple[str, ...], message: str) -> None:
    done = call("verify", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == b""


def test_no_commits_without_git(quiet_place: None, call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"x/a.nix": "{ }\n"})
    done = call("verify", "--root", tmp_path / "x", "--against", "HEAD")
    assert done.code == 2
    assert "lies in no git work tree" in done.err


def test_a_report_in_a_file(root: Path, call: Call, tmp_path: Path) -> None:
    done = call("verify", "--output", tmp_path / "report")
    assert (done.code, done.out) == (0, b"")
    assert (tmp_path / "report").read_text(encoding="utf-8").startswith("syntax  ")


# -- evaluation -----------------------------------------------------------------------------------------


class Recorder:
    """Programs that write down how they are called, before all others on the path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self.log = folder / "log"
        self.log.touch()
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        for name in ("nix", "nix-instantiate", "nixos-rebuild"):
            self.program(name, "")

    def program(self, name: str, body: str) -> None:
        """A program that runs Python code; `words` are its arguments."""
        path = self.folder / name
        text = f"#!{sys.executable}\nimport json, sys\nwords = sys.argv[1:]\n"
        text += f"with open({str(self.log)!r}, 'a') as log: print(json.dumps([{name!r}, *words]), file=log)\n"
        path.write_text(text + body, encoding="utf-8")
        path.chmod(0o755)

    def calls(self) -> list[list[str]]:
        """All calls, with the program first."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


UNIT = "[Unit]\nDescription=a\n\n[Service]\nPrivateTmp=true\nUser=%s\n"
ANSWER = """
old = any("rev=" in word for word in words)
print(json.dumps({"a.service": %r, "gone.service": None, "other.service": %r} if old
    else {"a.service": %r, "other.service": %r}))
"""


class TestFlake:
    """The real unit files, with a stand-in for nix."""

    @pytest.fixture
    def nix(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
        write(root, {"flake.nix": "{ }\n"})
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message=flake")
        return Recorder(tmp_path / "bin", monkeypatch)

    def answer(self, nix: Recorder, *texts: str) -> None:
        """What nix says: of `a` and `other` before, and now."""
        nix.program("nix", ANSWER % texts)

    def test_what_nix_is_asked(self, nix: Recorder, root: Path, call: Call) -> None:
        self.answer(nix, *[UNIT % "x"] * 4)
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (0, "passed")
        now, before = [words for words in nix.calls() if words[0] == "nix"]
        attribute = "nixosConfigurations.server.config.systemd.units"
        assert f"{root}#{attribute}" in now
        assert f"git+file://{root}?rev={git(root, 'rev-parse', 'HEAD')}#{attribute}" in before
        assert all("--no-write-lock-file" in words for words in (now, before))

    def test_a_flake_below_the_top(self, nix: Recorder, root: Path, call: Call) -> None:
        write(root, {"sub dir/flake.nix": "{ }\n"})
        self.answer(nix, *[UNIT % "x"] * 4)
        assert call("verify", "--flake", "sub dir#server", "--against", "HEAD").code == 0
        assert any("?dir=sub%20dir&rev=" in word for words in nix.calls() for word in words)

    def test_without_a_commit_nothing_is_compared(self, nix: Recorder, call: Call) -> None:
        self.answer(nix, *[UNIT % "x"] * 4)
        done = call("verify", "--flake", ".#server")
        assert done.code == 0
        assert b"2 units evaluated; nothing to compare with, for want of --against" in done.out

    def test_a_change_that_the_sources_announce(self, nix: Recorder, root: Path, call: Call) -> None:
        write(root, {SERVICE_NIX: SERVICE % ("a", 'PrivateTmp = true; User = "y";')})
        self.answer(nix, UNIT % "x", UNIT % "x", UNIT % "y", UNIT % "x")
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (0, "passed")

    def test_a_change_that_nothing_announces(self, nix: Recorder, root: Path, call: Call) -> None:
        write(root, {SERVICE_NIX: SERVICE % ("a", 'PrivateTmp = true; User = "y";')})
        secret = "hunter2"
        text = UNIT.replace("PrivateTmp=true", f"Environment=KEY={secret}")
        self.answer(nix, UNIT % "x", UNIT % "x", UNIT % "y", text % "x")
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert done.code == 1
        assert [(fault["unit"], fault["message"]) for fault in faults(done, "unit files")] == [
            ("other.service", "[Service] Environment added, and nothing in the sources announces it"),
            ("other.service", "[Service] PrivateTmp removed, and nothing in the sources announces it"),
        ]
        assert secret.encode() not in done.out + done.err.encode()

    def test_a_configuration_that_does_not_evaluate(self, nix: Recorder, call: Call) -> None:
        nix.program("nix", "print('error: it is wrong', file=sys.stderr)\nsys.exit(1)\n")
        done = call("verify", "--flake", ".#server", "--format", "json")
        assert (done.code, faults(done, "unit files")[0]["message"]) == (1, "it is wrong")

    def test_a_commit_that_does_not_evaluate_is_nothing_to_compare_with(
        self, nix: Recorder, call: Call
    ) -> None:
        nix.program(
            "nix",
            "if any('rev=' in word for word in words):\n"
            "    print('error: no flake there', file=sys.stderr)\n"
            "    sys.exit(1)\n"
            f"print(json.dumps({{'a.service': {UNIT % 'x'!r}}}))\n",
        )
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (0, "not-run")
        assert b"nothing to compare with, for the commit does not evaluate: no flake there" in done.out

    def test_an_answer_that_is_none(self, nix: Recorder, call: Call) -> None:
        nix.program("nix", "print('nonsense')\n")
        done = call("verify", "--flake", ".#server", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (1, "failed")

    def test_a_build(self, nix: Recorder, root: Path, call: Call) -> None:
        self.answer(nix, *[UNIT % "x"] * 4)
        nix.program("nixos-rebuild", "open('result', 'w').close()\n")
        done = call("verify", "--flake", ".#server", "--build", "--format", "json")
        assert (done.code, rungs(done)["build"]) == (0, "passed")
        assert ["nixos-rebuild", "build", "--flake", f"{root}#server"] in nix.calls()
        assert not (root / "result").exists()
        nix.program("nixos-rebuild", "sys.exit('error: no')\n")
        done = call("verify", "--flake", ".#server", "--build", "--format", "json")
        assert (done.code, faults(done, "build")[0]["message"]) == (1, "no")

    def test_not_installed(self, root: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        write(root, {"flake.nix": "{ }\n"})
        monkeypatch.setenv("PATH", "/nonexistent")
        done = call("verify", "--flake", ".#server", "--build", "--format", "json")
        assert done.code == 0
        assert rungs(done)["unit files"] == rungs(done)["build"] == "not-run"


def flakes_work(folder: Path) -> bool:
    """Whether nix reads a flake here, without a network."""
    write(folder, {"flake.nix": "{ outputs = _: { x = 1; }; }"})
    nix = shutil.which("nix")
    if nix is None:
        return False
    words = ("--extra-experimental-features", "nix-command flakes", "eval", "--json", f"path:{folder}#x")
    done = subprocess.run([nix, *words], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return done.stdout.strip() == b"1"


FLAKE = """
{{
  outputs = _: {{
    nixosConfigurations.server.config.systemd.units."a.service".text =
      builtins.concatStringsSep "\\n" [ "[Service]" {lines} "" ];
  }};
}}
"""


class TestRealNix:
    """The same with nix itself, on a flake that needs nothing else."""

    @pytest.fixture
    def flake(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        if not flakes_work(tmp_path / "probe"):
            pytest.skip("nix reads no flakes here")
        write(root, {"flake.nix": FLAKE.format(lines='"PrivateTmp=true"')})
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message=flake")
        return root

    def test_the_units_now_and_at_a_commit(self, flake: Path, call: Call) -> None:
        write(flake, {"flake.nix": FLAKE.format(lines='"PrivateTmp=true" "User=y"')})
        host = Flake.of(".#server", flake)
        assert host.units() == {"a.service": "[Service]\nPrivateTmp=true\nUser=y\n"}
        commit = git(flake, "rev-parse", "HEAD")
        assert host.units_at(flake, commit) == {"a.service": "[Service]\nPrivateTmp=true\n"}
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert done.code == 1
        assert faults(done, "unit files")[0]["message"].startswith("[Service] User added, ")

    def test_announced(self, flake: Path, call: Call) -> None:
        write(flake, {"flake.nix": FLAKE.format(lines='"PrivateTmp=true" "User=y"')})
        write(flake, {SERVICE_NIX: SERVICE % ("a", 'PrivateTmp = true; User = "y";')})
        done = call("verify", "--flake", ".#server", "--against", "HEAD", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (0, "passed")

    def test_an_error_of_nix(self, flake: Path, call: Call) -> None:
        done = call("verify", "--flake", ".#other", "--format", "json")
        assert done.code == 1
        assert "other" in faults(done, "unit files")[0]["message"]


@needs_nix
class TestEval:
    """A configuration without a flake, with a `<nixpkgs>` that hands its units through."""

    @pytest.fixture
    def nixpkgs(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        text = "{ configuration }: { config = import configuration; }\n"
        write(tmp_path, {"nixpkgs/nixos/default.nix": text})
        monkeypatch.setenv("NIX_PATH", f"nixpkgs={tmp_path}/nixpkgs")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        unit = '{ systemd.units."a.service".text = import ./text.nix; }\n'
        write(root, {"host.nix": unit, "text.nix": '"[Service]\\nUser=x\\n"\n'})
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message=host")
        return root

    def test_before_and_after(self, nixpkgs: Path, call: Call) -> None:
        done = call("verify", "--eval", "host.nix", "--against", "HEAD", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (0, "passed")
        write(nixpkgs, {"text.nix": '"[Service]\\nUser=y\\n"\n'})
        done = call("verify", "--eval", "host.nix", "--against", "HEAD", "--format", "json")
        assert done.code == 1
        assert faults(done, "unit files")[0]["message"].startswith("[Service] User changed, ")
        assert call("verify", "--eval", "host.nix").code == 0

    def test_no_nixpkgs(self, nixpkgs: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NIX_PATH", "x=/nonexistent")
        done = call("verify", "--eval", "host.nix", "--format", "json")
        assert (done.code, rungs(done)["unit files"]) == (1, "failed")


# -- fields, and what announces them ------------------------------------------------------------------


def test_fields_of_a_unit_file() -> None:
    text = "# a\n[Unit]\nAfter=x\n\n[Service]\nExecStart=a \\\n  b\n; c\nEnvironment=A=1\nEnvironment=B=2\n"
    assert fields(text) == {
        ("Unit", "After"): ("x",),
        ("Service", "ExecStart"): ("a  b",),
        ("Service", "Environment"): ("A=1", "B=2"),
    }


def test_differences_of_unit_files() -> None:
    old = {"a.service": "[Service]\nUser=x\nNice=1\n", "b.timer": "", "same": "[Unit]\nAfter=x\n"}
    new = {
        "a.service": "[Service]\nUser=y\nType=exec\n",
        "c.timer": "",
        "same": "# other\n[Unit]\nAfter = x\n",
    }
    assert [(one.unit, str(one)) for one in differences(old, new)] == [
        ("a.service", "[Service] Nice removed"),
        ("a.service", "[Service] Type added"),
        ("a.service", "[Service] User changed"),
        ("b.timer", "it was removed"),
        ("c.timer", "it was added"),
    ]


def test_what_only_follows_is_no_difference() -> None:
    one, other = "a" * 32, "b" * 32
    text = "[Unit]\nX-Restart-Triggers={}\n[Service]\nExecStart=/nix/store/{}-source/run\n"
    assert differences({"a": text.format("1", one)}, {"a": text.format("2", other)}) == []
    text = "[Service]\nExecStart=/nix/store/{}-source-of-it/run\n"
    assert len(differences({"a": text.format(one)}, {"a": text.format(other)})) == 1


CONTAINER = '{ virtualisation.oci-containers.containers.web = { image = "%s"; }; }'


@pytest.mark.parametrize(
    ("before", "after", "unit", "directives", "others"),
    [
        (SERVICE % ("a", ""), SERVICE % ("a", "Nice = 1;"), "a.service", ["Nice"], ["User", "After"]),
        (SERVICE % ("a", "User = config.x;"), SERVICE % ("a", "User = config.y;"), "a.service", ["User"], ["Nice"]),
        (SERVICE % ("a", ""), "\n\n" + SERVICE % ("a", ""), "a.service", [], ["Nice", "ExecStart", ""]),
        (SERVICE % ("a", ""), (SERVICE % ("a", "")).replace("run", "go"), "a.service", ["ExecStart"], ["Nice"]),
        (SERVICE % ("a", ""), SERVICE % ("b", ""), "b.service", ["", "Nice"], []),
        (SERVICE % ("a", ""), SERVICE % ("b", ""), "a.service", [""], []),
        (CONTAINER % "a", CONTAINER % "b", "podman-web.service", ["ExecStart", ""], []),
        (CONTAINER % "a", CONTAINER % "a", "podman-web.service", [], ["ExecStart"]),
        (CONTAINER % "a", CONTAINER % "b", "docker-web.service", [], ["ExecStart"]),
        (CONTAINER % "a", "{ services.hwc.container.web.image = \"a\"; }", "podman-web.service", [""], []),
        (CONTAINER % "a", "{ services.hwc.container.web.image = \"a\"; }", "web-secrets.service", [], [""]),
        (CONTAINER % "a", "{ services.hwc.container.web.secrets = [ \"a\" ]; }", "web-secrets.service", [""], []),
        (SERVICE % ("w", ""), "{ services.hwc.monitor.w.script = \"\"; }", "hwc-monitor-w.timer", [""], []),
        (
            "{ systemd.services.${config.x}.script = \"a\"; }", "{ systemd.services.${config.x}.script = \"b\"; }",
            "anything.service", ["ExecStart"], [],
        ),
        (
            "{ systemd.services.a = { script = \"a\"; startAt = \"daily\"; }; }",
            "{ systemd.services.a = { script = \"a\"; startAt = \"weekly\"; }; }", "a.timer", ["OnCalendar"], [],
        ),
        (
            "{ systemd.timers.a.timerConfig.OnCalendar = \"daily\"; }",
            "{ systemd.timers.a.timerConfig.OnCalendar = \"weekly\"; }", "a.timer", ["OnCalendar"], ["Persistent"],
        ),
    ],
)  # fmt: skip
def test_what_is_announced(
    before: str, after: str, unit: str, directives: list[str], others: list[str]
) -> None:
    said = announced(Tree({"a.nix": before.encode()}), Tree({"a.nix": after.encode()}))
    assert [name for name in directives if not said.covers(unit, name)] == []
    assert [name for name in others if said.covers(unit, name)] == []


@needs_nix
@pytest.mark.parametrize(
    "selection",
    [Selection(diffs=(3,)), Selection(diffs=(5,)), Selection(everything=True)],
    ids=["3", "5", "all"],
)
def test_what_the_tool_changes_is_announced(selection: Selection, tmp_path: Path) -> None:
    root = copy_example(tmp_path / "root")
    project = read_project(root, [], Settings())
    plan = make_plan(project, selection, Settings())
    write_after(root, plan)
    states = [(EXAMPLE, project), (root, read_project(root, [], Settings()))]
    old, new = (evaluated_units(folder) for folder, _ in states)
    found = differences(old, new)
    said = announced(*(Tree(state.texts, companions=state.companion) for _, state in states))
    assert [str(one) for one in found if not said.covers(one.unit, one.name)] == []
    assert {one.unit for one in found} <= set(said.units)
    assert found


def evaluated_units(root: Path) -> dict[str, str]:
    """The unit files of the services of the example's host, evaluated; a script is known by its text."""
    services = facts(root, None, 'root + "/hosts/server"')["systemd"]["services"]
    found: dict[str, str] = {}
    for name, service in services.items():
        program = Path(f"/nix/store/{digest(service['script'].encode())}-start")
        found[f"{name}.service"] = render(service, program)
    return found
