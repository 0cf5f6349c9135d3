"""The program of a service where the tree holds its text: also one that is named by a path outside of it.

Such a program is put there by a command in the script of a service (`install ${./x.py} /var/lib/x/x.py`), or
by hand from a checkout; then the only file of its name in the root is taken to be it.
"""

from __future__ import annotations

import posixpath
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.shell import Script, script_in_file
from hwc_refactor.nix.values import PathValue, Value
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects_at
from hwc_refactor.nixos.scripts.executables import SHELLS, executable_of
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import Program, main_program, programs
from hwc_refactor.nixos.scripts.words import Place
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.tree import Tree


class Deployed(Struct, frozen=True):
    """A program file of the root that a service runs.

    Attributes:
        path: the file, relative to the root.
        data: its text.
        named: the path that the service runs it by, where that is another one; empty for the file itself.
        how: how the file gets there: `installed` by a script of the tree, `by-name` when its name alone
            says that it is the one.
    """

    path: str
    data: bytes
    named: str = ""
    how: Literal["itself", "installed", "by-name"] = "itself"


def deployed(block: Block) -> Deployed | None:
    """The program file of the root that a service runs, if it alone runs it."""
    program = main_program(block)
    if program is None or program.line is None:
        wrapped = None if program is None else program.wrapped
        if wrapped is None or wrapped.path is None:
            return None
        return _alone(block, Deployed(wrapped.path, wrapped.data))
    found = _named(block, program)
    return None if found is None else _alone(block, found)


def runs_python(block: Block, found: Deployed) -> bool:
    """Whether a program is written in Python."""
    first = found.data[:80].split(b"\n")[0]
    program = main_program(block)
    interpreter = "" if program is None or program.executable.name is None else program.executable.name
    return (
        found.path.endswith(".py")
        or (first.startswith(b"#!") and b"python" in first)
        or interpreter.startswith("python")
    )


def deployed_script(block: Block) -> tuple[Program, Script] | None:
    """The shell script of the root that a service runs by a path outside of it."""
    program, found = main_program(block), deployed(block)
    if program is None or found is None or found.how == "itself" or runs_python(block, found):
        return None
    first = found.data[:80].split(b"\n")[0].split()
    last = first[-1] if first and first[0].startswith(b"#!") else b""
    shell = posixpath.basename(last.decode(errors="replace").removeprefix("#!"))
    if program.executable.is_shell or shell in SHELLS:
        return program, script_in_file(program.at, found.path, found.data)
    return None


def _named(block: Block, program: Program) -> Deployed | None:
    assert program.line is not None
    name = program.executable.name or ""
    words = list(program.line.arguments)
    if name.startswith(("python", "bash", "sh")) and len(words) > 1:
        words = words[1:]
        while words and words[0].text in ("-u", "-B", "-O", "-e", "-E", "-s", "-S"):
            words = words[1:]
    if not words or words[0].text.startswith("-"):
        return None
    first = words[0]
    file = executable_of(block.tree, first.text, program.line.body.holes).file
    if file is not None:
        return None if file.path is None else Deployed(file.path, file.data)
    place = _shown(block.tree, program, first.text)
    base = posixpath.basename(place)
    if not place.startswith(("/", "${")) or "." not in base or "${" in base:
        return None
    return _installed(block.tree, place) or _by_name(block.tree, base, place)


def _shown(tree: Tree, program: Program, text: str) -> str:
    assert program.line is not None
    for number, hole in enumerate(program.line.body.holes):
        literal = tree.resolver.literal(hole)
        text = text.replace(f"__nix{number}__", literal if literal is not None else "${" + hole.text + "}")
    return text


def _installed(tree: Tree, place: str) -> Deployed | None:
    """The file that a script of a service puts at a path."""
    folder, base = posixpath.split(place)
    found = {
        one
        for block in _services_with(tree, base)
        for ran in facts(block).ran
        if ran.name in commands("copiers") and len(ran.operands) > 1
        for source in ran.operands[:-1]
        if ran.operands[-1].text.rstrip("/") in (place, folder)
        and (ran.operands[-1].text == place or _base(source) == base)
        if (one := _source(tree, source)) is not None
    }
    if len(found) != 1:
        return None
    (path,) = found
    data = tree.data(path)
    return None if data is None else Deployed(path, data, place, "installed")


def _base(place: Place) -> str:
    values = [value for value in place.refs if isinstance(value, PathValue)]
    return posixpath.basename(values[0].text if values else place.text)


def _source(tree: Tree, place: Place) -> str | None:
    """The file of the root that an operand names: by a path literal, or as the only one of its name."""
    values: list[Value] = [value for value in place.refs if isinstance(value, PathValue)]
    if values and isinstance(values[0], PathValue):
        found = tree.companion(values[0].at.file.source.path, values[0].text)
        return None if found is None else found[0]
    names = tree.named(posixpath.basename(place.text)) if "/" in place.text else ()
    return names[0] if len(names) == 1 else None


def _by_name(tree: Tree, base: str, place: str) -> Deployed | None:
    names = tree.named(base)
    if len(names) != 1:
        return None
    data = tree.data(names[0])
    return None if data is None else Deployed(names[0], data, place, "by-name")


def _services_with(tree: Tree, text: str) -> list[Block]:
    """The services of the files that hold a text."""
    return objects_at(tree, SERVICE, tree.holding(text.encode()))


def _alone(block: Block, found: Deployed) -> Deployed | None:
    """The program if no other service runs it."""
    base = posixpath.basename(found.named or found.path)
    for other in _services_with(block.tree, base):
        if (other.file, other.name) != (block.file, block.name):
            for program in programs(other):
                words = "" if program.line is None else program.line.body.data.decode(errors="replace")
                if base in words or (program.wrapped is not None and program.wrapped.path == found.path):
                    return None
    return found
