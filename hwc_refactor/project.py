"""Reading a configuration from disk: which files there are, and their bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct

from hwc_refactor.model import Problem
from hwc_refactor.nix.source import NAMED
from hwc_refactor.settings import Settings

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".jj", ".svn", ".direnv", "node_modules", "result"})
MAX_SIZE = 4 * 1024 * 1024
"""Files above this size (bytes) are generated ones; no configuration is written in them by hand."""
TOO_LARGE = (
    "larger than 4 MiB, and not read; leave it out by 'exclude' in hwc-refactor.toml if nothing is in it"
)
"""What is said of such a file: its syntax tree alone would take hundreds of megabytes."""
_CHUNK = 64 * 1024


class Project(Struct, frozen=True):
    """A configuration as it was read.

    Attributes:
        root: absolute path.
        texts: the bytes of every `.nix` file below it, by path relative to the root, sorted.
        problems: files and folders that could not be read.
        scope: what the user named: objects in other files are left alone; empty for everything.
        others: the paths of all other files, sorted.
        unread: what is called `.nix` and is no file of the configuration, by path, with what it is.
        companions: those of the others that were asked for, None for one that cannot be had.
    """

    root: Path
    texts: Mapping[str, bytes]
    problems: tuple[Problem, ...] = ()
    scope: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    companions: dict[str, bytes | None] = {}

    def companion(self, path: str) -> bytes | None:
        """The bytes of a file below the root that is no `.nix` file: a script or program that one names.

        None for a file that is not there, is too large to be written by hand, or is reached through a link
        that leaves the root. The path `**/name` stands for the list of all files of that name.
        """
        if path not in self.companions:
            named = path.startswith(NAMED)
            self.companions[path] = self._named(path.removeprefix(NAMED)) if named else self._companion(path)
        return self.companions[path]

    def _named(self, name: str) -> bytes | None:
        """The paths of the files of this name that are no `.nix` files, one a line."""
        found = [path for path in self.others if path.rpartition("/")[2] == name]
        return "\n".join(found).encode(errors="surrogateescape") if found else None

    def _companion(self, path: str) -> bytes | None:
        place = self.root / path
        try:
            if not place.resolve().is_relative_to(self.root) or not place.is_file():
                return None
            data = _read(str(place))
        except OSError:
            return None
        return data if len(data) <= MAX_SIZE else None

    def data(self, path: str) -> bytes | None:
        """The bytes of any file below the root, None when there is none."""
        return self.texts[path] if path in self.texts else self.companion(path)

    def covers(self, path: str) -> bool:
        """Whether the objects of a file are among those the user named."""
        return not self.scope or any(path == p or path.startswith(p + "/") or p == "." for p in self.scope)


def hindrance(root: Path, path: str, exclude: Sequence[str]) -> str | None:
    """Why a new file cannot be made below a root, as a sentence; None where it can.

    Args:
        root: the folder of the configuration.
        path: where the file would go, relative to it.
        exclude: globs of paths that are not read: what is made there would not be seen again.
    """
    names = path.split("/")
    for above in ("/".join(names[:depth]) for depth in range(1, len(names))):
        folder = root / above
        if folder.is_symlink() and not folder.resolve().is_relative_to(root):
            return (
                f"The file {path} cannot be made: {above} is a symbolic link that leads outside of the root."
            )
        if os.path.lexists(folder) and not folder.is_dir():
            return f"The file {path} cannot be made: {above} is no folder."
    if os.path.lexists(root / path):
        return f"There is another file at {path} already."
    if _is_excluded(path, exclude):
        return f"The file {path} would not be seen again: 'exclude' in the settings leaves it out."
    return None


def find_root(start: Path) -> Path:
    """The work tree of git that encloses a path, else the folder itself."""
    resolved = start.resolve()
    folder = resolved if resolved.is_dir() else resolved.parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


class Listing(Struct, frozen=True):
    """The files of a configuration, before they are read.

    Attributes:
        root: absolute path.
        paths: every `.nix` file below it, relative to the root, sorted.
        scope: what the user named, as in `Project`.
        others: every other file, in the same way.
        unread: as in `Project`.
        problems: folders that could not be read.
    """

    root: Path
    paths: tuple[str, ...]
    scope: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def idle(self) -> tuple[str, ...]:
        """What the user named and holds none of these files."""
        return tuple(
            named
            for named in self.scope
            if not any(named in (".", path) or path.startswith(f"{named}/") for path in self.paths)
        )

    def read(self) -> Project:
        """Read them all."""
        texts: dict[str, bytes] = {}
        problems = list(self.problems)
        for name in self.paths:
            try:
                data = _read(f"{self.root}/{name}")
            except OSError as error:
                problems.append(Problem(name, 1, 1, f"cannot be read: {error.strerror}"))
            else:
                if len(data) <= MAX_SIZE:
                    texts[name] = data
                else:
                    problems.append(Problem(name, 1, 1, TOO_LARGE))
        return Project(self.root, texts, tuple(problems), self.scope, self.others, self.unread)


def read_project(root: Path, paths: Sequence[Path], settings: Settings) -> Project:
    """List and read all `.nix` files below a root; see `list_project`."""
    return list_project(root, paths, settings).read()


def list_project(root: Path, named: Sequence[Path], settings: Settings) -> Listing:
    """Find all `.nix` files below a root.

    Args:
        root: the folder of the configuration.
        named: files or folders below it whose objects are wanted; the rest is read all the same, for what
            they refer to.
        settings: gives the globs of paths to leave out.

    Raises:
        ValueError: when the root is no folder, or a path is not below it or not there.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder")
    scope: list[str] = []
    for path in named:
        absolute = path.resolve() if path.exists() else (root / path).resolve()
        if not absolute.exists():
            raise ValueError(f"{path} does not exist")
        if not absolute.is_relative_to(root):
            raise ValueError(f"{path} is outside of the root {root}")
        scope.append(absolute.relative_to(root).as_posix())
    found = _walk(str(root), settings.exclude)
    paths, others = _split(found.files)
    unread = ((path, _what(root, path)) for path in found.odd if path.endswith(".nix"))
    problems = tuple(Problem(path, 1, 1, f"cannot be read: {reason}") for path, reason in found.closed)
    told = tuple((path, what) for path, what in unread if what)
    return Listing(root, paths, tuple(scope), others, told, problems)


