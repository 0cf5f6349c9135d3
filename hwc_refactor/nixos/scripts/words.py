"""Words of scripts and command lines, with what is known of them filled in: variables, interpolations."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.shell import Command, Piece, Script, Word
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr, Gap, Ref, Scalar, Str, Value
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.scripts.commands import Knowledge, knowledge
from hwc_refactor.nixos.tree import Tree

MAX_NESTING = 5
TEMPLATE = "tmp." + "X" * 10
"""How mktemp names what it makes (coreutils manual)."""
TEMPLATED = "X" * 3
"""What the template of mktemp ends with at least (coreutils manual): another name each time."""


class Place(Struct, frozen=True, eq=False):
    """A path, or another text, that a script names.

    Attributes:
        text: its text; a part that stays open shows as `${…}` with its Nix source, or as `$name`.
        root: the expression of the interpolation it begins with, where that is no known text; else None.
        lead: the expression of the interpolation it begins with, known or not, and the length of what that
            stands for in `text`.
        known: whether all of it is known text.
        refs: the values of the interpolations in it that are no known text, in order.
        script: the script it stands in, None for a command line of the unit itself.
        node: the node in the script's tree.
        unseen: what is not in sight where it may be more than one word: `words` for words, any number of them;
            `script` for what may end the command and begin another one.
    """

    text: str
    root: Expr | None
    known: bool
    refs: tuple[Value, ...] = ()
    script: Script | None = None
    node: Node | None = None
    lead: tuple[Expr, int] | None = None
    unseen: Literal["", "words", "script"] = ""


def number_of(tree: Tree, value: Value, depth: int = 0) -> int | None:
    """The number that a value is, as itself, as text, or as the default of an option that nothing sets."""
    match value:
        case Scalar(value=int(number)) if not isinstance(number, bool):
            return number
        case Str() if value.literal is not None and value.literal.isdigit():
            return int(value.literal)
        case Str(parts=(Gap(value=inner),)) if depth < MAX_NESTING:
            return number_of(tree, inner, depth + 1)
        case Call(name="toString", args=(given,)) if depth < MAX_NESTING:
            return number_of(tree, tree.resolver.value(given), depth + 1)
        case Ref(path=("config", *option)) if depth < MAX_NESTING:
            default = settled(tree, option)
            return None if default is None else number_of(tree, tree.resolver.value(default), depth + 1)
    return None


def place_of(tree: Tree, script: Script, at: Word | Node, depth: int = 0) -> Place:
    """A word of a script with its variables and interpolations filled in as far as they are known."""
    word = at if isinstance(at, Word) else script.word(at)
    text, refs, root, known = "", list[Value](), None, True
    lead: tuple[Expr, int] | None = None
    for number, piece in enumerate(word.pieces):
        shown, below = _filled(tree, script, piece, depth)
        if below is not None:
            refs += below.refs
            known = known and below.known
            if number == 0:
                root, lead = below.root, below.lead
        else:
            known = False
        text += shown
    node = at if not isinstance(at, Word) else script.root.descendant_for_byte_range(word.start, word.end)
    return Place(text, root, known, tuple(refs), script, node, lead)


def _filled(tree: Tree, script: Script, piece: Piece, depth: int) -> tuple[str, Place | None]:
    """The text of a piece, and what is known of it; None when only the running script knows."""
    if piece.kind == "text":
        return piece.text, Place(piece.text, None, True)
    if piece.kind == "hole":
        found = single(tree, script.body.holes[piece.hole])
        return found.text, found
    if piece.kind == "variable" and depth < MAX_NESTING:
        constant = script.constants.get(piece.text)
        if constant is not None:
            place = place_of(tree, script, constant, depth + 1)
            return place.text, place
        return "$" + piece.text, None
    if piece.kind == "command":
        made = _temporary(tree, script, piece.node, depth) or _folder(tree, script, piece.node, depth)
        return script.as_written(piece.text) if made is None else made.text, made
    return script.as_written(piece.text), None


def single(tree: Tree, expr: Expr) -> Place:
    """The word that an expression is, with what is known of it; `lib.escapeShellArg x` is the word `x`."""
    value = tree.resolver.value(expr)
    if isinstance(value, Call) and value.name in _ESCAPING and len(value.args) == 1:
        return single(tree, value.args[0])
    literal = value.literal if isinstance(value, Str) else None
    if literal is not None:
        lead = None if expr.node.type == "string_expression" else (expr, len(literal))
        return Place(literal, None, True, lead=lead)
    if isinstance(value, Str) and isinstance(value.parts[0], Gap):
        lead = (expr, len(value.shown))
        return Place(value.shown, value.parts[0].at, False, _gaps(value), lead=lead)
    shown = value.shown if isinstance(value, Str) else "${" + expr.text + "}"
    refs = _gaps(value) if isinstance(value, Str) else (value,)
    return Place(shown, expr, False, refs, lead=(expr, len(shown)))


_ESCAPING = frozenset({"escapeShellArg", "escapeSystemdExecArg"})
"""Functions that quote a word (nixpkgs manual, lib.strings; nixos/lib/utils.nix)."""


def _temporary(tree: Tree, script: Script, node: Node, depth: int) -> Place | None:
    """The path that `$(mktemp …)` gives, its random part as written; None for any other substitution."""
    command = _substituted(script, node, "mktemp")
    if command is None or depth > MAX_NESTING:
        return None
    words = [place_of(tree, script, word, depth + 1) for word in command.arguments]
    known = knowledge("mktemp")
    folders = list(option_values(words, ("-p", "--tmpdir")))
    templates = list(operands(words, known))
    if folders:
        return replace(folders[-1], text=f"{folders[-1].text}/{templates[0].text if templates else TEMPLATE}")
    if templates and "-t" not in [word.text for word in words]:
        return templates[0]
    return Place(f"/tmp/{TEMPLATE}", None, True)


def _folder(tree: Tree, script: Script, node: Node, depth: int) -> Place | None:
    """The path that `$(dirname FILE)` gives, where the file is known; None for any other substitution."""
    command = _substituted(script, node, "dirname")
    if command is None or depth > MAX_NESTING or len(command.arguments) != 1:
        return None
    file = place_of(tree, script, command.arguments[0], depth + 1)
    if not file.known or not file.text.startswith("/") or any(map(str.isspace, file.text)):
        return None
    return Place(posixpath.dirname(file.text.rstrip("/")) or "/", None, True)


def _substituted(script: Script, node: Node, program: str) -> Command | None:
    """The one command of a substitution, when it runs this program."""
    inner = [child for child in node.named_children if child.type != "comment"]
    command = script.command(inner[0]) if len(inner) == 1 and inner[0].type == "command" else None
    return command if command is not None and command.program == program else None


def _gaps(value: Str) -> tuple[Value, ...]:
    return tuple(part.value for part in value.parts if isinstance(part, Gap))


def is_option(text: str, option: str) -> bool:
    """Whether a word is an option, or several short ones among which it is: `-Ei.bak` for `-i`."""
    if option.startswith("--"):
        return text.split("=", 1)[0] == option
    return re.match(r"-[A-Za-z]*" + re.escape(option[1:]), text) is not None


def operands(words: Sequence[Place], known: Knowledge | None) -> tuple[Place, ...]:
    """The arguments that are no options and no values of options."""
    return tuple(_operands(words, known.value_options if known is not None else ()))


def _operands(words: Sequence[Place], value_options: tuple[str, ...]) -> Iterator[Place]:
    skip = plain = False
    for word in words:
        if skip:
            skip = False
        elif plain or not word.text.startswith("-") or word.text == "-":
            yield word
        elif word.text == "--":
            plain = True
        else:
            valued = _valued(word.text, value_options)
            skip = valued is not None and not valued[1]


def after_options(words: Sequence[Place], known: Knowledge) -> list[Place]:
    """The words from the first operand on."""
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        valued = _valued(words[at].text, known.value_options)
        at += 2 if valued is not None and not valued[1] else 1
    return list(words[at:])


def option_values(
    words: Sequence[Place], options: tuple[str, ...], others: tuple[str, ...] = ()
) -> Iterator[Place]:
    """The values of options: `-o FILE`, `-oFILE`, `-so FILE`, `--output=FILE`.

    Args:
        words: the arguments of a command.
        options: the options whose values are asked for.
        others: further options that take a value, in which no option is to be seen.
    """
    for number, word in enumerate(words):
        valued = _valued(word.text, (*options, *others))
        if valued is not None and valued[0] in options:
            if valued[1]:
                yield replace(word, text=valued[1], root=None, lead=None)
            elif number + 1 < len(words):
                yield words[number + 1]
        for option in options:
            if option.startswith("--") and word.text.startswith(option + "="):
                text = word.text[len(option) + 1 :]
                yield Place(text, None, word.known, word.refs, word.script, word.node)


def short_options(words: Sequence[Place], known: Knowledge | None) -> str:
    """The letters of the short options, without values that are joined to them: `sXo` for `-sXPOST -o FILE`."""
    values = () if known is None else (*known.value_options, *known.write_options)
    short = [word.text for word in words if re.match(r"-[A-Za-z0-9]", word.text)]
    found = [(text, _valued(text, values)) for text in short]
    return "".join(text[1 : len(text) - len(valued[1]) if valued else None] for text, valued in found)


def _valued(text: str, options: tuple[str, ...]) -> tuple[str, str] | None:
    """The option among these in which a word ends, alone or behind short ones, and what of its value is joined."""
    if text in options:
        return text, ""
    if re.match(r"-[A-Za-z0-9]", text) is None:
        return None
    for at in range(1, len(text)):
        if "-" + text[at] in options:
            return "-" + text[at], text[at + 1 :]
        if not text[at].isalnum():
            return None
    return None
