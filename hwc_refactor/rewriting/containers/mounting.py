"""A list of volumes becomes pairs by name: `volumes.config = "/srv/app"; volumeMounts.config = "/config";`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.comments import comment_text, comments_inside, comments_of
from hwc_refactor.nix.strings import KEYWORDS
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Ref
from hwc_refactor.nixos.tree import Tree

_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
_ALONE = re.compile(r"\"\$\{\s*([A-Za-z_][\w.'-]*)\s*\}\"")


class Pairs(Struct, frozen=True):
    """Two sets, as Nix source: where the volumes are on the host, and where they are mounted.

    Attributes:
        comments: the texts of the comments that stand in the first one now.
    """

    volumes: str
    mounts: str
    comments: tuple[str, ...]


def pairs(tree: Tree, volumes: Expr) -> Pairs | None:
    """The pairs of a list of volumes.

    Returns:
        None when an element is no string of a host's and a container's path, when a path gives no name or
        two the same, or when there is one element alone.
    """
    if volumes.node.type != "list_expression":
        return None
    elements = [node for node in volumes.node.named_children if node.type != "comment"]
    if len(elements) < 2:
        return None
    hosts: list[str] = []
    mounts: list[str] = []
    told: list[str] = []
    names: set[str] = set()
    for element in elements:
        found = _split(tree, volumes, element)
        if found is None or found[0] in names:
            return None
        name, host, mount = found
        names.add(name)
        own = comments_of(volumes.file, element)
        above = [comment_text(volumes.file, comment) for comment in own.leading]
        tail = () if own.trailing is None else (own.trailing, *own.continued)
        behind = " ".join(comment_text(volumes.file, comment) for comment in tail)
        hosts += [f"  # {text}" for text in above]
        hosts.append(f"  {name} = {host};" + (f" # {behind}" if behind else ""))
        mounts.append(f"  {name} = {mount};")
        told += [*above, *([behind] if behind else [])]
    if len(told) != sum(1 for _ in comments_inside(volumes.file, volumes.node)):
        return None
    return Pairs(_set(hosts), _set(mounts), tuple(told))


def _set(lines: Sequence[str]) -> str:
    return "\n".join(("{", *lines, "}"))


def _split(tree: Tree, volumes: Expr, element: Node) -> tuple[str, str, str] | None:
    """Name, host and mount of one volume, the latter two as source."""
    if element.type != "string_expression":
        return None
    data = volumes.file.source.data
    for child in element.named_children:
        if child.type != "string_fragment" or b":" not in data[child.start_byte : child.end_byte]:
            continue
        cut = data.index(b":", child.start_byte, child.end_byte)
        mount = data[cut + 1 : element.end_byte].decode(errors="replace")
        if "${" in mount or "\\" in mount:
            return None
        name = mount.rstrip('"').partition(":")[0].rstrip("/").rpartition("/")[2].lower()
        if not _NAME.match(name) or name in KEYWORDS:
            return None
        host = data[element.start_byte : cut].decode(errors="replace") + '"'
        return name, _bare(tree, volumes, element, host), f'"{mount}'
    return None


def _bare(tree: Tree, volumes: Expr, element: Node, host: str) -> str:
    """`cfg.root` for `"${cfg.root}"`, where it is an option: a package would not be a string by itself."""
    whole = _ALONE.fullmatch(host)
    inside = next((child for child in element.named_children if child.type == "interpolation"), None)
    node = None if inside is None else inside.child_by_field_name("expression")
    if whole is None or node is None:
        return host
    value = tree.resolver.value(Expr(volumes.file, node, volumes.env))
    return whole[1] if isinstance(value, Ref) and value.path[0] == "config" else host
