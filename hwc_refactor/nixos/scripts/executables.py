"""What a name in a command line or script stands for: a program of a package, or a script in sight.

The builders of scripts: nixpkgs manual, "Trivial build helpers" and "pkgs.writers".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.shell import Body, Script, script_in_file, script_of
from hwc_refactor.nix.values import Attrs, Branch, Call, Expr, Gap, PathValue, Ref, Str, Text, Value
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.scripts.commands import main_programs
from hwc_refactor.nixos.scripts.etc_files import etc_file
from hwc_refactor.nixos.scripts.joins import joined
from hwc_refactor.nixos.tree import Tree

_BUILDERS = {
    "writeShellScript": 1,
    "writeShellScriptBin": 1,
    "writeScript": 1,
    "writeScriptBin": 1,
    "writeText": 1,
    "writeBash": 1,
    "writeBashBin": 1,
    "writeDash": 1,
    "writeDashBin": 1,
    "toFile": 1,
    "writePython3": 2,
    "writePython3Bin": 2,
    "writePyPy3": 2,
    "writePyPy3Bin": 2,
}
"""Builders that take a name first: the index of the text."""

_VARIANTS = frozenset({"withPackages", "override", "overrideAttrs", "withPlugins", "withExtensions"})
"""Functions of a package that give a variant of it with the same programs."""

_ATTRS_BUILDERS = {"writeShellApplication": "text", "writeTextFile": "text"}
"""Builders that take a set: the attribute that holds the text."""

SHELLS = frozenset({"bash", "sh", "dash", "ash", "runtimeShell"})
_SHEBANG = re.compile(rb"\s*#!\s*(\S+)(?:[ \t]+(\S+))?")
_NAME = re.compile(r"[\w.+@\[:-]+\Z")
_PLACE = re.compile(r"__nix(\d+)__")


class WrittenFile(Struct, frozen=True, eq=False):
    """A file that is written out in the tree.

    Attributes:
        builder: what writes it, `writeShellScript`; empty for a file of the root.
        name: the name that it is given, None when that is not known.
        script: it, when it is a shell script.
        text: it as the shell script that it is when a shell is told to run it.
        interpreter: the program that its first line names, `bash` where the builder says so; None for none.
        path: the file of the root that holds it; None for text in a Nix string.
        data: its text, interpolations as `__nixN__`.
        packages: the packages that `runtimeInputs` puts on its path.
        holes: the expressions of the interpolations in its text, in order.
    """

    builder: str
    name: str | None
    script: Script | None
    text: Script
    interpreter: str | None
    path: str | None
    data: bytes
    packages: tuple[Expr, ...] = ()
    holes: tuple[Expr, ...] = ()


class Executable(Struct, frozen=True, eq=False):
    """A program.

    Attributes:
        name: its file name, `curl`; None when it is not known.
        package: the attribute path of its package below `pkgs`, as far as it is in sight.
        path: its literal absolute path, for one outside of the store.
        file: the file it is, when that is written out in the tree.
    """

    name: str | None
    package: tuple[str, ...] = ()
    path: str | None = None
    file: WrittenFile | None = None

    @property
    def is_bare(self) -> bool:
        """Whether it is named alone, and found on the search path."""
        return not self.package and self.path is None

    @property
    def is_shell(self) -> bool:
        """Whether it is a shell."""
        return self.name in SHELLS


UNKNOWN = Executable(None)


def executable_of(tree: Tree, text: str, holes: Sequence[Expr]) -> Executable:
    """What a word with interpolations as `__nixN__` names as a program."""
    match = _PLACE.match(text)
    if match is None:
        return _named(tree, text, holes)
    rest = text[match.end() :]
    return executable_value(tree, tree.resolver.value(holes[int(match[1])]), rest)


def _named(tree: Tree, text: str, holes: Sequence[Expr]) -> Executable:
    if _PLACE.search(text):
        return Executable(_file_name(text) if "/" in text else None)
    return _literal(tree, text)


def _literal(tree: Tree, text: str) -> Executable:
    """What a path, or a bare name, is as a program; a file below /etc may be written out in the tree."""
    path = text if text.startswith("/") else None
    given = etc_file(tree, text)
    if given is None:
        return Executable(_file_name(text), path=path)
    attribute, expr = given
    if attribute == "text":
        return Executable(_file_name(text), (), path, _built(tree, "writeText", _file_name(text), expr))
    return replace(executable_value(tree, tree.resolver.value(expr)), name=_file_name(text), path=path)


def executable_value(tree: Tree, value: Value, rest: str = "") -> Executable:
    """What a value, and the text behind it, names as a program."""
    name = _file_name(rest)
    match value:
        case Call(name="getExe", args=(package,)):
            found = executable_value(tree, tree.resolver.value(package))
            return Executable(found.name or _main_program(found.package), found.package, None, found.file)
        case Call(name="getExe'", args=(package, program)):
            found = executable_value(tree, tree.resolver.value(package))
            return Executable(tree.resolver.literal(program), found.package, None, found.file)
        case Call(name="boolToString"):
            return Executable("true" if not rest else None)  # or `false`: both do nothing else
        case Call(name="getBin" | "getOutput" | "toString", args=(*_, package)):
            return executable_value(tree, tree.resolver.value(package), rest)
        case Call():
            file = file_of(tree, value)
            if file is not None:
                return Executable(name or file.name, (), None, file)
            if value.name in _BUILDERS or value.name in _ATTRS_BUILDERS:
                return Executable(None)  # whatever it is called: its text is not in sight
            function = value.function[:-1] if value.name in _VARIANTS else value.function
            known = function[1:] if function[0] == "pkgs" else function
            main = _main_program(known) if function is not value.function and not rest else None
            return Executable(name or main, known)
        case Ref(path=("pkgs", *package)):
            shell = package[-1:] == ["runtimeShell"] or package[-2:] == ["stdenv", "shell"]
            if shell and not rest:
                return Executable("bash", ("bash",))
            return Executable(name if rest else _main_program(tuple(package)), tuple(package))
        case Ref(path=path):
            given = settled(tree, path[1:]) if path[0] == "config" else None
            if given is not None:
                return executable_value(tree, tree.resolver.value(given), rest)
            return Executable(name, path)
        case PathValue():
            file = file_of(tree, value)
            return Executable(posixpath.basename(value.text + rest), (), None, file)
        case Str():
            return _string(tree, value, rest)
        case Attrs():
            return Executable(name)
    return Executable(name)


def _file_name(path: str) -> str | None:
    """The last part of a path when it may be the name of a program and all of it is known."""
    name = posixpath.basename(path)
    return name if _NAME.match(name) and not _PLACE.search(name) else None


def _string(tree: Tree, value: Str, rest: str) -> Executable:
    text = value.literal
    if text is not None:
        return _literal(tree, text + rest)
    first, *others = value.parts
    behind = _to_blank(tree, others, rest)
    if isinstance(first, Gap) and behind is not None:
        return executable_value(tree, first.value, behind)
    last = (value.parts[-1].text if isinstance(value.parts[-1], Text) else "") + rest
    return Executable(_file_name(last) if "/" in last else None)


def _to_blank(tree: Tree, parts: Sequence[Text | Gap], rest: str) -> str | None:
    """The text up to the first blank; None when an open part may belong to it."""
    text = ""
    for part in (*parts, None):
        if isinstance(part, Gap):
            option = part.value
            given = (
                tree.resolver.value(option.args[1])
                if isinstance(option, Call) and option.name == "optionalString" and len(option.args) == 2
                else None
            )
            if not isinstance(given, Str) or not given.shown[:1].isspace():
                return None
            return text
        more = rest if part is None else part.text
        if found := re.search(r"\s", more):
            return text + more[: found.start()]
        text += more
    return text


def _main_program(package: tuple[str, ...]) -> str | None:
    """The program that `lib.getExe` takes: by far most often it has the package's name.

    A package that an option holds has the name of whom it is for: `services.NAME.package`.
    """
    named = package[:-1] if package[-1:] in (("package",), ("finalPackage",)) else package
    return main_programs().get(named[-1], named[-1]) if named else None


def file_of(tree: Tree, value: Value) -> WrittenFile | None:
    """The file that a value is, when its text is written out in the tree."""
    match value:
        case PathValue():
            found = tree.companion(value.at.file.source.path, value.text)
            if found is None:
                return None
            path, data = found
            return _file(tree, "", posixpath.basename(path), script_in_file(value.at, path, data), path, data)
        case Call(args=args) if value.name in _BUILDERS and len(args) == _BUILDERS[value.name] + 1:
            return _built(tree, value.name, tree.resolver.literal(args[0]), args[-1])
        case Call(args=(given,)) if value.name in _ATTRS_BUILDERS:
            return _from_attrs(tree, value, given)
    return None


def _from_attrs(tree: Tree, value: Call, given: Expr) -> WrittenFile | None:
    view = tree.resolver.attrs(given)
    slots = view.slots.get(_ATTRS_BUILDERS[value.name], ())
    if len(slots) != 1 or slots[0].rest:
        return None
    named = [slot.expr for slot in view.slots.get("name", ()) if not slot.rest]
    name = tree.resolver.literal(named[0]) if len(named) == 1 else None
    built = _built(tree, value.name, name, slots[0].expr)
    inputs = [slot for slot in view.slots.get("runtimeInputs", ()) if not slot.rest]
    if built is None or not inputs:
        return built
    packages = tuple(item.expr for slot in inputs for item in tree.resolver.items(slot.expr))
    return replace(built, packages=packages)


def _built(tree: Tree, builder: str, name: str | None, text: Expr) -> WrittenFile | None:
    script = script_text(tree, text)
    if script is None:
        return None
    path = script.body.path if script.body.string is None and script.body.offset == 0 else None
    return _file(tree, builder, name, script, path, script.body.data)


def _file(
    tree: Tree, builder: str, name: str | None, script: Script, path: str | None, data: bytes
) -> WrittenFile:
    interpreter = _interpreter(tree, data, script.body.holes)
    if builder.startswith(("writeShell", "writeBash")):
        interpreter = "bash"
    elif builder.startswith("writeDash"):
        interpreter = "sh"
    elif builder.startswith(("writePython3", "writePyPy3")):
        interpreter = "python3"
    is_shell = interpreter in SHELLS or (interpreter is None and (path or "").endswith((".sh", ".bash")))
    plain = builder in ("writeText", "toFile", "writeTextFile") and interpreter is None
    shown = script if is_shell or plain else None
    return WrittenFile(builder, name, shown, script, interpreter, path, data, (), script.body.holes)


def run_by_shell(file: WrittenFile | None) -> WrittenFile | None:
    """A file that a shell is told to run: one without a first line that says otherwise is a script for it."""
    if file is None or file.interpreter not in (None, *SHELLS):
        return file
    return replace(file, script=file.text)


def _interpreter(tree: Tree, data: bytes, holes: Sequence[Expr]) -> str | None:
    """The program that the first line of a text names, `#!${pkgs.runtimeShell}`; `env` stands for the one behind it."""
    match = _SHEBANG.match(data)
    if match is None:
        return None
    named = match[1].decode(errors="replace")
    program = executable_of(tree, named, holes).name or posixpath.basename(named)
    return posixpath.basename(match[2].decode(errors="replace")) if program == "env" and match[2] else program


def script_text(tree: Tree, expr: Expr) -> Script | None:
    """The shell text that an expression gives: a string, a file that is read, or strings put together.

    What a function puts together, or an `if` chooses, is a script of one interpolation, which stands for its texts.
    """
    value = tree.resolver.content(expr)[0]
    match value:
        case Call(name="readFile" | "fileContents", args=(path,)):
            named = tree.resolver.value(path)
            if isinstance(named, PathValue):
                found = tree.companion(named.at.file.source.path, named.text)
                return None if found is None else script_in_file(expr, *found)
        case Str(at=at):
            return script_of(at) or _composed(value, expr)
        case Branch():
            return _put_together(value.at)
        case Call() if joined(value):
            return _put_together(value.at)
    return None


def _put_together(expr: Expr) -> Script:
    return Script(expr, Body(b"__nix0__", expr.file.source.path, (expr,), None, None, None))


def _composed(value: Str, expr: Expr) -> Script:
    """A script whose text several strings make up: it can be read, but not edited."""
    data, holes = b"", list[Expr]()
    for part in value.parts:
        if isinstance(part, Text):
            data += part.text.encode()
        else:
            data += b"__nix%d__" % len(holes)
            holes.append(part.at)
    return Script(expr, Body(data, expr.file.source.path, tuple(holes), None, None, None))
