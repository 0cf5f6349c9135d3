"""Files that cannot be used, be they read by a codemod or not: each of them is told."""

from __future__ import annotations

from collections.abc import Iterable

from hwc_refactor.model import Problem
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import ParsedFile, parse
from hwc_refactor.nixos.tree import Tree

ENCRYPTED = b"\0GITCRYPT\0"
"""What a file begins with that git-crypt has locked: not a fault of it, and nothing can be said about it."""
TELLING = (b"systemd", b"oci-containers")
"""A file with one of these words is meant to hold something; another one may well hold nothing but comments."""


def problems_of(files: Iterable[ParsedFile]) -> list[Problem]:
    """The syntax errors of files, one for each."""
    return [
        Problem(file.source.path, file.problem.line, file.problem.column, file.problem.message)
        for file in files
        if file.problem is not None
    ]


def idle(file: ParsedFile) -> bool:
    """Whether nobody minds that a file does not parse: it is locked, or holds nothing but comments."""
    data = file.source.data
    empty = file.problem is not None and file.problem.empty
    return data.startswith(ENCRYPTED) or (empty and not any(word in data for word in TELLING))


def broken(tree: Tree, paths: Iterable[str]) -> list[Problem]:
    """The syntax errors of some files; those that were not parsed before are parsed now, and let go."""
    parsed = {file.source.path: file for file in tree.parsed_files}
    found: list[ParsedFile] = []
    for path in paths:
        data = tree.data(path) or b""
        if data.startswith(ENCRYPTED) or tree.is_sound(path):
            continue
        file = parsed.get(path) or parse(Source(path, data))
        if file.problem is not None and not idle(file):
            found.append(file)
    return problems_of(found)
