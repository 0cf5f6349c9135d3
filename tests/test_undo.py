"""Undo: whole, byte for byte, or not at all."""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hwc_refactor.patch import FileChange
from hwc_refactor.storage.records import KEPT, numbers
from hwc_refactor.storage.state import StateError, locate
from hwc_refactor.storage.undo import NothingToUndo, UndoRefused, foreseen, last, undo
from hwc_refactor.storage.write import recover, write

CHANGES = [
    FileChange("a.nix", b"old\r\n\0\xff", b"new\n"),
    FileChange("gone.nix", b"secret", None),
    FileChange("made/deep/new.nix", None, b"{ }\n"),
    FileChange("made/other.nix", None, b""),
]
STEPS_OLD = ["record", "journal", "stage a.nix", "stage gone.nix", "staged", "prepared"]
STEPS_NEW = [*(f"replace {change.path}" for change in CHANGES), "sync", "prune", "keep", "close", "closed"]


class StopError(Exception):
    """Stands for any exception within a step."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # A killed process loses nothing which it wrote; only a power failure would.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "a.nix").write_bytes(b"old\r\n\0\xff")
    (folder / "a.nix").chmod(0o600)
    (folder / "gone.nix").write_bytes(b"secret")
    (folder / "gone.nix").chmod(0o460)
    return folder


def snapshot(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """Modes and contents of everything below the root; None stands for a directory."""
    return {
        str(path.relative_to(root)): (
            stat.S_IMODE(path.lstat().st_mode),
            None if path.is_dir() else path.read_bytes(),
        )
        for path in root.rglob("*")
    }


def stop_at(step: str) -> Callable[[str], None]:
    def fault(name: str) -> None:
        if name == step:
            raise StopError(step)

    return fault


def killed(step: str, work: Callable[[Callable[[str], None]], object]) -> None:
    """Run the work in a forked child, which dies at the step."""
    child = os.fork()
    if child == 0:

        def fault(name: str) -> None:
            if name == step:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(fault)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def killed_undo(root: Path, step: str) -> None:
    killed(step, lambda fault: undo(root, fault=fault))


def description_of_undone(root: Path) -> str:
    """Undo; what the write was that was taken back."""
    undone = undo(root).undone
    assert undone is not None
    return undone.description


def test_undo(root: Path) -> None:
    before = snapshot(root)
    write(root, CHANGES, description="the write")
    assert last(root) is not None
    steps: list[str] = []
    report = undo(root, fault=steps.append)
    assert steps == STEPS_OLD + STEPS_NEW
    assert report.undone is not None
    assert report.undone.description == "the write"
    assert report.undone.paths == tuple(change.path for change in CHANGES)
    assert report.undone.time.tzinfo is not None
    assert (report.left, report.recovered) == ((), None)
    assert snapshot(root) == before
    assert last(root) is None
    with pytest.raises(NothingToUndo):
        undo(root)


def test_what_is_foreseen_is_what_is_done(root: Path) -> None:
    with pytest.raises(NothingToUndo):
        foreseen(root)
    write(root, CHANGES, description="x")
    after = snapshot(root)
    coming = foreseen(root)
    assert snapshot(root) == after
    change_content(root)
    with pytest.raises(UndoRefused):
        foreseen(root)
    (root / "a.nix").write_bytes(b"new\n")
    assert undo(root) == coming


def test_what_somebody_else_has_taken_back_is_no_hindrance(root: Path) -> None:
    write(root, [FileChange("a.nix", b"old\r\n\0\xff", b"first")], description="first")
    before = snapshot(root)
    write(root, [FileChange("a.nix", b"first", b"second"), FileChange("n", None, b"")], description="second")
    (root / "a.nix").write_bytes(b"first")
    with pytest.raises(UndoRefused):
        undo(root)
    (root / "n").unlink()
    assert foreseen(root).already
    report = undo(root)
    assert (report.already, report.undone and report.undone.description) == (True, "second")
    assert snapshot(root) == before
    assert description_of_undone(root) == "first"
    assert (root / "a.nix").read_bytes() == b"old\r\n\0\xff"


def test_a_stack(root: Path) -> None:
    seen = [snapshot(root)]
    for number in range(4):
        old = (root / "a.nix").read_bytes()
        write(root, [FileChange("a.nix", old, b"%d" % number)], description=str(number))
        seen.append(snapshot(root))
    for number in (3, 2):
        assert description_of_undone(root) == str(number)
        assert snapshot(root) == seen[number]
    write(root, [FileChange("a.nix", b"1", b"again")], description="again")
    for name in ("again", "1", "0"):
        assert description_of_undone(root) == name
    assert snapshot(root) == seen[0]


def test_only_the_last_records_stay(root: Path) -> None:
    write(root, [FileChange("n", None, b"0")], description="0")
    for number in range(1, KEPT + 5):
        write(root, [FileChange("n", b"%d" % (number - 1), b"%d" % number)], description=str(number))
    assert len(numbers(locate(root))) == KEPT
    for _ in range(KEPT):
        undo(root)
    assert (root / "n").read_bytes() == b"4"
    with pytest.raises(NothingToUndo):
        undo(root)


@pytest.mark.parametrize("step", STEPS_OLD + STEPS_NEW)
def test_exception_at_every_step(root: Path, step: str) -> None:
    before = snapshot(root)
    write(root, CHANGES, description="x")
    after = snapshot(root)
    with pytest.raises(StopError):
        undo(root, fault=stop_at(step))
    if step in ("close", "closed"):
        assert snapshot(root) == before
    else:
        assert snapshot(root) == after
        undo(root)
    assert snapshot(root) == before
    assert recover(root) is None
    with pytest.raises(NothingToUndo):
        undo(root)


@pytest.mark.parametrize("step", STEPS_OLD + STEPS_NEW)
def test_kill_at_every_step(root: Path, step: str) -> None:
    before = snapshot(root)
    write(root, CHANGES, description="x")
    after = snapshot(root)
    killed_undo(root, step)
    report = recover(root)
    if step in STEPS_NEW:
        assert report is None or report.finished
        assert snapshot(root) == before
    else:
        assert report is None or not report.finished
        assert snapshot(root) == after
        undo(root)
    assert snapshot(root) == before
    with pytest.raises(NothingToUndo):
        undo(root)


def test_undo_after_a_cut_off_undo_takes_no_second_write_back(root: Path) -> None:
    write(root, [FileChange("n", None, b"1")], description="first")
    first = snapshot(root)
    write(root, CHANGES, description="second")
    killed_undo(root, "replace gone.nix")
    report = undo(root)
    assert report.recovered is not None
    assert report.recovered.finished
    assert report.undone is None
    assert snapshot(root) == first
    assert description_of_undone(root) == "first"


@pytest.mark.parametrize("step", ["stage a.nix", "stage made/other.nix", "staged", "prepared", *STEPS_NEW])
def test_undo_after_a_cut_off_write_takes_back_that_one_alone(root: Path, step: str) -> None:
    write(root, [FileChange("n", None, b"1")], description="first")
    before = snapshot(root)
    killed(step, lambda fault: write(root, CHANGES, description="second", fault=fault))
    report = undo(root)
    assert snapshot(root) == before
    assert (report.undone is None) == (step not in STEPS_NEW)


def change_content(root: Path) -> None:
    (root / "a.nix").write_bytes(b"theirs")


def remove_changed(root: Path) -> None:
    (root / "a.nix").unlink()


def remove_new(root: Path) -> None:
    (root / "made/deep/new.nix").unlink()


def make_removed_again(root: Path) -> None:
    (root / "gone.nix").write_bytes(b"")


def turn_into_directory(root: Path) -> None:
    (root / "gone.nix").mkdir()


@pytest.mark.parametrize(
    ("meddle", "path"),
    [
        (change_content, "a.nix"),
        (remove_changed, "a.nix"),
        (remove_new, "made/deep/new.nix"),
        (make_removed_again, "gone.nix"),
        (turn_into_directory, "gone.nix"),
    ],
)
def test_refuses_where_files_changed(root: Path, meddle: Callable[[Path], None], path: str) -> None:
    write(root, CHANGES, description="x")
    meddle(root)
    after = snapshot(root)
    with pytest.raises(UndoRefused) as caught:
        undo(root)
    assert caught.value.paths == (path,)
    assert len(caught.value.reasons) == 1
    assert snapshot(root) == after
    assert last(root) is not None


def test_refuses_with_all_paths(root: Path) -> None:
    write(root, CHANGES, description="x")
    change_content(root)
    make_removed_again(root)
    with pytest.raises(UndoRefused, match=r"a\.nix, gone\.nix") as caught:
        undo(root)
    assert caught.value.paths == ("a.nix", "gone.nix")


def test_refuses_a_change_while_staging(root: Path) -> None:
    write(root, CHANGES, description="x")

    def meddle(step: str) -> None:
        if step == "staged":
            change_content(root)

    with pytest.raises(UndoRefused) as caught:
        undo(root, fault=meddle)
    assert caught.value.paths == ("a.nix",)
    assert (root / "made/other.nix").exists()
    assert not (root / "gone.nix").exists()


def test_directories_with_other_files_stay(root: Path) -> None:
    write(root, CHANGES, description="x")
    (root / "made/mine").touch()
    undo(root)
    assert sorted(path.name for path in (root / "made").iterdir()) == ["mine"]


def test_removed_directory_comes_back_with_its_file(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/x").write_bytes(b"x")
    write(root, [FileChange("d/x", b"x", None)], description="x")
    (root / "d").rmdir()
    undo(root)
    assert (root / "d/x").read_bytes() == b"x"


def test_a_later_chmod_stays(root: Path) -> None:
    write(root, CHANGES, description="x")
    (root / "a.nix").chmod(0o400)
    undo(root)
    assert snapshot(root)["a.nix"] == (0o400, b"old\r\n\0\xff")


def test_contents_are_not_stored_in_the_clear(root: Path, tmp_path: Path) -> None:
    text = b"a repeated line\n" * 1000
    write(root, [FileChange("n", None, text)], description="x")
    (record,) = (locate(root).records).iterdir()
    assert record.stat().st_size < 2000
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_damaged_record(root: Path) -> None:
    write(root, CHANGES, description="x")
    record = locate(root).record(1)
    record.write_bytes(record.read_bytes().replace(b'"blobs": {"', b'"blobs": {"0'))
    with pytest.raises(StateError, match="damaged"):
        undo(root)
    with pytest.raises(StateError, match="damaged"):
        last(root)
