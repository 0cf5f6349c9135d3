"""Option declarations: where an option of the configuration is declared, set and read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwc_refactor.nix.scope import attrpath_of, env_along, root_env
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Expr, Ref
from hwc_refactor.nixos.tree import Tree

DECLARING = ("mkOption", "mkEnableOption", "mkPackageOption")


@dataclass(frozen=True, slots=True, eq=False)
class OptionDeclaration:
    """One declaration of an option.

    Attributes:
        path: its name, `("hwc", "server", "containers", "gluetun", "image")`.
        file: where it is declared.
        binding: the binding that declares it.
        default: the expression of its default, None without one.
    """

    path: tuple[str, ...]
    file: ParsedFile
    binding: Node
    default: Expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One place that gives an option a value."""

    file: ParsedFile
    binding: Node
    expr: Expr


def declarations(tree: Tree, path: Sequence[str]) -> list[OptionDeclaration]:
    """All declarations of an option in the tree."""
    found: list[OptionDeclaration] = []
    for file, binding, names, value in _bindings(tree, path, b"mk"):
        if names[-len(path) :] != tuple(path) or "options" not in names[: -len(path)]:
            continue
        call = tree.resolver.value(value)
        if not isinstance(call, Call) or call.name not in DECLARING:
            continue
        default: Expr | None = None
        if call.name == "mkOption":
            view = tree.resolver.attrs(call.args[0])
            slots = view.slots.get("default", ()) if isinstance(view, Attrs) else ()
            default = slots[0].expr if len(slots) == 1 and not slots[0].rest else None
        found.append(OptionDeclaration(tuple(path), file, binding, default))
    return found


def settings(tree: Tree, path: Sequence[str]) -> list[Setting]:
    """All places that set an option, below `config` or at the top of a module."""
    return [
        Setting(file, binding, value)
        for file, binding, names, value in _bindings(tree, path, b"")
        if names in (tuple(path), ("config", *path))
    ]


def readers(tree: Tree, path: Sequence[str]) -> list[Expr]:
    """All expressions that read an option, as far as they can be told: `cfg.image`, `config.x.y.image`."""
    wanted = ("config", *path)
    needle = path[-1].encode()
    found: list[Expr] = []
    for name in _candidates(tree, path, b""):
        file = tree.sound(name)
        if file is None:
            continue
        for offset in tree.words(name, needle):
            chain = file.chain(offset, offset + len(needle))
            position = next(
                (i for i in range(len(chain) - 1, -1, -1) if chain[i].type == "select_expression"), None
            )
            if position is None or "binding" in {node.type for node in chain[position + 1 :]}:
                continue
            scopes = list(env_along(file, chain[: position + 1], root_env(file)))
            node, env = scopes[-1]
            read = Expr(file, node, env)
            value = tree.resolver.value(read)
            if isinstance(value, Ref) and value.path == wanted:
                found.append(read)
    return found


def _candidates(tree: Tree, path: Sequence[str], also: bytes) -> Iterator[str]:
    """The files that hold the last two names of a path."""
    owner = path[-2].encode() if len(path) > 1 else b""
    for name in tree.holding(path[-1].encode()):
        data = tree.data(name) or b""
        if also in data and owner in data:
            yield name


def _bindings(
    tree: Tree, path: Sequence[str], also: bytes
) -> Iterator[tuple[ParsedFile, Node, tuple[str, ...], Expr]]:
    """The bindings whose attribute path ends with the last name of a path: file, node, full name, value."""
    needle = path[-1].encode()
    for name in _candidates(tree, path, also):
        file = tree.sound(name)
        if file is None:
            continue
        for offset in tree.words(name, needle):
            chain = file.chain(offset, offset + len(needle))
            position = next((i for i in range(len(chain) - 1, -1, -1) if chain[i].type == "attrpath"), None)
            if position is None or position == 0 or chain[position - 1].type != "binding":
                continue
            binding = chain[position - 1]
            components = attrpath_of(binding)
            if components[-1].end_byte != offset + len(needle):
                continue
            value = binding.child_by_field_name("expression")
            if value is None:
                continue
            names = full_name(tree, file, chain[:position])
            if names is not None:
                env = list(env_along(file, [*chain[:position], value], root_env(file)))[-1][1]
                yield file, binding, names, Expr(file, value, env)


def full_name(tree: Tree, file: ParsedFile, chain: Sequence[Node]) -> tuple[str, ...] | None:
    """The attribute names from the outermost set down to the last binding of a chain; None when computed."""
    names: list[str] = []
    for node, env in env_along(file, chain, root_env(file)):
        if node.type == "function_expression":
            names = []
        if node.type != "binding":
            continue
        for component in attrpath_of(node):
            name = tree.resolver.name_of(tree.resolver.component(file, component, env))
            if not isinstance(name, str):
                return None
            names.append(name)
    return tuple(names)
