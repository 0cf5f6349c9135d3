"""Which variables a loop carries from one round into the next: a small data flow over the shell's tree.

A variable is carried when a round may read it before it has given it a value itself, and the loop gives it
one, in the shell that runs the loop and not in a subshell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.syntax import Node

Known = frozenset[str] | None
"""The variables that have got a value in this round; None where the code is never reached."""

_APART = frozenset({"subshell", "command_substitution", "process_substitution"})
_ASSIGNS = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="})
_READERS = frozenset({"read", "mapfile", "readarray", "getopts"})
_LEAVES = frozenset({"exit", "return", "break", "continue"})


class Carried(Struct, frozen=True, eq=False):
    """A variable that a loop carries from one round into the next.

    Attributes:
        name: its name.
        set: where a round gives it a value.
        read: where a round reads what it had before.
    """

    name: str
    set: Node
    read: Node


def carried(script: Script, nodes: Sequence[Node]) -> list[Carried]:
    """The variables that the body of a loop carries from one round into the next, in the order of reading."""
    flow = _Flow(script)
    flow.sequence(nodes, frozenset())
    return [
        Carried(name, flow.assigned[name], read)
        for name, read in flow.exposed.items()
        if name in flow.assigned
    ]


def kept_arrays(script: Script, nodes: Iterable[Node]) -> list[str]:
    """Arrays that the body declares without emptying them: `declare -A x`."""
    found: list[str] = []
    pending = list(nodes)
    while pending:
        node = pending.pop(0)
        if node.type == "declaration_command" and script.source(node).startswith(("declare -", "typeset -")):
            found += [script.source(child) for child in node.named_children if child.type == "variable_name"]
        pending += node.named_children
    return found


class _Flow(Struct, eq=False):
    script: Script
    exposed: dict[str, Node] = {}
    assigned: dict[str, Node] = {}
    _apart: int = 0
    _locals: list[set[str]] = []
    _calls: list[str] = []
    _held_by: dict[str, frozenset[str]] = {}
    """What a round has given a value where a condition, by its text, was true."""

    # -- variables ---------------------------------------------------------------------------------------

    def _read(self, name: str, node: Node, known: frozenset[str]) -> None:
        if name == "SECONDS" and name not in known:
            self.assigned.setdefault(name, node)
        if name not in known:
            self.exposed.setdefault(name, node)

    def _assign(self, name: str, node: Node, known: frozenset[str]) -> frozenset[str]:
        if not self._apart and not any(name in names for names in self._locals):
            self.assigned.setdefault(name, node)
        return known | {name}

    # -- statements --------------------------------------------------------------------------------------

    def sequence(self, nodes: Iterable[Node], known: Known) -> Known:
        for node in nodes:
            known = self.run(node, known)
        return known

    def run(self, node: Node, known: Known) -> Known:
        """What has a value after a node, given what has one before it."""
        if known is None or not node.is_named:
            return known
        match node.type:
            case "function_definition" | "comment":
                return known
            case "pipeline" if len(node.named_children) > 1:
                return self._aside(node, known)
            case kind if kind in _APART:
                return self._aside(node, known)
            case "list":
                return self._list(node, known)
            case "if_statement":
                return self._if(node, known)
            case "while_statement":
                *condition, body = node.named_children
                first = self.sequence(condition, known)
                self.run(body, first)
                return first
            case "for_statement":
                return self._for(node, known)
            case "case_statement":
                return self._case(node, known)
            case "variable_assignment":
                return self._assignment(node, known)
            case "declaration_command" | "unset_command":
                return self._declaration(node, known)
            case "command":
                return self._command(node, known)
            case "simple_expansion" | "expansion":
                return self._expansion(node, known)
            case "binary_expression" | "postfix_expression" | "unary_expression":
                return self._arithmetic(node, known)
            case "variable_name":
                if node.parent is not None and node.parent.type in (
                    "arithmetic_expansion",
                    "compound_statement",
                ):
                    self._read(self.script.source(node), node, known)
                return known
        return self.sequence(node.named_children, known)

    def _aside(self, node: Node, known: frozenset[str]) -> Known:
        """In a process of its own nothing that is given a value keeps it."""
        self._apart += 1
        if node.type == "pipeline":
            for stage in node.named_children:
                self.run(stage, known)
        else:
            self.sequence(node.named_children, known)
        self._apart -= 1
        return known

    def _list(self, node: Node, known: frozenset[str]) -> Known:
        operator = next((child.type for child in node.children if not child.is_named), "&&")
        left, *right = node.named_children
        after = self.run(left, known)
        behind = self.sequence(right, after)
        if operator == "||" and behind is None:
            return self._held(left, after)
        return after

    def _held(self, node: Node, after: Known) -> Known:
        """What has a value when a list was true to its end: each part of `a && b` has run then."""
        if after is None or node.type != "list":
            return after
        operator = next((child.type for child in node.children if not child.is_named), "")
        if operator != "&&":
            return after
        left, *right = node.named_children
        held = self._held(left, after)
        return after if held is None else self.sequence(right, held) or after

    def _if(self, node: Node, known: frozenset[str]) -> Known:
        condition, body, others = _parts(node)
        after = self.sequence(condition, known)
        tested = all(part.type == "test_command" for part in condition)
        text = " ".join(self.script.source(part) for part in condition) if tested else ""
        true = self._true(condition, after)
        if true is not None and tested:
            true |= self._held_by.get(text, frozenset())
        outcomes = [self.sequence(body, true)]
        if outcomes[0] is not None and tested:
            self._held_by[text] = outcomes[0]
        exhaustive = False
        for other in others:
            if other.type == "else_clause":
                outcomes.append(self.sequence(other.named_children, after))
                exhaustive = True
            else:
                more, body, _ = _parts(other)
                after = self.sequence(more, after)
                outcomes.append(self.sequence(body, self._true(more, after)))
        if not exhaustive:
            outcomes.append(after)
        return _meet(outcomes)

    def _true(self, condition: Sequence[Node], after: Known) -> Known:
        return self._held(condition[-1], after) if condition else after

    def _for(self, node: Node, known: frozenset[str]) -> Known:
        variable = node.child_by_field_name("variable")
        body = node.child_by_field_name("body")
        values = [child for child in node.named_children if child not in (variable, body)]
        after = self.sequence(values, known)
        if after is None or variable is None or body is None:
            return after
        inside = self.run(body, self._assign(self.script.source(variable), variable, after))
        sure = bool(values) and all(self.script.word(value).literal is not None for value in values)
        return inside if sure and inside is not None else after

    def _case(self, node: Node, known: frozenset[str]) -> Known:
        items = [child for child in node.named_children if child.type == "case_item"]
        after = self.sequence([child for child in node.named_children if child.type != "case_item"], known)
        outcomes = [self.sequence(item.named_children, after) for item in items]
        if not any(self.script.source(item).lstrip(" (").startswith("*)") for item in items):
            outcomes.append(after)
        return _meet(outcomes)

    def _assignment(self, node: Node, known: frozenset[str]) -> Known:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        after = known if value is None else self.run(value, known)
        if name is None or after is None:
            return after
        if name.type == "subscript":
            after = self.sequence(name.named_children[1:], after)
            name = name.named_children[0]
            text = self.script.source(name)
            if after is None:
                return None
            self._read(text, name, after)
            self._assign(text, name, after)
            return after
        text = self.script.source(name)
        if any(child.type == "+=" for child in node.children):
            self._read(text, name, after)
        return self._assign(text, name, after)

    def _declaration(self, node: Node, known: frozenset[str]) -> Known:
        word = self.script.source(node.children[0])
        inner = word in ("local", "declare", "typeset") and bool(self._locals)
        after: Known = known
        for child in node.named_children:
            name = child if child.type == "variable_name" else child.child_by_field_name("name")
            if name is not None and inner:
                self._locals[-1].add(self.script.source(name))
            if child.type != "variable_name":
                after = self.run(child, after)
            elif word not in ("export", "readonly") and after is not None:
                after = self._assign(self.script.source(child), child, after)
        return after

    def _command(self, node: Node, known: frozenset[str]) -> Known:
        after: Known = known
        for child in node.named_children:
            if child.type == "variable_assignment":  # for this command alone
                value = child.child_by_field_name("value")
                after = after if value is None else self.run(value, after)
            else:
                after = self.run(child, after)
        command = self.script.command(node)
        if command is None or after is None:
            return after
        name, words = command.name.text, command.arguments
        if name in _LEAVES:
            return None
        if name in _READERS or (name == "printf" and words and words[0].text == "-v"):
            for word in words[1:2] if name == "printf" else words:
                if word.text.isidentifier():
                    after = self._assign(word.text, node, after)
        elif name == "let":
            for word in words:
                target = word.text.rstrip("+-").split("=")[0].rstrip("+-*/%").lstrip("+-")
                if target.isidentifier():
                    self._read(target, node, after)
                    after = self._assign(target, node, after)
        elif (
            name in ("shift", "set")
            and not self._calls
            and (name == "shift" or "--" in self.script.source(node))
        ):
            after = self._assign("@", node, after)
        elif name in self.script.functions and name not in self._calls:
            return self._called(name, after)
        return after

    def _called(self, name: str, known: frozenset[str]) -> Known:
        body = self.script.functions[name].child_by_field_name("body")
        if body is None:
            return known
        self._calls.append(name)
        self._locals.append(set())
        after = self.run(body, known)
        own = self._locals.pop()
        self._calls.pop()
        if after is None or b"return" in (body.text or b""):
            return known
        return known | (after - own)

    # -- expressions -------------------------------------------------------------------------------------

    def _expansion(self, node: Node, known: frozenset[str]) -> Known:
        after: Known = known
        for child in node.named_children:
            if child.type == "subscript":
                self._read(self.script.source(child.named_children[0]), child, known)
                after = self.sequence(child.named_children[1:], after)
            elif child.type in ("variable_name", "special_variable_name"):
                name = self.script.source(child)
                if name.isdigit() or name in "@*#":
                    if not self._calls:
                        self._read("@", child, known)
                elif name not in ("!", "?", "$", "-", "_"):
                    self._read(name, child, known)
                if any(part.type in (":=", "=") for part in node.children) and after is not None:
                    after = self._assign(name, child, after)
            else:
                after = self.run(child, after)
        return after

    def _arithmetic(self, node: Node, known: frozenset[str]) -> Known:
        operator = next((child.type for child in node.children if not child.is_named), "")
        names = [child for child in node.named_children if child.type == "variable_name"]
        if self._in_test(node):
            return self.sequence([c for c in node.named_children if c.type != "variable_name"], known)
        if operator in ("++", "--") and names:
            name = self.script.source(names[0])
            self._read(name, names[0], known)
            return self._assign(name, names[0], known)
        target = node.named_children[0] if operator in _ASSIGNS else None
        after: Known = known
        for child in node.named_children:
            if child.type == "variable_name" and not (child == target and operator == "="):
                self._read(self.script.source(child), child, known)
            elif child.type != "variable_name":
                after = self.run(child, after)
        if target is not None and target.type == "variable_name" and after is not None:
            return self._assign(self.script.source(target), target, after)
        return after

    def _in_test(self, node: Node) -> bool:
        around = node.parent
        while around is not None and around.type.endswith("_expression"):
            around = around.parent
        return around is not None and around.type == "test_command"


def _parts(node: Node) -> tuple[list[Node], list[Node], list[Node]]:
    """The condition, the body and the further clauses of an `if` or `elif`."""
    condition: list[Node] = []
    body: list[Node] = []
    others: list[Node] = []
    target = condition
    for child in node.children:
        if child.type == "then":
            target = body
        elif child.type in ("elif_clause", "else_clause"):
            others.append(child)
        elif child.is_named:
            target.append(child)
    return condition, body, others


def _meet(outcomes: Sequence[Known]) -> Known:
    """What has a value on every way that is taken."""
    alive = [known for known in outcomes if known is not None]
    if not alive:
        return None
    return frozenset.intersection(*alive)
