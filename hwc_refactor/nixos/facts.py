"""What a service does, as far as its scripts and command lines show: commands, paths, and what is not known.

Every fact knows the script and the place in it. What is not known is listed as a doubt and never counts as
harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hwc_refactor.nix.shell import Body, Command, Piece, Script, Word, script_of
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr, Gap, Ref, Scalar, Str, Value
from hwc_refactor.nixos.commands import Knowledge, knowledge
from hwc_refactor.nixos.executables import Executable, executable_of, executable_value
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.programs import Program, programs
from hwc_refactor.nixos.pythons import python_facts, runs_module
from hwc_refactor.nixos.tree import Tree

MAX_NESTING = 5
TEMPLATE = "tmp." + "X" * 10
"""How mktemp names what it makes (coreutils manual)."""

PYTHON_PROGRAM = Knowledge(frozenset({"network"}), "runs a Python program that is in sight")
PYTHON_SERVER = Knowledge(frozenset({"network", "listens"}), "runs a Python program that serves a port")
_HOLE = re.compile(r"__nix(\d+)__")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A path, or another text, that a script names.

    Attributes:
        text: its text; a part that stays open shows as `${…}` with its Nix source, or as `$name`.
        root: the expression of the interpolation it begins with, where that is no known text; else None.
        lead: the expression of the interpolation it begins with, known or not, and the length of what that
            stands for in `text`.
        known: whether all of it is known text.
        refs: the values of the interpolations in it that are no known text, in order.
        script: the script it stands in, None for a command line of the unit itself.
        node: the node in the script's tree.
    """

    text: str
    root: Expr | None
    known: bool
    refs: tuple[Value, ...] = ()
    script: Script | None = None
    node: Node | None = None
    lead: tuple[Expr, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """A path that is written or read, and how.

    Attributes:
        how: the command that does, or the redirection (`>`, `<`).
        place: the path.
        program: the program of the service it belongs to.
        made: whether it is made as a directory.
        kept: whether it is there already and only its rights change.
    """

    how: str
    place: Place
    program: Program
    made: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """A command that a service runs.

    Attributes:
        executable: the program.
        words: its arguments.
        known: what is known of it, None when nothing is.
        program: the program of the service it belongs to.
        script: the script it stands in, None for a command line of the unit itself.
        command: the command in that script.
        ports: what a program in sight is told to listen on; None among them for what is not known.
    """

    executable: Executable
    words: tuple[Place, ...]
    known: Knowledge | None
    program: Program
    script: Script | None = None
    command: Command | None = None
    ports: tuple[int | None, ...] = ()

    @property
    def name(self) -> str:
        """Its name, `?` when that is not known."""
        return self.executable.name or "?"

    @property
    def operands(self) -> tuple[Place, ...]:
        """The arguments that are no options and no values of options."""
        return operands(self.words, self.known)

    @property
    def needs(self) -> frozenset[str]:
        """What it needs, its subcommand considered; empty for an unknown command."""
        return self.effective.needs if self.effective is not None else frozenset()

    @property
    def effective(self) -> Knowledge | None:
        """What is known of it, its subcommands considered."""
        known = self.known
        for place in self.words[:5]:
            if known is not None:
                known = known.subcommands.get(place.text.split("=", 1)[0], known)
        return known

    @property
    def line(self) -> int:
        """The line it stands on, from 1."""
        if self.script is not None and self.command is not None:
            return self.script.line(self.command.node)
        return self.program.at.line


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Something that is not known of what a service does, in words for the user."""

    reason: str
    program: Program
    script: Script | None = None
    node: Node | None = None

    @property
    def line(self) -> int:
        """The line it is about, from 1."""
        if self.script is not None and self.node is not None:
            return self.script.line(self.node)
        return self.program.at.line


@dataclass(slots=True, eq=False)
class _Found:
    ran: list[Ran] = field(default_factory=list)
    writes: list[Use] = field(default_factory=list)
    reads: list[Use] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    scripts: list[tuple[Program, Script]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Facts:
    """What a service does.

    Attributes:
        programs: what it runs.
        scripts: all scripts in sight, nested ones too, each with the program it belongs to.
        ran: the commands, in scripts and on command lines.
        writes, reads: the paths that are written, and those that are read by redirection.
        doubts: what is not known.
    """

    programs: tuple[Program, ...]
    scripts: tuple[tuple[Program, Script], ...]
    ran: tuple[Ran, ...]
    writes: tuple[Use, ...]
    reads: tuple[Use, ...]
    doubts: tuple[Doubt, ...]

    @cached_property
    def unknown_commands(self) -> tuple[Ran, ...]:
        """The commands of which nothing is known."""
        return tuple(ran for ran in self.ran if ran.known is None)

    def needing(self, *needs: str) -> tuple[Ran, ...]:
        """The commands that need one of these."""
        return tuple(ran for ran in self.ran if ran.needs & set(needs))


def facts(block: Block) -> Facts:
    """What a service does, as far as the tree shows."""
    return block.tree.remember(("facts", id(block)), block, lambda: facts_of(block.tree, programs(block)))


def facts_of(tree: Tree, ran: Sequence[Program]) -> Facts:
    """What programs do, as far as the tree shows."""
    found = _Found()
    for program in ran:
        _Reader(tree, program, found).read()
    return Facts(
        tuple(ran),
        tuple(found.scripts),
        tuple(found.ran),
        tuple(found.writes),
        tuple(found.reads),
        tuple(found.doubts),
    )


class _Reader:
    """Reads what one program does into what was found."""

    def __init__(self, tree: Tree, program: Program, found: _Found) -> None:
        self._tree = tree
        self._program = program
        self._found = found
        self._seen: set[tuple[str, int, bytes]] = set()
        self._functions: set[str] = set()
        self._variables: dict[str, tuple[Script, Word]] = {}

    def read(self) -> None:
        program = self._program
        if program.unknown is not None:
            self._doubt(program.unknown)
            return
        if program.script is not None:
            self._script(program.script, 0)
            return
        holes = () if program.line is None else program.line.body.holes
        words = tuple(self._argument(argument.text, holes) for argument in program.arguments)
        self._ran(program.executable, words, None, None, 0)

    def _doubt(self, reason: str, script: Script | None = None, node: Node | None = None) -> None:
        self._found.doubts.append(Doubt(reason, self._program, script, node))

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

    def _script(self, script: Script, depth: int) -> None:
        key = (script.body.path, script.at.node.start_byte, script.body.data)
        if key in self._seen or depth > MAX_NESTING:
            return
        self._seen.add(key)
        self._found.scripts.append((self._program, script))
        if not script.sound:
            self._doubt("its script does not parse as a shell script", script, script.root)
            return
        self._functions |= script.functions.keys()
        self._variables.update({name: (script, word) for name, word in script.constants.items()})
        for command in script.commands:
            self._command(script, command, depth)
        for target in script.redirected(">", ">>", ">|", "&>", "&>>"):
            place = self.place(script, target)
            if not place.text.startswith(("/dev/null", "/dev/std", "/dev/fd")):
                self._found.writes.append(Use(">", place, self._program))
        for target in script.redirected("<"):
            self._found.reads.append(Use("<", self.place(script, target), self._program))

    def _command(self, script: Script, command: Command, depth: int) -> None:
        name = command.name
        if name.literal is not None and name.literal in self._functions:
            return
        words = tuple(self.place(script, word) for word in command.arguments)
        found = self._named(script, name)
        if found is None:
            self._doubt(f"it runs '{name.text}', which is only known when it runs", script, command.node)
            return
        holder, text = found
        match = _HOLE.fullmatch(text)
        if match is not None and self._inlined(holder, int(match[1]), depth):
            return
        self._ran(executable_of(self._tree, text, holder.body.holes), words, script, command, depth)

    def _named(self, script: Script, name: Word, depth: int = 0) -> tuple[Script, str] | None:
        """The name of a command with interpolations as `__nixN__`, and the script these are counted in."""
        if len(name.pieces) == 1 and name.pieces[0].kind == "variable" and depth < MAX_NESTING:
            constant = self._variables.get(name.pieces[0].text)
            return None if constant is None else self._named(*constant, depth + 1)
        text = ""
        for piece in name.pieces:
            if piece.kind not in ("text", "hole"):
                return None
            text += f"__nix{piece.hole}__" if piece.kind == "hole" else piece.text
        return script, text

    def _inlined(self, script: Script, hole: int, depth: int) -> bool:
        """Whether an interpolation in the place of a command is a piece of script; reads it."""
        value = self._tree.resolver.value(script.body.holes[hole])
        if not isinstance(value, Str) or (
            value.literal is not None and re.fullmatch(r"[\w./+-]*", value.literal)
        ):
            return False
        if isinstance(value.parts[0], Gap) and not re.search(r"\s", value.shown):
            return False
        inner = script_of(value.at)
        if inner is None:
            self._doubt("a part of its script is not in sight", script, script.root)
        else:
            self._script(inner, depth + 1)
        return True

    def _ran(
        self,
        executable: Executable,
        words: tuple[Place, ...],
        script: Script | None,
        command: Command | None,
        depth: int,
    ) -> None:
        file = executable.file
        node = None if command is None else command.node
        if file is not None and file.script is not None:
            self._script(file.script, depth + 1)
            return
        name = executable.name if file is None else file.interpreter or executable.name
        if name is None:
            self._doubt("it runs a program that is not in sight", script, node)
            return
        known = knowledge(name)
        ran = Ran(executable, words, known, self._program, script, command)
        if name.startswith("python"):
            ran = self._python(ran)
            known = ran.known
        self._found.ran.append(ran)
        if known is None:
            return
        self._writes(ran)
        if known.runs:
            self._runs(ran, depth)

    def _python(self, ran: Ran) -> Ran:
        """A Python program whose text is in sight, or a module that is known: what it does, as facts."""
        rest = _after_options(list(ran.words), Knowledge(value_options=("-W", "-X")))
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
            self._doubt(f"{reason}, in line {line}{where} of its Python program", ran.script, _node(ran))
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

    def _writes(self, ran: Ran) -> None:
        known = ran.effective
        chosen: tuple[Place, ...] = ()
        assert known is not None
        places = ran.operands
        match known.writes:
            case "all":
                chosen = places
            case "first":
                chosen = places[:1]
            case "rest":
                chosen = places[1:]
            case "last":
                chosen = places[-1:]
            case "dd":
                chosen = tuple(replace(p, text=p.text[3:]) for p in places if p.text.startswith("of="))
            case "unknown":
                self._doubt(f"it runs {ran.name}, which writes where its options say", ran.script, _node(ran))
        if any(is_option(word.text, option) for word in ran.words for option in known.in_place):
            given = any(word.text.split("=", 1)[0] in known.expression_options for word in ran.words)
            chosen = places if given else places[1:]
        folders = ran.name == "install" and any(word.text in ("-d", "--directory") for word in ran.words)
        chosen = places if folders else chosen
        made, kept = ran.name == "mkdir" or folders, known.writes == "rest"
        for place in (*chosen, *_option_values(ran.words, known.write_options)):
            if place.text not in ("-", "") and not place.text.startswith(("/dev/null", "/dev/std")):
                self._found.writes.append(Use(ran.name, place, self._program, made, kept))

    def _runs(self, ran: Ran, depth: int) -> None:
        """The command that another one runs: `timeout 5 curl …`."""
        known = ran.known
        assert known is not None
        words = list(ran.words)
        match known.runs:
            case "rest" | "second" | "env":
                rest = _after_options(words, known)
                if known.runs == "second":
                    rest = rest[1:]
                while known.runs == "env" and rest and "=" in rest[0].text:
                    rest = rest[1:]
                if rest:
                    self._place_ran(rest, ran, depth)
            case "find":
                if any(word.text == "-delete" for word in words):
                    for place in words[:1]:
                        self._found.writes.append(Use("find", place, self._program))
                for number, word in enumerate(words):
                    if word.text in ("-exec", "-execdir", "-ok"):
                        self._place_ran(words[number + 1 :], ran, depth)
            case "shell":
                self._shell(ran, words, depth)
            case "text":
                self._text(ran, depth)
            case _:
                self._doubt(f"it runs another command through {ran.name}", ran.script, _node(ran))

    def _shell(self, ran: Ran, words: list[Place], depth: int) -> None:
        inline = any(re.fullmatch(r"-[a-z]*c", word.text) for word in words)
        for word in words:
            if not inline and len(word.refs) == 1 and not word.text.startswith("-"):
                file = executable_value(self._tree, word.refs[0]).file
                if file is not None and file.script is not None:
                    self._script(file.script, depth + 1)
                    return
        if words or ran.script is not None:
            self._doubt(f"it runs a script with {ran.name} that is not in sight", ran.script, _node(ran))

    def _text(self, ran: Ran, depth: int) -> None:
        """A script that is given as text: `trap 'rm -f "$x"' EXIT`."""
        script, command = ran.script, ran.command
        if script is None or command is None or not command.arguments:
            return
        word = command.arguments[0]
        if word.literal in ("", "-", "-p", "-l") or word.literal in self._functions:
            return
        data = script.body.data[word.start : word.end]
        quoted = data[:1] in (b"'", b'"') and data[:1] == data[-1:] and len(data) > 1
        if (quoted and data[:1] == b'"' and b"\\" in data) or (not quoted and word.literal is None):
            self._doubt(f"it runs text as a script through {ran.name}", script, command.node)
            return
        constants = b"".join(
            name.encode() + b"=" + script.body.data[value.start : value.end] + b"\n"
            for name, value in script.constants.items()
        )
        text = constants + (data[1:-1] if quoted else data)
        self._script(
            Script(script.at, Body(text, script.body.path, script.body.holes, offset=None)), depth + 1
        )

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
            self._doubt(f"it runs '{first.text}', which is only known when it runs", ran.script, _node(ran))
            return
        self._ran(executable, tuple(rest[1:]), ran.script, ran.command, depth)

    # -- words -------------------------------------------------------------------------------------------

    def place(self, script: Script, at: Word | Node) -> Place:
        """A word of a script with its variables and interpolations filled in as far as they are known."""
        return place_of(self._tree, script, at)


def number_of(tree: Tree, value: Value, depth: int = 0) -> int | None:
    """The number that a value is, as itself, as text, or as the default of an option that nothing sets."""
    match value:
        case Scalar(value=int(number)) if not isinstance(number, bool):
            return number
        case Str() if value.literal is not None and value.literal.isdigit():
            return int(value.literal)
        case Str(parts=(Gap(value=inner),)) if depth < MAX_NESTING:
            return number_of(tree, inner, depth + 1)
        case Call(name="toString", args=(given,)) if depth < MAX_NESTING:
            return number_of(tree, tree.resolver.value(given), depth + 1)
        case Ref(path=("config", *option)) if depth < MAX_NESTING:
            default = settled(tree, option)
            return None if default is None else number_of(tree, tree.resolver.value(default), depth + 1)
    return None


def place_of(tree: Tree, script: Script, at: Word | Node, depth: int = 0) -> Place:
    """A word of a script with its variables and interpolations filled in as far as they are known."""
    word = at if isinstance(at, Word) else script.word(at)
    text, refs, root, known = "", list[Value](), None, True
    lead: tuple[Expr, int] | None = None
    for number, piece in enumerate(word.pieces):
        shown, below = _filled(tree, script, piece, depth)
        if below is not None:
            refs += below.refs
            known = known and below.known
            if number == 0:
                root, lead = below.root, below.lead
        else:
            known = False
        text += shown
    node = at if not isinstance(at, Word) else script.root.descendant_for_byte_range(word.start, word.end)
    return Place(text, root, known, tuple(refs), script, node, lead)


def _filled(tree: Tree, script: Script, piece: Piece, depth: int) -> tuple[str, Place | None]:
    """The text of a piece, and what is known of it; None when only the running script knows."""
    if piece.kind == "text":
        return piece.text, Place(piece.text, None, True)
    if piece.kind == "hole":
        expr = script.body.holes[piece.hole]
        value = tree.resolver.value(expr)
        literal = value.literal if isinstance(value, Str) else None
        if literal is not None:
            return literal, Place(literal, None, True, lead=(expr, len(literal)))
        if isinstance(value, Str) and isinstance(value.parts[0], Gap):
            lead = (expr, len(value.shown))
            return value.shown, Place(value.shown, value.parts[0].at, False, _gaps(value), lead=lead)
        shown = value.shown if isinstance(value, Str) else "${" + expr.text + "}"
        refs = _gaps(value) if isinstance(value, Str) else (value,)
        return shown, Place(shown, expr, False, refs, lead=(expr, len(shown)))
    if piece.kind == "variable" and depth < MAX_NESTING:
        constant = script.constants.get(piece.text)
        if constant is not None:
            place = place_of(tree, script, constant, depth + 1)
            return place.text, place
        return "$" + piece.text, None
    if piece.kind == "command":
        made = _temporary(tree, script, piece.node, depth)
        return piece.text if made is None else made.text, made
    return piece.text, None


def _temporary(tree: Tree, script: Script, node: Node, depth: int) -> Place | None:
    """The path that `$(mktemp …)` gives, its random part as written; None for any other substitution."""
    inner = [child for child in node.named_children if child.type != "comment"]
    command = script.command(inner[0]) if len(inner) == 1 and inner[0].type == "command" else None
    if command is None or command.program != "mktemp" or depth > MAX_NESTING:
        return None
    words = [place_of(tree, script, word, depth + 1) for word in command.arguments]
    known = knowledge("mktemp")
    folders = list(_option_values(words, ("-p", "--tmpdir")))
    templates = list(operands(words, known))
    if folders:
        return replace(folders[-1], text=f"{folders[-1].text}/{templates[0].text if templates else TEMPLATE}")
    if templates and "-t" not in [word.text for word in words]:
        return templates[0]
    return Place(f"/tmp/{TEMPLATE}", None, True)


def _gaps(value: Str) -> tuple[Value, ...]:
    return tuple(part.value for part in value.parts if isinstance(part, Gap))


def is_option(text: str, option: str) -> bool:
    """Whether a word is an option, or several short ones among which it is: `-Ei.bak` for `-i`."""
    if option.startswith("--"):
        return text.split("=", 1)[0] == option
    return re.match(r"-[A-Za-z]*" + re.escape(option[1:]), text) is not None


def operands(words: Sequence[Place], known: Knowledge | None) -> tuple[Place, ...]:
    """The arguments that are no options and no values of options."""
    return tuple(_operands(words, known.value_options if known is not None else ()))


def _operands(words: Sequence[Place], value_options: tuple[str, ...]) -> Iterator[Place]:
    skip = plain = False
    for word in words:
        if skip:
            skip = False
        elif plain or not word.text.startswith("-") or word.text == "-":
            yield word
        elif word.text == "--":
            plain = True
        else:
            skip = word.text in value_options


def _after_options(words: Sequence[Place], known: Knowledge) -> list[Place]:
    at = 0
    while at < len(words) and words[at].text.startswith("-"):
        at += 2 if words[at].text in known.value_options else 1
    return list(words[at:])


def _option_values(words: Sequence[Place], options: tuple[str, ...]) -> Iterator[Place]:
    for number, word in enumerate(words):
        if word.text in options and number + 1 < len(words):
            yield words[number + 1]
        for option in options:
            if option.startswith("--") and word.text.startswith(option + "="):
                text = word.text[len(option) + 1 :]
                yield Place(text, None, word.known, word.refs, word.script, word.node)


def _node(ran: Ran) -> Node | None:
    return None if ran.command is None else ran.command.node
