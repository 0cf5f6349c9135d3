"""Where a function of the root is named: in its file, in those that import it, and where it is handed to.

What is handed to modules (`specialArgs`, `_module.args`, an extended `lib`) is read under a name that nothing in
the file binds. Whether it is this function cannot always be told; one of the same name may be it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hwc_refactor.nix.library import is_name
from hwc_refactor.nix.names import is_library
from hwc_refactor.nix.scope import attrpath_of, env_along, formals_of, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Call, Expr, Ref, Unknown
from hwc_refactor.nixos.calls import exported
from hwc_refactor.nixos.tree import Tree

_NO_FUNCTIONS = frozenset({"config", "options", "pkgs"})
"""Arguments of modules that hold functions seldom; what is selected from them counts where it is called."""


def uses_of(tree: Tree, body: Expr) -> Iterator[Expr]:
    """The places that name, or may name, the function around a body."""
    file = body.file
    chain = file.chain(body.node.start_byte, body.node.end_byte)
    chain = chain[: chain.index(body.node)]
    function = next(
        (n for n in range(len(chain) - 1, -1, -1) if chain[n].type == "function_expression"), None
    )
    if function is None:
        return
    if not any(node.type == "binding" for node in chain[:function]):
        for path, offset in tree.imports_of(file.source.path):
            caller = tree.sound(path)
            if caller is not None:
                yield Expr(caller, caller.chain(offset, offset + 1)[-1], root_env(caller))
        return
    bindings = [node for node in chain[:function] if node.type == "binding"]
    name = attr_name(file, attrpath_of(bindings[-1])[-1])
    between = chain[chain.index(bindings[-1]) + 1 : function]
    if name is None or any(node.type == "apply_expression" for node in between):
        return
    near = (file.source.path, *tree.importers(file.source.path))
    for path in near:
        other = tree.sound(path)
        if other is not None:
            yield from named_in(tree, other, name)
    if exported(file, chain[chain.index(bindings[-1]) - 2], name.encode()):
        yield from _handed(tree, name, near)


def named_in(tree: Tree, file: ParsedFile, name: str) -> Iterator[Expr]:
    """The places of a file that name something of this spelling: `x` and `set.x`."""
    for node, _ in _naming(tree, file, name):
        yield Expr(file, node, root_env(file))


def _naming(tree: Tree, file: ParsedFile, name: str) -> Iterator[tuple[Node, list[Node]]]:
    """The same, each with the nodes down to it."""
    for offset in tree.words(file.source.path, name.encode()):
        chain = file.chain(offset, offset + len(name.encode()))
        *_, above, around, _ = (file.root, file.root, *chain)
        node = above if around.type == "attrpath" else around
        if node.type in ("variable_expression", "select_expression"):
            yield node, chain[: chain.index(node) + 1]


def _handed(tree: Tree, name: str, known: Collection[str]) -> Iterator[Expr]:
    """The places of other files that name what may be handed to them under this name."""
    for path in tree.naming(name.encode()):
        file = None if path in known else tree.sound(path)
        if file is None:
            continue
        for node, chain in _naming(tree, file, name):
            *_, (_, env) = env_along(file, chain, root_env(file))
            use = Expr(file, node, env)
            if _is_open(tree, use, name, _is_called(chain)):
                yield use


def _is_open(tree: Tree, use: Expr, name: str, called: bool) -> bool:
    """Whether what a place names comes from outside its file, so that it may be a function of this name."""
    value = tree.resolver.value(use)
    if not isinstance(value, Ref):
        return called and isinstance(value, Unknown | Call)
    if value.path[-1] != name or (is_library(value.path) and (value.path[0] == "builtins" or is_name(name))):
        return False
    by_name = value.binder is None or formals_of(value.at.file, value.binder)[1] is not None
    return called or (by_name and value.path[0] not in _NO_FUNCTIONS)


def _is_called(chain: list[Node]) -> bool:
    """Whether the last node of a chain is called, or handed to a function."""
    return len(chain) > 1 and chain[-2].type == "apply_expression"
