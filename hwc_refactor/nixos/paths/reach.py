"""The paths that a service reaches for: what it writes, and what its commands and settings name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Branch, Call, Expr, Gap, ListValue, PathValue, Ref, Str, Unknown, Value
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.options import declarations
from hwc_refactor.nixos.paths.places import takes_text
from hwc_refactor.nixos.scripts.doings import Facts, Ran
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import Program
from hwc_refactor.nixos.scripts.words import Place, place_of
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.tree import Tree

_URL = re.compile(r"[a-zA-Z][\w+.-]*://")
_LEAD = re.compile(r"(?:-{1,2}[\w-]+=|-[A-Za-z](?=/)|[\w.-]+=)?@?(?:file://|[A-Za-z][\w-]*:(?=/(?!/)))?")
_PATHLIKE = re.compile(
    r"(?i)(?:file|path|dir|directory|folder|home|socket|sock|cert|certificate|keyfile|root)\Z"
)

_DEFAULT = re.compile(r"\s+or\s.*\Z", re.DOTALL)
"""What an attribute is where it is not there: `machine.passwordFile or ""`."""
_SPACED = re.compile(r"\A(?:[^\s$]|\$\{[^}]*\}|\$(?!\{))*\s")
"""A text with a blank, which is no path; one within an interpolation does not count."""
_TEXT = re.compile(r"(?i)\b(?:\w*str|string\w*|lines|raw|anything|unspecified)\b")
"""Types of options whose values may be texts, paths among them."""


class Reached(Struct, frozen=True, eq=False):
    """A path that a service reaches for.

    Attributes:
        text: the path; open parts show as in `Place.text`.
        by: the command or setting that names it, in words for the user.
        line: the line it stands on, from 1.
        at: the expression that an obstacle points to.
        writes: whether it is written.
        folder: whether it is a directory itself.
        secret: the secret that it is the path of.
        place: the word of a script, where it stands in one.
    """

    text: str
    by: str
    line: int
    at: Expr
    writes: bool = False
    folder: bool = False
    secret: Secret | None = None
    place: Place | None = None


def reached(block: Block) -> tuple[Reached, ...]:
    """All paths that a service reaches for with the rights of its user."""
    return block.tree.remember(("reached", id(block)), block, lambda: tuple(_reached(block, facts(block))))


def _reached(block: Block, known: Facts) -> Iterator[Reached]:
    tree = block.tree
    for use in known.writes:
        if "+" not in use.program.prefixes:
            yield Reached(use.place.text, use.how, _line(use.place, use.program.at), use.program.at, True,
                          use.made, None, use.place)  # fmt: skip
    for use in known.reads:
        if "+" not in use.program.prefixes and not use.place.text.startswith("<("):
            yield Reached(use.place.text, "a redirection", _line(use.place, use.program.at), use.program.at,
                          secret=_secret(use.place), place=use.place)  # fmt: skip
    for use in known.handed:
        if "+" not in use.program.prefixes and not _SPACED.search(use.place.text):
            text, secret = path_in(tree, use.place), _secret(use.place)
            if text is not None or secret is not None:
                yield Reached(text or use.place.text, use.how, _line(use.place, use.program.at), use.program.at,
                              secret=secret, place=use.place)  # fmt: skip
    for ran in known.ran:
        if "+" not in ran.program.prefixes and not takes_text(ran.name):
            yield from _named(tree, ran)
    for program, script in known.scripts:
        if "+" not in program.prefixes:
            yield from _in_script(tree, program, script)
    yield from _settings(block)


_FILE_TESTS = frozenset("-a -b -c -d -e -f -g -h -k -p -r -s -u -w -x -G -L -N -O -S".split())
"""Tests that look at a file (bash manual, conditional expressions)."""


def _in_script(tree: Tree, program: Program, script: Script) -> Iterator[Reached]:
    """Paths that are tested, looped over, or put into a variable."""
    found: list[tuple[str, Node]] = []
    for node in script.nodes("unary_expression"):
        operator = next((child for child in node.children if child.type == "test_operator"), None)
        if operator is not None and script.source(operator) in _FILE_TESTS:
            found.append(("a test", node.named_children[-1]))
    for node in script.nodes("for_statement"):
        found += [("a loop", child) for child in node.children_by_field_name("value")]
    for node in script.nodes("variable_assignment"):
        value = node.child_by_field_name("value")
        values = [] if value is None else value.named_children if value.type == "array" else [value]
        found += [("a variable", child) for child in values]
    for by, node in found:
        place = place_of(tree, script, node)
        text, secret = path_in(tree, place), _secret(place)
        if text is None and by == "a test" and place.refs and _is_open(place.refs[0]):
            text = place.text
        if text is not None and "$(" not in text.split("/", 2)[0]:
            yield Reached(text, by, script.line(node), program.at, secret=secret, place=place)


def _is_open(value: Value) -> bool:
    """Whether it is not in sight what a value is, and it may be no file of the store."""
    match value:
        case Ref(path=("config", *option)):
            return "build" not in option and option[-1] not in ("package", "finalPackage")
        case Ref(path=path):
            return path[0] != "pkgs" and not _STORED.search(path[0])
    return isinstance(value, Unknown)


def _line(place: Place, at: Expr) -> int:
    if place.script is not None and place.node is not None:
        return place.script.line(place.node)
    return at.line


def _named(tree: Tree, ran: Ran) -> Iterator[Reached]:
    for place in ran.words:
        text = path_in(tree, place)
        secret = _secret(place)
        if text is not None or secret is not None:
            yield Reached(text or place.text, ran.name, ran.line, ran.program.at, secret=secret, place=place)


def path_in(tree: Tree, place: Place) -> str | None:
    """The path that a word of a command names, None when it names none."""
    text = place.text
    if _URL.match(text) and not text.startswith("file://"):
        return None
    lead = _LEAD.match(text)
    rest = text[lead.end() :] if lead is not None else text
    if rest.startswith(("/", "~")) and len(rest) > 1 and not rest.startswith("//"):
        return rest
    if rest.startswith(("$HOME", "${HOME}")):
        return "~" + rest.split("HOME", 1)[1].lstrip("}")
    if rest.startswith("${") and place.refs and (is_path(tree, place.refs[0]) or _below(place.refs[0], rest)):
        return rest
    return None


_STORED = re.compile(r"(?i)\A(?:self|flake|inputs|sources?|src|modulesPath)\Z|pkg|package|drv|nixpkgs|theme")
"""Names of what modules are handed that lies in the store: flakes, sources, packages."""


def _below(value: Value, text: str) -> bool:
    """Whether a text names something below a folder that modules are handed as an argument: `${secrets}/key`."""
    if not isinstance(value, Ref) or len(value.path) != 1 or _STORED.search(value.path[0]):
        return False
    return re.match(r"\$\{[\w'-]+\}/", text) is not None


def is_path(tree: Tree, value: Value) -> bool:
    """Whether an open value is the path of a file outside of the store, by its option's type or its name."""
    match value:
        case Ref(path=("config", *option)):
            return (
                option[-1] not in ("package", "finalPackage")
                and "build" not in option
                and _holds_path(tree, option)
            )
        case Call(name="escapeShellArg" | "toString", args=(given,)):
            return is_path(tree, tree.resolver.value(given))
        case Branch(then=then, otherwise=otherwise):
            return any(is_path(tree, tree.resolver.value(one)) for one in (then, otherwise))
        case Str(parts=(Gap(value=first), *_)):
            return is_path(tree, first)
        case Str(shown=shown):
            return shown.startswith("/") and len(shown) > 1 and not shown.startswith(("//", "/nix/store/"))
        case Ref(path=("pkgs", *_)) | Call() | PathValue():
            return False
        case Ref(path=path):
            return bool(_PATHLIKE.search(path[-1]))
        case Unknown(at=at) if at is not None:
            return bool(_PATHLIKE.search(_DEFAULT.sub("", at.text)))
    return False


