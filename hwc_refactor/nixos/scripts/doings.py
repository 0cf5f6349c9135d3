"""What a service does, as values: commands, paths, and what is not known.

Every fact knows the script and the place in it. What is not known is a doubt and never counts as harmless.
"""

from __future__ import annotations

import re

from msgspec import Struct

from hwc_refactor.nix.shell import Command, Script
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nixos.scripts.commands import Knowledge
from hwc_refactor.nixos.scripts.executables import Executable
from hwc_refactor.nixos.scripts.programs import Program
from hwc_refactor.nixos.scripts.words import Place, after_options, is_option, operands

_OF_THIS_MACHINE = re.compile(r"\.{0,2}/|[\w.-]+(?:/|\Z)")
"""The beginning of a path; `host:path`, `rsync://…` and what a variable holds may be elsewhere (rsync(1))."""


class Use(Struct, frozen=True, eq=False):
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

    @property
    def line(self) -> int:
        """The line on which the path is written, from 1."""
        if self.place.script is not None and self.place.node is not None:
            return self.place.script.line(self.place.node)
        return self.program.at.line


class Ran(Struct, frozen=True, eq=False):
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
        """What is known of it, its subcommands and options considered."""
        known = self.known
        for place in self.words[:5]:
            if known is not None:
                known = known.subcommands.get(place.text.split("=", 1)[0], known)
        for option, below in known.options.items() if known is not None else ():
            if any(is_option(place.text, option) for place in self._options):
                return below
        return known.local if known is not None and known.local is not None and self._is_local else known

    @property
    def _is_local(self) -> bool:
        """Whether all of its operands are paths of this machine: none is a host's, none may be."""
        local = None if self.known is None else self.known.local
        return (
            local is not None
            and not any(
                word.unseen or any(is_option(word.text, option) for option in local.not_with)
                for word in self.words
            )
            and all(_OF_THIS_MACHINE.match(operand.text) for operand in self.operands)
        )

    @property
    def _options(self) -> tuple[Place, ...]:
        """The words that may be options of its own: of one that runs another command, those before that."""
        if self.known is None or not self.known.runs:
            return self.words
        return self.words[: len(self.words) - len(after_options(self.words, self.known))]

    @property
    def node(self) -> Node | None:
        """The node of the command in its script."""
        return None if self.command is None else self.command.node

    def doubt(self, reason: str, *, place: bool = False) -> Doubt:
        """Something that is not known of it."""
        return Doubt(reason, self.program, self.script, self.node, place)

    @property
    def line(self) -> int:
        """The line it stands on, from 1."""
        if self.script is not None and self.command is not None:
            return self.script.line(self.command.node)
        return self.program.at.line


class Doubt(Struct, frozen=True, eq=False):
    """Something that is not known of what a service does.

    Attributes:
        reason: what, in words for the user.
        program: the program of the service it belongs to.
        script, node: the place in a script, where it is about one.
        place: whether all that is not known is where a command writes that is known otherwise.
    """

    reason: str
    program: Program
    script: Script | None = None
    node: Node | None = None
    place: bool = False

    @property
    def line(self) -> int:
        """The line it is about, from 1."""
        if self.script is not None and self.node is not None:
            return self.script.line(self.node)
        return self.program.at.line


class Facts(Struct, frozen=True, eq=False):
    """What a service does.

    Attributes:
        programs: what it runs.
        scripts: all scripts in sight, nested ones too, each with the program it belongs to.
        ran: the commands, in scripts and on command lines.
        writes, reads: the paths that are written, and those that are read by redirection.
        handed: the arguments of functions and scripts in sight, where they are known as `$1` and the like.
        doubts: what is not known.
        repeated: those of the scripts that a function of nixpkgs puts into another one: under a condition, or for
            each of some elements.
        given: those of the scripts that are given to a shell as text, `bash -c "…"`.
    """

    programs: tuple[Program, ...]
    scripts: tuple[tuple[Program, Script], ...]
    ran: tuple[Ran, ...]
    writes: tuple[Use, ...]
    reads: tuple[Use, ...]
    handed: tuple[Use, ...]
    doubts: tuple[Doubt, ...]
    repeated: tuple[Script, ...] = ()
    given: tuple[Script, ...] = ()
