"""Input that is broken, odd or meant to harm, and faults of the tool itself, through the real command line."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import Call
from msgspec.structs import replace

from hwc_refactor import project
from hwc_refactor.codemod import Codemod
from hwc_refactor.registry import codemods

HERE = Path(__file__).resolve().parent.parent
LOOP = """{
  systemd.services.poller = {
    wantedBy = [ "multi-user.target" ];
    script = ''
      while true; do
        date
        sleep 30
      done
    '';
  };
}
"""
ALL = (("scan", "--format", "json"), ("apply", "--all", "--dry-run", "--format", "json"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one service; the current directory."""
    folder = tmp_path / "nixos"
    folder.mkdir()
    (folder / "poller.nix").write_text(LOOP)
    (folder / "flake.nix").write_text("{ }\n")
    monkeypatch.chdir(folder)
    return folder


def named(found: dict[str, Any]) -> set[str]:
    entries = [*found.get("findings", ()), *found.get("changes", ()), *found.get("refusals", ())]
    return {entry["object"]["name"] for entry in entries}


# -- what is no file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [*ALL, ("verify", "--format", "json"), ("list", "--format", "json")], ids=lambda one: one[0]
)
def test_what_is_called_like_a_file_and_is_none_is_told(
    root: Path, call: Call, command: tuple[str, ...]
) -> None:
    (root / "gone.nix").symlink_to("nowhere")
    (root / "circle.nix").symlink_to("circle.nix")
    (root.parent / "away.nix").write_text(LOOP)
    (root / "away.nix").symlink_to("../away.nix")
    (root / "same.nix").symlink_to("poller.nix")
    (root / "folder.nix").mkdir()
    (root / "linked.nix").symlink_to("folder.nix")
    os.mkfifo(root / "pipe.nix")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.nix")
        done = call(*command, "--root", ".")
    assert done.code == 0
    assert [line for line in done.err.splitlines() if "warning" in line] == [
        "away.nix: warning: it is a symbolic link that leads outside of the root, and was not read",
        "circle.nix: warning: it is a symbolic link that leads nowhere, and was not read",
        "gone.nix: warning: it is a symbolic link that leads nowhere, and was not read",
        "pipe.nix: warning: it is no file, and was not read",
        "socket.nix: warning: it is no file, and was not read",
    ]
    json.loads(done.out)
    assert "warning" not in call(*command, "--root", ".", "--quiet").err