def _holds_path(tree: Tree, option: Sequence[str]) -> bool:
    """Whether an option holds a path: its type says so, or it is a text with the name or the default of one."""
    declared = declarations(tree, option)
    types = [_type(tree, one.call) for one in declared]
    if types and all(types) and not any(_TEXT.search(text) for text in types):
        return any(".path" in text or text == "path" for text in types)
    given = (tree.resolver.literal(one.default) for one in declared if one.default is not None)
    return bool(_PATHLIKE.search(option[-1])) or any(
        text is not None and text.startswith("/") for text in given
    )


def _type(tree: Tree, declared: Expr) -> str:
    """The source text of an option's type."""
    value = tree.resolver.value(declared)
    if not isinstance(value, Call) or value.name != "mkOption":
        return ""
    slots = tree.resolver.attrs(value.args[0]).slots.get("type", ())
    return slots[0].expr.text if len(slots) == 1 else ""


def _secret(place: Place) -> Secret | None:
    for value in place.refs:
        if (found := secret_of(value)) is not None:
            return found
    match = re.search(r"/run/(?:agenix|secrets|secrets-for-users|keys|credstore)/[\w./-]+", place.text)
    if match is None or place.script is None:
        return None
    return Secret(match[0].rsplit("/", 1)[-1], "path", place.script.at)


def _settings(block: Block) -> Iterator[Reached]:
    """Paths in the environment, the working directory, and the lists of paths of the sandbox."""
    tree = block.tree
    for name in block.names("environment"):
        for slot in block.get("environment", name):
            yield from _setting(tree, f"the variable {name}", slot.expr, tree.resolver.value(slot.expr))
    for item in (*block.items("serviceConfig", "Environment"),):
        value = tree.resolver.value(item.expr)
        if isinstance(value, Str) and "=" in value.shown:
            name, _, text = value.shown.partition("=")
            if text.startswith("/") or re.match(r"\$\{[^}]*\}/", text):
                yield Reached(text, f"the variable {name}", item.expr.line, item.expr)
    for slot in block.get("serviceConfig", "WorkingDirectory"):
        yield from _setting(tree, "WorkingDirectory", slot.expr, tree.resolver.value(slot.expr), folder=True)
    for name in ("ReadWritePaths", "ReadWriteDirectories", "BindPaths"):
        for slot in block.get("serviceConfig", name):
            value = tree.resolver.value(slot.expr)
            exprs = [item.expr for item in value.items] if isinstance(value, ListValue) else [slot.expr]
            for expr in exprs:
                yield from _setting(tree, name, expr, tree.resolver.value(expr), folder=True, writes=True)


def _setting(
    tree: Tree, by: str, expr: Expr, value: Value, *, folder: bool = False, writes: bool = False
) -> Iterator[Reached]:
    if isinstance(value, Str):
        shown = value.shown.lstrip("-+")
        opens = re.match(r"\$\{[^}]*\}/", shown) is not None
        if opens or shown.startswith(("/", "~", "%")) or (folder and shown):
            yield Reached(shown, by, expr.line, expr, writes, folder, secret_of(value))
    elif (secret := secret_of(value)) is not None or folder or is_path(tree, value):
        yield Reached("${" + expr.text + "}", by, expr.line, expr, writes, folder, secret)
