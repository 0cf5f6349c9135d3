"""What a service runs: its scripts and command lines, wherever and however they are written.

The options that hold them: NixOS, systemd.services.<name>.{script,preStart,…}; systemd.service(5), Exec*=.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from hwc_refactor.nix.shell import Body, Script, holes_of
from hwc_refactor.nix.strings import STRING_TYPES, decode
from hwc_refactor.nix.values import (
    Call,
    Expr,
    Gap,
    ListValue,
    PathValue,
    Ref,
    Scalar,
    Slot,
    Str,
    Unknown,
    Value,
)
from hwc_refactor.nixos.block import USER_SERVICE, Block
from hwc_refactor.nixos.scripts.execline import Argument, CommandLine, command_line, inner_body
from hwc_refactor.nixos.scripts.executables import (
    UNKNOWN,
    Executable,
    WrittenFile,
    executable_of,
    executable_value,
    file_of,
    run_by_shell,
    script_text,
)
from hwc_refactor.nixos.tree import Tree

SCRIPTS = {
    "script": "ExecStart",
    "preStart": "ExecStartPre",
    "postStart": "ExecStartPost",
    "reload": "ExecReload",
    "preStop": "ExecStop",
    "postStop": "ExecStopPost",
}
"""The options that hold scripts, and the directives they become."""

LINES = (
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
)
"""The directives that hold command lines, in the order in which systemd runs them."""

ON_STOP = frozenset({"ExecStop", "ExecStopPost", "ExecReload"})
"""Those that do not run when the unit starts."""

HOME_MANAGER = "Service"
"""Where the directives of a user's service stand that home-manager makes (its option systemd.user.services)."""

NOT_IN_SIGHT = "what it runs is not written in the tree"
_DASH_C = re.compile(r"-[a-z]*c\Z")