def committed_project(
    root: Path, texts: Mapping[str, bytes], scope: Sequence[str], settings: Settings
) -> Project:
    """A configuration from texts that stand in no folder, of which the same files count.

    Args:
        root: the folder that they belong to.
        texts: all `.nix` files below it, by path.
        scope: as in `Project`.
        settings: gives the globs of paths to leave out.
    """
    kept = {path: texts[path] for path in sorted(texts) if _counts(path, texts[path], settings.exclude)}
    return Project(root, kept, (), tuple(scope), _split(_walk(str(root), settings.exclude).files)[1])


def _counts(path: str, data: bytes, exclude: Sequence[str]) -> bool:
    """Whether `_walk` would find a file, and `read` take it."""
    skipped = SKIPPED_FOLDERS & set(path.split("/")[:-1])
    return not skipped and len(data) <= MAX_SIZE and not _is_excluded(path, exclude)


def _is_excluded(path: str, exclude: Sequence[str]) -> bool:
    """Whether a glob names a path, or a folder that it lies in."""
    names = path.split("/")
    above = ["/".join(names[: depth + 1]) for depth in range(len(names))]
    return any(fnmatchcase(one, pattern) for one in above for pattern in exclude)


def _split(paths: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The `.nix` files among some paths, and the others."""
    nix = tuple(path for path in paths if path.endswith(".nix"))
    return nix, tuple(path for path in paths if not path.endswith(".nix"))


class _Found(Struct):
    """What lies below a folder, by path.

    Attributes:
        files: the files.
        odd: what is neither file nor folder, such as links.
        closed: folders that cannot be looked into, with the reason.
    """

    files: list[str] = []
    odd: list[str] = []
    closed: list[tuple[str, str]] = []


def _walk(root: str, exclude: Sequence[str]) -> _Found:
    """What lies below a folder, sorted; links are not followed, so nothing is found twice."""
    found = _Found()
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            entries = list(os.scandir(f"{root}/{prefix}"))
        except OSError as error:
            found.closed.append((prefix.removesuffix("/") or ".", error.strerror or str(error)))
            continue
        for entry in entries:
            path = prefix + entry.name
            if exclude and any(fnmatchcase(path, pattern) for pattern in exclude):
                continue
            if entry.is_file(follow_symlinks=False):
                found.files.append(path)
            elif not entry.is_dir(follow_symlinks=False):
                found.odd.append(path)
            elif entry.name not in SKIPPED_FOLDERS:
                waiting.append(path + "/")
    for paths in (found.files, found.odd, found.closed):
        paths.sort()
    return found


def _what(root: Path, path: str) -> str:
    """What something is that is neither file nor folder; nothing for a link to what is read in its own place."""
    place = root / path
    if not place.is_symlink():
        return "no file"
    try:
        target = place.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a symbolic link that leads nowhere"
    inside = target.is_relative_to(root) or target.is_dir()
    return "" if inside else "a symbolic link that leads outside of the root"


def _read(path: str) -> bytes:
    """The bytes of a file, of one above `MAX_SIZE` no more than is needed to see that."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(handle, _CHUNK)
        if len(data) < _CHUNK:  # nearly always: one call, and all is there
            return data
        while len(data) <= MAX_SIZE and (more := os.read(handle, MAX_SIZE)):
            data += more
        return data
    finally:
        os.close(handle)
