"""What modules are handed beside `config`, `lib` and `pkgs`: `specialArgs`, `_module.args`.

A name counts where all bindings of it in the files that hand arguments out amount to the same file's set, or
to the same function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.scope import MODULE_ARGUMENTS, attrpath_of, env_along, formals_of, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.values import Attrs, Closure, Expr, Ref, Value

if TYPE_CHECKING:
    from hwc_refactor.nixos.tree import Tree

_HANDING = (b"specialArgs", b"extraSpecialArgs", b"_module.args")
_WORDS = ("specialArgs", "extraSpecialArgs", "_module")


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


def handed_function(tree: Tree, named: Ref) -> Closure | None:
    """The function that a module takes from its arguments: `helpers.mkContainer`; None where it is not in sight.

    Only what the module system calls is a module: a file's outermost function that takes `...`.
    """
    name, file = named.path[0], named.at.file
    if name in MODULE_ARGUMENTS or not hands_out(tree):
        return None
    outermost = next((node for node in file.root.named_children if node.type != "comment"), None)
    if named.binder is None or named.binder != outermost:
        return None
    _, formals, ellipsis = formals_of(file, named.binder)
    if not ellipsis or name not in (formals or {}) or not _is_handed(tree, name):
        return None
    found: Value | None = _argument(tree, name)
    resolver = Resolver(tree.imported)
    for part in named.path[1:]:
        found = None if found is None else resolver.select(found, part, named.at)
    if not isinstance(found, Closure):
        return None
    for path in (*_handing(tree), found.at.file.source.path):
        tree.link(file.source.path, path)
    return found


def hands_out(tree: Tree) -> bool:
    """Whether any file hands arguments to modules."""
    return any(tree.holding(word) for word in _HANDING)


def _handing(tree: Tree) -> tuple[str, ...]:
    """The files that hand arguments to modules."""
    return tuple(dict.fromkeys(path for word in _HANDING for path in tree.holding(word)))


def _is_handed(tree: Tree, name: str) -> bool:
    """Whether a name stands among what some file hands to modules."""
    key = ("handed", name)
    if key not in tree.memo:
        tree.memo[key] = any(_stands_handed(tree, path, name) for path in _handing(tree))
    return tree.memo[key] is True


def _stands_handed(tree: Tree, path: str, name: str) -> bool:
    offsets = tuple(tree.words(path, name.encode()))
    file = tree.sound(path) if offsets else None
    if file is None:
        return False
    for offset in offsets:
        for node in file.chain(offset, offset + len(name)):
            if node.type == "binding" and {attr_name(file, part) for part in attrpath_of(node)} & {*_WORDS}:
                return True
    return False


def _argument(tree: Tree, name: str) -> Attrs | Closure | None:
    key = ("argument", name)
    if key not in tree.memo:
        resolver = Resolver(tree.imported)
        found = [resolver.value(expr) for expr in _bindings(tree, name)]
        known = [value for value in found if isinstance(value, Attrs | Closure)]
        same = len({value.at.span for value in known}) == 1 and len(known) == len(found)
        tree.memo[key] = known[0] if same else None
    argument = tree.memo[key]
    return argument if isinstance(argument, Attrs | Closure) else None


def _bindings(tree: Tree, name: str) -> Iterator[Expr]:
    """The values that files which hand arguments to modules bind a name to."""
    for path in _handing(tree):
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
