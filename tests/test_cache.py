"""Kept answers: given for the same question about the same files alone, and never in the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Call

from hwc_refactor import audit
from hwc_refactor.commands.answers import Shown, answered
from hwc_refactor.findings import Audit
from hwc_refactor.project import Listing, Project, list_project
from hwc_refactor.settings import Settings
from hwc_refactor.storage import cache
from hwc_refactor.storage.cache import Cache, Entry

LONG_AGO = 1_600_000_000_000_000_000
ANSWER = Entry(("run.sh",), b"g" * 32, b"c" * 32, b"answer")
WEB = '{ virtualisation.oci-containers.containers.web.image = "nginx:latest"; }\n'
SECRET = "hunter2-hunter2"


# -- the entries ---------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    found = Cache(tmp_path / "kept")
    found.keep(("scan", "a"), ANSWER)
    return found


def entries(kept: Path) -> list[Path]:
    return sorted(kept.iterdir())


def test_an_answer_is_given_for_its_question_alone(kept: Cache) -> None:
    assert kept.find(("scan", "a")) == ANSWER
    assert kept.find(("scan", "b")) is None
    assert kept.find(("scana",)) is None


@pytest.mark.parametrize("value", [b"", b"\n", b"5\n\0x", bytes(range(256))])
def test_an_answer_may_be_any_bytes(tmp_path: Path, value: bytes) -> None:
    found = Cache(tmp_path / "kept")
    entry = Entry(("a b", "\udcff\n"), b"", value, value)
    found.keep(("x",), entry)
    assert found.find(("x",)) == entry


def test_nobody_else_can_read_it(kept: Cache, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in entries(folder)] == [0o600]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _open(path: Path) -> None:
    path.chmod(0o644)


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("spoil", [_cut, _flip, _empty, _open, _link, _folder, _pipe])
def test_an_entry_that_is_not_whole_or_not_ours_is_ignored(
    kept: Cache, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(entries(tmp_path / "kept")[0])
    assert kept.find(("scan", "a")) is None


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    Cache(folder).keep(("scan",), ANSWER)
    assert entries(folder) == []


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = Cache(tmp_path / "file" / "below")
    kept.keep(("scan",), ANSWER)
    assert kept.find(("scan",)) is None


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    kept = Cache(tmp_path / "kept")
    for number in range(3):
        kept.keep((str(number),), ANSWER)
    for place, path in enumerate(sorted(entries(tmp_path / "kept"), key=lambda p: p.stat().st_mtime_ns)):
        os.utime(path, (place, place))
    assert kept.find(("0",)) == ANSWER
    kept.keep(("3",), ANSWER)
    given = [kept.find((str(number),)) for number in range(4)]
    assert given[0] == given[3] == ANSWER
    assert given.count(None) == 1


def test_it_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 3000)
    kept = Cache(tmp_path / "kept")
    for number in range(9):
        kept.keep((str(number),), Entry((), b"", b"", bytes(1000)))
    assert sum(path.stat().st_size for path in entries(tmp_path / "kept")) <= 3000
    assert kept.find(("8",)) is not None


# -- the files -----------------------------------------------------------------------------------------


def test_a_glance_sees_what_happens_to_files(tmp_path: Path) -> None:
    def look(*paths: str) -> bytes:
        return cache.glance(tmp_path, paths, LONG_AGO).digest

    (tmp_path / "a.nix").write_text("1")
    os.utime(tmp_path / "a.nix", ns=(LONG_AGO, LONG_AGO))
    before = look("a.nix")
    assert before == look("a.nix")
    (tmp_path / "a.nix").write_text("2")
    os.utime(tmp_path / "a.nix", ns=(LONG_AGO, LONG_AGO))
    assert len({before, look("a.nix"), look("a.nix", "b.nix"), look()}) == 4


def test_a_glance_is_settled_when_files_were_left_alone_before(tmp_path: Path) -> None:
    (tmp_path / "a.nix").write_text("1")
    changed = (tmp_path / "a.nix").stat().st_ctime_ns
    assert not cache.glance(tmp_path, ["a.nix"], changed + 1_000_000).settled
    assert cache.glance(tmp_path, ["a.nix"], changed + 3_000_000_000).settled


def test_contents_are_told_apart_by_path_and_place() -> None:
    assert cache.content({"a": b"x"}, {}) == cache.content({"a": b"x"}, {"b": None})
    different = [{"a": b"x"}, {"b": b"x"}, {"a": b"x", "b": b""}, {"a": b"", "b": b"x"}, {"ab": b"x"}, {}]
    assert len({cache.content(texts, {}) for texts in different}) == len(different)


def test_another_program_asks_another_question(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.toml").write_text("")
    before = cache.tool([tmp_path])
    assert before == cache.tool([tmp_path])
    (tmp_path / "data" / "x.toml").write_text("# more\n")
    assert before != cache.tool([tmp_path])


# -- scan ----------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "nixos"
    folder.mkdir()
    (folder / "web.nix").write_text(WEB)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def audits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each audit that is really made."""
    made: list[str] = []
    real: Callable[..., Audit] = audit.audit

    def counted(*arguments: object, **options: object) -> Audit:
        made.append("audit")
        return real(*arguments, **options)

    monkeypatch.setattr(audit, "audit", counted)
    return made


