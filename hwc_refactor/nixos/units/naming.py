"""Who names a unit: the lists of dependencies in which a unit's name stands as text."""

from __future__ import annotations

import re

from msgspec import Struct

from hwc_refactor.nix.scope import attrpath_of, env_along, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import ParsedFile
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.tree import Tree

RELATIONS = frozenset(
    """
    after before wants requires requisite bindsTo partOf upholds conflicts wantedBy requiredBy upheldBy
    onFailure onSuccess After Before Wants Requires Requisite BindsTo PartOf Conflicts OnFailure
    reloadTriggers restartUnits reloadUnits
    """.split()
)
"""The options that hold unit names (systemd.unit(5); NixOS, systemd.services.<name>; sops-nix, restartUnits)."""


class UnitReference(Struct, frozen=True, eq=False):
    """One place that names a unit.

    Attributes:
        relation: the option it stands in, `after`.
        at: the string that is the name.
    """

    relation: str
    at: Expr


def references(tree: Tree, unit: str) -> list[UnitReference]:
    """The places that name a unit, `gpu-monitor.service`, in an option that holds unit names."""
    found: list[UnitReference] = []
    needle = f'"{unit}"'.encode()
    for path in tree.holding(needle):
        file = tree.sound(path)
        offset = file.source.data.find(needle) if file is not None else -1
        while file is not None and offset >= 0:
            chain = file.chain(offset + 1, offset + len(needle) - 1)
            position = next((i for i, node in enumerate(chain) if node.type == "string_expression"), None)
            binding = next((node for node in reversed(chain) if node.type == "binding"), None)
            if position is not None and binding is not None and chain[position].start_byte == offset:
                components = attrpath_of(binding)
                relation = attr_name(file, components[-1])
                if relation in RELATIONS and chain[position].start_byte > components[-1].end_byte:
                    *_, (node, env) = env_along(file, chain[: position + 1], root_env(file))
                    found.append(UnitReference(relation, Expr(file, node, env)))
            offset = file.source.data.find(needle, offset + 1)
    return found


_BESIDE = re.compile(rb"systemctl|wait_for_unit|require_unit|get_unit|is-active|systemd_unit_state")
"""What stands on a line that names a unit without its suffix: commands of systemctl(1), of NixOS' test driver,
and the metric of Prometheus' node exporter."""


class Mention(Struct, frozen=True):
    """One place that names a service, in whatever text.

    Attributes:
        path, offset, line: where it stands.
    """

    path: str
    offset: int
    line: int


def mentions(tree: Tree, name: str) -> list[Mention]:
    """The places of all `.nix` files, comments excepted, that name a service.

    That is its name with `.service` behind it, and its bare name on a line that asks or tells the service
    manager something.
    """
    found: list[Mention] = []
    bare = re.escape(name.encode())
    word = re.compile(bare + rb"(?<![\w.@:-]" + bare + rb")(\.service)?(?![\w@:-]|\.\w)")
    for path in tree.holding(name.encode()):
        data = tree.data(path) or b""
        for match in word.finditer(data):
            start = data.rfind(b"\n", 0, match.start()) + 1
            line = data[start : data.find(b"\n", match.end())]
            if match[1] is None and not _BESIDE.search(line):
                continue
            file = tree.sound(path)
            if file is not None and not _in_comment(file, match.start()):
                found.append(Mention(path, match.start(), file.source.line(match.start())))
    return found


def _in_comment(file: ParsedFile, offset: int) -> bool:
    return any(node.type == "comment" for node in file.chain(offset, offset + 1))
