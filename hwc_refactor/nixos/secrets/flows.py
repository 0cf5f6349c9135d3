"""Into which files a script writes what it has read from a secret.

The value is followed through variables, command substitutions, here-documents and pipes, as far as commands
print what they are given. A program that takes it as an argument or on its input ends the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.secrets.uses import Mention

_OUT = (">", ">>", ">|", "&>", "&>>")


def written_to(mention: Mention) -> list[Node]:
    """The words that name the files into which the value read at a mention is written, in its script."""
    follower = _Follower(mention.script)
    if mention.form == "private":
        return []
    if mention.form == "source":
        for name in _defined_elsewhere(mention.script):
            follower.named(name)
        return follower.targets
    chain = mention.script.chain(mention.start, mention.end)
    around = next(
        (node for node in reversed(chain) if node.type in ("command", "command_substitution")), None
    )
    if mention.variable:
        for node in mention.script.nodes("simple_expansion", "expansion"):
            if node.named_children and mention.script.source(node.named_children[0]) == mention.variable:
                inner = mention.script.chain(node.start_byte, node.end_byte)
                held = next(
                    (one for one in reversed(inner) if one.type in ("command", "command_substitution")), None
                )
                if held is not None:
                    follower.reading(held)
    elif around is not None:
        follower.reading(around)
    return follower.targets


def _defined_elsewhere(script: Script) -> set[str]:
    """The variables of a script that a file which it reads as a script may have set."""
    used = {
        script.source(node.named_children[0])
        for node in script.nodes("simple_expansion", "expansion")
        if node.named_children and node.named_children[0].type == "variable_name"
    }
    own = set[str]()
    for node in script.nodes("variable_assignment"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and script.word(value).literal != "":
            own.add(script.source(name))
    for node in script.nodes("for_statement"):
        variable = node.child_by_field_name("variable")
        own |= {script.source(variable)} if variable is not None else set()
    read = {
        word.text for one in script.commands if one.program in ("read", "mapfile") for word in one.arguments
    }
    return {name for name in used - own - read if name.isidentifier()} - commands("surroundings")


def written_around(mention: Mention) -> list[Node]:
    """The same in the script around a part that is there under a condition, by the variables of that part."""
    if mention.option is None:
        return []
    follower = _Follower(mention.option.around)
    if mention.form == "source":
        for text in _defined_elsewhere(mention.option.around):
            follower.named(text)
    for node in mention.script.chain(mention.start, mention.end):
        name = node.child_by_field_name("name") if node.type == "variable_assignment" else None
        if name is not None:
            follower.named(mention.script.source(name))
    return follower.targets


class _Follower:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._seen: set[int] = set()
        self.targets: list[Node] = []

    def reading(self, node: Node) -> None:
        """A command, or a command substitution, that reads the secret."""
        if node.type == "command_substitution":
            self._value(node)
        elif (command := self._script.command(node)) is not None:
            program = command.program
            if program in commands("copiers"):
                last = command.arguments[-1:]
                self.targets += [node for word in last for node in self._word(word.start, word.end)]
            elif program in commands("printers") or program in commands("readers"):
                self._output(node)

    def _word(self, start: int, end: int) -> Iterator[Node]:
        yield self._script.chain(start, end)[-1]

    def _value(self, node: Node) -> None:
        """A node whose text holds the secret when the script runs."""
        if node.id in self._seen:
            return
        self._seen.add(node.id)
        chain = self._script.chain(node.start_byte, node.end_byte)
        while chain and chain[-1] != node:
            chain.pop()
        for number in range(len(chain) - 2, -1, -1):
            around = chain[number]
            if around.type == "variable_assignment":
                self._variable(around)
                return
            if around.type == "command":
                self._given(around)
                return
            if around.type in ("heredoc_redirect", "herestring_redirect"):
                body = chain[number - 1].child_by_field_name("body")
                if body is not None and body.type == "command":
                    self._given(body)
                return
            if around.type in ("test_command", "command_substitution", "file_redirect"):
                return

    def _variable(self, assignment: Node) -> None:
        name = assignment.child_by_field_name("name")
        self.named("" if name is None else self._script.source(name))

    def named(self, text: str) -> None:
        """A variable that holds the secret."""
        for node in self._script.nodes("simple_expansion", "expansion"):
            if node.named_children and self._script.source(node.named_children[0]) == text:
                self._value(node)

    def _given(self, node: Node) -> None:
        """A command that is given the secret, as an argument or on its input."""
        command = self._script.command(node)
        if command is None or command.program not in commands("printers"):
            return
        words = [word for word in command.arguments if not word.text.startswith("-")]
        if command.program == "tee":
            self.targets += [one for word in words for one in self._word(word.start, word.end)]
        elif command.program == "sed" and any(
            word.text.startswith(("-i", "--in-place")) for word in command.arguments
        ):
            self.targets += [one for word in words[-1:] for one in self._word(word.start, word.end)]
        self._output(node)

    def _output(self, node: Node) -> None:
        """A command whose output holds the secret."""
        if -node.id in self._seen:
            return
        self._seen.add(-node.id)
        chain = self._script.chain(node.start_byte, node.end_byte)
        while chain and chain[-1] != node:
            chain.pop()
        for number in range(len(chain) - 2, -1, -1):
            around, child = chain[number], chain[number + 1]
            if around.type == "redirected_statement":
                target = self._target(around)
                if target is not None:
                    self.targets.append(target)
                    return
                for redirect in _redirects(around):
                    if redirect.type == "pipeline":  # cat <<EOF | tee FILE
                        self._through(redirect.named_children)
                        return
            elif around.type == "pipeline":
                self._piped(around, child)
                if child != around.named_children[-1]:
                    return
            elif around.type == "command_substitution":
                self._value(around)
                return
            elif around.type in ("function_definition", "process_substitution"):
                return

    def _piped(self, pipeline: Node, stage: Node) -> None:
        stages = pipeline.named_children
        behind = next((n + 1 for n, one in enumerate(stages) if one == stage), len(stages))
        self._through(stages[behind:])

    def _through(self, stages: Sequence[Node]) -> None:
        """The stages of a pipe of which the first one is given the secret on its input."""
        for node in stages[:1]:
            if node.type == "redirected_statement":
                body = node.child_by_field_name("body")
                node = body if body is not None else node
            if node.type == "command":
                self._given(node)

    def _target(self, statement: Node) -> Node | None:
        for child in _redirects(statement):
            if child.type == "file_redirect" and any(one.type in _OUT for one in child.children):
                if any(
                    one.type == "file_descriptor" and self._script.source(one) == "2"
                    for one in child.children
                ):
                    continue
                target = child.child_by_field_name("destination")
                text = "" if target is None else self._script.source(target)
                if target is not None and not text.strip("\"'").startswith(("/dev/", "&")):
                    return target
        return None


def _redirects(statement: Node) -> list[Node]:
    """What redirects a statement; the grammar puts what follows `<<EOF` on its line below the here-document."""
    found = list(statement.named_children)
    for child in statement.named_children:
        if child.type == "heredoc_redirect":
            found += [one for one in child.named_children if one.type in ("file_redirect", "pipeline")]
    return found
