"""How a service gets a value from a credential that it has got in a variable of its environment so far."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts import python_reads
from hwc_refactor.nixos.scripts.programs import Program, main_program
from hwc_refactor.nixos.secrets.deployed import Deployed, deployed, deployed_script, runs_python
from hwc_refactor.nixos.secrets.exports import taken_as_file, unnamed
from hwc_refactor.nixos.secrets.programs import file_form
from hwc_refactor.rewriting import script_heads
from hwc_refactor.rewriting.draft import Draft


class InPython(Struct, frozen=True, eq=False):
    """A Python program of the root reads the credentials itself."""

    file: Deployed
    replacements: tuple[python_reads.Replacement, ...]


class InShell(Struct, frozen=True, eq=False):
    """A shell script exports the variables before it does anything else."""

    script: Script
    variables: Mapping[str, str]
    file: Deployed | None = None


class ByFile(Struct, frozen=True, eq=False):
    """The program knows other variables that hold the path of a file: `RESTIC_PASSWORD_FILE`."""

    variables: Mapping[str, str]


Wiring = InPython | InShell | ByFile


class Manner(Struct, frozen=True):
    """How a program comes to read credentials.

    Attributes:
        fallback: where one in Python looks when it runs without credentials; the directory of the unit's if None.
        mark: the quote character of new strings in it; its own if None.
        by_hand: whether a person sees to it where the tree does not show how the program reads its secrets.
    """

    fallback: str | None = None
    mark: str | None = None
    by_hand: bool = False


def wiring(block: Block, variables: Mapping[str, str], manner: Manner) -> Wiring | None:
    """How the program of a service can read the values of variables from credentials.

    Args:
        block: the service.
        variables: for each variable the name of its credential.
        manner: how a Python program looks that does.

    Returns:
        None when what reads the variables is not in sight, or does not read them in a way that is understood.
    """
    program = main_program(block)
    if program is None:
        return None
    by_file = _by_file(block, program, variables)
    if by_file is not None:
        return by_file
    if program.script is not None and program.script.sound and program.script.body.editable:
        return InShell(program.script, variables)
    found, named = deployed(block), deployed_script(block)
    if named is not None and named[1].sound:
        return InShell(named[1], variables, found)
    if found is None or not runs_python(block, found):
        return None
    directory = manner.fallback or f"/run/credentials/{block.name}.service"
    replacements = python_reads.from_credentials(found.data, variables, directory, manner.mark)
    return None if replacements is None else InPython(found, replacements)


def _by_file(block: Block, program: Program, variables: Mapping[str, str]) -> ByFile | None:
    known: dict[str, str] = {}
    for variable, credential in variables.items():
        if program.script is None:
            form = file_form(program.executable.name or "", variable)
        else:
            form = taken_as_file(block, variable) if unnamed(block, variable) else None
        if form is None or block.get("environment", form.variable):
            return None
        known[form.variable] = f"{form.lead}%d/{credential}"
    return ByFile(known)


def wire(draft: Draft, block: Block, how: Wiring) -> None:
    """Let the program read the credentials.

    Raises:
        NoPlace: when a place serves other services too.
    """
    match how:
        case InShell(script=script, variables=variables, file=other):
            lines = [
                f'export {name}="$(cat "$CREDENTIALS_DIRECTORY/{credential}")"'
                for name, credential in variables.items()
            ]
            script_heads.prepend(draft, block, script, lines)
            if other is not None:
                tell(draft, other)
        case ByFile(variables=variables):
            draft.add(
                block, ("environment",), [f"{name} = {quote(path)};" for name, path in variables.items()]
            )
        case InPython(file=file, replacements=replacements):
            for first, last, data in replacements:
                draft.replace_bytes(file.path, first, last, data)
            tell(draft, file)


def tell(draft: Draft, file: Deployed) -> None:
    """Say what is left to do for a program that the service runs by a path outside of the root."""
    if file.how == "by-name":
        draft.review(
            f"{file.path} is the only file of this name and is taken to be the program that runs as {file.named}:"
            " put the new text there before the service is started again."
        )
    elif file.how == "installed":
        draft.note(f"{file.path} reads the credentials; it has to be installed as {file.named} once more.")
