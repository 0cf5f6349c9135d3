"""Where the scripts of a service name the path of a secret, and what they do with it there.

What it is has its name from `forms`; what is not understood never counts as a plain reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.shell import Script, script_of
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.nested import nested_scripts
from hwc_refactor.nixos.scripts.programs import ON_STOP, Program
from hwc_refactor.nixos.secrets.declared import DELIVERED, Secret, by_hand, plain, secret_of
from hwc_refactor.nixos.secrets.deployed import deployed_script
from hwc_refactor.nixos.secrets.forms import (
    Form,
    assigned_by,
    assignment_of,
    copes,
    form_of,
    repeated,
    variable_forms,
    word_nodes,
)
from hwc_refactor.nixos.secrets.private_files import assigned_privately
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.secrets.texts import strings_behind
from hwc_refactor.nixos.secrets.unseen import unseen_paths
from hwc_refactor.nixos.tree import Tree

_DELIVERED_TEXT = re.compile(rb"/run/(?:agenix|secrets|secrets-for-users)/[\w./-]*")


class Optional(Struct, frozen=True, eq=False):
    """A stretch of a script that is there under a condition: `${lib.optionalString condition ''…''}`.

    Attributes:
        function: the function, by the name it has there.
        condition: the condition.
        script: the stretch.
        around: the script that it is a part of.
    """

    function: Expr
    condition: Expr
    script: Script
    around: Script


class Mention(Struct, frozen=True, eq=False):
    """One place in a script that names the path of a secret.

    Attributes:
        secret: the secret.
        form: what is done with it.
        program: the program of the service it belongs to.
        script: the script.
        start, end: the range of the path in `script.body.data`.
        node: the innermost node of the shell's tree that holds it.
        quoted: whether it stands between double quotes.
        command: the command that is given the path or reads the file; empty for the shell itself.
        variable: the shell variable that holds the path, where the path itself stands only in its assignment.
        repeated: whether it stands in a loop or a function, and may be read more than once.
        copes: whether something else is taken where the file cannot be read.
        option: the `optionalString` in which it stands; None for what is always there.
        elsewhere: the program that starts the shell which reads it; empty for the shell of the script.
    """

    secret: Secret
    form: Form
    program: Program
    script: Script
    start: int
    end: int
    node: Node
    quoted: bool
    command: str = ""
    variable: str = ""
    repeated: bool = False
    copes: bool = False
    option: Optional | None = None
    elsewhere: str = ""

    @property
    def on_stop(self) -> bool:
        """Whether it runs when the unit stops or reloads."""
        return self.program.directive in ON_STOP

    @property
    def line(self) -> int:
        """Its line in the file of the script, from 1."""
        return self.script.line(self.start)


class Hidden(Struct, frozen=True, eq=False):
    """A secret in a part of a service's settings that cannot be read as a script.

    Attributes:
        secret: the secret.
        at: the place of its path: a span of a Nix file, or the expression that holds it.
        program: the program it belongs to.
        sound: whether the script that reads it parses.
    """

    secret: Secret
    at: Span | Expr
    program: Program
    sound: bool = True


def mentions(block: Block) -> tuple[Mention, ...]:
    """All places in the scripts of a service that name the path of a secret."""
    return block.tree.remember(("mentions", id(block)), block, lambda: tuple(_mentions(block)))


def hidden(block: Block) -> tuple[Hidden, ...]:
    """The secrets in parts of scripts that Nix puts together, and in scripts that cannot be read."""
    return tuple(_hidden(block))


def written_scripts(block: Block) -> Iterator[tuple[Program, Script]]:
    """The scripts of a service as they are written; not the pieces of one that functions of nixpkgs put there.

    Also one of the root that it runs by a path outside of it, where it is the only one of its name.
    """
    seen: set[tuple[int, str, int]] = set()
    known = facts(block)
    put = {id(script) for script in known.repeated}
    for program, script in known.scripts:
        if id(script) in put:
            continue
        place = (id(program), script.at.file.source.path, script.at.node.start_byte)
        if script.body.offset is not None or place not in seen:
            yield program, script
        seen.add(place)
    found = deployed_script(block)
    if found is not None:
        yield found


def _mentions(block: Block) -> Iterator[Mention]:
    for program, script in written_scripts(block):
        if not script.sound:
            continue
        yield from _within(block.tree, script, program)
        for option in _options(block.tree, script):
            for mention in _within(block.tree, option.script, program):
                yield replace(mention, option=option)


def _within(tree: Tree, script: Script, program: Program) -> Iterator[Mention]:
    """The places in a script, and in those within it, that name the path of a secret."""
    inside = [one for one in nested_scripts(script) if one.script.sound]
    for secret, start, end in secret_paths(tree, script):
        if not any(one.start <= start and end <= one.end for one in inside):
            yield from _judged(script, program, secret, start, end)
    for secret, start, end in unseen_paths(tree, script):
        yield from (one for one in _judged(script, program, secret, start, end) if one.form in TAKEN_OUT)
    for one in inside:
        for mention in _within(tree, one.script, program):
            yield replace(mention, elsewhere=mention.elsewhere or one.starter)


TAKEN_OUT = frozenset({"read", "source", "copied", "handed"})
"""What takes a secret out of a file."""


def _hidden(block: Block) -> Iterator[Hidden]:
    tree = block.tree
    scripts = list(written_scripts(block))
    read = {one.body.string.node.id for _, one in scripts if one.body.string is not None}
    for _, script in scripts:
        inside = [one.script.body.string for one in _options(tree, script)]
        read |= {one.node.id for one in inside if one is not None}
    for program, script in scripts:
        if not script.sound:
            yield from _read_by(tree, script, program)
        for hole in script.body.holes:
            if secret_of(tree.resolver.value(plain(tree, hole))) is None:
                yield from _concealed(tree, hole, program, read)
    for program in facts(block).programs:
        if program.script is None and program.line is None:
            yield from _concealed(tree, program.at, program, read)


def _options(tree: Tree, script: Script) -> Iterator[Optional]:
    """The stretches of a script that are whole commands and there under a condition."""
    data = script.body.data
    for number, start, end in script.hole_places():
        hole = script.body.holes[number]
        value = tree.resolver.value(hole)
        if not isinstance(value, Call) or value.name != "optionalString" or len(value.args) != 2:
            continue
        alone = not data[data.rfind(b"\n", 0, start) + 1 : start].strip() and data[end : end + 1] in (
            b"",
            b"\n",
            b"\r",
        )
        function = hole.node
        while function.type in ("apply_expression", "parenthesized_expression"):
            function = function.child_by_field_name("function") or function.named_children[0]
        found = script_of(value.args[1])
        kinds = [node.type for node in script.chain(start, end)]
        at_top = kinds == ["program", "command", "command_name", "word"]
        if found is not None and found.sound and script.sound and alone and at_top:
            yield Optional(Expr(hole.file, function, hole.env), value.args[0], found, script)


def _concealed(tree: Tree, expr: Expr, program: Program, read: set[int]) -> Iterator[Hidden]:
    """The secrets that strings read to which an expression leads, as scripts of their own; not those in `read`."""
    seen: set[tuple[str, str]] = set()
    for string in strings_behind(tree, expr):
        script = None if string.node.id in read else script_of(string)
        if script is None or not any(mark in script.body.data for mark in (b"$(", b"`", b"source ", b". ")):
            continue
        for one in _read_by(tree, script, program):
            if one.secret.key not in seen:
                seen.add(one.secret.key)
                yield one


def _read_by(tree: Tree, script: Script, program: Program) -> Iterator[Hidden]:
    """The secrets that a script reads, also one that does not parse."""
    for secret, start, end in (*secret_paths(tree, script), *unseen_paths(tree, script)):
        if form_of(script, script.chain(start, end), start, end)[0] in TAKEN_OUT:
            where = script.body.to_file(start, end)
            at = secret.at if where is None else Span(script.body.path, *where)
            yield Hidden(secret, at, program, script.sound)


def secret_paths(tree: Tree, script: Script) -> Iterator[tuple[Secret, int, int]]:
    """The paths of secrets in the text of a script: interpolations, and literal paths."""
    data = script.body.data
    for number, start, end in script.hole_places():
        if data[end : end + 1] in (b"/",) or data[start - 1 : start] in (b"/",):
            continue  # a part of a path
        hole = plain(tree, script.body.holes[number])
        secret = secret_of(tree.resolver.value(hole))
        if secret is not None:
            yield replace(secret, at=hole), start, end
    for match in _DELIVERED_TEXT.finditer(data):
        text = match[0].decode()
        found = DELIVERED.match(text)
        behind = data[match.end() : match.end() + 1]
        if found is not None and behind not in (b"$", b"_", b"*", b"{") and not text.endswith("/"):
            scheme: Literal["agenix", "sops"] = "agenix" if found["place"] == "agenix" else "sops"
            yield Secret(found["name"], scheme, script.at, text), match.start(), match.end()
    for command in script.commands:
        if command.program in commands("readers") or command.program in ("source", "."):
            for word in command.arguments:
                path = word.literal
                if path is not None and by_hand(path):
                    yield Secret(path, "path", script.at, path), word.start, word.end


def _judged(script: Script, program: Program, secret: Secret, start: int, end: int) -> Iterator[Mention]:
    chain = script.chain(start, end)
    form, command = form_of(script, chain, start, end)
    without = form == "read" and copes(script, chain)
    quoted = any(node.type in ("string", "heredoc_body") for node in word_nodes(chain))
    often = repeated(chain)
    node = chain[-1]
    assignment = assignment_of(chain) if form == "unknown" else None
    taker = "" if assignment is None else assigned_privately(script, assignment, start, end)
    form, command = ("private", taker) if taker else (form, command)
    name = "" if taker else assigned_by(script, assignment)
    if any(one.type == "comment" for one in chain):
        return
    if node.type == "raw_string":
        start, end = (start, end) if node.end_byte - node.start_byte > end - start + 2 else node.byte_range
        form = form if (start, end) == node.byte_range else "unknown"
    if not name:
        yield Mention(secret, form, program, script, start, end, node, quoted, command, "", often, without)
        return
    forms = list(variable_forms(script, name))
    if not forms:
        forms = [("unknown", "", False, False)]
    for form, command, again, without in forms:
        more = often or again
        yield Mention(secret, form, program, script, start, end, node, quoted, command, name, more, without)
