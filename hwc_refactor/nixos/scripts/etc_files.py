"""Files below /etc that the configuration writes: links into the store, or copies with a mode of their own.

NixOS, environment.etc.<name>.{text,source,mode}: without a mode everybody may read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.scope import env_along, root_env
from hwc_refactor.nix.values import Attrs, Expr
from hwc_refactor.nixos.options import full_name
from hwc_refactor.nixos.tree import Tree

_ETC = ("environment", "etc")
_PLAIN = frozenset({"text", "source", "enable"})


def etc_file(tree: Tree, path: str) -> tuple[str, Expr] | None:
    """What the one definition of a file below /etc gives: `text` or `source`, and the expression of it.

    None when nothing in the tree makes it, when several places do, or when not everybody may read it.
    """
    name = path.removeprefix("/etc/")
    if name == path or not name:
        return None
    found = tree.remember(("etc file", name), tree, lambda: tuple(_attributes(tree, name)))
    said = {attribute for attribute, _ in found}
    given = [(attribute, expr) for attribute, expr in found if attribute in ("text", "source")]
    if len(given) != 1 or not said <= {*_PLAIN, "mode"}:
        return None
    modes = [tree.resolver.literal(expr) or "" for attribute, expr in found if attribute == "mode"]
    return given[0] if all(mode == "symlink" or mode[-1:] in ("4", "5", "6", "7") for mode in modes) else None


def _attributes(tree: Tree, name: str) -> Iterator[tuple[str, Expr]]:
    """The attributes that the tree gives a file below /etc; an empty name for what is not in sight."""
    needle = name.encode()
    for path in tree.holding(needle):
        file = tree.sound(path) if b"etc" in (tree.data(path) or b"") else None
        for offset in tree.words(path, needle) if file is not None else ():
            assert file is not None
            chain = file.chain(offset, offset + len(needle))
            at = next(
                (number for number in range(len(chain) - 1, 0, -1) if chain[number].type == "attrpath"), 0
            )
            binding = chain[at - 1] if at else None
            value = None if binding is None else binding.child_by_field_name("expression")
            if binding is None or binding.type != "binding" or value is None:
                continue
            names = full_name(tree, file, chain[:at])
            begin = _begin(names or (), name)
            if names is None or begin is None:
                continue
            env = list(env_along(file, [*chain[:at], value], root_env(file)))[-1][1]
            expr = Expr(file, value, env)
            if names[:begin] not in ((), ("config",)):  # that of a container, or of whom else
                yield "", expr
            elif len(names) == begin + 3:
                yield from _in_set(tree, expr)
            else:
                yield names[begin + 3], expr


def _begin(names: tuple[str, ...], name: str) -> int | None:
    """Where `environment.etc.NAME` begins in an attribute path that ends there, or with one attribute of it."""
    for begin in (len(names) - 3, len(names) - 4):
        if begin >= 0 and names[begin : begin + 3] == (*_ETC, name):
            return begin
    return None


def _in_set(tree: Tree, expr: Expr) -> Iterator[tuple[str, Expr]]:
    value = tree.resolver.value(expr)
    if not isinstance(value, Attrs) or value.open or value.dynamic:
        yield "", expr
        return
    for name, slots in value.slots.items():
        for slot in slots:
            yield ("" if slot.rest or slot.conditions else name), slot.expr
