"""All or nothing: a write is stopped at every step, by an exception and by SIGKILL."""

import errno
import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hwc_refactor.patch import FileChange
from hwc_refactor.storage import transaction
from hwc_refactor.storage.state import locate, session
from hwc_refactor.storage.undo import NothingToUndo, last, undo
from hwc_refactor.storage.write import Locked, StateError, WriteRefused, recover, write

Snapshot = dict[str, tuple[int, bytes | None]]

OLD = {
    "flake.nix": b"{ }\n",
    "hosts/a.nix": b"a\r\nno end",
    "hosts/gone.nix": b"\0\xff",
    "odd \udcff\n": b"x",
}
CHANGES = [
    FileChange("flake.nix", b"{ }\n", b"{ inputs = { }; }\n"),
    FileChange("hosts/a.nix", b"a\r\nno end", b""),
    FileChange("hosts/gone.nix", b"\0\xff", None),
    FileChange("modules/deep/new.nix", None, b"{ }\n"),
    FileChange("modules/void.nix", None, b""),
    FileChange("odd \udcff\n", b"x", b"y"),
]
PATHS = [change.path for change in CHANGES]
BEFORE_PREPARED = [
    "record",
    "journal",
    "directory modules",
    "directory modules/deep",
    *(f"stage {change.path}" for change in CHANGES if change.after is not None),
    "staged",
    "prepared",
]
AFTER_PREPARED = [*(f"replace {path}" for path in PATHS), "sync", "prune", "keep", "close", "closed"]
STEPS = BEFORE_PREPARED + AFTER_PREPARED


class StopError(Exception):
    """Stands for any exception within a step."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # A killed process loses nothing which it wrote; only a power failure would.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    folder = tmp_path / "root"
    for path, content in OLD.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "flake.nix").chmod(0o640)
    (folder / "hosts/gone.nix").chmod(0o700)
    return folder


def snapshot(root: Path) -> Snapshot:
    """Modes and contents of everything below the root; None stands for a directory."""
    return {
        str(path.relative_to(root)): (
            stat.S_IMODE(path.lstat().st_mode),
            None if path.is_dir() else path.read_bytes(),
        )
        for path in root.rglob("*")
    }


def contents(root: Path) -> dict[str, bytes]:
    return {path: content for path, (_, content) in snapshot(root).items() if content is not None}


def new_contents() -> dict[str, bytes]:
    changed = {change.path: change.after for change in CHANGES}
    return {path: content for path, content in ({**OLD, **changed}).items() if content is not None}


def stop_at(step: str) -> Callable[[str], None]:
    def fault(name: str) -> None:
        if name == step:
            raise StopError(step)

    return fault


def kill_at(step: str) -> Callable[[str], None]:
    def fault(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


def in_killed_child(work: Callable[[], object]) -> None:
    """Run the work in a forked child, which must end by SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_write(root: Path) -> None:
    steps: list[str] = []
    report = write(root, CHANGES[::-1], description="all kinds", fault=steps.append)
    assert steps == STEPS
    assert report.written == tuple(PATHS)
    assert (report.left, report.recovered) == ((), None)
    assert contents(root) == new_contents()
    assert stat.S_IMODE((root / "flake.nix").stat().st_mode) == 0o640
    summary = last(root)
    assert summary is not None
    assert (summary.description, summary.paths) == ("all kinds", tuple(PATHS))
    assert recover(root) is None


def test_syncs_before_it_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    folders = {path.stat().st_ino for path in (root, root / "hosts")}

    def look(step: str) -> None:
        if step == "prepared":
            temporary = {path.stat().st_ino for path in root.rglob("*.tmp")}
            assert len(temporary) == 5
            assert temporary | folders | {(root / "modules/deep").stat().st_ino} <= synced
            assert {locate(root).journal.stat().st_ino, locate(root).pending.stat().st_ino} <= synced
        if step == "replace flake.nix":
            assert locate(root).journal.stat().st_ino in synced
            synced.clear()
        if step == "prune":
            assert folders <= synced

    write(root, CHANGES, description="x", fault=look)


def test_nothing_to_write_leaves_no_record(root: Path) -> None:
    assert write(root, [], description="x").written == ()
    assert write(root, [FileChange("flake.nix", b"{ }\n", b"{ }\n")], description="x").written == ()
    assert last(root) is None


@pytest.mark.parametrize("step", STEPS)
def test_exception_at_every_step(root: Path, step: str) -> None:
    before = snapshot(root)
    with pytest.raises(StopError):
        write(root, CHANGES, description="x", fault=stop_at(step))
    if step in ("close", "closed"):
        assert contents(root) == new_contents()
        assert recover(root) is None
        undo(root)
    assert snapshot(root) == before
    assert recover(root) is None
    with pytest.raises(NothingToUndo):
        undo(root)
    write(root, CHANGES, description="again")
    assert contents(root) == new_contents()