@pytest.mark.parametrize("command", ALL, ids=lambda one: one[0])
def test_a_file_that_is_too_large_is_an_error_and_stops_nobody(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(project, "MAX_SIZE", 1000)
    (root / "large.nix").write_text(f"{LOOP}{'#' * 1000}\n")
    done = call(*command, "--root", ".")
    errors = json.loads(done.out)["errors"]
    assert done.code == 2
    assert [(error["file"], error["line"], error["column"]) for error in errors] == [("large.nix", 1, 1)]
    assert errors[0]["message"].startswith("larger than 4 MiB")
    assert named(json.loads(done.out)) == {"poller"}
    (root / "hwc-refactor.toml").write_text('exclude = ["large.nix"]\n')
    assert call(*command, "--root", ".").code == 0


@pytest.mark.parametrize("command", ALL, ids=lambda one: one[0])
def test_a_folder_that_cannot_be_read_is_an_error_and_stops_nobody(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    look = os.scandir

    def refuse(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("/closed/"):
            raise PermissionError(13, "Permission denied", path)
        return look(path)

    (root / "closed").mkdir()
    assert call(*command, "--root", ".").code == 0
    monkeypatch.setattr(os, "scandir", refuse)
    done = call(*command, "--root", ".")
    assert done.code == 2
    assert json.loads(done.out)["errors"] == [
        {"file": "closed", "line": 1, "column": 1, "message": "cannot be read: Permission denied"}
    ]
    assert named(json.loads(done.out)) == {"poller"}


@pytest.mark.parametrize(
    "command",
    [
        *(("scan", "--format", form) for form in ("text", "json", "sarif", "github", "html")),
        *(("apply", "--all", "--dry-run", "--format", form) for form in ("text", "json", "sarif", "html")),
        ("apply", "--all"),
        ("list",),
        ("verify",),
    ],
    ids=" ".join,
)
def test_names_that_are_not_utf8_are_names(root: Path, call: Call, command: tuple[str, ...]) -> None:
    folder = Path(os.fsdecode(b"fo\xfflder"))
    folder.mkdir()
    (folder / os.fsdecode(b"st\xffray.nix")).write_text(LOOP.replace("poller", "stray"))
    (folder / "default.nix").write_text(
        "{\n  imports = [ ./b.nix ];\n  virtualisation.oci-containers.containers.web = {\n"
        '    image = "nginx:1.27.3";\n    extraOptions = [ "--privileged" ];\n  };\n}\n'
    )
    done = call(*command)
    assert done.code == 0
    assert "fault of the tool" not in done.err
    if command == ("apply", "--all"):
        assert call("undo").code == 0


# -- secrets -------------------------------------------------------------------------------------------

SECRET = "hunter2-correct-horse"
HOLDING = f"""{{ lib, pkgs, ... }}: {{
  systemd.services.app = {{
    environment = {{ API_TOKEN = "{SECRET}"; "BAD NAME" = "{SECRET}"; DB = lib.mkForce "pg://u:{SECRET}@db/x"; }};
    serviceConfig = {{
      Environment = [ "SECRET={SECRET}" "{SECRET}" ];
      ExecStart = "${{pkgs.app}}/bin/app --password={SECRET}";
      ExecStartPre = "/bin/sh -c 'echo {SECRET}";
      SetCredential = "token:{SECRET}";
      UMask = "{SECRET}";
    }};
    script = "curl -u me:{SECRET} -H 'X-Token: {SECRET}' http://localhost";
  }};
  virtualisation.oci-containers.containers.db = {{
    image = "db:1";
    environment.ROOT_PASSWORD = "{SECRET}";
    extraOptions = [ "--env=TOKEN={SECRET}" "-e" "KEY={SECRET}" "--label=auth={SECRET}" ];
    cmd = [ "--password={SECRET}" "{SECRET}" ];
  }};
}}
"""


@pytest.mark.parametrize(
    "command",
    [
        *(("scan", "--format", form) for form in ("text", "json", "sarif", "github", "html")),
        ("scan", "--level", "strict", "--verbose"),
        ("scan", "--write-baseline", "known.json"),
        ("apply", "--all", "--dry-run", "--format", "github"),
        ("apply", "--all", "--dry-run", "--format", "sarif"),
        ("apply", "--all", "--check", "--verbose"),
        ("verify",),
        ("verify", "--format", "json"),
        ("list",),
    ],
    ids=" ".join,
)
def test_no_report_tells_a_secret(root: Path, tmp_path: Path, call: Call, command: tuple[str, ...]) -> None:
    (root / "app.nix").write_text(HOLDING)
    (root / "broken.nix").write_text(f'{{ a = {{ b = 1; }}; password = "{SECRET}; }}\n')
    done = call(*command, "--root", ".")
    assert SECRET not in done.out.decode()
    assert SECRET not in done.err
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".nix"]
    assert not any(SECRET.encode() in data for data in kept)


# -- a place where no file can be made -----------------------------------------------------------------

WEB = '{ virtualisation.oci-containers.containers.web.image = "nginx:1.2"; }\n'
MODULE = "modules/services/hwc-container.nix"


def linked_away(root: Path) -> None:
    (root.parent / "shared").mkdir()
    (root / "modules").symlink_to("../shared")


def dangling(root: Path) -> None:
    (root / MODULE).parent.mkdir(parents=True)
    (root / MODULE).symlink_to("nowhere")


def file_above(root: Path) -> None:
    (root / "modules").write_text("")


def excluded(root: Path) -> None:
    (root / "hwc-refactor.toml").write_text('exclude = ["modules/*"]\n')


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (linked_away, "modules is a symbolic link that leads outside of the root"),
        (dangling, f"There is another file at {MODULE} already"),
        (file_above, "modules is no folder"),
        (excluded, "'exclude' in the settings leaves it out"),
    ],
)
def test_a_module_that_cannot_be_written_is_refused_beforehand(
    root: Path, call: Call, prepare: Callable[[Path], None], words: str
) -> None:
    (root / "web.nix").write_text(WEB)
    (root / "configuration.nix").write_text("{\n  imports = [ ./web.nix ];\n}\n")
    assert "to make in 3 files" in call("apply", "--diff", "5", "--dry-run", "--root", ".").err
    prepare(root)
    made = call("apply", "--diff", "5", "--root", ".", "--format", "json")
    assert (made.code, json.loads(made.out)["changes"]) == (0, [])
    (refusal,) = (one for one in json.loads(made.out)["refusals"] if one["codemod"] == "container-module")
    assert refusal["code"] == "module-path-taken"
    assert words in refusal["reason"]
    (found,) = json.loads(
        call("scan", "--codemod", "container-module", "--root", ".", "--format", "json").out
    )["findings"]
    assert (found["action"], found["reason"]) == ("refuse", refusal["reason"])


