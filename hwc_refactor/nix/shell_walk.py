"""What a stretch of shell code reaches: the nodes that run, those of called functions included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node

LOOPS = frozenset({"while_statement", "for_statement", "c_style_for_statement"})
_APART = frozenset({"subshell", "command_substitution", "process_substitution"})
_LEAVING = frozenset({"exit", "return", "break", "continue", "exec"})


class Reached(Struct, frozen=True, eq=False):
    """A node that runs as a part of a stretch of code.

    Attributes:
        node: the node.
        depth: how many loops of the stretch it stands in.
        apart: whether it runs in a process of its own: a subshell, a substitution, a stage of a pipeline.
        function: the function it is part of, None for the stretch itself.
        nested: the scripts' functions that are being called, outermost first.
    """

    node: Node
    depth: int = 0
    apart: bool = False
    function: str | None = None
    nested: tuple[str, ...] = ()


class Leaving(Struct, frozen=True, eq=False):
    """A command that leaves the stretch, or goes to its next round.

    Attributes:
        how: `exit`, `return`, `break`, `continue` or `exec`.
        argument: the text behind it, empty for none.
        node: the command.
        function: the function it stands in, None for the stretch itself.
    """

    how: str
    argument: str
    node: Node
    function: str | None


def reached(script: Script, nodes: Iterable[Node]) -> Iterator[Reached]:
    """The nodes that run when these do, in the order of the text; a function's where it is called."""
    for node in nodes:
        waiting = [Reached(node)]
        while waiting:
            at = waiting.pop()
            if at.node.type != "function_definition":
                yield at
                waiting += reversed(_next(script, at))


def _next(script: Script, at: Reached) -> list[Reached]:
    """What runs as the parts of a node: its children, then the function that it calls."""
    node, called = at.node, _called(script, at.node)
    stages = node.type == "pipeline" and sum(child.is_named for child in node.children) > 1
    inside = replace(at, apart=at.apart or stages or node.type in _APART)
    found = [
        replace(inside, node=child, depth=at.depth + (node.type in LOOPS and child.type == "do_group"))
        for child in node.children
    ]
    body = None if called is None else script.functions[called].child_by_field_name("body")
    if called is not None and body is not None and called not in at.nested:
        found.append(replace(at, node=body, function=called, nested=(*at.nested, called)))
    return found


def _called(script: Script, node: Node) -> str | None:
    """The function of the script that a command calls."""
    if node.type != "command":
        return None
    name = node.child_by_field_name("name")
    text = "" if name is None else script.source(name)
    return text if text in script.functions else None


def leavings(script: Script, nodes: Iterable[Node]) -> Iterator[Leaving]:
    """What leaves a stretch that stands in a loop: `break` and `continue` of that loop, `exit`, `return`, `exec`.

    What only ends a subshell is none, nor is a `return` that ends a function called from the stretch.
    """
    for at in reached(script, nodes):
        if at.node.type != "command" or at.apart:
            continue
        command = script.command(at.node)
        if command is None or command.name.text not in _LEAVING:
            continue
        how = command.name.text
        words = [word.text for word in command.arguments]
        if how == "exec" and (not words or words[0].startswith("{")):  # only redirections
            continue
        if how in ("break", "continue"):
            count = int(words[0]) if words and words[0].isdigit() else 1
            if at.depth >= count or at.function is not None:
                continue
        elif how == "return" and at.function is not None:
            continue
        yield Leaving(how, " ".join(words), at.node, at.function)


def background(script: Script, nodes: Iterable[Node]) -> Node | None:
    """The first place at which a job is put into the background, None when there is none."""
    for at in reached(script, nodes):
        behind = at.node.next_sibling
        if at.node.is_named and behind is not None and behind.type == "&":
            if at.node.parent is None or not at.node.parent.type.endswith("_expression"):
                return at.node
        if at.node.type == "command" and script.source(at.node).startswith("coproc"):
            return at.node
    return None