@pytest.mark.parametrize("step", STEPS)
def test_kill_at_every_step(root: Path, step: str) -> None:
    before = snapshot(root)
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at(step)))
    report = recover(root)
    assert recover(root) is None
    finished = step in AFTER_PREPARED
    if step in ("record", "journal", "closed"):
        assert report is None
    else:
        assert report is not None
        assert (report.description, report.finished, report.left) == ("x", finished, ())
        assert report.paths == tuple(PATHS)
    if finished:
        assert contents(root) == new_contents()
        undo(root)
    assert snapshot(root) == before
    with pytest.raises(NothingToUndo):
        undo(root)
    write(root, CHANGES, description="again")
    assert contents(root) == new_contents()


@pytest.mark.parametrize("step", AFTER_PREPARED[:-1])
def test_kill_within_recover(root: Path, step: str) -> None:
    before = snapshot(root)
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at(f"replace {PATHS[2]}")))
    in_killed_child(lambda: recover(root, fault=kill_at(step)))
    recover(root)
    assert contents(root) == new_contents()
    undo(root)
    assert snapshot(root) == before


def test_next_write_recovers_first(root: Path) -> None:
    in_killed_child(lambda: write(root, CHANGES, description="first", fault=kill_at(f"replace {PATHS[1]}")))
    with pytest.raises(WriteRefused):
        write(root, CHANGES, description="second")
    assert contents(root) == new_contents()
    in_killed_child(lambda: undo(root, fault=kill_at("staged")))
    report = write(root, [FileChange("flake.nix", CHANGES[0].after, b"third")], description="third")
    assert report.recovered is not None
    assert not report.recovered.finished