def test_a_second_scan_shows_the_same_without_work(call: Call, root: Path, audits: list[str]) -> None:
    first = call("scan", "--root", root, "--fail-on", "low")
    second = call("scan", "--root", root, "--fail-on", "low")
    assert b"pin-image" in first.out
    assert first.code == 1
    assert (first.code, first.out, first.err) == (second.code, second.out, second.err)
    assert audits == ["audit"]


def test_every_option_that_matters_is_part_of_the_question(call: Call, root: Path, audits: list[str]) -> None:
    (root / "hwc-refactor.toml").write_text("")
    variants: list[tuple[str, ...]] = [
        (),
        ("--format", "json"),
        ("--only", "nobody"),
        ("--codemod", "unprivileged-container"),
        ("--fail-on", "low"),
    ]
    codes = [call("scan", "--root", root, *variant).code for variant in variants]
    assert codes == [0, 0, 0, 0, 1]
    (root / "hwc-refactor.toml").write_text('disable = ["pin-image"]\n')
    assert b"pin-image" not in call("scan", "--root", root).out
    assert len(audits) == len(variants) + 1


def test_a_change_is_seen(call: Call, root: Path, audits: list[str]) -> None:
    call("scan", "--root", root)
    (root / "web.nix").write_text(WEB.replace("latest", "1.27.1"))
    assert b"pin-image" not in call("scan", "--root", root).out
    (root / "more.nix").write_text(WEB.replace("web", "www"))
    assert b"container www" in call("scan", "--root", root).out
    (root / "more.nix").unlink()
    assert b"container www" not in call("scan", "--root", root).out
    assert len(audits) == 4


def test_it_can_be_told_not_to(call: Call, root: Path, tmp_path: Path, audits: list[str]) -> None:
    for _ in range(2):
        call("scan", "--root", root, "--no-cache")
    assert len(audits) == 2
    assert not (tmp_path / "cache").exists()


def test_nothing_is_kept_inside_of_the_root(
    call: Call, root: Path, audits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    for _ in range(2):
        call("scan", "--root", root)
    assert len(audits) == 2
    assert sorted(path.name for path in root.iterdir()) == ["web.nix"]


def test_no_secret_is_kept(call: Call, root: Path, tmp_path: Path) -> None:
    (root / "web.nix").write_text(
        WEB.replace("}\n", "")
        + f' systemd.services.web = {{ script = "true"; environment.API_TOKEN = "{SECRET}"; }}; }}\n'
    )
    for form in ("text", "json"):
        call("scan", "--root", root, "--format", form)
    kept = [path.read_bytes() for path in (tmp_path / "cache" / "hwc-refactor").iterdir()]
    assert len(kept) == 2
    assert not any(SECRET.encode() in data for data in kept)


def test_a_script_that_a_service_runs_is_one_of_the_files(call: Call, root: Path, audits: list[str]) -> None:
    project = Project(root, {})
    assert project.companion("run.sh") is None
    assert project.companions == {"run.sh": None}
    listing = list_project(root, (), Settings())
    made: list[bytes | None] = []

    def work(project: Project) -> Shown:
        made.append(project.companion("run.sh"))
        return Shown(b"report", "", "", 0)

    for text in (None, None, "a", "a", "b"):
        if text is not None:
            (root / "run.sh").write_text(text)
        assert answered(listing, ("question",), work, keep=True).report == b"report"
    assert made == [None, b"a", b"b"]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the files are really read."""
    made: list[str] = []
    real = Listing.read

    def read(listing: Listing) -> Project:
        made.append("read")
        return real(listing)

    monkeypatch.setattr(Listing, "read", read)
    return made


@pytest.mark.parametrize(("margin", "expected"), [(-(10**18), 1), (10**18, 3)])
def test_only_files_that_were_left_alone_for_long_are_trusted_unread(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch, margin: int, expected: int
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", margin)
    listing = list_project(root, (), Settings())
    for _ in range(3):
        answered(listing, ("question",), lambda _: Shown(b"report", "", "", 0), keep=True)
    assert len(reads) == expected


def test_a_list_of_files_of_a_name_needs_no_reading_and_is_made_anew_for_another_file(
    root: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", -(10**18))

    def work(project: Project) -> Shown:
        return Shown(project.companion("**/deploy.sh") or b"none", "", "", 0)

    def ask() -> bytes:
        return answered(list_project(root, (), Settings()), ("question",), work, keep=True).report

    assert (ask(), ask(), len(reads)) == (b"none", b"none", 1)
    (root / "hosts").mkdir()
    (root / "hosts" / "deploy.sh").write_text("true\n")
    assert (ask(), ask(), len(reads)) == (b"hosts/deploy.sh", b"hosts/deploy.sh", 2)
    (root / "hosts" / "deploy.sh").unlink()
    assert ask() == b"none"
