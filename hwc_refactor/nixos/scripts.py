"""What a service's script does, as far as hardening has to know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwc_refactor.nix.shell import Script, Word, script_of
from hwc_refactor.nix.values import Expr, Str
from hwc_refactor.nixos.objects import Block

WRITERS = {
    "mkdir": "all",
    "touch": "all",
    "rm": "all",
    "rmdir": "all",
    "chmod": "rest",
    "chown": "rest",
    "chgrp": "rest",
    "cp": "last",
    "mv": "all",
    "ln": "last",
    "install": "last",
    "tee": "all",
    "truncate": "all",
}
"""Commands that change files, and which of their operands they change (coreutils manual)."""

PLAIN = frozenset(
    """
    cat echo printf true false test [ : cd exit set export local read sleep date id whoami hostname
    head tail grep sed awk cut tr sort uniq wc basename dirname readlink realpath stat ls env
    """.split()
)
"""Commands that only read and print when they are not redirected (coreutils, grep, sed, gawk, bash)."""


@dataclass(frozen=True, slots=True)
class Written:
    """A place that a script writes to.

    Attributes:
        path: its text, interpolations as `${…}`.
        root: the expression of the interpolation it begins with, None when it begins with plain text.
        made: whether the script itself makes it as a directory (`mkdir`).
        kept: whether it is there already and only its rights change (`chmod`).
    """

    path: str
    root: Expr | None
    made: bool = False
    kept: bool = False


def service_script(block: Block) -> Script | None:
    """The script of a service when it is written out in one place and parses as a shell script."""
    slots = [slot for slot in block.get("script") if not slot.rest]
    if len(slots) != 1:
        return None
    value = block.tree.resolver.value(slots[0].expr)
    script = script_of(value.at) if isinstance(value, Str) else None
    return script if script is not None and script.sound else None


def written_places(script: Script) -> list[Written]:
    """What a script writes to, by redirections and by commands that change files."""
    holes = script.holes()
    found = [_written(word, holes) for word in script.written()]
    for command in script.commands:
        which = WRITERS.get(command.program)
        if which is None:
            continue
        operands = [word for word in command.arguments if not word.text.startswith("-")]
        chosen = {"all": operands, "rest": operands[1:], "last": operands[-1:]}[which]
        made, kept = command.program == "mkdir", which == "rest"
        found += [_written(word, holes, made=made, kept=kept) for word in chosen]
    return [place for place in found if not place.path.startswith("/dev/")]


def unknown_commands(script: Script) -> list[str]:
    """The commands of which it is not known that they only read and print."""
    functions = {
        script.word(name).text
        for node in script.nodes("function_definition")
        if (name := node.child_by_field_name("name")) is not None
    }
    names = (command.program for command in script.commands)
    return [name for name in dict.fromkeys(names) if name not in PLAIN | set(WRITERS) | functions]


def bears_strictness(script: Script) -> bool:
    """Whether `set -euo pipefail` cannot change what the script does when all goes well.

    NixOS runs `script` with `-e` already. `-u` matters for variables that nothing in the script sets, and
    `pipefail` for pipelines.
    """
    if any(True for _ in script.nodes("pipeline")):
        return False
    if any(command.program == "set" for command in script.commands):
        return False
    return script.expanded() <= script.assigned()


def home_paths(script: Script) -> Iterator[str]:
    """Places below /home, /root or /run/user that stand in the script's text."""
    for text in ("/home/", "/root/", "/run/user/", "~/", "$HOME"):
        if text.encode() in script.text.data:
            yield text.rstrip("/")


def _written(word: Word, holes: list[Expr], *, made: bool = False, kept: bool = False) -> Written:
    root = None if word.hole is None else holes[word.hole]
    text = word.text
    for number, hole in enumerate(holes):
        text = text.replace(f"__nix{number}__", "${" + hole.text + "}")
    return Written(text, root, made, kept)
