"""Reading what a service does from its scripts and command lines, nested ones too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix.shell import Body, Command, Script, Word
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Expr, Str, Value
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.scripts.commands import Knowledge, knowledge
from hwc_refactor.nixos.scripts.doings import Doubt, Facts, Ran, Use
from hwc_refactor.nixos.scripts.effects import doubted, handed_on, written_by
from hwc_refactor.nixos.scripts.executables import (
    Executable,
    executable_of,
    executable_value,
    run_by_shell,
    script_text,
)
from hwc_refactor.nixos.scripts.joins import joined
from hwc_refactor.nixos.scripts.pieces import texts
from hwc_refactor.nixos.scripts.programs import Program, programs
from hwc_refactor.nixos.scripts.pythons import python_facts, runs_module
from hwc_refactor.nixos.scripts.search_path import Written, on_path, written
from hwc_refactor.nixos.scripts.spread import spread, spread_hole
from hwc_refactor.nixos.scripts.words import (
    MAX_NESTING,
    Place,
    after_options,
    number_of,
    place_of,
)
from hwc_refactor.nixos.tree import Tree

PYTHON_PROGRAM = Knowledge(frozenset({"network"}), "runs a Python program that is in sight")
PYTHON_SERVER = Knowledge(frozenset({"network", "listens"}), "runs a Python program that serves a port")
READ_SHELL = Knowledge(why="runs a shell script that is in sight")
_HOLE = re.compile(r"__nix(\d+)__")
_ESCAPED = re.compile(rb'\\([$`"\\])')
"""What a backslash quotes between double quotes (POSIX Shell & Utilities, 2.2.3 Double-Quotes)."""
_NOT_IN_SIGHT = "a part of its script is not in sight"


class _Found(Struct, eq=False):
    ran: list[Ran] = []
    writes: list[Use] = []
    reads: list[Use] = []
    handed: list[Use] = []
    doubts: list[Doubt] = []
    scripts: list[tuple[Program, Script]] = []
    repeated: list[Script] = []
    given: list[Script] = []


def facts(block: Block) -> Facts:
    """What a service does, as far as the tree shows."""
    return block.tree.remember(
        ("facts", id(block)), block, lambda: facts_of(block.tree, programs(block), on_path(block))
    )


def facts_of(tree: Tree, ran: Sequence[Program], by_name: Written) -> Facts:
    """What programs do, as far as the tree shows; `by_name` are those that they find on their search path."""
    found = _Found()
    for program in ran:
        _Reader(tree, program, by_name, found).read()
    return Facts(
        tuple(ran),
        tuple(found.scripts),
        tuple(found.ran),
        tuple(found.writes),
        tuple(found.reads),
        tuple(found.handed),
        tuple(found.doubts),
        tuple(found.repeated),
        tuple(found.given),
    )


class _Reader:
    """Reads what one program does into what was found."""

    def __init__(self, tree: Tree, program: Program, by_name: Written, found: _Found) -> None:
        self._tree = tree
        self._program = program
        self._by_name = by_name
        self._found = found
        self._seen: set[tuple[str, int, int, bytes]] = set()
        self._functions: set[str] = set()
        self._variables: dict[str, tuple[Script, Word]] = {}

    def read(self) -> None:
        program = self._program
        if program.unknown is not None:
            self._doubt(program.unknown)
            return
        words = tuple(self._arguments(program))
        if program.wrapped is not None:
            self._by_name = {**self._by_name, **written(self._tree, program.wrapped.packages)}
        if program.script is not None:
            self._hand(program.executable.name or "its script", words)
            self._script(program.script, 0)
            return
        self._ran(program.executable, words, None, None, 0)

    def _doubt(
        self, reason: str, script: Script | None = None, node: Node | None = None, *, place: bool = False
    ) -> None:
        self._found.doubts.append(Doubt(reason, self._program, script, node, place))

    def _arguments(self, program: Program) -> Iterator[Place]:
        """The arguments of a command line of the unit; an interpolation without quotes may bring several."""
        if program.line is None:
            return
        holes = program.line.body.holes
        for number, argument in enumerate(program.line.arguments):
            place = self._argument(argument.text, holes)
            match = _HOLE.fullmatch(argument.text)
            if match is not None and argument.end - argument.start == len(argument.data):
                words = spread_hole(self._tree, holes[int(match[1])], place)
            else:
                words = iter((place,))
            yield from words if number else list(words)[1:]

    def _argument(self, text: str, holes: Sequence[Expr]) -> Place:
        shown, refs, root = text, list[Value](), None
        for match in _HOLE.finditer(text):
            expr = holes[int(match[1])]
            value = self._tree.resolver.value(expr)
            known = value.literal if isinstance(value, Str) else None
            shown = shown.replace(match[0], "${" + expr.text + "}" if known is None else known)
            if known is None:
                refs.append(value)
                root = expr if match.start() == 0 else root
        return Place(shown, root, not refs and "$" not in shown and "%" not in shown, tuple(refs))

    # -- scripts -----------------------------------------------------------------------------------------

    def _script(self, script: Script, depth: int, behind: tuple[Place, ...] = ()) -> None:
        """Read a script; `behind` is what follows its last command as further words of that."""
        key = (script.body.path, script.at.node.start_byte, id(script.at.env), script.body.data)
        if key in self._seen and not behind:
            return
        if depth > MAX_NESTING:
            self._doubt("its scripts are nested too deep to be read", script, script.root)
            return
        self._seen.add(key)
        self._found.scripts.append((self._program, script))
        if not script.sound:
            self._doubt("its script does not parse as a shell script", script, script.root)
            return
        if not script.ended:
            self._doubt("a here-document of its script has no line that ends it", script, script.root)
        self._functions |= script.functions.keys()
        self._variables.update({name: (script, word) for name, word in script.constants.items()})
        end = len(script.body.data.rstrip(b" \t"))
        if behind and not any(command.node.end_byte == end for command in script.commands):
            self._doubt(_NOT_IN_SIGHT, script, script.root)
        for command in script.commands:
            self._command(script, command, depth, behind if command.node.end_byte == end else ())
        for target in script.redirected(">", ">>", ">|", "&>", "&>>"):
            place = self.place(script, target)
            if not place.text.startswith(("/dev/null", "/dev/std", "/dev/fd")):
                self._found.writes.append(Use(">", place, self._program))
        for target in script.redirected(">&"):
            place = self.place(script, target)
            if place.text.startswith("/") and not place.text.startswith(("/dev/null", "/dev/std", "/dev/fd")):
                self._found.writes.append(Use(">", place, self._program))
        for target in script.redirected("<"):
            self._found.reads.append(Use("<", self.place(script, target), self._program))

    def _command(self, script: Script, command: Command, depth: int, behind: tuple[Place, ...] = ()) -> None:
        name = command.name
        words = (
            *(place for word in command.arguments for place in spread(self._tree, script, word)),
            *behind,
        )
        if name.literal is not None and name.literal in self._functions:
            self._hand(name.literal, words)
            return
        found = self._named(script, name)
        if found is None:
            self._doubt(f"it runs '{name.text}', which is only known when it runs", script, command.node)
            return
        holder, text = found
        if script.body.data[name.start : name.start + 1] == b"$" and text.strip():
            text, *more = text.split()  # what a variable holds is split where it is not quoted
            words = (*(self._argument(part, holder.body.holes) for part in more), *words)
        match = _HOLE.match(text)
        if match is not None and self._inlined(holder, int(match[1]), text[match.end() :], words, depth):
            return
        self._ran(executable_of(self._tree, text, holder.body.holes), words, script, command, depth)

    def _hand(self, name: str, words: Sequence[Place]) -> None:
        self._found.handed += [Use(name, place, self._program) for place in words]

    def _named(self, script: Script, name: Word, depth: int = 0) -> tuple[Script, str] | None:
        """The name of a command with interpolations as `__nixN__`, and the script these are counted in."""
        if len(name.pieces) == 1 and name.pieces[0].kind == "variable" and depth < MAX_NESTING:
            constant = self._variables.get(name.pieces[0].text)
            if constant is None:
                return (script, "true") if name.pieces[0].text in script.switches else None
            return self._named(*constant, depth + 1)
        text = ""
        for piece in name.pieces:
            if piece.kind not in ("text", "hole"):
                return None
            text += f"__nix{piece.hole}__" if piece.kind == "hole" else piece.text
        return script, text

    def _inlined(self, script: Script, hole: int, rest: str, words: tuple[Place, ...], depth: int) -> bool:
        """Whether an interpolation in the place of a command is a piece of script; reads it.

        Args:
            script: the script that it stands in.
            hole: its number.
            rest: what follows it in its word.
            words: the words behind that: arguments of the last command of the piece.
            depth: how deep the script is nested.
        """
        expr = script.body.holes[hole]
        value = self._tree.resolver.value(expr)
        if isinstance(value, Str):
            plain = value.literal is not None and re.fullmatch(r"[\w./+-]*", value.literal)
            if plain or not re.search(r"\s", value.shown):
                return False
        found = None if rest else texts(self._tree, expr)
        pieces = [script_text(self._tree, text) for text in found or ()]
        if found is None or not all(pieces):
            hidden = found is not None or joined(value) or isinstance(value, Str)
            if hidden:
                self._doubt(_NOT_IN_SIGHT, script, script.root)
            return hidden
        for piece in pieces:
            if piece is not None:
                if not isinstance(value, Str):
                    self._found.repeated.append(piece)
                for name in sorted(piece.assigned() & script.constants.keys()):
                    self._doubt(f"a part of its script may change ${name}", script, script.root)
                self._script(piece, depth + 1, words)
        return True

    def _ran(
        self,
        executable: Executable,
        words: tuple[Place, ...],
        script: Script | None,
        command: Command | None,
        depth: int,
    ) -> None:
        if executable.file is None and executable.name is not None and executable.is_bare:
            executable = replace(executable, file=self._by_name.get(executable.name))
        file = executable.file
        node = None if command is None else command.node
        if file is not None and file.script is not None:
            outer = self._by_name
            self._by_name = {**outer, **written(self._tree, file.packages)}
            self._hand(executable.name or "its script", words)
            self._script(file.script, depth + 1)
            self._by_name = outer
            return
        if any(word.unseen == "script" for word in words):
            self._doubt(_NOT_IN_SIGHT, script, node)
        name = executable.name if file is None else file.interpreter or executable.name
        if name is None:
            self._doubt("it runs a program that is not in sight", script, node)
            return
        known = self._knowledge(name)
        ran = Ran(executable, words, known, self._program, script, command)
        if name.startswith("python"):
            ran = self._python(ran)
            known = ran.known
        if known is not None and known.runs == "shell" and self._shell(ran, depth):
            ran = replace(ran, known=READ_SHELL)
            known = ran.known
        self._found.ran.append(ran)
        if known is None:
            return
        for one in (*written_by(ran), *doubted(ran)):
            if isinstance(one, Use):
                self._found.writes.append(one)
            else:
                self._found.doubts.append(one)
        if known.runs:
            self._runs(ran, depth)

    def _knowledge(self, name: str) -> Knowledge | None:
        """What is known of a command in this configuration: `docker` may be another engine's."""
        known = knowledge(name)
        if known is None or not any(self._tree.holding(word.encode()) for word in known.unless):
            return known
        return knowledge(known.otherwise)

    def _python(self, ran: Ran) -> Ran:
        """A Python program whose text is in sight, or a module that is known: what it does, as facts."""
        rest = after_options(list(ran.words), Knowledge(value_options=("-W", "-X")))
        first = next((number for number, word in enumerate(ran.words) if word.text == "-m"), None)
        if first is not None and first + 1 < len(ran.words) and runs_module(ran.words[first + 1].text):
            return replace(ran, known=PYTHON_SERVER)
        file = ran.executable.file
        if file is None and rest and first is None and rest[0].refs:
            file = executable_value(self._tree, rest[0].refs[0], rest[0].text.rsplit("}", 1)[-1]).file
        if file is None or any(word.text == "-c" for word in ran.words):
            return ran
        found = python_facts(file.data)
        for reason, line in found.doubts:
            where = "" if file.path is None else f" of {file.path}"
            self._found.doubts.append(ran.doubt(f"{reason}, in line {line}{where} of its Python program"))
        for named in found.paths:
            place = self._argument(named.text, file.holes)
            use = Use("its Python program", place, self._program)
            (self._found.writes if named.writes else self._found.reads).append(use)
        ports = tuple(self._port(text, file.holes) for text in found.ports)
        return replace(ran, known=PYTHON_SERVER if ports else PYTHON_PROGRAM, ports=ports)

    def _port(self, text: str, holes: Sequence[Expr]) -> int | None:
        hole = _HOLE.search(text)
        if hole is None:
            return int(text) if text.isdigit() else None
        return number_of(self._tree, self._tree.resolver.value(holes[int(hole[1])]))

    def _runs(self, ran: Ran, depth: int) -> None:
        """The command that another one runs: `timeout 5 curl …`."""
        known = ran.known
        assert known is not None
        match known.runs:
            case "rest" | "second" | "env" | "input" | "find":
                for words in handed_on(ran):
                    self._place_ran(words, ran, depth)
            case "shell":
                if ran.words or ran.script is not None:
                    self._found.doubts.append(
                        ran.doubt(f"it runs a script with {ran.name} that is not in sight")
                    )
            case "text":
                if ran.words and ran.script is not None and not self._text(ran, ran.words[0], depth):
                    self._found.doubts.append(ran.doubt(f"it runs text as a script through {ran.name}"))
            case _:
                self._found.doubts.append(ran.doubt(f"it runs another command through {ran.name}"))

    def _shell(self, ran: Ran, depth: int) -> bool:
        """Whether what a shell is told to run is in sight: the script behind `-c`, or a file; reads it."""
        for number, word in enumerate(ran.words):
            if re.fullmatch(r"-[a-z]*c", word.text):
                behind = ran.words[number + 1 :]
                return bool(behind) and self._text(ran, behind[0], depth)
            if not word.text.startswith("-"):
                if len(word.refs) > 1 or not (word.refs or word.known):
                    return False
                named = executable_value(self._tree, word.refs[0]) if word.refs else None
                file = run_by_shell((named or executable_of(self._tree, word.text, ())).file)
                if file is None or file.script is None:
                    return False
                self._script(file.script, depth + 1)
                return True
        return False

    def _text(self, ran: Ran, word: Place, depth: int) -> bool:
        """Whether a script that is given as text is in sight, `trap 'rm -f "$x"' EXIT`; reads it."""
        script, node = word.script, word.node
        if script is None or node is None or node.type == "command":
            if word.known:
                self._given(ran.program.at, Body(word.text.encode(), "", offset=None), depth)
            return word.known
        if ran.name == "trap" and (word.text in ("", "-", "-p", "-l") or word.text in self._functions):
            return True
        data = script.body.data[node.start_byte : node.end_byte]
        quoted = data[:1] in (b"'", b'"') and data[:1] == data[-1:] and len(data) > 1
        if not quoted and script.word(node).literal is None:
            return False
        if quoted and data[:1] == b'"':
            data = _ESCAPED.sub(rb"\1", data)
        constants = b"".join(
            name.encode() + b"=" + script.body.data[value.start : value.end] + b"\n"
            for name, value in script.constants.items()
        )
        text = constants + (data[1:-1] if quoted else data)
        self._given(script.at, Body(text, script.body.path, script.body.holes, offset=None), depth)
        return True

    def _given(self, at: Expr, body: Body, depth: int) -> None:
        script = Script(at, body)
        self._found.given.append(script)
        self._script(script, depth + 1)

    def _place_ran(self, rest: list[Place], ran: Ran, depth: int) -> None:
        first = rest[0]
        if first.refs:
            value = first.refs[0]
            behind = first.text.rsplit("}", 1)[-1]
            executable = executable_value(self._tree, value, behind)
        elif first.known:
            executable = Executable(first.text.rsplit("/", 1)[-1])
            if ran.script is not None and executable.name in ran.script.functions:
                return
        else:
            self._found.doubts.append(ran.doubt(f"it runs '{first.text}', which is only known when it runs"))
            return
        self._ran(executable, tuple(rest[1:]), ran.script, ran.command, depth)

    # -- words -------------------------------------------------------------------------------------------

    def place(self, script: Script, at: Word | Node) -> Place:
        """A word of a script with its variables and interpolations filled in as far as they are known."""
        return place_of(self._tree, script, at)
