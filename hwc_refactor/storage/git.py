"""The git binary, as far as the tool needs it: which files have a committed copy, and commits.

Never runs hooks or a file system monitor, and reads without taking locks. Clean filters do run: without
them git cannot tell whether a file has changed. A commit is signed when the settings ask for it.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Variables which would point git to another repository, or change how it reads paths.
_DROPPED = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GLOB_PATHSPECS",
        "GIT_GRAFT_FILE",
        "GIT_ICASE_PATHSPECS",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_TRACE",
        "GIT_WORK_TREE",
    }
)
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "color.ui=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
#: So many paths go to one call of git.
_CHUNK = 200


class GitError(RuntimeError):
    """Git refused; the message is its own."""


def work_tree(path: Path) -> Path | None:
    """The top of the innermost git work tree around a file or directory, with links resolved.

    None when there is none, or git is not installed.

    Raises:
        GitError: when git refuses to read the repository, for example because of its owner.
    """
    folder = path.resolve()
    while not folder.is_dir():
        folder = folder.parent
    try:
        top = _git(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return None
    except GitError as error:
        if "not a git repository" in str(error) or "must be run in a work tree" in str(error):
            return None
        raise
    found = Path(os.fsdecode(top.removesuffix(b"\n"))).resolve()
    return found if folder.is_relative_to(found) else None


def dirty(root: Path, paths: Sequence[str]) -> list[str]:
    """Those paths (relative to the root) whose present content no commit holds, in the given order.

    That are files with uncommitted changes, untracked and ignored ones, and those which git was told to
    overlook (assume-unchanged, skip-worktree). A symbolic link counts as the file it leads to. Paths which
    do not exist, or lie in no work tree, are never dirty.

    Raises:
        GitError: when git cannot read the repository.
    """
    files = {path: _real(root / path) for path in paths}
    tops: dict[Path, Path | None] = {}
    grouped: dict[Path, set[Path]] = {}
    for file in files.values():
        if file.exists():
            if file.parent not in tops:
                tops[file.parent] = work_tree(file.parent)
            top = tops[file.parent]
            if top is not None:
                grouped.setdefault(top, set()).add(file)
    found = {file for top, members in grouped.items() for file in members - _committed(top, members)}
    return [path for path, file in files.items() if file in found]


def commit(root: Path, paths: Sequence[str], message: str) -> str:
    """Commit the present state of these paths, relative to the root, and nothing else that is staged.

    New files are added, missing ones removed; a symbolic link counts as the file it leads to. Returns the
    hash of the commit.

    Raises:
        GitError: when there is nothing to commit, a path is ignored, outside of the work tree or in a
            submodule, a merge is going on, or git refuses for another reason; the index is as before then.
    """
    top = work_tree(root)
    if top is None:
        raise GitError(f"{root} lies in no git work tree")
    files = [_real(root / path) for path in paths]
    if not files:
        raise GitError("no paths to commit")
    for path, file in zip(paths, files, strict=True):
        if not file.is_relative_to(top):
            raise GitError(f"{path} lies outside of the work tree {top}")
    names = [str(file.relative_to(top)) for file in files]
    listing = b"\0".join(map(os.fsencode, names))
    from_stdin = ("--pathspec-from-file=-", "--pathspec-file-nul")
    known = {name for name, _ in _tracked(top, names)}
    fresh = [name for name in names if name not in known and os.path.lexists(top / name)]
    try:
        for chunk in _chunks(fresh):
            _git(top, "add", "--intent-to-add", "--", *chunk)
        _git(
            top,
            "commit",
            "--quiet",
            "--only",
            "--no-verify",
            "--no-status",
            "--cleanup=whitespace",
            f"--message={message}",
            *from_stdin,
            stdin=listing,
        )
    except GitError:
        added = b"\0".join(map(os.fsencode, fresh))
        _git(top, "update-index", "--force-remove", "-z", "--stdin", stdin=added)
        raise
    return _git(top, "rev-parse", "HEAD").decode("ascii").strip()


def resolve(root: Path, revision: str) -> str:
    """The hash of the commit that a revision means. Raises GitError."""
    if work_tree(root) is None:
        raise GitError(f"{root} lies in no git work tree")
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError as error:
        raise GitError(f"there is no commit '{revision}'") from error
    return found.decode("ascii").strip()


def texts_at(root: Path, commit: str, suffix: str) -> dict[str, bytes]:
    """The files below a root at a commit whose names end with `suffix`, by path relative to the root.

    They are read from the object store; the work tree is not touched. Links are no files here.

    Raises:
        GitError: when git cannot read them.
    """
    top = work_tree(root)
    if top is None:
        raise GitError(f"{root} lies in no git work tree")
    prefix = os.fsencode(root.resolve().relative_to(top).as_posix()) + b"/"
    prefix = b"" if prefix == b"./" else prefix
    found: dict[bytes, bytes] = {}
    for item in _git(top, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, _, name = item.partition(b"\t")
        if head.startswith(b"100") and name.startswith(prefix) and name.endswith(os.fsencode(suffix)):
            found[name[len(prefix) :]] = head.split()[2]
    names = sorted(found)
    data = _git(top, "cat-file", "--batch", stdin=b"".join(found[name] + b"\n" for name in names))
    return dict(zip(map(os.fsdecode, names), _blobs(data, len(names)), strict=True))


def _blobs(data: bytes, count: int) -> Iterator[bytes]:
    """The contents in the output of `git cat-file --batch`."""
    offset = 0
    for _ in range(count):
        end = data.index(b"\n", offset)
        size = int(data[offset:end].split()[2])
        yield data[end + 1 : end + 1 + size]
        offset = end + 1 + size + 1


def _committed(top: Path, files: set[Path]) -> set[Path]:
    """Those of the files which git affirms to be tracked and unchanged."""
    names = {str(file.relative_to(top)): file for file in files}
    ordered = sorted(names)
    tracked = {name for name, tag in _tracked(top, ordered) if tag == "H"}
    changed: set[str] = set()
    for chunk in _chunks(ordered):
        output = _git(
            top,
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            "--ignore-submodules=all",
            "--",
            *chunk,
        )
        changed.update(os.fsdecode(item[3:]) for item in output.split(b"\0") if item)
    return {names[name] for name in tracked - changed if name in names}


def _tracked(top: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names which the index knows, each with its tag: "H" for an ordinary file."""
    for chunk in _chunks(names):
        for item in _git(top, "ls-files", "-z", "-v", "--cached", "--", *chunk).split(b"\0"):
            if item:
                yield os.fsdecode(item[2:]), chr(item[0])


def _real(path: Path) -> Path:
    """The path without symbolic links; one which leads in a circle stays."""
    return Path(os.path.realpath(path))


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))


def _git(folder: Path, command: str, *arguments: str, stdin: bytes = b"") -> bytes:
    """The output of a git command.

    Raises:
        FileNotFoundError: when git is not installed.
        GitError: when the command fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    if command not in ("add", "commit", "update-index"):
        environment["GIT_OPTIONAL_LOCKS"] = "0"
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    done = subprocess.run(
        ["git", "--literal-pathspecs", *settings, "-C", str(folder), command, *arguments],
        input=stdin,
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        text = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace")
        raise GitError(text or f"git {command} failed with status {done.returncode}")
    return done.stdout
