"""Where a shell script hands a path to a program that refuses a file which its group may read.

Which programs do: `data/secrets.toml`.
"""

from __future__ import annotations

from hwc_refactor.nix.shell import Body, Command, Script, Word
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.secrets.programs import command_options, commands, private_arguments, private_variable


def taken_privately(script: Script, command: Command, start: int, end: int, name: str = "") -> str:
    """The program that takes a path as such a file; empty when none does.

    Args:
        script: the script.
        command: the command whose argument holds the path.
        start, end: the range of the path in the script's text.
        name: the name of the program, where the command does not show it.
    """
    words = command.arguments
    number = next((n for n, word in enumerate(words) if word.start <= start and end <= word.end), None)
    if number is None:
        return ""
    program, before = name or _program(command), words[number - 1].text if number else ""
    word, lead = words[number], _lead(script, words[number], start, end)
    known = private_arguments(program)
    if known is not None and lead is not None:
        settings = {f"{setting}=" for setting in known.settings}
        plain = not lead and (before in known.options or (known.operands and not before.startswith("-")))
        set_ = (before == "-o" and lead in settings) or lead in {f"-o{setting}" for setting in settings}
        return program if plain or set_ else ""
    options = command_options(program)
    if before in options or any(word.text.startswith(f"{option}=") for option in options):
        return _within(script, word, start, end)
    return ""


def _program(command: Command) -> str:
    """The program that a command runs, behind words such as `exec`."""
    if command.program in commands("wrappers") and command.arguments:
        return command.arguments[0].text.rsplit("/", 1)[-1]
    return command.program


def assigned_privately(script: Script, assignment: Node, start: int, end: int) -> str:
    """The variable, or the program, that makes a path in an assignment the path of such a file; else empty."""
    name, value = assignment.child_by_field_name("name"), assignment.child_by_field_name("value")
    if name is None or value is None:
        return ""
    variable = script.source(name)
    match private_variable(variable):
        case "file":
            return variable if _lead(script, script.word(value), start, end) == "" else ""
        case "command":
            return _within(script, script.word(value), start, end)
        case None:
            return ""


def _lead(script: Script, word: Word, start: int, end: int) -> str | None:
    """What stands before a path in a word that ends with it, without quotes; None when something follows."""
    data = script.body.data
    before, behind = data[word.start : start], data[end : word.end]
    quotes = behind in (b"", b'"', b"'")
    return before.decode(errors="replace").replace('"', "").replace("'", "") if quotes else None


def _within(script: Script, word: Word, start: int, end: int) -> str:
    """The same for a command line that stands in a word with double quotes."""
    data = script.body.data[word.start : word.end]
    opening = data.find(b'"')
    if opening < 0 or not data.endswith(b'"') or data.count(b'"') != 2 or b"\\" in data:
        return ""
    body = script.body
    base = word.start + opening + 1
    inner = Script(script.at, Body(data[opening + 1 : -1], body.path, body.holes, None, None, None))
    found = inner.commands if inner.sound else []
    return taken_privately(inner, found[0], start - base, end - base) if len(found) == 1 else ""
