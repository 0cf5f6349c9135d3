"""What a Python program does, as far as its imports and calls show. The facts: `data/python.toml`.

A program is plain when everything it imports is known to be, and nothing it calls starts other programs; the
files that it writes and the absolute paths that stand in it are listed. Whatever is not known is a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.catalogue import table

if TYPE_CHECKING:
    from tree_sitter import Parser

_TOP = re.compile(
    r"/(?:var|run|etc|home|root|srv|mnt|opt|tmp|data|dev|proc|sys|usr|boot|nix|media|storage|persist)(?:/|\Z)"
)
_OPENERS = ("io", "gzip", "codecs", "bz2", "lzma")
"""Modules whose `open` takes the path first."""

_OPENS = frozenset({"open", "Path", "PosixPath"})


class Named(Struct, frozen=True):
    """A path that stands in a program: its text, its line from 1, and whether it is written."""

    text: str
    line: int
    writes: bool = False


class PythonFacts(Struct, frozen=True):
    """What a program does.

    Attributes:
        doubts: what is not known, in words for the user, each with its line.
        paths: the absolute paths that stand in it.
        ports: what it is told to listen on, as written: a number, an interpolation; `?` for anything else.
    """

    doubts: tuple[tuple[str, int], ...]
    paths: tuple[Named, ...]
    ports: tuple[str, ...] = ()


def python_facts(data: bytes) -> PythonFacts:
    """What a Python program does; interpolations of Nix stand in it as `__nixN__`."""
    root = _parser().parse(data).root_node
    if root.has_error:
        return PythonFacts((("it does not parse as Python", 1),), ())
    nodes = list(_all(root))
    doubts = [*_hidden(nodes), *_imports(nodes), *_calls(nodes), *_os(nodes)]
    return PythonFacts(
        tuple(dict.fromkeys(doubts)), tuple(dict.fromkeys(_paths(nodes))), tuple(_ports(nodes))
    )


def nodes_of(data: bytes) -> list[Node]:
    """All nodes of a Python program; none where it does not parse."""
    root = _parser().parse(data).root_node
    return [] if root.has_error else list(_all(root))


def runs_module(name: str) -> bool:
    """Whether `python -m name` is known to serve or speak to the network, and to keep nothing."""
    return name in _words("programs") or name.split(".")[0] in _words("programs")


def _all(root: Node) -> Iterator[Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.named_children)


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode(errors="replace")


def _line(node: Node) -> int:
    return node.start_point.row + 1


def _hidden(nodes: list[Node]) -> Iterator[tuple[str, int]]:
    """Statements that are interpolations of Nix."""
    for node in nodes:
        if node.type == "expression_statement" and re.match(r"__nix\d+__", _text(node)):
            yield "a part of it is not in sight", _line(node)


def _imports(nodes: list[Node]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if node.type == "import_from_statement":
            module = node.child_by_field_name("module_name")
            modules = [module] if module is not None else []
        elif node.type == "import_statement":
            modules = node.children_by_field_name("name")
        else:
            continue
        for module in modules:
            name = module.child_by_field_name("name") if module.type == "aliased_import" else module
            top = _text(name).split(".")[0]
            if top == "os" and module.type == "aliased_import":
                yield "it gives os another name", _line(node)
            if top not in _words("plain"):
                yield (
                    f"it imports {top or 'a module beside it'}, of which it is not known what it does",
                    _line(node),
                )
        if any(child.type == "wildcard_import" for child in node.named_children):
            yield "it imports all names of a module", _line(node)
    for node in nodes:
        if node.type == "import_from_statement" and _text(node.child_by_field_name("module_name")) == "os":
            for name in node.children_by_field_name("name"):
                if _text(name).split(" ")[0] not in _words("os"):
                    yield f"it uses os.{_text(name)}", _line(node)


def _called(node: Node) -> tuple[str, Node | None]:
    """The last name of what a call calls, and what it is an attribute of."""
    function = node.child_by_field_name("function")
    if function is not None and function.type == "attribute":
        return _text(function.child_by_field_name("attribute")), function.child_by_field_name("object")
    return _text(function), None


def _calls(nodes: list[Node]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if node.type != "call":
            continue
        name, owner = _called(node)
        if name in _words("runs") and not (name == "compile" and _text(owner) == "re"):
            yield f"it calls {name}, which runs what it is given", _line(node)
        elif (name in _words("writes") or _writes(node, name, owner)) and _written(node, name, owner) is None:
            yield f"it calls {name}, which changes a file whose path is only known when it runs", _line(node)
        elif name in _words("homes"):
            yield "it looks into the home directory of its user", _line(node)
        elif name in _words("temporary") and any(key == "dir" for key, _ in _keywords(node)):
            yield f"it calls {name} with a directory of its own", _line(node)
        elif name == "basicConfig" and any(key == "filename" for key, _ in _keywords(node)):
            yield "it writes its log to a file", _line(node)
        elif name == "getattr" and _text(_first(node)) == "os":
            yield "it calls functions of os by name", _line(node)
        elif name == "mkdir" and _literal(_first(node) if owner is None else _path_argument(owner)) is None:
            yield "it makes a directory whose path is only known when it runs", _line(node)


def _keywords(call: Node) -> Iterator[tuple[str, Node | None]]:
    arguments = call.child_by_field_name("arguments")
    for child in () if arguments is None else arguments.named_children:
        if child.type == "keyword_argument":
            yield _text(child.child_by_field_name("name")), child.child_by_field_name("value")


def _plain(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    children = () if arguments is None else arguments.named_children
    return [child for child in children if child.type not in ("comment", "keyword_argument")]


def _ports(nodes: list[Node]) -> Iterator[str]:
    constants: dict[str, set[str]] = {}
    for node in nodes:
        if node.type == "assignment":
            constants.setdefault(_text(node.child_by_field_name("left")), set()).add(
                _text(node.child_by_field_name("right"))
            )
    for node in nodes:
        if node.type != "call" or _called(node)[0] not in _words("serves"):
            continue
        given = [value for key, value in _keywords(node) if key == "port"]
        for argument in [one for one in _plain(node) if one.type != "string"][: 0 if given else 1]:
            parts = argument.named_children if argument.type == "tuple" else []
            given.append(parts[-1] if parts else argument)
        for value in given:
            texts = constants.get(_text(value), {_text(value)})
            text = min(texts) if len(texts) == 1 else "?"
            yield text if re.fullmatch(r"\d+|(?:int\()?[\"']?__nix\d+__[\"']?\)?", text) else "?"


def _os(nodes: list[Node]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if node.type == "attribute" and _text(node.child_by_field_name("object")) == "os":
            name = _text(node.child_by_field_name("attribute"))
            if name not in _words("os"):
                yield f"it uses os.{name}", _line(node)
        elif node.type == "identifier" and _text(node) in _words("sockets"):
            yield f"it opens sockets of the kind {_text(node)}", _line(node)


def _first(call: Node) -> Node | None:
    arguments = call.child_by_field_name("arguments")
    return arguments.named_children[0] if arguments is not None and arguments.named_children else None


def _writes(call: Node, name: str, owner: Node | None) -> bool:
    """Whether a call of `open` may write: its mode is not a literal that only reads; or `Path.replace`."""
    if name == "replace":
        return owner is not None and len(_plain(call)) == 1
    if name != "open":
        return False
    plain = _plain(call)
    place = 0 if owner is not None and _text(owner) not in _OPENERS else 1
    mode = plain[place] if len(plain) > place else dict(_keywords(call)).get("mode")
    text = "r" if mode is None else _literal(mode)
    return text is None or bool(set("wax+") & set(text))


def _written(call: Node, name: str, owner: Node | None) -> str | None:
    """The literal path that a writing call changes."""
    if name == "open" and (owner is None or _text(owner) in _OPENERS):
        return _literal(_first(call))
    return None if owner is None else _literal(_path_argument(owner))


def _path_argument(owner: Node) -> Node | None:
    """The argument of `Path(…)` when that is what a method is called on."""
    if owner.type == "call" and _called(owner)[0] in _OPENS:
        return _first(owner)
    return None


def _literal(node: Node | None) -> str | None:
    if node is None or node.type != "string":
        return None
    if any(child.type == "interpolation" for child in node.named_children):
        return None
    return "".join(
        _text(child) for child in node.named_children if child.type in ("string_content", "escape_sequence")
    )


def _paths(nodes: list[Node]) -> Iterator[Named]:
    written = {}
    for node in nodes:
        if node.type == "call":
            name, owner = _called(node)
            if name in _words("writes") or name == "mkdir" or _writes(node, name, owner):
                path = _written(node, name, owner)
                if path is not None:
                    written[path] = node
                    yield Named(path, _line(node), writes=True)
            elif (
                name in _OPENS
                and (name != "open" or owner is None or _text(owner) in _OPENERS)
                and (path := _literal(_first(node))) is not None
            ):
                yield Named(path, _line(node))
    for node in nodes:
        if node.type == "string":
            text = "".join(_text(child) for child in node.named_children if child.type != "string_start")
            text = text.removesuffix(_text(node.named_children[-1])) if node.named_children else text
            text = _literal(node) or text
            if _TOP.match(text) and "\n" not in text and text not in written:
                yield Named(text, _line(node))


@cache
def _words(key: str) -> frozenset[str]:
    return frozenset(str(_data()[key]).split())


@cache
def _data() -> dict[str, object]:
    return table("python.toml")


@cache
def _parser() -> Parser:
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))