# -- what nests without end ----------------------------------------------------------------------------

DEEP = 5000
NESTED = {
    "lists": f"{{ x = {'[' * DEEP}{']' * DEEP}; }}",
    "sets": f"{{ systemd = {'{ a = ' * DEEP}1{'; }' * DEEP}; }}",
    "parentheses": f'{{ systemd.services.deep.script = {"(" * DEEP}"date"{")" * DEEP}; }}',
    "choices": f'{{ systemd.services.deep.script = {"if a then b else " * DEEP}"date"; }}',
    "conditions": f"{{ systemd.services.deep = {'mkIf a (' * DEEP}{{ }}{')' * DEEP}; }}",
    "functions": f"{{ systemd.services.deep = {'a: ' * DEEP}{{ }}; }}",
    "sums": f"{{ systemd.services.deep.script = {' + '.join(['x'] * DEEP)}; }}",
    "merges": f"{{ systemd.services.deep = {' // '.join(['{ }'] * DEEP)}; }}",
    "strings": f"""{{ systemd.services.deep.script = {'"${' * DEEP}a{'}"' * DEEP}; }}""",
    "shell": f"{{ systemd.services.deep.script = ''{'if true; then ' * DEEP}date{'; fi' * DEEP}''; }}",
    "loops": f"{{ systemd.services.deep.script = ''{'while true; do ' * DEEP}sleep 1{'; done' * DEEP}''; }}",
    "pipes": f"{{ systemd.services.deep.script = ''{' | '.join(['cat'] * DEEP)}''; }}",
    "substitutions": f"{{ systemd.services.deep.script = ''{'echo $(' * DEEP}date{')' * DEEP}''; }}",
    "flags": f"{{ virtualisation.oci-containers.containers.deep.extraOptions = {'[ ] ++ ' * DEEP}[ ]; }}",
    "lets": f'{{ systemd.services.deep.script = {"let a = b; in " * DEEP}"date"; }}',
    "withs": f'{{ systemd.services.deep.script = {"with a; " * DEEP}"date"; }}',
}


JUDGED = {"parentheses", "choices", "strings", "shell", "loops", "pipes", "substitutions"}
"""What lies behind these is a service; which one, or whether there is one, cannot be told of the others."""


@pytest.mark.parametrize("name", NESTED)
def test_nesting_without_end_is_no_fault(root: Path, call: Call, name: str) -> None:
    (root / "deep.nix").write_text(f"{NESTED[name]}\n")
    for command in ALL:
        done = call(*command, "--root", ".", "--no-cache")
        found = json.loads(done.out)
        assert (done.code, found["errors"]) == (0, [])
        assert "poller" in named(found)
        assert "deep" in named(found) or name not in JUDGED


@pytest.mark.parametrize(
    "files",
    [
        {"a.nix": "{ imports = [ ./b.nix ]; }", "b.nix": "{ imports = [ ./a.nix ]; }"},
        {"a.nix": "{ systemd.services.round = import ./a.nix; }"},
        {"a.nix": "import ./b.nix", "b.nix": "import ./a.nix"},
        {"a.nix": "let f = x: f x; in { systemd.services.round = f 1; }"},
        {"a.nix": "rec { a = b; b = a; systemd.services.round.script = a; }"},
        {"a.nix": "let s = { systemd.services.round = s.systemd.services.round; }; in s"},
    ],
)
def test_circles_end(root: Path, call: Call, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).write_text(f"{text}\n")
    for command in ALL:
        done = call(*command, "--root", ".")
        assert (done.code, json.loads(done.out)["errors"]) == (0, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "--output"),
        ("scan", "--write-baseline"),
        ("apply", "--all", "--dry-run", "--output"),
        ("apply", "--all", "--dry-run", "--diff-output"),
        ("verify", "--output"),
    ],
    ids=" ".join,
)
def test_no_report_is_written_over_a_file_of_a_configuration(
    root: Path, call: Call, arguments: tuple[str, ...]
) -> None:
    done = call(*arguments, "poller.nix", "--root", ".")
    assert (done.code, done.out) == (2, b"")
    assert "poller.nix is a Nix file" in done.err
    assert (root / "poller.nix").read_text() == LOOP


