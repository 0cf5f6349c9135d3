"""Where the scripts of a service name the path of a secret, and what they do with it there.

Each place is judged by what stands around it in the shell's tree. What is not understood has the form
`unknown`, and never counts as a plain reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from hwc_refactor.nix.shell import Script, script_of
from hwc_refactor.nix.strings import STRING_TYPES
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import ON_STOP, Program
from hwc_refactor.nixos.secrets.declared import DELIVERED, Secret, by_hand, secret_of, secrets_within
from hwc_refactor.nixos.secrets.deployed import deployed_script
from hwc_refactor.nixos.secrets.private_files import assigned_privately, taken_privately
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.tree import Tree

Form = Literal["read", "stdin", "source", "private", "test", "argument", "text", "copied", "made", "unknown"]
"""What is done with the path.

`read`: what the file holds becomes part of a command or a variable, `$(cat path)`; `stdin`: a program reads
it; `source`: the shell reads it as a script; `private`: a program is given the path that refuses a file which
its group may read; `test`: it is looked at, not into; `argument`: a program is
given the path; `text`: the path is printed; `copied`: what it holds is put into another file; `made`: the
script itself writes or changes the file.
"""

_DELIVERED_TEXT = re.compile(rb"/run/(?:agenix|secrets|secrets-for-users)/[\w./-]*")


@dataclass(frozen=True, slots=True, eq=False)
class Optional:
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


@dataclass(frozen=True, slots=True, eq=False)
class Mention:
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
        option: the `optionalString` in which it stands; None for what is always there.
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
    option: Optional | None = None

    @property
    def on_stop(self) -> bool:
        """Whether it runs when the unit stops or reloads."""
        return self.program.directive in ON_STOP

    @property
    def line(self) -> int:
        """Its line in the file of the script, from 1."""
        return self.script.line(self.start)


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """A secret in a part of a service's settings that cannot be read as a script.

    Attributes:
        secret: the secret.
        at: the expression that holds it.
        program: the program it belongs to.
    """

    secret: Secret
    at: Expr
    program: Program


def mentions(block: Block) -> tuple[Mention, ...]:
    """All places in the scripts of a service that name the path of a secret."""
    return block.tree.remember(("mentions", id(block)), block, lambda: tuple(_mentions(block)))


def hidden(block: Block) -> tuple[Hidden, ...]:
    """The secrets in parts of scripts that Nix puts together, and in scripts that cannot be read."""
    return tuple(_hidden(block))


def written_scripts(block: Block) -> Iterator[tuple[Program, Script]]:
    """The scripts of a service as they are written; not the pieces of one that are scripts themselves.

    Also one of the root that it runs by a path outside of it, where it is the only one of its name.
    """
    seen: set[tuple[int, str, int]] = set()
    for program, script in facts(block).scripts:
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
        for secret, start, end in secret_paths(block.tree, script):
            yield from _judged(script, program, secret, start, end)
        for option in _options(block.tree, script):
            for secret, start, end in secret_paths(block.tree, option.script):
                for mention in _judged(option.script, program, secret, start, end):
                    yield replace(mention, option=option)


def _hidden(block: Block) -> Iterator[Hidden]:
    tree = block.tree
    scripts = list(written_scripts(block))
    read = {one.body.string.node.id for _, one in scripts if one.body.string is not None and one.sound}
    for _, script in scripts:
        inside = [one.script.body.string for one in _options(tree, script)]
        read |= {one.node.id for one in inside if one is not None}
    for program, script in scripts:
        for hole in script.body.holes:
            if secret_of(tree.resolver.value(hole)) is None:
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
    """The secrets that strings within an expression read, as scripts of their own; not those in `read`."""
    for secret in secrets_within(tree, expr):
        file, node = expr.file, secret.at.node
        inside = [one for one in file.chain(node.start_byte, node.end_byte) if _within(one, expr.node)]
        strings = [one for one in inside if one.type in STRING_TYPES]
        hides = strings and strings[-1].id not in read
        script = script_of(Expr(file, strings[-1], secret.at.env)) if hides else None
        for number, start, end in () if script is None else script.hole_places():
            assert script is not None
            hole = script.body.holes[number].node
            if (hole.start_byte, hole.end_byte) == (node.start_byte, node.end_byte):
                if _form(script, script.chain(start, end), start, end)[0] in ("read", "source", "copied"):
                    yield Hidden(secret, secret.at, program)


def _within(node: Node, region: Node) -> bool:
    return region.start_byte <= node.start_byte and node.end_byte <= region.end_byte


def secret_paths(tree: Tree, script: Script) -> Iterator[tuple[Secret, int, int]]:
    """The paths of secrets in the text of a script: interpolations, and literal paths."""
    data = script.body.data
    for number, start, end in script.hole_places():
        if data[end : end + 1] in (b"/",) or data[start - 1 : start] in (b"/",):
            continue  # a part of a path
        secret = secret_of(tree.resolver.value(script.body.holes[number]))
        if secret is not None:
            yield replace(secret, at=script.body.holes[number]), start, end
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
    form, command = _form(script, chain, start, end)
    quoted = any(node.type in ("string", "heredoc_body") for node in _word_nodes(chain))
    repeated = _repeated(chain)
    node = chain[-1]
    assignment = _assignment(chain) if form == "unknown" else None
    taker = "" if assignment is None else assigned_privately(script, assignment, start, end)
    form, command = ("private", taker) if taker else (form, command)
    name = "" if taker else _assigned(script, assignment)
    if any(one.type == "comment" for one in chain):
        return
    if node.type == "raw_string":
        start, end = (start, end) if node.end_byte - node.start_byte > end - start + 2 else node.byte_range
        form = form if (start, end) == node.byte_range else "unknown"
    if not name:
        yield Mention(secret, form, program, script, start, end, node, quoted, command, "", repeated)
        return
    forms = list(_variable_forms(script, name))
    if not forms:
        forms = [("unknown", "", False)]
    for form, command, again in forms:
        yield Mention(
            secret, form, program, script, start, end, node, quoted, command, name, repeated or again
        )


def _variable_forms(script: Script, name: str) -> Iterator[tuple[Form, str, bool]]:
    """What is done with a path that a variable holds."""
    if name not in script.constants:
        yield "unknown", "", False
        return
    for node in script.nodes("simple_expansion", "expansion"):
        inner = node.named_children
        if inner and script.source(inner[0]) == name:
            chain = script.chain(node.start_byte, node.end_byte)
            yield (*_form(script, chain, node.start_byte, node.end_byte), _repeated(chain))


def _repeated(chain: list[Node]) -> bool:
    kinds = ("while_statement", "for_statement", "c_style_for_statement", "function_definition")
    return any(node.type in kinds for node in chain)


_WORDS = frozenset(
    "word string string_content concatenation raw_string simple_expansion expansion variable_name".split()
)


def _word_nodes(chain: list[Node]) -> list[Node]:
    """The innermost nodes of a chain that make up one word."""
    found: list[Node] = []
    for node in reversed(chain):
        if node.type not in (*_WORDS, "heredoc_body", "heredoc_content"):
            break
        found.append(node)
    return found


def _form(script: Script, chain: list[Node], start: int, end: int) -> tuple[Form, str]:
    """What is done with a range of the word at the end of a chain of nodes, and by which command."""
    word = _word_nodes(chain)
    outer = chain[: len(chain) - len(word)]
    if not outer or any(node.type in ("heredoc_body", "heredoc_content") for node in word):
        return "unknown", ""
    around = outer[-1]
    match around.type:
        case "file_redirect":
            return _redirect(script, outer)
        case "command":
            return _argument(script, outer, start, end)
        case "test_command" | "unary_expression" | "binary_expression":
            return "test", ""
        case _:
            return "unknown", ""


def _redirect(script: Script, outer: list[Node]) -> tuple[Form, str]:
    redirect, above = outer[-1], outer[-2]
    if any(child.type in (">", ">>", ">|", "&>", "&>>") for child in redirect.children):
        return "made", ""
    if not any(child.type == "<" for child in redirect.children):
        return "unknown", ""
    if above.type == "command_substitution":
        return "read", ""
    body = above.child_by_field_name("body") if above.type == "redirected_statement" else None
    command = script.command(body) if body is not None and body.type == "command" else None
    program = "" if command is None else command.program
    kept = program in ("read", "mapfile", "readarray")
    return ("read" if kept or _substituted(outer) else "stdin"), program


def _argument(script: Script, outer: list[Node], start: int, end: int) -> tuple[Form, str]:
    command = script.command(outer[-1])
    if command is None:
        return "unknown", ""
    program = command.program
    taker = taken_privately(script, command, start, end)
    if taker:
        return "private", taker
    if program in ("source", "."):
        return "source", program
    if program in commands("readers"):
        return ("read" if _substituted(outer) else "stdin"), program
    if program in commands("examiners"):
        return "test", program
    if program in commands("speakers"):
        return "text", program
    if program in commands("copiers"):
        return "copied", program
    if program in ("chmod", "chown", "chgrp", "touch", "rm", "mkdir", "tee", "truncate", "shred", "setfacl"):
        return "made", program
    return "argument", program


def _substituted(outer: list[Node]) -> bool:
    """Whether what stands there is printed into a word of another command, or into a variable."""
    return any(node.type == "command_substitution" for node in outer)


def _assignment(chain: list[Node]) -> Node | None:
    """The assignment that gives a variable the word at the end of a chain."""
    word = _word_nodes(chain)
    outer = chain[: len(chain) - len(word)]
    if outer and outer[-1].type == "variable_assignment":
        name = outer[-1].child_by_field_name("name")
        if name is not None and (not word or word[-1].start_byte > name.end_byte):
            return outer[-1]
    return None


def _assigned(script: Script, assignment: Node | None) -> str:
    """The variable that is assigned; empty for none."""
    name = None if assignment is None else assignment.child_by_field_name("name")
    return "" if name is None else script.source(name)
