"""Environment files that a service writes itself before it starts: what each line holds, and what writes it.

Everything in the scripts that has to do with such a file must be understood, or there is no `EnvFile`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Item, Ref, Slot, Str, Text
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.scripts.programs import Program, programs
from hwc_refactor.nixos.scripts.words import place_of
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.secrets.uses import Mention, mentions

OPTION = ("serviceConfig", "EnvironmentFile")
_LINE = re.compile(rb"(?:export[ \t]+)?([A-Za-z_]\w*)=(.*)\Z", re.DOTALL)
_KEEPING = frozenset({"chmod", "chown", "chgrp", "touch", "rm", "install", "umask"})
_STATEMENTS = frozenset({"program", "list", "compound_statement", "subshell"})


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One `EnvironmentFile` of a service.

    Attributes:
        path: its path, interpolations as `${…}`, without the `-` that makes it optional.
        slot: the definition.
        item: the element of the list it is; None for a definition that is one string.
        optional: whether it may be missing.
        value: the string.
    """

    path: str
    slot: Slot
    item: Item | None
    optional: bool
    value: Str


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One line of an environment file.

    Attributes:
        name: the variable.
        secret: the place where its value is read from a secret; None for a plain value.
        text: the plain value as text of the script, interpolations as `__nixN__`.
    """

    name: str
    secret: Mention | None
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EnvFile:
    """An environment file that a service writes from secrets and then reads.

    Attributes:
        reading: where the service reads it.
        writer: the service that writes it.
        program: what writes it.
        script: the script that does.
        variables: its lines.
        removed: byte ranges of the script's text that are about nothing else, whole lines.
        words: the text of the redirections' targets, as it stands in the script.
        rest: whether the script does something else too.
    """

    reading: Reading
    writer: Block
    program: Program
    script: Script
    variables: tuple[Variable, ...]
    removed: tuple[tuple[int, int], ...]
    words: frozenset[str]
    rest: bool

    @property
    def secrets(self) -> tuple[Variable, ...]:
        """The lines that hold a secret."""
        return tuple(one for one in self.variables if one.secret is not None)

    @property
    def plain(self) -> tuple[Variable, ...]:
        """The other lines."""
        return tuple(one for one in self.variables if one.secret is None)


def readings(block: Block) -> Iterator[Reading]:
    """The environment files of a service whose paths are strings in sight."""
    resolver = block.tree.resolver
    for slot in block.get(*OPTION):
        if slot.rest:
            continue
        value = resolver.value(slot.expr)
        pairs: list[tuple[Item | None, Expr]] = [(None, slot.expr)]
        if not isinstance(value, Str):
            pairs = [(item, item.expr) for item in resolver.items(slot.expr) if item.unknown is None]
        for item, expr in pairs:
            text = resolver.value(expr)
            if isinstance(text, Str):
                path = text.literal if text.literal is not None else text.shown
                yield Reading(path.removeprefix("-"), slot, item, path.startswith("-"), text)


def secrets_read(block: Block) -> Iterator[tuple[Secret, Expr]]:
    """The secrets whose own files are environment files of a service, and where."""
    resolver = block.tree.resolver
    for slot in block.get(*OPTION):
        if slot.rest:
            continue
        value = resolver.value(slot.expr)
        items = () if isinstance(value, Str | Ref) else resolver.items(slot.expr)
        for expr in [item.expr for item in items if item.unknown is None] or [slot.expr]:
            found = resolver.value(expr)
            if isinstance(found, Str) and found.parts and isinstance(found.parts[0], Text):
                first = found.parts[0]
                if first.text.startswith("-"):
                    rest = (Text(first.text[1:], first.at),) if first.text != "-" else ()
                    found = Str((*rest, *found.parts[1:]), found.at)
            secret = secret_of(found)
            if secret is not None and secret.scheme != "path":
                yield secret, expr


def env_files(block: Block) -> tuple[EnvFile, ...]:
    """The environment files that a service writes from secrets and reads, where all of it is understood."""
    found = (
        env_file(block, program, program.script, reading)
        for reading in readings(block)
        for program in programs(block)
        if program.directive == "ExecStartPre" and program.script is not None and program.script.sound
    )
    return tuple(one for one in found if one is not None)


def env_file(block: Block, program: Program, script: Script, reading: Reading) -> EnvFile | None:
    """The file of a reading as a script of a service writes it; None where that is not understood."""
    reader = _Reader(block, script, reading.path)
    if not reader.read() or not any(one.secret is not None for one in reader.variables):
        return None
    names = [one.name for one in reader.variables]
    if len(set(names)) < len(names):
        return None
    removed = tuple(sorted(_lines(script.body.data, node) for node in reader.removed))
    return EnvFile(
        reading,
        block,
        program,
        script,
        tuple(reader.variables),
        removed,
        frozenset(reader.words),
        reader.rest(),
    )


def _lines(data: bytes, node: Node) -> tuple[int, int]:
    """The whole lines that a statement covers."""
    start = data.rfind(b"\n", 0, node.start_byte) + 1
    end = node.end_byte
    if not data[:end].endswith(b"\n"):
        found = data.find(b"\n", end)
        end = len(data) if found < 0 else found + 1
    return start, end


class _Reader:
    """Reads how one script writes one file."""

    def __init__(self, block: Block, script: Script, path: str) -> None:
        self._tree = block.tree
        self._script = script
        self._path = path
        self._reads = {
            (one.start, one.end): one
            for one in mentions(block)
            if one.script.body is script.body and one.form == "read" and not one.variable
        }
        self.variables: list[Variable] = []
        self.removed: list[Node] = []
        self.words: set[str] = set()

    def read(self) -> bool:
        """Whether everything that the script does with the file is understood."""
        writers = [
            node
            for node in self._script.nodes("redirected_statement")
            if (target := _target(node)) is not None and self._is_file(target)
        ]
        if not writers or not all(self._writer(node) for node in writers):
            return False
        for command in self._script.commands:
            if any(_within(command.node, node) for node in writers):
                continue
            if not any(self._is_file(self._node(word.start, word.end)) for word in command.arguments):
                continue
            if command.program not in _KEEPING or not self._top(command.node):
                return False
            self.removed.append(command.node)
        return self._variables_are_used_for_nothing_else(writers)

    def rest(self) -> bool:
        """Whether the script does anything that has nothing to do with the file."""
        parent = posixpath.dirname(self._path)
        for node in self._script.root.named_children:
            if node.type == "comment" or any(_within(node, one) for one in self.removed):
                continue
            command = self._script.command(node) if node.type == "command" else None
            if command is not None and command.program in ("set", "umask"):
                continue
            if command is not None and command.program == "mkdir":
                places = [
                    place_of(self._tree, self._script, word).text
                    for word in command.arguments
                    if not word.text.startswith("-")
                ]
                if places == [parent] and parent.startswith(("/run/", "/tmp/")):
                    continue
            return True
        return False

    def _is_file(self, node: Node) -> bool:
        return place_of(self._tree, self._script, node).text == self._path

    def _node(self, start: int, end: int) -> Node:
        found = self._script.root.named_descendant_for_byte_range(start, end)
        assert found is not None
        return found

    def _top(self, node: Node) -> bool:
        """Whether a statement stands outside of conditions, loops and functions."""
        chain = self._script.chain(node.start_byte, node.end_byte)
        return all(
            one.type in (*_STATEMENTS, "redirected_statement") or one == node
            for one in chain[: chain.index(node) + 1]
        )

    def _writer(self, node: Node) -> bool:
        """A statement whose output goes to the file; reads the lines it writes."""
        target, body = _target(node), node.child_by_field_name("body")
        if target is None or body is None or not self._top(node):
            return False
        self.words.add(self._script.source(target))
        self.removed.append(node)
        if body.type in ("compound_statement", "subshell"):
            return all(self._printing(child) for child in body.named_children if child.type != "comment")
        heredoc = next((child for child in node.named_children if child.type == "heredoc_redirect"), None)
        if heredoc is not None:
            return self._heredoc(body, heredoc)
        return self._printing(body)

    def _heredoc(self, body: Node, heredoc: Node) -> bool:
        command = self._script.command(body) if body.type == "command" else None
        if command is None or command.program != "cat" or command.arguments:
            return False
        inside = next((child for child in heredoc.named_children if child.type == "heredoc_body"), None)
        start = next((child for child in heredoc.named_children if child.type == "heredoc_start"), None)
        if inside is None or start is None or self._script.source(start)[:1] in "'\"\\":
            return False
        at = inside.start_byte
        for line in self._script.body.data[inside.start_byte : inside.end_byte].split(b"\n"):
            if line.strip() and not line.lstrip().startswith(b"#"):
                if not self._line(at, at + len(line), inside):
                    return False
            at += len(line) + 1
        return True

    def _line(self, start: int, end: int, inside: Node) -> bool:
        """One `NAME=value` between two offsets."""
        data = self._script.body.data
        while data[start : start + 1] in (b" ", b"\t"):
            start += 1
        match = _LINE.match(data[start:end])
        if match is None:
            return False
        name = match[1].decode()
        first = start + match.start(2)
        dynamic = [
            child
            for child in inside.named_children
            if child.type not in ("heredoc_content", "string_content")
            and first <= child.start_byte
            and child.end_byte <= end
        ]
        value = data[first:end].strip()
        if len(value) > 1 and value[:1] == value[-1:] and value[:1] in (b'"', b"'"):
            value = value[1:-1]
        return self._value(name, value, dynamic)

    def _value(self, name: str, value: bytes, dynamic: Sequence[Node]) -> bool:
        if not dynamic:
            if b"\\" in value or b"$" in value or b"`" in value:
                return False
            self.variables.append(Variable(name, None, value.decode(errors="replace")))
            return True
        node = dynamic[0]
        if len(dynamic) > 1 or self._script.source(node).encode() != value:
            return False
        secret = self._secret(node)
        if secret is None:
            return False
        self.variables.append(Variable(name, secret))
        return True

    def _secret(self, node: Node) -> Mention | None:
        """The place where a secret is read whose text is all that a node stands for."""
        if node.type in ("simple_expansion", "expansion"):
            inner = node.named_children
            constant = self._script.constants.get(self._script.source(inner[0])) if len(inner) == 1 else None
            if constant is None:
                return None
            pieces = constant.pieces
            return self._secret(pieces[0].node) if len(pieces) == 1 and pieces[0].kind == "command" else None
        if node.type != "command_substitution" or len(node.named_children) != 1:
            return None
        inside = node.named_children[0]
        command = self._script.command(inside) if inside.type == "command" else None
        if command is not None and (command.program != "cat" or len(command.arguments) != 1):
            return None
        if command is None and inside.type != "file_redirect":
            return None
        return next((one for at, one in self._reads.items() if node.start_byte < at[0] < node.end_byte), None)

    def _printing(self, node: Node) -> bool:
        """`echo "NAME=…"`, or `printf 'NAME=%s\\n' "$value"`."""
        if node.type == "redirected_statement":
            body = node.child_by_field_name("body")
            heredoc = next((one for one in node.named_children if one.type == "heredoc_redirect"), None)
            return body is not None and heredoc is not None and self._heredoc(body, heredoc)
        command = self._script.command(node) if node.type == "command" else None
        if command is None:
            return False
        words = list(command.arguments)
        if command.program == "printf" and len(words) == 2:
            form = words[0].literal or ""
            match = re.fullmatch(r"([A-Za-z_]\w*)=(['\"]?)%s\2\\n", form)
            argument = self._node(words[1].start, words[1].end)
            children = [one for one in argument.named_children if one.type != "string_content"]
            inner = children[0] if argument.type == "string" and len(children) == 1 else argument
            secret = None if match is None else self._secret(inner)
            if match is None or secret is None:
                return False
            self.variables.append(Variable(match[1], secret))
            return True
        if command.program != "echo" or len(words) != 1 or words[0].text.startswith("-"):
            return False
        node = self._node(words[0].start, words[0].end)
        width = 1 if node.type in ("string", "raw_string") else 0
        if node.type == "raw_string":
            return self._line(node.start_byte + 1, node.end_byte - 1, node)
        return node.type in ("string", "concatenation", "word") and self._line(
            node.start_byte + width, node.end_byte - width, node
        )

    def _variables_are_used_for_nothing_else(self, writers: Sequence[Node]) -> bool:
        """Variables that hold secrets go with the file, if nothing else uses them."""
        for mention in [one.secret for one in self.variables if one.secret is not None]:
            chain = self._script.chain(mention.start, mention.end)
            if any(_within(one, node) for node in writers for one in chain[-1:]):
                continue
            assignment = next((one for one in chain if one.type == "variable_assignment"), None)
            name = None if assignment is None else assignment.child_by_field_name("name")
            if assignment is None or name is None or not self._top(assignment):
                return False
            for node in self._script.nodes("simple_expansion", "expansion"):
                uses = node.named_children and self._script.source(
                    node.named_children[0]
                ) == self._script.source(name)
                if uses and not any(_within(node, one) for one in writers):
                    return False
            self.removed.append(assignment)
        return True


def _target(statement: Node) -> Node | None:
    for child in statement.named_children:
        if child.type == "file_redirect" and any(one.type in (">", ">>", ">|") for one in child.children):
            return child.child_by_field_name("destination")
    return None


def _within(node: Node, region: Node) -> bool:
    return region.start_byte <= node.start_byte and node.end_byte <= region.end_byte
