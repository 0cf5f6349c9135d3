"""What a service does about a directory before it is there, and with which rights it makes it.

A directory that systemd keeps is there before the first command runs, and gets its mode from the unit
(systemd.exec(5), StateDirectory=, StateDirectoryMode=).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.paths.directories import normal
from hwc_refactor.nixos.paths.reach import Reached, reached
from hwc_refactor.nixos.paths.spellings import needless
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.facts import facts

USUAL_MODE = 0o755
"""What systemd gives a directory where the unit does not say (systemd.exec(5), StateDirectoryMode=)."""

_MAKING = frozenset({"mkdir", "install", "chmod", "chown", "chgrp", "test", "[", "true", ":"})
_PLACING = frozenset({"ln", "mv", "cp"})
_GUARDS = frozenset({"list", "if_statement"})


def depends_on_absence(block: Block, folder: str) -> str | None:
    """Why a directory must not be there before the service makes it itself; a sentence, None where it may."""
    for path in reached(block):
        if path.by in ("a test", "test") and normal(path.text.rstrip("/")) == folder:
            if not _only_makes(path):
                return f"It looks whether {folder} is there (line {path.line})"
    made = False
    for ran in facts(block).ran:
        if not _named(ran, folder):
            continue
        if ran.name == "mkdir" and not _bears_it(ran) and not _may_go(block, ran, folder):
            return f"It runs mkdir without -p (line {ran.line}), which fails where {folder} is there"
        made = made or ran.name == "mkdir" or (ran.name == "install" and _folders(ran))
        if ran.name in _PLACING and not made and _is_last(ran, folder):
            return f"It makes {folder} with {ran.name} (line {ran.line}), which would put something into it"
    return None


def mode_made(block: Block, folder: str) -> str | None:
    """The mode with which a service makes a directory, where that is stricter than what systemd gives it."""
    return _stricter(mode for ran in facts(block).ran if _named(ran, folder) for mode in _modes(block, ran))


def mode_at_first(block: Block, folder: str) -> str | None:
    """The same for what mkdir gives to a new directory alone, and nothing changes later (coreutils manual, mkdir)."""
    making = [ran for ran in facts(block).ran if ran.name == "mkdir" and _named(ran, folder)]
    return _stricter(mode for ran in making for mode in _modes(block, ran))


def _stricter(modes: Iterable[int]) -> str | None:
    mode = USUAL_MODE
    for one in modes:
        mode &= one
    return None if mode == USUAL_MODE else f"{mode:04o}"


def _modes(block: Block, ran: Ran) -> Iterator[int]:
    texts = [word.text for word in ran.words]
    if ran.name == "chmod":
        number = _octal(texts[0]) if texts else None
        if number is not None:
            yield number
        return
    if ran.name != "mkdir" and not (ran.name == "install" and _folders(ran)):
        return
    said = [
        text.partition("=")[2] if text.startswith("--mode=") else text[2:] or texts[number + 1]
        for number, text in enumerate(texts)
        if text.startswith("--mode=") or (text.startswith("-m") and (text[2:] or number + 1 < len(texts)))
    ]
    numbers = [number for text in said if (number := _octal(text)) is not None]
    yield from numbers
    if not said and ran.name == "mkdir":
        masks = [block.text("serviceConfig", "UMask") or ""]
        masks += [
            other.words[0].text
            for other in facts(block).ran
            if other.name == "umask" and other.words and other.script is ran.script
        ]
        for mask in masks:
            number = _octal(mask)
            if number is not None:
                yield 0o777 & ~number


def _octal(text: str) -> int | None:
    return int(text, 8) & 0o777 if text and set(text) <= set("01234567") else None


def _named(ran: Ran, folder: str) -> bool:
    return any(normal(word.text.rstrip("/")) == folder for word in ran.operands)


def _is_last(ran: Ran, folder: str) -> bool:
    return bool(ran.operands) and normal(ran.operands[-1].text.rstrip("/")) == folder


def _folders(ran: Ran) -> bool:
    return any(word.text == "--directory" or _short(word.text, "d") for word in ran.words)


def _bears_it(ran: Ran) -> bool:
    return any(word.text == "--parents" or _short(word.text, "p") for word in ran.words)


def _short(text: str, letter: str) -> bool:
    return text.startswith("-") and not text.startswith("--") and letter in text


def _may_go(block: Block, ran: Ran, folder: str) -> bool:
    """Whether a command goes with the change, or runs only where the directory is not there."""
    assert ran.script is not None or ran.command is None
    if ran.script is None or ran.command is None:
        return False
    start = ran.command.node.start_byte
    if any(one.text is ran.script and one.start <= start < one.end for one in needless(block, folder)):
        return True
    return _all_make(ran.script, ran.command.node)


def _only_makes(path: Reached) -> bool:
    """Whether all that a test decides about is how the directory is made."""
    place = path.place
    return place is not None and place.script is not None and _all_make(place.script, place.node)


def _all_make(script: Script, node: Node | None) -> bool:
    """Whether what stands under one condition with a node looks at directories and makes them, and nothing else."""
    guard = node
    while guard is not None and guard.type not in _GUARDS:
        guard = guard.parent
    if guard is None:
        return False
    looks = any(
        child.type in ("test_command", "command") and _looks(script, child) for child in guard.named_children
    )
    return looks and all(
        command.program in _MAKING
        for command in script.commands
        if guard.start_byte <= command.node.start_byte < guard.end_byte
    )


def _looks(script: Script, node: Node) -> bool:
    if node.type == "test_command":
        return True
    command = script.command(node)
    return command is not None and command.program in ("test", "[")
