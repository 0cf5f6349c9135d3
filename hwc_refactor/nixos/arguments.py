"""What modules are handed beside `config`, `lib` and `pkgs`: `specialArgs`, `_module.args`.

A name counts where all bindings of it in the files that hand arguments out amount to the same file's set.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.scope import MODULE_ARGUMENTS, attrpath_of, env_along, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.values import Attrs, Expr, Ref, Value
from hwc_refactor.nixos.tree import Tree

_HANDING = (b"specialArgs", b"extraSpecialArgs", b"_module.args")


def expanded(tree: Tree, expr: Expr) -> Attrs | None:
    """A set that an expression takes from an argument of its module, `LT.hardened`; None where it is not in sight."""
    value = tree.resolver.value(expr)
    if not isinstance(value, Ref) or value.path[0] in MODULE_ARGUMENTS:
        return None
    found: Value | None = _argument(tree, value.path[0])
    for name in value.path[1:]:
        found = None if found is None else tree.resolver.select(found, name, expr)
    if found is None:
        return None
    view = tree.resolver.view(found, expr)
    return None if view.open else view


def _argument(tree: Tree, name: str) -> Attrs | None:
    key = ("argument", name)
    if key not in tree.memo:
        found = [tree.resolver.value(expr) for expr in _bindings(tree, name)]
        sets = [value for value in found if isinstance(value, Attrs)]
        same = len({value.at.span for value in sets}) == 1 and len(sets) == len(found)
        tree.memo[key] = sets[0] if same else None
    known = tree.memo[key]
    return known if isinstance(known, Attrs) else None


def _bindings(tree: Tree, name: str) -> Iterator[Expr]:
    """The values that files which hand arguments to modules bind a name to."""
    for path in dict.fromkeys(path for word in _HANDING for path in tree.holding(word)):
        file = tree.sound(path)
        if file is None:
            continue
        for offset in tree.words(path, name.encode()):
            chain = file.chain(offset, offset + len(name))
            position = next((n for n in range(len(chain) - 1, 0, -1) if chain[n].type == "binding"), None)
            if position is None or len(chain) - position > 3:
                continue
            binding = chain[position]
            value = binding.child_by_field_name("expression")
            names = [attr_name(file, part) for part in attrpath_of(binding)]
            if value is not None and names[-1] == name and value.start_byte > offset:
                *_, (node, env) = env_along(file, [*chain[: position + 1], value], root_env(file))
                yield Expr(file, node, env)
