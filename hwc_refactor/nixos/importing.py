"""Where a new module has to be imported so that it is read whenever certain files are.

Files that import each other make a graph. A place is certain when every way from a root down to each of
the files leads through it: it dominates them. The nearest such place is the one a person would choose.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import cast

from msgspec import Struct

from hwc_refactor.nix.scope import attrpath_of, bindings_of, formals_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.modules import ModuleImport, imported_by, module_imports
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.walks import walked

_PATH = re.compile(rb"(\.(?<![\w.~/-]\.)\.?(?:/[\w.+-]+)*)(?![\w/-])")
"""What is looked at behind its first byte is found by that byte, many times faster."""
_OPEN = frozenset(
    {
        *("function_expression", "let_expression", "with_expression", "assert_expression"),
        "parenthesized_expression",
    }
)
"""What may stand around the set that a file returns."""
TOPS = frozenset({b"imports", b"config", b"options", b"virtualisation", b"services", b"systemd"})
"""Names at the top of a module."""
_HANDED_OUT = {("flake", "modules", "nixos"), ("flake", "nixosModules")}
"""Where flake-parts takes modules of NixOS from, by name (its modules `modules` and `nixosModules`)."""
_ROOT = "\0"
"""Whatever reads files without importing them by name: a flake, `nixos-rebuild`, a walk over a folder."""


class ImportPlace(Struct, frozen=True, eq=False):
    """A place that can import a module: the set of a module, or a list of modules.

    Attributes:
        file: the file it stands in.
        node: the set whose `imports` it is, or the list.
    """

    file: ParsedFile
    node: Node

    def imports(self, tree: Tree, module: str) -> bool:
        """Whether it imports a file already."""
        return any(
            item.target == module and item.binding in bindings_of(self.node)
            for item in module_imports(tree, self.file.source.path)
        )

    def path_to(self, target: str) -> str:
        """The path literal that means a file, from this place."""
        relative = posixpath.relpath(target, posixpath.dirname(self.file.source.path) or ".")
        return relative if relative.startswith("../") else f"./{relative}"


def import_places(
    tree: Tree, files: Iterable[str], fits: Callable[[ImportPlace], bool]
) -> tuple[list[ImportPlace], set[str]]:
    """The places whose imports together are read whenever any of the files is, and the files without one.

    One place where one will do: the nearest that reaches them all, and that imports others already. Where
    nothing reaches all of them, as with two hosts, there are several. `fits` says of a place whether it can
    import more.
    """
    wanted = set(files)
    over = dominators(_readers(tree, sorted(wanted)))
    rest, found = set(wanted), list[ImportPlace]()
    candidates = {name: place for name in over if (place := _place(tree, name)) is not None}
    ranks = {
        name: (name not in wanted and _listed(tree, place), len(over[name]))
        for name, place in candidates.items()
    }
    reach = Counter(name for path in rest for name in over[path])
    while rest:
        best = max(candidates, key=lambda name: (reach[name], *ranks[name], name), default=None)
        if best is None or not reach[best]:
            break
        if not fits(candidates[best]):
            del candidates[best]
            continue
        found.append(candidates[best])
        gone = {path for path in rest if best in over[path]}
        reach.subtract(name for path in gone for name in over[path])
        rest -= gone
    return found, rest


def has_import_place(tree: Tree, path: str, fits: Callable[[ImportPlace], bool]) -> bool:
    """Whether some place whose imports are read whenever a file is can import more; most often it is its own."""
    own = _place(tree, path)
    return (own is not None and fits(own)) or not import_places(tree, (path,), fits)[1]


def own_place(file: ParsedFile, node: Node) -> ImportPlace | None:
    """The set of the module that is written around a node within a file, as a value of something else."""
    chain = file.chain(node.start_byte, node.end_byte)
    inside = _returned(file, chain) or _handed_out(file, chain) or _of_container(file, chain)
    if inside is None or inside not in chain:
        return None
    below = chain[chain.index(inside) :]
    first = next((child for child in below if child.type == "binding"), None)
    names = [] if first is None else attrpath_of(first)
    is_option = bool(names) and file.text(names[0]) in TOPS
    return ImportPlace(file, inside) if is_option else None


def _returned(file: ParsedFile, chain: Sequence[Node]) -> Node | None:
    """The set that the nearest module among some nodes returns; None where that is the file itself."""
    modules = (node for node in reversed(chain) if node.type == "function_expression")
    function = next((node for node in modules if is_module_function(file, node)), None)
    if function is None or function == chain[1]:
        return None
    return _set_below(function.child_by_field_name("body"))


def _handed_out(file: ParsedFile, chain: Sequence[Node]) -> Node | None:
    """The set among some nodes that a flake hands out as a module of NixOS without making it a function."""
    names: list[str | None] = []
    for node in chain:
        if node.type == "binding":
            names += [attr_name(file, part) for part in attrpath_of(node)]
            if names and tuple(names[:-1]) in _HANDED_OUT:
                return _set_below(node.child_by_field_name("expression"))
    return None


def _of_container(file: ParsedFile, chain: Sequence[Node]) -> Node | None:
    """The set among some nodes that is the configuration of a container of NixOS: `containers.<name>.config`."""
    names: list[str | None] = []
    for node in chain:
        if node.type == "binding":
            names += [attr_name(file, part) for part in attrpath_of(node)]
            within = names[1:] if names[:1] == ["config"] else names
            if within[:1] == ["containers"] and within[2:] == ["config"]:
                return _set_below(node.child_by_field_name("expression"))
    return None


def named_place(tree: Tree, path: str) -> ImportPlace | None:
    """The place in a file that the user names; None when it has none."""
    place = _place(tree, path)
    if place is not None and (_listed(tree, place) or not _modules(tree, path)):
        return place
    lists = _modules(tree, path)
    return _place(tree, _name(lists[0])) if len({_name(item) for item in lists}) == 1 else place


def reached(tree: Tree, module: str, path: str) -> bool:
    """Whether a module is read whenever a file is."""
    over = dominators(_readers(tree, [path]))[path]
    level, seen = [module], {module}
    while level:
        for found in level:
            if found in over:
                return True
        above = {_name(item): None for found in level for item in imported_by(tree, found)}
        level = [reader for reader in above if reader not in seen]
        seen.update(level)
    return False


def dominators(above: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """For each node of a graph, given by who is directly above, the nodes on every way down to it."""
    everything = {*above, _ROOT}
    over: dict[str, set[str]] = dict.fromkeys(above, everything)
    over[_ROOT] = {_ROOT}
    changed = True
    while changed:
        changed = False
        for name, readers in above.items():
            found = {name, *set.intersection(*(over[reader] for reader in readers))}
            if found != over[name]:
                over[name], changed = found, True
    return over


def _readers(tree: Tree, files: Iterable[str]) -> dict[str, set[str]]:
    """Everything above some files: who reads whom, up to the root."""
    above: dict[str, set[str]] = {}
    level = list(files)
    while level:
        path = level.pop()
        if path in above:
            continue
        found: set[str] = set()
        items = imported_by(tree, path)
        for item in items:
            name = _name(item)
            if name == item.file.source.path:
                found.add(name)
                level.append(name)
            else:
                found.add(name)
                above[name] = {_ROOT}
        for other, _ in tree.imports_of(path):
            found.add(other)
            level.append(other)
        otherwise = partial(_read_otherwise, tree, path, items)
        if not found or tree.remember(("read otherwise", path), tree, otherwise):
            found.add(_ROOT)
        above[path] = found
    return above


def _name(item: ModuleImport) -> str:
    """The node that imports: the file for its own `imports`, else the list, which stands for itself."""
    path = item.file.source.path
    names = [attr_name(item.file, part) for part in attrpath_of(item.binding)]
    whole = module_set(item.file)
    own = names == ["imports"] and whole is not None and item.binding in bindings_of(whole)
    return path if own else f"{path}\0{item.binding.start_byte}"


def _read_otherwise(tree: Tree, path: str, known: list[ModuleImport]) -> bool:
    """Whether a file may be read in a way that is no import by name."""
    return _named_otherwise(tree, path, known) or walked(tree, path)


def _named_otherwise(tree: Tree, path: str, known: list[ModuleImport]) -> bool:
    """Whether a path literal means a file in a place that is no list of modules and no import as a value."""
    places = {(item.file.source.path, item.path.start_byte) for item in known} | set(tree.imports_of(path))
    folder, name = posixpath.split(path)
    ends = {name, posixpath.basename(folder), ".", ".."} if name == "default.nix" else {name}
    for other in tree.referring(path):
        literals = _literals(tree, other)
        for start, literal in (one for end in ends for one in literals.get(end, ())):
            if (other, start) in places or tree.target(other, literal) != path:
                continue
            file = tree.sound(other)
            node = None if file is None else file.chain(start, start + len(literal))[-1]
            if node is None or node.type in ("path_expression", "path_fragment"):
                return True
    return False


def _literals(tree: Tree, path: str) -> dict[str, list[tuple[int, str]]]:
    """What looks like a path literal in a file, by its last name, each with its offset."""
    known = tree.local.setdefault(path, {}).get("path-literals")
    if known is None:
        found: dict[str, list[tuple[int, str]]] = {}
        for match in _PATH.finditer(tree.data(path) or b""):
            literal = match[1].decode()
            found.setdefault(literal.rpartition("/")[2], []).append((match.start(1), literal))
        known = tree.local[path]["path-literals"] = found
    return cast("dict[str, list[tuple[int, str]]]", known)


def _place(tree: Tree, name: str) -> ImportPlace | None:
    path, _, offset = name.partition("\0")
    file = tree.sound(path)
    if file is None:
        return None
    if not offset:
        node = module_set(file) if _is_module(tree, file) else None
        return None if node is None else ImportPlace(file, node)
    binding = file.chain(int(offset), int(offset) + 1)
    found = next((node for node in reversed(binding) if node.type == "binding"), None)
    value = None if found is None else found.child_by_field_name("expression")
    return ImportPlace(file, value) if value is not None and value.type == "list_expression" else None


def _is_module(tree: Tree, file: ParsedFile) -> bool:
    """Whether a file is a module: others list it as one, or it looks like one; not what is read as a value."""
    path = file.source.path
    listed = imported_by(tree, path)
    as_module = {(item.file.source.path, item.path.start_byte) for item in listed}
    values = [site for site in tree.imports_of(path) if site not in as_module]
    if posixpath.basename(path) == "flake.nix" or not all(_hands_on(tree, *site) for site in values):
        return False
    top = next((child for child in file.root.named_children if child.type != "comment"), None)
    if top is not None and top.type == "function_expression" and is_module_function(file, top):
        return True
    whole = module_set(file)
    return bool(listed) or any(
        file.text(part[0]) in TOPS
        for binding in (() if whole is None else bindings_of(whole))
        if (part := attrpath_of(binding))
    )


def _hands_on(tree: Tree, path: str, offset: int) -> bool:
    """Whether an import hands a module on: it is not called, or is all that a module comes to."""
    file = tree.sound(path)
    if file is None:
        return False
    chain = file.chain(offset, offset + 1)
    calls = [node for node in chain if node.type == "apply_expression"]
    if not calls:
        return False
    if chain[chain.index(calls[-1]) - 1].type != "apply_expression":
        return True
    above = chain[1 : chain.index(calls[0])]
    return all(node.type in (*_OPEN, "source_code") for node in above)


def module_set(file: ParsedFile) -> Node | None:
    """The set that a module returns; None when it is computed."""
    return _set_below(next((child for child in file.root.named_children if child.type != "comment"), None))


def _set_below(node: Node | None) -> Node | None:
    while node is not None and node.type not in ("attrset_expression", "rec_attrset_expression"):
        field = {"parenthesized_expression": "expression"}.get(node.type, "body")
        if node.type not in _OPEN:
            return None
        node = node.child_by_field_name(field)
    return node


def is_module_function(file: ParsedFile, function: Node) -> bool:
    """Whether a function looks like a module: it takes what the module system passes, and more."""
    _, formals, ellipsis = formals_of(file, function)
    return formals is not None and (ellipsis or "config" in formals)


def _listed(tree: Tree, place: ImportPlace) -> bool:
    """Whether a place imports something already."""
    if place.node.type == "list_expression":
        return True
    path = place.file.source.path
    return any(item.target is not None and _name(item) == path for item in module_imports(tree, path))


def _modules(tree: Tree, path: str) -> list[ModuleImport]:
    return [item for item in module_imports(tree, path) if _name(item) != path]