class Program(Struct, frozen=True, eq=False):
    """One thing that a service runs.

    Attributes:
        directive: when it runs, `ExecStart`.
        option: the attribute path of the option it stands in.
        slot: the definition of that option.
        at: the command line or script as the option gives it.
        executable: the program that is started.
        line: the command line; None for the script options and for a value that is no string.
        script: the shell script that it amounts to, where it is in sight.
        wrapped: the file that holds the script or program, when it is written out in the tree.
        strict: whether the shell that runs it stops at the first error already (`set -e`).
        unknown: why what it does is not in sight; None when it is.
    """

    directive: str
    option: tuple[str, ...]
    slot: Slot
    at: Expr
    executable: Executable
    line: CommandLine | None = None
    script: Script | None = None
    wrapped: WrittenFile | None = None
    strict: bool = False
    unknown: str | None = None

    @property
    def prefixes(self) -> str:
        """The special characters before its program: `-`, `+`, `!`."""
        return "" if self.line is None else self.line.prefixes

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments of its command line, without the program."""
        return () if self.line is None else self.line.arguments[1:]

    @property
    def conditional(self) -> bool:
        """Whether it counts only under a condition."""
        return bool(self.slot.conditions)


def programs(block: Block) -> tuple[Program, ...]:
    """All that a service runs, in the order of `SCRIPTS` and `LINES`."""
    return block.tree.remember(("programs", id(block)), block, lambda: tuple(_programs(block)))


def main_program(block: Block) -> Program | None:
    """The one thing that a service runs as its main process; None when there is none or more than one."""
    found = [program for program in programs(block) if program.directive == "ExecStart"]
    return found[0] if len(found) == 1 else None


def _programs(block: Block) -> Iterator[Program]:
    tree = block.tree
    for option, directive in SCRIPTS.items():
        for slot in block.get(option):
            script = None if slot.rest else script_text(tree, slot.expr)
            file = None if slot.rest or script is not None else _file(tree, slot.expr)
            if file is not None:
                yield _program(directive, (option,), slot, slot.expr, Executable(file.name), None, file)
                continue
            at = slot.expr if script is None else script.at
            shell = Executable("bash", ("bash",))
            why = None if script is not None else NOT_IN_SIGHT
            yield Program(directive, (option,), slot, at, shell, None, script, strict=True, unknown=why)
    for settings in ("serviceConfig", HOME_MANAGER) if block.kind is USER_SERVICE else ("serviceConfig",):
        for directive in LINES:
            for slot in block.get(settings, directive):
                if slot.rest:
                    continue
                for expr in _elements(tree, slot.expr):
                    yield _line(tree, (settings, directive), slot, expr)


def _file(tree: Tree, expr: Expr) -> WrittenFile | None:
    """The program written out in the tree that is all a script runs: `lib.getExe (pkgs.writeShellApplication …)`."""
    value = tree.resolver.content(expr)[0]
    return executable_value(tree, value).file if isinstance(value, Call) else None


def _elements(tree: Tree, expr: Expr) -> Iterator[Expr]:
    value = tree.resolver.content(expr)[0]
    if isinstance(value, Str | PathValue | Ref | Scalar) or _is_program(tree, value) or _listed(tree, value):
        if not (isinstance(value, Str) and value.literal == ""):
            yield expr
        return
    if isinstance(value, ListValue | Call) or not isinstance(value, Unknown):
        for item in tree.resolver.items(expr):
            value = tree.resolver.value(item.expr)
            if not (isinstance(value, Str) and value.literal == ""):
                yield item.expr
        return
    yield expr


def _is_program(tree: Tree, value: Value) -> bool:
    return isinstance(value, Call) and executable_value(tree, value).name is not None


def _line(tree: Tree, option: tuple[str, str], slot: Slot, expr: Expr) -> Program:
    directive = option[1]
    value = tree.resolver.content(expr)[0]
    body = _listed(tree, value)
    if body is None and isinstance(value, Str):
        body = line_body(value)
    if body is None:
        executable = executable_value(tree, value)
        file = file_of(tree, value) or executable.file
        return _program(directive, option, slot, value.at or expr, executable, None, file)
    at = value.at if isinstance(value, Str) and value.at.node.type in STRING_TYPES else expr
    line = command_line(body)
    if line is None:
        why = "its command line cannot be taken apart"
        return Program(directive, option, slot, at, UNKNOWN, unknown=why)
    first = line.arguments[0]
    executable = executable_of(tree, first.text, body.holes)
    number = _behind_env(line) if executable.name == "env" else None
    if number is not None:
        executable = executable_of(tree, line.arguments[number].text, body.holes)
    if executable.is_shell and executable.file is None:
        found = _shell(tree, line, at, (number or 0) + 1)
        if isinstance(found, Script):
            return Program(directive, option, slot, at, executable, line, found)
        return _program(directive, option, slot, at, executable, line, found)
    return _program(directive, option, slot, at, executable, line, executable.file)


_QUOTING = frozenset({"escapeShellArgs", "escapeSystemdExecArgs"})
"""Functions that make a command line of a list, each element a word (nixpkgs, lib.strings; nixos/lib/utils.nix)."""


def _listed(tree: Tree, value: Value) -> Body | None:
    """The text of a command line that is made of a list, its elements as `__nixN__`; None for any other one."""
    if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
        value = value.parts[0].value
    if not isinstance(value, Call) or not value.args:
        return None
    listed = value.args[-1]
    quoted = value.name in _QUOTING and len(value.args) == 1
    if value.name == "concatStringsSep" and len(value.args) == 2:
        if (tree.resolver.literal(value.args[0]) or "x").strip():
            return None
        each = tree.resolver.value(listed)
        if isinstance(each, Call) and each.name == "map" and len(each.args) == 2:
            function = tree.resolver.value(each.args[0])
            quoted = isinstance(function, Ref) and function.path[-1] in (
                "escapeShellArg",
                "escapeSystemdExecArg",
            )
            listed = each.args[1] if quoted else listed
    elif not quoted and not (value.name == "toString" and isinstance(tree.resolver.value(listed), ListValue)):
        return None
    items = tree.resolver.items(listed)
    if not items or items[0].unknown is not None or items[0].conditions:
        return None
    holes = tuple(value.at if item.unknown is not None else item.expr for item in items)
    words = (
        b'"__nix%d__"' % number if quoted and items[number].unknown is None else b"__nix%d__" % number
        for number in range(len(holes))
    )
    return Body(b" ".join(words), value.at.file.source.path, holes, None, None, None)


def line_body(value: Str) -> Body:
    """The text of a command line, interpolations as `__nixN__`."""
    at = value.at
    if at.node.type in STRING_TYPES:
        string = decode(at.file, at.node)
        mapped = string.render(lambda index, _: f"__nix{index}__")
        return Body(mapped.data, at.file.source.path, holes_of(at, string), string, mapped)
    data, holes = b"", list[Expr]()
    for part in value.parts:
        if hasattr(part, "text"):
            data += part.text.encode()
        else:
            data += b"__nix%d__" % len(holes)
            holes.append(part.at)
    return Body(data, at.file.source.path, tuple(holes), None, None, None)


def _behind_env(line: CommandLine) -> int | None:
    """The number of the argument that names what `env` runs, behind its variables; None where it has options."""
    for number, argument in enumerate(line.arguments[1:], 1):
        if argument.text.startswith("-"):
            return None
        if "=" not in argument.text:
            return number
    return None


def _shell(tree: Tree, line: CommandLine, at: Expr, first: int) -> Script | WrittenFile | None:
    """What a shell is told to run by the arguments from one on: the script behind `-c`, or the file it is given."""
    rest = line.arguments[first:]
    for number, argument in enumerate(rest):
        if _DASH_C.match(argument.text):
            behind = rest[number + 1 :]
            return Script(at, inner_body(line, behind[0])) if behind else None
        if not argument.text.startswith(("-", "+")):
            return run_by_shell(executable_of(tree, argument.text, line.body.holes).file)
    return None


def _program(
    directive: str,
    option: tuple[str, ...],
    slot: Slot,
    at: Expr,
    executable: Executable,
    line: CommandLine | None,
    file: WrittenFile | None,
) -> Program:
    script = None if file is None else file.script
    strict = file is not None and file.builder == "writeShellApplication"
    why = NOT_IN_SIGHT if executable.name is None and script is None else None
    return Program(directive, option, slot, at, executable, line, script, file, strict, why)
