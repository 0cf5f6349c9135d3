"""One unchanging snapshot of the files under a root: bytes at once, syntax trees on demand."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TypeVar, cast
from weakref import ref

from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.source import NAMED, Source
from hwc_refactor.nix.syntax import ParsedFile, parse
from hwc_refactor.nixos.arguments import handed_function
from hwc_refactor.nixos.words import NAME_BYTES, WordIndex, is_word, pieces_of, words_of

_NAME_BYTES = frozenset(bytes((byte,)) for byte in NAME_BYTES)
_BEFORE_PATH = frozenset((b" ", b"\t", b"\r", b"\n", b"\v", b"\f", b"(", b"."))
_IMPORT = re.compile(rb"\s*\(?\s*(\.\.?(?:/[\w.+-]+)+)")
T = TypeVar("T")
Companions = Callable[[str], "bytes | None"]
MANY = 24
"""So many names are looked for in all files before an index of all names is made."""
MANY_TREES = 100
"""So many trees are worth to be looked through for those that nothing refers to."""
MAX_REEXPORTS = 3
"""How many files may hand a value on."""


class Tree:
    """The `.nix` files of a configuration, by path relative to the root.

    A file is parsed when something asks for its tree, never before; which files can matter is decided
    on their bytes.
    """

    def __init__(
        self,
        texts: Mapping[str, bytes],
        parsed: Mapping[str, ParsedFile] | None = None,
        companions: Companions | None = None,
    ) -> None:
        """A snapshot of `texts`; `parsed` holds trees of the same bytes that are there already.

        Args:
            texts: the `.nix` files.
            parsed: their trees, as far as known.
            companions: reads another file of the root by its path; None for one that is not there. For
                `**/name` it gives the paths of all such files of that name, one a line.
        """
        self._texts = texts
        self._companions = companions
        self._changed: dict[str, bytes] = {}
        self._originals: dict[str, bytes] = {}
        self._parsed: dict[str, ParsedFile] = dict(parsed or {})
        self._let_go: set[str] = set()  # the files without a syntax error whose trees nothing referred to
        self._left = 0  # so many trees there were afterwards
        self._resolver: Resolver | None = None
        self._holding: dict[bytes, tuple[str, ...]] = {}
        self._naming: dict[bytes, tuple[str, ...]] = {}
        self._beside: dict[tuple[bytes, bytes], tuple[str, ...]] = {}
        self._named_before: dict[bytes, tuple[str, ...]] = {}  # as it was before some of `_since` changed
        self._index: WordIndex | None = None
        self._since: frozenset[str] = frozenset()  # the files that are not as they were at first
        self._asked = 0
        self._places: dict[str, int] | None = None
        self._imported: dict[str, tuple[tuple[int, str], ...]] = {}
        self._importing: dict[str, list[tuple[str, int]]] | None = None
        self._linked: dict[str, set[str]] = {}
        self.memo: dict[object, object] = {}
        """What was worked out over this snapshot as a whole."""
        self.local: dict[str, dict[object, object]] = {}
        """What was worked out about single files; it stays as long as they and what they read are the same."""
        self._remembered: dict[object, tuple[object, object]] = {}

    def remember(self, key: object, owner: object, make: Callable[[], T]) -> T:
        """What `make` gives for a value of this snapshot, made once; `owner` is kept alive with it."""
        known = self._remembered.get(key)
        if known is None:
            known = self._remembered[key] = (owner, make())
        return cast(T, known[1])

    def forget(self, *key: object) -> None:
        """Forget what was remembered under keys that begin so."""
        length = len(key)
        self._remembered = {
            known: made
            for known, made in self._remembered.items()
            if not isinstance(known, tuple) or known[:length] != key
        }

    @property
    def paths(self) -> Iterable[str]:
        """All paths, in a stable order."""
        return self._texts.keys()

    @property
    def parsed_files(self) -> Iterable[ParsedFile]:
        """The files that something has asked for."""
        return self._parsed.values()

    @property
    def resolver(self) -> Resolver:
        """The static resolution over this snapshot."""
        if self._resolver is None:
            self._resolver = Resolver(self.imported, partial(handed_function, self))
        return self._resolver

    def data(self, path: str) -> bytes | None:
        """The bytes of a file, None when there is none: of a `.nix` file, or of another one of the root."""
        found = self._texts.get(path)
        if found is not None or path.endswith(".nix"):
            return found
        changed = self._changed.get(path)
        if changed is None and self._companions is not None:
            return self._companions(path)
        return changed

    def companion(self, path: str, literal: str) -> tuple[str, bytes] | None:
        """The file that is no Nix file which a path literal in the file `path` means: its path and bytes."""
        if literal.startswith(("/", "~", "<")):
            return None
        joined = _meant(path, literal)
        data = None if joined.startswith("..") or joined.endswith(".nix") else self.data(joined)
        return None if data is None else (joined, data)

    def named(self, name: str) -> tuple[str, ...]:
        """The files of a name, of those that are no Nix files."""
        listed = None if self._companions is None else self._companions(NAMED + name)
        return () if listed is None else tuple(listed.decode(errors="surrogateescape").splitlines())

    def file(self, path: str) -> ParsedFile:
        """The syntax tree of a file. Raises KeyError for a path that is not there."""
        file = self._parsed.get(path)
        if file is None:
            file = self._parsed[path] = parse(Source(path, self._texts[path], self._originals.get(path)))
        return file

    def sound(self, path: str) -> ParsedFile | None:
        """The syntax tree of a file when it is there and has no syntax error."""
        if path not in self._texts:
            return None
        file = self.file(path)
        return file if file.problem is None else None

    def is_sound(self, path: str) -> bool:
        """Whether a file is known to have no syntax error; its tree may have been let go."""
        file = self._parsed.get(path)
        return path in self._let_go if file is None else file.problem is None

    def let_go(self, collect: Callable[[], object]) -> None:
        """Let go of the syntax trees that nothing refers to, where many were made since the last time.

        One that is asked for again is made again.

        Args:
            collect: removes what is referred to in circles alone, as a file is of which something was resolved.
        """
        if len(self._parsed) - self._left < MANY_TREES:
            return
        sound = {path: ref(file) for path, file in self._parsed.items() if file.problem is None}
        self._parsed = {path: file for path, file in self._parsed.items() if path not in sound}
        collect()
        self._parsed.update((path, file) for path, one in sound.items() if (file := one()) is not None)
        self._let_go.update(path for path in sound if path not in self._parsed)
        self._left = len(self._parsed)

    def holding(self, needle: bytes) -> tuple[str, ...]:
        """The paths of the files whose bytes contain `needle`."""
        found = self._holding.get(needle)
        if found is None:
            among: Iterable[str] | None = self._narrowed(needle)
            if among is None:
                among = self._among(pieces_of(needle))
            found = self._holding[needle] = tuple(self._with(needle, among))
        return found

    def naming(self, word: bytes) -> tuple[str, ...]:
        """The paths of the files in which `word` stands as a whole Nix name."""
        found = self._naming.get(word)
        if found is None:
            before = self._named_before.get(word)
            found = self._named(word) if before is None else self._named_since(word, before)
            self._naming[word] = found
        return found

    def _named(self, word: bytes) -> tuple[str, ...]:
        among: Iterable[str] | None = self._narrowed(word)
        if among is None:
            among = self._among([b" %b " % part for part in words_of(word)])
        if is_word(word) and self._index is not None and not self._since:
            return tuple(among)
        return tuple(path for path in self._with(word, among) if self._has(path, word))

    def _named_since(self, word: bytes, before: Sequence[str]) -> tuple[str, ...]:
        """The same after some files have changed."""
        changed = [path for path in self._since if path in self._texts and self._has(path, word)]
        return self.ordered([*(path for path in before if path not in self._since), *changed])

    def _has(self, path: str, word: bytes) -> bool:
        """Whether a word stands as a whole Nix name in a file."""
        return next(self.words(path, word), None) is not None

    def naming_beside(self, word: bytes, text: bytes) -> tuple[str, ...]:
        """The paths of the files that hold `text`, and in which `word` stands as a whole Nix name."""
        found = self._beside.get((word, text))
        if found is None:
            among = self.naming_among(word, self.holding(text))
            found = self._beside[word, text] = self.ordered(among)
        return found

    def naming_all(self, words: Sequence[bytes]) -> set[str]:
        """The paths of the files in which all of some words stand as whole Nix names."""
        first, *others = sorted(words, key=self._cost)
        found = set(self.naming(first))
        for word in others:
            found = self.naming_among(word, found)
        return found

    def naming_among(self, word: bytes, paths: Iterable[str]) -> set[str]:
        """Those of some files, which had better be few, in which `word` stands as a whole Nix name."""
        if self._index is not None or word in self._naming:
            return set(self.naming(word)).intersection(paths)
        return {path for path in self._with(word, paths) if self._has(path, word)}

    def _cost(self, word: bytes) -> int:
        """How many files have to be searched for a word, at most."""
        known = self._naming.get(word, self._narrowed(word))
        return len(self._texts) if known is None else len(known)

    def _with(self, needle: bytes, paths: Iterable[str]) -> list[str]:
        """Those of some files whose bytes contain `needle`."""
        texts = self._texts
        if paths is texts:
            return [path for path, data in texts.items() if needle in data]
        return [path for path in paths if needle in texts[path]]

    def _narrowed(self, needle: bytes) -> Sequence[str] | None:
        """The fewest files that are known to hold a part of `needle`; None once there is an index, which tells more."""
        if self._index is not None or self._since:
            return None
        return min((paths for part, paths in self._holding.items() if part in needle), key=len, default=None)

    def _among(self, pieces: Sequence[bytes]) -> Iterable[str]:
        """The files that may hold some pieces of names, in order: all, until enough was asked for to make an index."""
        self._asked += 1
        if self._index is None and self._asked < MANY:
            return self._texts
        found = self.index().narrowed(pieces)
        if found is None:
            return self._texts
        if self._since:
            found = {path for path in self._since.union(found) if path in self._texts}
        return self.ordered(found) if isinstance(found, set) else found

    def index(self) -> WordIndex:
        """The index of the names in all files, made once."""
        if self._index is None:
            self._index = WordIndex(self._texts)
        return self._index

    def words(self, path: str, word: bytes) -> Iterator[int]:
        """The offsets at which `word` stands as a whole Nix name in a file."""
        data = self._texts[path]
        offset = data.find(word)
        while offset >= 0:
            end = offset + len(word)
            if data[offset - 1 : offset] not in _NAME_BYTES and data[end : end + 1] not in _NAME_BYTES:
                yield offset
            offset = data.find(word, end)

    def referring(self, path: str) -> tuple[str, ...]:
        """The files whose bytes may name a file by a path literal.

        They hold its name, or its folder's; from below its folder, `./.` and `../default.nix` will do.
        """
        folder, name = posixpath.split(path)
        if name != "default.nix":
            return self.holding(b"/" + name.encode(errors="surrogateescape"))
        key = ("referring", folder)
        found = self.memo.get(key)
        if not isinstance(found, tuple):
            below = f"{folder}/" if folder else ""
            stem = posixpath.basename(folder).encode(errors="surrogateescape")
            dotted = self._dotted()
            close = {other for other in dotted if other.startswith(below)}
            if stem:
                close.update(self.naming(stem), dotted.intersection(self.holding(stem)))
            found = self.memo[key] = self.ordered(close)
        return found

    def _dotted(self) -> frozenset[str]:
        """The files that may name a folder's `default.nix`, or the folder by dots."""
        found = self.memo.get("dotted")
        if not isinstance(found, frozenset):
            found = frozenset((*self.holding(b"/default.nix"), *self.holding(b"/.")))
            self.memo["dotted"] = found
        return found

    def ordered(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Some paths in the order of all."""
        if self._places is None:
            self._places = {path: place for place, path in enumerate(self._texts)}
        return tuple(sorted(paths, key=self._places.__getitem__))

    def imports_of(self, path: str) -> tuple[tuple[str, int], ...]:
        """Where a file is imported as a value: the files and the offsets of the path literals in them."""
        index = self._importing
        if index is None:
            index = self._importing = {}
            for other in self.paths:
                for offset, literal in self._imports(other):
                    target = self.target(other, literal)
                    self._link(other, literal, target)
                    if target is not None:
                        index.setdefault(target, []).append((other, offset))
        return tuple(index.get(path, ()))

    def _imports(self, path: str) -> tuple[tuple[int, str], ...]:
        """The path literals that a file hands to `import` or `callPackage`, with their offsets."""
        known = self._imported.get(path)
        if known is None:
            data, found = self._texts[path], []
            for word in (b"import", b"callPackage"):
                offset = data.find(word)
                while offset >= 0:
                    end = offset + len(word)
                    match = _IMPORT.match(data, end) if data[end : end + 1] in _BEFORE_PATH else None
                    if match is not None:
                        found.append((match.start(1), match[1].decode()))
                    offset = data.find(word, offset + 1)
            known = self._imported[path] = tuple(found)
        return known

    def importers(self, path: str) -> tuple[str, ...]:
        """The files that may hold the value of a file: those that import it, and those that import them."""
        found: dict[str, None] = {}
        level = [path]
        for _ in range(MAX_REEXPORTS):
            level = [other for file in level for other, _ in self.imports_of(file) if other not in found]
            found.update(dict.fromkeys(level))
        return tuple(found)

    def target(self, path: str, literal: str) -> str | None:
        """The file that a path literal in the file `path` means: itself, or its `default.nix`."""
        if literal.startswith(("/", "~", "<")):
            return None
        joined = _meant(path, literal)
        for candidate in (joined, posixpath.join(joined, "default.nix")):
            if candidate in self._texts:
                return candidate
        return "default.nix" if joined == "." and "default.nix" in self._texts else None

    def imported(self, path: str, literal: str) -> ParsedFile | None:
        """The syntax tree of the file that a path literal means, None when it is not in the root."""
        target = self.target(path, literal)
        self._link(path, literal, target)
        return None if target is None else self.file(target)

    def _link(self, path: str, literal: str, target: str | None) -> None:
        """Note that a file reads another one as a value, or would if that were there."""
        joined = _meant(path, literal)
        for other in (target,) if target is not None else (joined, posixpath.join(joined, "default.nix")):
            self._linked.setdefault(path, set()).add(other)
            self._linked.setdefault(other, set()).add(path)

    def link(self, path: str, other: str) -> None:
        """Note that what a file comes to hangs on another one."""
        if path != other:
            self._linked.setdefault(path, set()).add(other)
            self._linked.setdefault(other, set()).add(path)

    def linked(self, paths: Iterable[str]) -> set[str]:
        """These files with all that hang together with them: through files that read others as values."""
        found = set(paths)
        waiting = list(found)
        while waiting:
            new = self._linked.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    def replaced(
        self, texts: Mapping[str, bytes | None], parsed: Mapping[str, ParsedFile] | None = None
    ) -> Tree:
        """A new snapshot with some files changed, added or (None) removed.

        What was worked out in files that do not hang together with these is kept. `parsed` holds syntax trees
        of changed files, as far as known.
        """
        merged = {path: data for path, data in self._texts.items() if texts.get(path, data) is not None}
        others = {
            path: data for path, data in texts.items() if data is not None and not path.endswith(".nix")
        }
        merged.update({path: data for path, data in texts.items() if data is not None and path not in others})
        tree = Tree(merged, companions=self._companions)
        tree._changed = {**self._changed, **others}
        tree._index, tree._since, tree._asked = self._index, self._since.union(texts), self._asked
        tree._named_before = {**self._named_before, **self._naming}
        known = {path: data for path in texts if (data := self._texts.get(path)) is not None}
        tree._originals = {**known, **self._originals}
        tree._imported = {path: found for path, found in self._imported.items() if path not in texts}
        tree._linked = {path: set(others) for path, others in self._linked.items()}
        for path in texts.keys() & merged.keys():
            for _, literal in tree._imports(path):
                tree._link(path, literal, tree.target(path, literal))
        stale = tree.linked(texts)
        tree.local = {path: known for path, known in self.local.items() if path not in stale}
        tree._parsed = {
            path: fresh(file) if path in stale else file
            for path, file in self._parsed.items()
            if path not in texts
        }
        for path, file in (parsed or {}).items():
            source = Source(path, file.source.data, tree._originals.get(path))
            tree._parsed[path] = ParsedFile(source, file.root, file.problem, file.pipes, file.tree)
        for needle, paths in self._holding.items():
            kept = [path for path in paths if path not in texts]
            kept += [path for path in texts if path in merged and needle in merged[path]]
            tree._holding[needle] = tuple(sorted(kept))
        for (word, text), paths in self._beside.items():
            kept = [path for path in paths if path not in texts]
            kept += [
                path for path in texts if path in merged and text in merged[path] and tree._has(path, word)
            ]
            tree._beside[word, text] = tree.ordered(kept)
        return tree


@cache
def _meant(path: str, literal: str) -> str:
    """What a path literal in a file stands for, relative to the root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), literal))


def fresh(file: ParsedFile) -> ParsedFile:
    """The same syntax tree without what resolution over other files has left in it."""
    return ParsedFile(file.source, file.root, file.problem, file.pipes, file.tree)