# -- streams that are no good --------------------------------------------------------------------------

PRINTING = [
    ("--version",),
    ("--help",),
    ("apply", "--help"),
    ("explain", "3"),
    ("list",),
    ("scan",),
    ("apply", "--all", "--dry-run"),
    ("apply", "--all", "--dry-run", "--format", "json"),
]


def run(root: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a shell would, its call as `"$@"` in `command`."""
    call_ = [sys.executable, "-m", "hwc_refactor", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    return subprocess.run(
        ["sh", "-c", command, "sh", *call_],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_no_stream_is_a_reason_for_a_traceback(
    quiet_place: None, root: Path, arguments: tuple[str, ...]
) -> None:
    full = run(root, '"$@" > /dev/full', *arguments)
    assert full.returncode == 2
    assert "No space left on device" in full.stderr
    gone = run(root, 'trap "" PIPE; { "$@"; echo $? >&2; } | true', *arguments)
    assert gone.stderr.split()[-1] in ("0", "1", "141")  # whether anybody still listens is a matter of luck
    closed = run(root, '"$@" >&-', *arguments)
    assert (closed.returncode, closed.stdout) == (0, "")
    none = run(root, '"$@" >&- 2>&- <&-', *arguments)
    assert none.returncode == 0
    for done in (full, gone, closed):
        assert "Traceback" not in done.stderr
        assert "fault of the tool" not in done.stderr


def test_what_is_written_does_not_go_into_a_closed_stream(quiet_place: None, root: Path) -> None:
    done = run(root, '"$@" >&- 2>&-', "apply", "--all", "--root", ".")
    assert done.returncode == 0
    text = (root / "poller.nix").read_text()
    assert "systemd.timers.poller" in text
    assert "Changed" not in text


def test_a_full_disk_is_told_and_nothing_is_written(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        done = call("apply", "--all", "--root", ".")
    assert done.code == 2
    assert done.err.endswith("error: nothing was written: No space left on device\n")
    assert (root / "poller.nix").read_text() == LOOP
    assert call("apply", "--all", "--root", ".").code == 0


# -- faults of the tool --------------------------------------------------------------------------------

BREAK: Mapping[str, Callable[[Codemod, Any], Codemod]] = {
    "propose": lambda codemod, fail: replace(codemod, propose=fail),
    "ground": lambda codemod, fail: replace(codemod, ground=Mock(lay=fail, lacks=fail)),
    "strays": lambda codemod, fail: replace(codemod, strays=fail),
}


@pytest.mark.parametrize("command", ALL, ids=lambda one: one[0])
@pytest.mark.parametrize("part", BREAK)
def test_a_fault_in_any_part_of_a_codemod_is_told_by_name_and_stops_nobody(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch, part: str, command: tuple[str, ...]
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("boom")

    (root / "web.nix").write_text(WEB)
    whole = codemods()["container-module"]
    monkeypatch.setitem(codemods()._loaded, "container-module", BREAK[part](whole, fail))  # type: ignore[attr-defined]
    done = call(*command, "--root", ".", "--jobs", "1", "--no-cache")
    found = json.loads(done.out)
    assert done.code == 2
    about = " on container web" if part == "propose" else ""
    assert [error["message"] for error in found["errors"]] == [
        f"container-module failed{about} (KeyError: 'boom'); this is a fault of the tool"
    ]
    assert "poller" in named(found)


def test_a_fault_of_the_figures_leaves_the_findings(
    root: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("boom")

    monkeypatch.setattr("hwc_refactor.nixos.users.inventory.exposure", fail)
    done = call("scan", "--format", "json", "--root", ".", "--jobs", "1", "--no-cache")
    found = json.loads(done.out)
    assert done.code == 2
    assert "the inventory failed on service poller (KeyError: 'boom')" in done.err
    assert named(found) == {"poller"}