def failing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let renames over files of this name fail, as they do over a mount point."""
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target.name == name:
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)


def test_failing_rename_takes_all_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    with monkeypatch.context() as patched:
        failing(patched, "void.nix")
        with pytest.raises(OSError, match="busy"):
            write(root, CHANGES, description="x")
    assert snapshot(root) == before
    assert recover(root) is None
    assert last(root) is None


def test_failing_rename_within_recover_takes_all_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at(f"replace {PATHS[1]}")))
    with monkeypatch.context() as patched:
        failing(patched, "void.nix")
        report = recover(root)
    assert report is not None
    assert not report.finished
    assert snapshot(root) == before


@pytest.mark.parametrize("rounds", range(2, 16))
def test_kill_while_taking_back(root: Path, rounds: int) -> None:
    """Killed at the n-th operation after the journal has turned to reverting, which is the first."""
    before = snapshot(root)
    calls = 0

    def counted(owner: object, name: str, patched: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)

        def call(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == rounds:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments)

        patched.setattr(owner, name, call)

    def work() -> None:
        with pytest.MonkeyPatch.context() as patched:

            def fault(step: str) -> None:
                if step == "sync":
                    counted(transaction, "_restore", patched)
                    counted(transaction, "create", patched)
                    counted(Path, "rename", patched)
                    raise StopError

            write(root, CHANGES, description="x", fault=fault)

    in_killed_child(work)
    report = recover(root)
    assert report is not None
    assert not report.finished
    assert snapshot(root) == before
    assert recover(root) is None


def test_failed_taking_back_is_resumed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    with monkeypatch.context() as patched:

        def full(*arguments: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def fault(name: str) -> None:
            if name == "sync":
                patched.setattr(transaction, "create", full)
                raise StopError

        with pytest.raises(OSError, match="No space"):
            write(root, CHANGES, description="x", fault=fault)
    assert snapshot(root) != before
    assert recover(root) is not None
    assert snapshot(root) == before


def test_full_disk_while_staging(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    with monkeypatch.context() as patched:
        fsync = os.fsync

        def full(descriptor: int) -> None:
            patched.setattr(os, "fsync", fsync)
            raise OSError(errno.ENOSPC, "No space left on device")

        def fault(step: str) -> None:
            if step == f"stage {PATHS[1]}":
                patched.setattr(os, "fsync", full)

        with pytest.raises(OSError, match="No space"):
            write(root, CHANGES, description="x", fault=fault)
    assert snapshot(root) == before
    assert recover(root) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (FileChange("flake.nix", b"other", b"x"), "changed since"),
        (FileChange("flake.nix", None, b"x"), "exists already"),
        (FileChange("hosts", None, b"x"), "exists already"),
        (FileChange("missing", b"old", b"x"), "removed since"),
        (FileChange("hosts", b"old", b"x"), "not a regular file"),
        (FileChange("flake.nix/x", None, b"x"), "cannot be found"),
        (FileChange("flake.nix/x/y", None, b"x"), "cannot be found"),
        (FileChange("/etc/passwd", None, b"x"), "not relative"),
        (FileChange("../out", None, b"x"), "plain path"),
        (FileChange("hosts/../flake.nix", b"{ }\n", b"x"), "plain path"),
        (FileChange("./flake.nix", b"{ }\n", b"x"), "plain path"),
        (FileChange("hosts//a.nix", b"a\r\nno end", b"x"), "plain path"),
        (FileChange("", None, b"x"), "plain path"),
        (FileChange("nul\0", None, b"x"), "cannot be found"),
        (FileChange("\ud800", None, b"x"), "cannot be found"),
        (FileChange("out", b"outside", b"x"), "outside"),
        (FileChange("outside/file", b"outside", b"x"), "outside"),
        (FileChange("outside/new", None, b"x"), "outside"),
        (FileChange("outside/new/deep", None, b"x"), "outside"),
        (FileChange("dangling", None, b"x"), "exists already"),
        (FileChange("dangling", b"x", b"y"), "removed since"),
        (FileChange("loop", b"x", b"y"), "cannot be found"),
        (FileChange("inside", b"{ }\n", None), "symbolic link"),
        (FileChange("pipe", b"x", b"y"), "not a regular file"),
    ],
)
def test_refusals(root: Path, tmp_path: Path, change: FileChange, reason: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"outside")
    (root / "out").symlink_to(tmp_path / "elsewhere" / "file")
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    (root / "dangling").symlink_to("nothing")
    (root / "loop").symlink_to("loop")
    (root / "inside").symlink_to("flake.nix")
    os.mkfifo(root / "pipe")
    with pytest.raises(WriteRefused, match=reason) as caught:
        write(root, [FileChange("hosts/a.nix", OLD["hosts/a.nix"], b"new"), change], description="x")
    assert caught.value.path == change.path
    assert (root / "hosts/a.nix").read_bytes() == OLD["hosts/a.nix"]
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["file"]
    assert (tmp_path / "elsewhere" / "file").read_bytes() == b"outside"
    assert last(root) is None


@pytest.mark.parametrize(
    "changes",
    [
        [FileChange("flake.nix", b"{ }\n", b"x"), FileChange("flake.nix", b"{ }\n", b"y")],
        [FileChange("flake.nix", b"{ }\n", b"x"), FileChange("link", b"{ }\n", b"y")],
        [FileChange("new", None, b"x"), FileChange("new/file", None, b"y")],
    ],
)
def test_changes_which_meet(root: Path, changes: list[FileChange]) -> None:
    (root / "link").symlink_to("flake.nix")
    before = snapshot(root)
    with pytest.raises(WriteRefused):
        write(root, changes, description="x")
    assert snapshot(root) == before


def test_links_inside_the_root_stay_links(root: Path) -> None:
    (root / "link.nix").symlink_to("hosts/a.nix")
    (root / "folder").symlink_to("hosts")
    old = OLD["hosts/a.nix"]
    write(root, [FileChange("link.nix", old, b"1"), FileChange("folder/new", None, b"n")], description="x")
    assert (root / "link.nix").is_symlink()
    assert (root / "folder").is_symlink()
    assert (root / "hosts/a.nix").read_bytes() == b"1"
    assert (root / "hosts/new").read_bytes() == b"n"
    undo(root)
    assert (root / "link.nix").is_symlink()
    assert contents(root)["hosts/a.nix"] == old
    assert not (root / "hosts/new").exists()


def test_root_behind_a_link_is_the_same_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    write(tmp_path / "alias", CHANGES, description="x")
    undo(root)
    assert contents(root) == OLD


def test_new_files_follow_the_umask(root: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(root, [FileChange("a", None, b""), FileChange("b", None, b"", 0o100755)], description="x")
    finally:
        os.umask(mask)
    modes = snapshot(root)
    assert (modes["a"][0], modes["b"][0]) == (0o640, 0o750)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_owner_stays(root: Path) -> None:
    os.chown(root / "flake.nix", 1234, 2345)
    write(root, CHANGES, description="x")
    status = (root / "flake.nix").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 2345, 0o640)


def test_long_names(root: Path) -> None:
    name = "é" * 127
    write(root, [FileChange(name, None, b"x")], description="x")
    write(root, [FileChange(name, b"x", b"y")], description="x")
    assert (root / name).read_bytes() == b"y"


def test_lock(root: Path) -> None:
    with session(root):
        for attempt in (
            lambda: write(root, CHANGES, description="x"),
            lambda: recover(root),
            lambda: undo(root),
        ):
            with pytest.raises(Locked, match="wait until it has ended"):
                attempt()
    assert contents(root) == OLD
    write(root, CHANGES, description="x")


def test_lock_of_another_process(root: Path) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with session(root):
            os.write(writing, b"locked")
            signal.pause()
    os.read(reading, 6)
    with pytest.raises(Locked):
        write(root, CHANGES, description="x")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    write(root, CHANGES, description="x")
    os.close(reading)
    os.close(writing)


def test_change_while_staging_refuses_all(root: Path) -> None:
    def meddle(step: str) -> None:
        if step == "staged":
            (root / "hosts/a.nix").write_bytes(b"theirs")

    with pytest.raises(WriteRefused, match="by somebody else"):
        write(root, CHANGES, description="x", fault=meddle)
    assert contents(root) == {**OLD, "hosts/a.nix": b"theirs"}
    assert last(root) is None


def test_change_in_the_last_moment_is_left(root: Path) -> None:
    def meddle(step: str) -> None:
        if step == "replace flake.nix":
            (root / "hosts/a.nix").write_bytes(b"theirs")
            (root / "modules/void.nix").write_bytes(b"theirs")

    report = write(root, CHANGES, description="x", fault=meddle)
    assert report.left == ("hosts/a.nix", "modules/void.nix")
    assert set(report.written) == set(PATHS) - set(report.left)
    theirs = {"hosts/a.nix": b"theirs", "modules/void.nix": b"theirs"}
    assert contents(root) == {**new_contents(), **theirs}
    undo(root)
    assert contents(root) == {**OLD, **theirs}


def test_all_files_changed_in_the_last_moment(root: Path) -> None:
    def meddle(step: str) -> None:
        if step == "prepared":
            (root / "flake.nix").write_bytes(b"theirs")

    report = write(root, CHANGES[:1], description="x", fault=meddle)
    assert (report.written, report.left) == ((), ("flake.nix",))
    assert last(root) is None


def test_recover_leaves_what_was_changed_in_between(root: Path) -> None:
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at("replace hosts/a.nix")))
    (root / "flake.nix").write_bytes(b"theirs")
    (root / "odd \udcff\n").unlink()
    report = recover(root)
    assert report is not None
    assert report.finished
    assert report.left == ("flake.nix", "odd \udcff\n")
    expected = {**new_contents(), "flake.nix": b"theirs"}
    del expected["odd \udcff\n"]
    assert contents(root) == expected


def test_recover_respects_a_restored_file(root: Path) -> None:
    """A file which was replaced before the crash, and then put back by hand, stays as it is."""
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at("replace hosts/a.nix")))
    (root / "flake.nix").write_bytes(OLD["flake.nix"])
    report = recover(root)
    assert report is not None
    assert report.left == ("flake.nix",)


def test_recover_does_not_follow_a_new_link(root: Path, tmp_path: Path) -> None:
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at("replace flake.nix")))
    (root / "hosts").rename(tmp_path / "moved")
    (root / "hosts").symlink_to(tmp_path / "moved")
    report = recover(root)
    assert report is not None
    assert report.left == ("hosts/a.nix", "hosts/gone.nix")
    assert (tmp_path / "moved" / "a.nix").read_bytes() == OLD["hosts/a.nix"]


def test_state_is_private_and_outside(root: Path, tmp_path: Path) -> None:
    in_killed_child(lambda: write(root, CHANGES, description="x", fault=kill_at("keep")))
    found = [tmp_path / "state" / "hwc-refactor", *(tmp_path / "state" / "hwc-refactor").rglob("*")]
    names = {path.name for path in found}
    assert {"journal.json", "pending.json", "lock", "records"} <= names
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()} == {0o600}
    (tmp_path / "state" / "hwc-refactor").chmod(0o755)
    recover(root)
    assert stat.S_IMODE((tmp_path / "state" / "hwc-refactor").stat().st_mode) == 0o700


def test_state_home(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert locate(root).folder.is_relative_to(tmp_path / "home" / ".local" / "state" / "hwc-refactor")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert locate(root).folder.is_relative_to(tmp_path / "home" / ".local" / "state" / "hwc-refactor")
    assert locate(root).folder.name.endswith("-root")
    assert locate(root).folder != locate(root / "hosts").folder


def test_state_inside_the_root_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    with pytest.raises(StateError, match="XDG_STATE_HOME"):
        write(root, CHANGES, description="x")
    assert snapshot(root) == before


def test_reading_creates_no_state(root: Path, tmp_path: Path) -> None:
    assert last(root) is None
    assert recover(root) is None
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 0}), json.dumps({"version": 1})])
def test_damaged_journal(root: Path, content: str) -> None:
    write(root, CHANGES[:1], description="x")
    locate(root).journal.write_text(content)
    with pytest.raises(StateError, match="move it away"):
        recover(root)


def test_unknown_root(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing", CHANGES, description="x")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        write(tmp_path / "file", CHANGES, description="x")
