"""How a script writes an environment file, line by line: all of it has to be understood.

The file comes from `echo`, `printf` and here-documents, and nothing else is done with it but what keeps it
for its reader.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node, within
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.words import place_of
from hwc_refactor.nixos.secrets.uses import Mention, mentions

_LINE = re.compile(rb"(?:export[ \t]+)?([A-Za-z_]\w*)=(.*)\Z", re.DOTALL)
_KEEPING = frozenset({"chmod", "chown", "chgrp", "touch", "rm", "install", "umask"})
_STATEMENTS = frozenset({"program", "list", "compound_statement", "subshell"})


class Variable(Struct, frozen=True, eq=False):
    """One line of an environment file.

    Attributes:
        name: the variable.
        secret: the place where its value is read from a secret; None for a plain value.
        text: the plain value as text of the script, interpolations as `__nixN__`.
    """

    name: str
    secret: Mention | None
    text: str = ""


class Writing:
    """How one script writes one environment file.

    Attributes:
        variables: the lines of the file.
        removed: the statements that are about nothing else.
        words: the text of the redirections' targets, as it stands in the script.
    """

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

    def understood(self) -> bool:
        """Whether everything that the script does with the file is understood."""
        writers = [
            node
            for node in self._script.nodes("redirected_statement")
            if (target := _target(node)) is not None and self._is_file(target)
        ]
        if not writers or not all(self._writer(node) for node in writers):
            return False
        for command in self._script.commands:
            if any(within(command.node, node) for node in writers):
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
            if node.type == "comment" or any(within(node, one) for one in self.removed):
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
            if any(within(one, node) for node in writers for one in chain[-1:]):
                continue
            assignment = next((one for one in chain if one.type == "variable_assignment"), None)
            name = None if assignment is None else assignment.child_by_field_name("name")
            if assignment is None or name is None or not self._top(assignment):
                return False
            for node in self._script.nodes("simple_expansion", "expansion"):
                uses = node.named_children and self._script.source(
                    node.named_children[0]
                ) == self._script.source(name)
                if uses and not any(within(node, one) for one in writers):
                    return False
            self.removed.append(assignment)
        return True


def _target(statement: Node) -> Node | None:
    for child in statement.named_children:
        if child.type == "file_redirect" and any(one.type in (">", ">>", ">|") for one in child.children):
            return child.child_by_field_name("destination")
    return None
