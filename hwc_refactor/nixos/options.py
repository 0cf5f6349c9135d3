"""Option declarations: where an option of the configuration is declared, set and read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hwc_refactor.nix.scope import attrpath_of, env_along, lookup, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Attrs, Call, Expr, Ref
from hwc_refactor.nixos.tree import Tree

DECLARING = ("mkOption", "mkEnableOption", "mkPackageOption")
_GIVEN = re.compile(rb"(?>\s+|#[^\n]*|/\*.*?\*/)*+=(?!=)", re.DOTALL)
"""What follows the last name of a binding's attribute path."""


class OptionDeclaration(Struct, frozen=True, eq=False):
    """One declaration of an option.

    Attributes:
        path: its name, `("hwc", "server", "containers", "gluetun", "image")`.
        file: where it is declared.
        binding: the binding that declares it.
        default: the expression of its default, None without one.
        call: the expression that declares it, `mkOption { … }`.
    """

    path: tuple[str, ...]
    file: ParsedFile
    binding: Node
    default: Expr | None
    call: Expr


class Setting(Struct, frozen=True, eq=False):
    """One place that gives an option a value."""

    file: ParsedFile
    binding: Node
    expr: Expr


def declarations(tree: Tree, path: Sequence[str]) -> list[OptionDeclaration]:
    """All declarations of an option in the tree."""
    key = ("declarations", *path)
    known = tree.memo.get(key)
    if not isinstance(known, list):
        known = tree.memo[key] = _declarations(tree, path)
    return list(known)


def _declarations(tree: Tree, path: Sequence[str]) -> list[OptionDeclaration]:
    found: list[OptionDeclaration] = []
    for file, binding, names, value in _bindings(tree, path, b"options"):
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
        found.append(OptionDeclaration(tuple(path), file, binding, default, value))
    return found


def choices(tree: Tree, path: Sequence[str]) -> tuple[str, ...]:
    """The words that an option takes, where its one declaration says `types.enum [ … ]`; else none."""
    declared = declarations(tree, path)
    value = None if len(declared) != 1 else declared[0].binding.child_by_field_name("expression")
    if value is None:
        return ()
    file = declared[0].file
    chain = file.chain(value.start_byte, value.end_byte)
    *_, (_, env) = env_along(file, chain[: chain.index(value) + 1], root_env(file))
    call = tree.resolver.value(Expr(file, value, env))
    if not isinstance(call, Call) or call.name != "mkOption":
        return ()
    slots = tree.resolver.attrs(call.args[0]).slots.get("type", ())
    type_ = tree.resolver.value(slots[0].expr) if len(slots) == 1 and not slots[0].rest else None
    if not isinstance(type_, Call) or type_.name != "enum" or len(type_.args) != 1:
        return ()
    words = [tree.resolver.literal(item.expr) for item in tree.resolver.items(type_.args[0])]
    return tuple(word for word in words if word is not None) if None not in words else ()


def settings(tree: Tree, path: Sequence[str]) -> list[Setting]:
    """All places that set an option, below `config` or at the top of a module."""
    return [
        Setting(file, binding, value)
        for file, binding, names, value in _bindings(tree, path)
        if names in (tuple(path), ("config", *path))
    ]


def settled(tree: Tree, path: Sequence[str]) -> Expr | None:
    """The default of an option that nothing in the tree sets to anything else; None when that is not certain."""
    key = ("settled", *path)
    known = tree.memo.get(key, key)
    if known is key:
        declared = declarations(tree, path)
        certain = len(declared) == 1 and not settings(tree, path)
        known = tree.memo[key] = declared[0].default if certain else None
    return known if isinstance(known, Expr) else None


def readers(tree: Tree, path: Sequence[str]) -> list[Expr]:
    """All expressions that read an option, as far as they can be told.

    `cfg.image` and `config.x.y.image`, also with an `or` behind them; names that come by `with` or by
    `inherit (cfg) image;`, for which the expression is the name or the whole `inherit`.
    """
    needle = path[-1].encode()
    found: list[Expr] = []
    for name in _candidates(tree, path):
        file = tree.sound(name)
        if file is None:
            continue
        for offset in tree.words(name, needle):
            chain = file.chain(offset, offset + len(needle))
            while chain[-1].type in ("string_fragment", "string_expression", "identifier"):
                chain.pop()
            read = _read(tree, file, chain, path)
            if read is not None:
                found.append(read)
    return found


def _read(tree: Tree, file: ParsedFile, chain: Sequence[Node], path: Sequence[str]) -> Expr | None:
    """The expression at the end of a chain that reads an option, None when it reads something else."""
    kinds = [node.type for node in chain[-2:]]
    if kinds[-1] not in ("attrpath", "inherited_attrs", "variable_expression") or kinds == [
        "binding",
        "attrpath",
    ]:
        return None
    depth = len(chain) - 1 if kinds[-1] == "variable_expression" else len(chain) - 2
    node, env = list(env_along(file, chain[: depth + 1], root_env(file)))[-1]
    read = Expr(file, node, env)
    match kinds:
        case ["select_expression", "attrpath"]:
            base, names = tree.resolver.child(read, "expression"), attrpath_of(node)
            above = tuple(attr_name(file, part) for part in names[:-1])
            if names[-1].end_byte != chain[-1].end_byte or attr_name(file, names[-1]) != path[-1]:
                return None
        case ["inherit_from", "inherited_attrs"]:
            base, above = tree.resolver.child(read, "expression"), ()
        case ["inherit", "inherited_attrs"] | [_, "variable_expression"]:
            withs = getattr(lookup(path[-1], env), "withs", ())
            return read if any(_is_set(tree, opened, path) for opened in withs) else None
        case _:
            return None
    value = None if base is None else tree.resolver.value(base)
    reads = isinstance(value, Ref) and (*value.path, *above) == ("config", *path[:-1])
    return read if reads else None


def _is_set(tree: Tree, expr: Expr, path: Sequence[str]) -> bool:
    """Whether an expression is the set of options that one stands in."""
    value = tree.resolver.value(expr)
    return isinstance(value, Ref) and value.path == ("config", *path[:-1])


def _candidates(tree: Tree, path: Sequence[str], holder: bytes | None = None) -> tuple[str, ...]:
    """The files that hold the last two names of a path; of those that hold a text, where one is given."""
    key = ("holding both", *path[-2:], holder)
    found = tree.memo.get(key)
    if not isinstance(found, tuple):
        *above, name = (one.encode() for one in path[-2:])
        if holder is None:
            among = tree.naming_all([name, *above])
        else:
            among = set(tree.naming_beside(name, holder))
            for word in above:
                among = tree.naming_among(word, among)
        found = tree.memo[key] = tree.ordered(among)
    return found


def _bindings(
    tree: Tree, path: Sequence[str], holder: bytes | None = None
) -> Iterator[tuple[ParsedFile, Node, tuple[str, ...], Expr]]:
    """The bindings whose attribute path ends with the last name of a path: file, node, full name, value.

    Args:
        tree: the files.
        path: the names of an option.
        holder: a text that is in every file with one of them that matters.
    """
    needle = path[-1].encode()
    for name in _candidates(tree, path, holder):
        data = tree.data(name) or b""
        given = [one for one in tree.words(name, needle) if _GIVEN.match(data, one + len(needle)) is not None]
        file = tree.sound(name) if given else None
        if file is None:
            continue
        for offset in given:
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
