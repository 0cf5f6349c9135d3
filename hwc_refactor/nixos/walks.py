"""Files that may be read without being named: those below a folder that something walks.

Who walks, and how, is seldom written where the folder is named: `readDir` stands in a library, or in
another flake. So the folder counts, not the function. A path literal that means a folder, and that is
neither a module in a list nor what is imported, may be walked; a path that is put together means any file
below the part that is written out.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.modules import LISTS
from hwc_refactor.nixos.tree import Tree

_LITERAL = re.compile(rb"(?<![\w.~/-])(\.\.?/[\w.+/-]*)(\$\{)?")
_FROM_ROOT = re.compile(rb"(?:\}|\+\s*\")/([\w.+/-]+)(\$\{)?")
"""The end of a path that begins with a value: `"${self}/hosts"`, `self + "/hosts"`."""
_ANYWHERE = re.compile(rb"\bself(?:\.outPath)?\s*(?:\}|\+\s*\")/\$\{")
"""A path from the root of which nothing is written out: `"${self}/${name}"`."""
_AROUND = frozenset({"list_expression", "parenthesized_expression", "if_expression", "variable_expression"})
"""What may stand around a module in a list, besides `++` and `optionals`."""
_OPTIONAL = (b"optional", b"optionals", b"mkIf")
_READS = (b"import", b"callPackage")

Places = dict[str, list[tuple[str, int | None]]]
"""By folder or file: where it is named, with the offset of the literal; None for one from the root."""


def walked(tree: Tree, path: str) -> bool:
    """Whether a file may be read by something that does not name it."""
    places = tree.remember(("folders named",), tree, partial(_named, tree))
    return any(_may_read(tree, path, *at) for name in (path, *_above(path)) for at in places.get(name, ()))


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
        return not alone or not _is_read_alone(file, chain[: at + 1])
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
