"""Files that may be read without being named: those below a folder that something walks.

Who walks, and how, is seldom written where the folder is named: `readDir` stands in a library, or in
another flake. So the folder counts, not the function. A path literal that means a folder, and that is
neither a module in a list nor what is imported, may be walked; so may none that a package is built from. A
path that is put together means any file below the part that is written out.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial

from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.modules import LISTS
from hwc_refactor.nixos.tree import Tree

_LITERAL = re.compile(rb"(\.(?<![\w.~/-]\.)\.?/[\w.+/-]*)(\$\{)?")
_FROM_ROOT = re.compile(rb"(?:\}|\+\s*\")/([\w.+/-]+)(\$\{)?")
"""The end of a path that begins with a value: `"${self}/hosts"`, `self + "/hosts"`."""
_ANYWHERE = re.compile(rb"\bself(?:\.outPath)?\s*(?:\}|\+\s*\")/\$\{")
"""A path from the root of which nothing is written out: `"${self}/${name}"`."""
_AROUND = frozenset({"list_expression", "parenthesized_expression", "if_expression", "variable_expression"})
"""What may stand around a module in a list, besides `++` and `optionals`."""
_SELECTED = frozenset({"variable_expression", "attrpath", "select_expression", "parenthesized_expression"})
"""What stands between a name and its call, besides other calls: `(inputs.import-tree.match "…")`."""
_IN_ARGUMENT = frozenset(
    {
        *("binding_set", "attrset_expression", "rec_attrset_expression", "function_expression"),
        "parenthesized_expression",
    }
)
"""What stands between an attribute of an argument and the call: a set, or a function of the final set."""
_OPTIONAL = (b"optional", b"optionals", b"mkIf")
_READS = (b"import", b"callPackage")
_FILTERS = (b"cleanSource", b"cleanSourceWith", b"filterSource", b"gitignoreSource", b"path", b"toSource")
"""Functions that give a part of a folder (nixpkgs manual, "lib.sources", "lib.fileset"; Nix manual, "path")."""
_BUILDS = re.compile(rb"mkDerivation|build[A-Z]\w*")
"""Functions that build a package from `src` (nixpkgs manual, "Build helpers", "Languages and frameworks")."""
_LOADERS = (b"import-tree", b"haumea")
"""What reads all files of a folder but those whose names begin with an underscore (import-tree, "Filtering files";
haumea, "load")."""

Places = dict[str, list[tuple[str, int | None]]]
"""By folder or file: where it is named, with the offset of the literal; None for one from the root."""


def walked(tree: Tree, path: str) -> bool:
    """Whether a file may be read by something that does not name it."""
    places = tree.remember(("folders named",), tree, partial(_named, tree))
    return any(_may_read(tree, path, *at) for name in (path, *_above(path)) for at in places.get(name, ()))


def swept(tree: Tree, path: str) -> bool:
    """Whether a loader reads a file, be it there or not, unless its name begins with an underscore."""
    folders = tree.remember(("folders swept",), tree, partial(_swept, tree))
    return not folders.isdisjoint(_above(path))


def _swept(tree: Tree) -> frozenset[str]:
    """The folders that are given to a loader: `import-tree ./modules`, `haumea.lib.load { src = ./lib; }`."""
    found: set[str] = set()
    for word in _LOADERS:
        for path in tree.holding(word):
            file = tree.sound(path)
            for offset in () if file is None else tree.words(path, word):
                assert file is not None
                for node in _paths(_call(file.chain(offset, offset + len(word)))):
                    literal = file.text(node).partition(b"${")[0].decode(errors="surrogateescape")
                    found.add(posixpath.normpath(posixpath.join(posixpath.dirname(path), literal)))
    return frozenset(found)


def _call(chain: list[Node]) -> Node | None:
    """The outermost call whose function is, or is selected from, the name at the end of a chain."""
    call, node = None, chain[-1]
    for above in reversed(chain[:-1]):
        if above.type == "apply_expression":
            if above.child_by_field_name("function") != node:
                break
            call = above
        elif above.type not in _SELECTED:
            break
        node = above
    return call


def _paths(node: Node | None) -> list[Node]:
    """The path literals below a node."""
    if node is None or node.type == "path_expression":
        return [] if node is None else [node]
    return [found for child in node.named_children for found in _paths(child)]


def _named(tree: Tree) -> Places:
    """Where the folders of a configuration are named, and files by a path from its root."""
    folders = {folder for path in tree.paths for folder in _above(path)}
    found: Places = {}
    for path in tree.paths:
        data = tree.data(path) or b""
        for match in _LITERAL.finditer(data):
            joined = posixpath.join(posixpath.dirname(path), _written(match))
            name = posixpath.normpath(joined)
            if name in folders:
                found.setdefault(name, []).append((path, match.start(1)))
        for match in _FROM_ROOT.finditer(data):
            name = posixpath.normpath(_written(match))
            if name != "." and (name in folders or tree.data(name) is not None):
                found.setdefault(name, []).append((path, None))
        if _ANYWHERE.search(data):
            found.setdefault(".", []).append((path, None))
    return found


def _above(path: str) -> list[str]:
    """The folders that a file is in, from the nearest to the root."""
    found: list[str] = []
    while path:
        path = posixpath.dirname(path)
        found.append(path or ".")
    return found


def _written(match: re.Match[bytes]) -> str:
    """The part of a path that is certain: up to the last slash where a value follows."""
    text = match[1].decode(errors="surrogateescape")
    return text if match[2] is None else text.rpartition("/")[0]


def _may_read(tree: Tree, path: str, other: str, offset: int | None) -> bool:
    """Whether what names a folder above a file, at a place in another, may read the file."""
    if offset is None:
        return True
    file = tree.sound(other)
    if file is None:
        return True
    chain = file.chain(offset, offset + 1)
    at = next((n for n, node in enumerate(chain) if node.type == "path_expression"), None)
    if at is None:
        return False
    literal, *values = file.text(chain[at]).split(b"${")
    if not values:
        alone = tree.target(other, literal.decode(errors="surrogateescape")) is not None
        read_alone = alone and _is_read_alone(file, chain[: at + 1])
        return not read_alone and not _is_source(file, chain[: at + 1])
    end = values[-1].rpartition(b"}")[2].decode(errors="surrogateescape")
    return not posixpath.splitext(end)[1] or path.endswith(end)


def _is_read_alone(file: ParsedFile, chain: list[Node]) -> bool:
    """Whether a folder is a module in a list of modules, or imported: its `default.nix` is read, no more."""
    node = chain[-1]
    if _reads(file, chain[-2], node):
        return True
    for above in reversed(chain[:-1]):
        if above.type == "binding":
            names = attrpath_of(above)
            return (attr_name(file, names[-1]) or "").encode() in LISTS
        if above.type == "apply_expression":
            if not _optional(file, above, node):
                return False
        elif above.type == "binary_expression":
            operator = above.child_by_field_name("operator")
            if operator is None or file.text(operator) != b"++":
                return False
        elif above.type in ("let_expression", "with_expression"):
            if above.child_by_field_name("body") != node:
                return False
        elif above.type not in _AROUND:
            return False
        node = above
    return False


def _is_source(file: ParsedFile, chain: list[Node]) -> bool:
    """Whether a folder is what a package is built from, or what hooks of git-hooks.nix look at.

    The latter: git-hooks.nix, README, `run { src = ./.; hooks = { … }; }`.
    """
    node, name = chain[-1], b""
    for above in reversed(chain[:-1]):
        if above.type == "binding":
            name = file.text(attrpath_of(above)[-1])
        elif above.type == "apply_expression":
            function = above.child_by_field_name("function")
            called = b"" if function is None or function == node else _last_name(file, function)
            if name == b"src" and (
                _BUILDS.fullmatch(called) or (called == b"run" and _has_hooks(file, node))
            ):
                return True
            if called not in _FILTERS:
                return False
            name = b""
        elif above.type not in _IN_ARGUMENT:
            return False
        node = above
    return False


def _has_hooks(file: ParsedFile, node: Node) -> bool:
    return any(file.text(attrpath_of(binding)[0]) == b"hooks" for binding in bindings_of(node))


def _reads(file: ParsedFile, above: Node, node: Node) -> bool:
    """Whether a call imports its argument."""
    function = above.child_by_field_name("function") if above.type == "apply_expression" else None
    return function is not None and function != node and _last_name(file, function) in _READS


def _optional(file: ParsedFile, above: Node, node: Node) -> bool:
    """Whether a call is `optionals condition […]` or the like, and a node its list."""
    function = above.child_by_field_name("function")
    if function is None or function == node or function.type != "apply_expression":
        return False
    inner = function.child_by_field_name("function")
    return inner is not None and _last_name(file, inner) in _OPTIONAL


def _last_name(file: ParsedFile, node: Node) -> bytes:
    return file.text(node).rpartition(b".")[2]
