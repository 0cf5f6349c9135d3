"""Secrets that a script reads from a file which cannot be told from here: only its name says what it holds.

A variable that holds the path, one that a helper gives, a folder of secrets with a name that is put together, the
place of a secrets scheme that is not known: `cat "$token_file"`, `cat ${secrets.path "token"}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.shell import Script, Word
from hwc_refactor.nix.values import Call, PathValue, Ref, Str, Value
from hwc_refactor.nixos.secrets.declared import Secret, is_file_option, plain, secret_of
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.tree import Tree

_SECRET = re.compile(
    r"(?i)secret|passw|passphrase|token|credential|webhook|/run/agenix|(?:api|private|auth|access|signing)[-_]?key"
)
_WHOLE = frozenset({"cat", "head", "tail", "tac", "base64", "source", "."})
"""Readers that take nothing but files."""

_NONE = re.compile(r"(?i)public|CREDENTIALS_DIRECTORY|%d/|/proc/|/sys/|tokeniz")
"""What is no secret, or one that the manager has loaded already."""

_LONGEST = 120
"""The most characters of an expression that names a file, rather than makes what is in one."""


def unseen_paths(tree: Tree, script: Script) -> Iterator[tuple[Secret, int, int]]:
    """The words of a script that name the file of a secret without saying which it is."""
    for word in _read(script):
        found = _unseen(tree, script, word)
        if found is not None:
            yield found, word.start, word.end


def _read(script: Script) -> Iterator[Word]:
    """The words that name a file which is read; of a command that takes an expression too, the last one."""
    for command in script.commands:
        words = [word for word in command.arguments if not word.text.startswith("-")]
        if command.program in _WHOLE:
            yield from words
        elif command.program in commands("readers"):
            yield from words[1:][-1:]
    for node in script.redirected("<"):
        yield script.word(node)


def _unseen(tree: Tree, script: Script, word: Word) -> Secret | None:
    if word.literal is not None or any(char.isspace() for char in word.text):
        return None
    shown = [script.as_written(script.body.data[word.start : word.end].decode(errors="replace")).strip("\"'")]
    pieces = list(word.pieces)
    for piece in word.pieces:
        constant = script.constants.get(piece.text) if piece.kind == "variable" else None
        if constant is not None:
            if any(part.kind in ("command", "open") for part in constant.pieces):
                return None
            if len(word.pieces) == 1 and constant.literal is not None:
                return None
            shown.append(script.as_written(constant.text))
            pieces += constant.pieces
    for piece in pieces:
        if piece.kind == "hole":
            value = tree.resolver.value(plain(tree, script.body.holes[piece.hole]))
            if secret_of(value) is not None or _in_store(value):
                return None
            shown.append(_source(value))
    if any(_NONE.search(text) for text in shown):
        return None
    last = re.sub(r"[^\w].*", "", shown[0].strip("${}").rsplit(".", 1)[-1])
    if any(_SECRET.search(text) for text in shown) or is_file_option(last):
        return Secret(shown[0], "unseen", script.at)
    return None


def _in_store(value: Value) -> bool:
    """Whether a value is a file of the tree, or a part of a package: what everybody may read."""
    match value:
        case PathValue():
            return True
        case Ref(path=path) | Call(function=path):
            return path[0] == "pkgs" or "package" in path
    return False


def _source(value: Value) -> str:
    """What is known of a value in words of its source."""
    if isinstance(value, Str):
        return value.shown
    text = value.at.text if value.at is not None else ""
    return text if len(text) <= _LONGEST else ""
