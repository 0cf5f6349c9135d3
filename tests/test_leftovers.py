"""Nothing is left in the repository that belongs on somebody's desk: notes to oneself, paths of one machine."""

from __future__ import annotations

import re
import subprocess
from functools import cache

import pytest
from example import REPOSITORY

NOTES = re.compile(rb"\b(?:TODO|FIXME|XXX|WIP|HACK)\b|(?i:\bsessions?\b)(?!\()")
LOCK = re.compile(rb"^from hwc_refactor\.storage\.state import .*$", re.MULTILINE)
"""The lock of a root is held for one session of writing; who imports it says so."""
MACHINE = re.compile(
    rb"(?<![\w$}./~-])/(?:work|home|root|Users|mnt/[a-z]/)/\w[\w./-]*"  # somebody's folders
    rb"|(?<![\w$}./~-])/(?:var/)?tmp/\w[\w/-]*"
    rb"|(?:extra-)?index-url|PIP_INDEX_URL"
    rb"|\b(?:127\.0\.0\.1|localhost|[\w.-]+\.(?:internal|corp|lan))(?::\d+)?/(?:simple|pypi|npm)\b"
)
ALLOWED = {
    # a configuration as it is written, and what the documentation of an image says
    "examples/homeserver/domains/server/containers/frigate/index.nix": {b"/tmp/cache", b"TODO"},
    "patches/diff5.patch": {b"/tmp/cache", b"TODO"},
    "hwc_refactor/nixos/data/images.toml": {b"/tmp/cache"},
    # a command of sqlite3's shell
    "hwc_refactor/nixos/scripts/languages.py": {b"session"},
    # the words that are looked for
    "tests/test_leftovers.py": {
        *(b"TODO", b"FIXME", b"XXX", b"WIP", b"HACK", b"session"),
        *(b"/tmp/cache", b"index-url", b"PIP_INDEX_URL"),
    },
}


@cache
def files() -> tuple[str, ...]:
    """Every file that git has or would take."""
    options = ["-z", "--cached", "--others", "--exclude-standard"]
    command = ["git", "-c", "safe.directory=*", "ls-files", *options]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if done.returncode:
        pytest.skip("this is no git checkout")
    names = sorted({name.decode() for name in done.stdout.split(b"\0") if name})
    return tuple(name for name in names if (REPOSITORY / name).is_file())


def line_of(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def found(pattern: re.Pattern[bytes]) -> list[str]:
    return [
        f"{name}:{line_of(data, match.start())}: {match[0].decode(errors='replace')}"
        for name in files()
        # configurations name all kinds of paths
        if pattern is NOTES or not name.startswith(("tests/cases/", "tests/sandbox"))
        for data in [LOCK.sub(b"", (REPOSITORY / name).read_bytes())]
        for match in pattern.finditer(data)
        if match[0] not in ALLOWED.get(name, ())
    ]


def test_no_notes() -> None:
    assert found(NOTES) == []


def test_no_paths_of_one_machine() -> None:
    assert found(MACHINE) == []


def test_allowed_words_are_there() -> None:
    for name, words in ALLOWED.items():
        data = (REPOSITORY / name).read_bytes()
        assert [word for word in words if word not in data] == [], name


def test_no_file_is_large_or_built() -> None:
    assert [name for name in files() if (REPOSITORY / name).stat().st_size > 512 * 1024] == []
    built = re.compile(r"(^|/)(__pycache__|\.venv|build|dist)/|\.pyc$")
    assert [name for name in files() if built.search(name)] == []
