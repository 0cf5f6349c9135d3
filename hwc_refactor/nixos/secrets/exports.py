"""Variables of a script's environment whose programs can take the value from a file themselves."""

from __future__ import annotations

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.facts import PYTHON_PROGRAM, PYTHON_SERVER, facts
from hwc_refactor.nixos.secrets.programs import FileForm, commands, file_form
from hwc_refactor.nixos.secrets.uses import Mention


class Export(Struct, frozen=True, eq=False):
    """An assignment that puts what a secret's file holds into the environment of programs.

    Attributes:
        form: how the one of them that wants it takes the file.
        name, value: the nodes of the assignment.
    """

    form: FileForm
    name: Node
    value: Node


def taken_as_file(block: Block, variable: str) -> FileForm | None:
    """How what a service runs takes the value of a variable from a file; None when it may want the variable.

    Every command has to be known: another program could read the variable too. None may change the user, who
    could not read the file.
    """
    found = facts(block)
    if found.doubts:
        return None
    forms: set[FileForm] = set()
    for ran in found.ran:
        form = file_form(ran.name, variable)
        if form is not None:
            forms.add(form)
        elif (
            ran.known is None
            or ran.known in (PYTHON_PROGRAM, PYTHON_SERVER)
            or ran.name in commands("changers")
        ):
            return None
    return forms.pop() if len(forms) == 1 else None


def unnamed(block: Block, variable: str) -> bool:
    """Whether no script of a service names a variable."""
    return not _times(block, variable)


def export_at(block: Block, mention: Mention) -> Export | None:
    """The assignment by which a secret that is read gets into the environment, if its program takes a file."""
    script = mention.script
    chain = script.chain(mention.start, mention.end)
    kinds = [node.type for node in chain]
    if mention.form != "read" or mention.variable or "variable_assignment" not in kinds:
        return None
    number = kinds.index("variable_assignment")
    above, assignment, value = chain[number - 1], chain[number], chain[number + 1]
    name = assignment.child_by_field_name("name")
    exports = above.type == "command" or script.source(above).startswith("export ")
    if name is None or name.type != "variable_name" or not exports:
        return None
    inner = value.named_children[0] if value.type == "string" and len(value.named_children) == 1 else value
    if not _is_the_file(script, inner) or any(child.type == "+=" for child in assignment.children):
        return None
    variable = script.source(name)
    form = taken_as_file(block, variable)
    return Export(form, name, value) if form is not None and _times(block, variable) == 1 else None


def _is_the_file(script: Script, node: Node) -> bool:
    """Whether a node stands for what a file holds, and nothing else: `$(cat path)`, `$(<path)`."""
    if node.type != "command_substitution" or len(node.named_children) != 1:
        return False
    inside = node.named_children[0]
    if inside.type == "file_redirect":
        return True
    command = script.command(inside) if inside.type == "command" else None
    return command is not None and command.program == "cat" and len(command.arguments) == 1


def _times(block: Block, variable: str) -> int:
    """How often the scripts of a service name a variable, in whatever way."""
    scripts = {id(script.body): script for _, script in facts(block).scripts}
    return sum(script.body.data.count(variable.encode()) for script in scripts.values())
