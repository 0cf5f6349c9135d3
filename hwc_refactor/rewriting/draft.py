"""The words a codemod writes with: a draft gathers what is to be done and becomes a frozen `Change`.

Every operation works on the draft's own copy of the text, with builders that prove what they do; the next one
sees it. Nodes are always those of the snapshot the draft was begun on: the draft finds them again in its copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hwc_refactor.model import NOT_SAID, Applicability, Change, Found, NewFile, Subject
from hwc_refactor.nix import build
from hwc_refactor.nix.differences import regions
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.syntax import ParsedFile
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.placing import Home, NoPlace
from hwc_refactor.rewriting.script_edits import ScriptEdits

__all__ = ["About", "Draft", "Home", "NoPlace"]

Item = build.Item


class About(Struct, frozen=True):
    """What a change is about, and where that stands.

    Attributes:
        assumed: what was taken for granted to find it, in words for the user.
    """

    subject: Subject
    file: str
    line: int
    assumed: tuple[str, ...] = ()

    @staticmethod
    def block(block: Block) -> About:
        """An object."""
        return About(Subject(block.kind.shown, block.name), block.file, block.line, block.assumed)


class Draft(ScriptEdits):
    """A change in the making. Operations raise `BuildError` or `NoPlace`; nothing is half done then."""

    def __init__(
        self,
        tree: Tree,
        codemod: str,
        about: About,
        title: str,
        why: str,
        found: Found = NOT_SAID,
        upon: Sequence[Edit] = (),
    ) -> None:
        """Begin a change of one object on a snapshot; `found` is what it takes away, `upon` was done before."""
        super().__init__(upon)
        self._tree = tree
        self._codemod = codemod
        self._about = about
        self._title = title
        self._why = why
        self._found = found
        self._gained: list[str] = []
        self._also: list[Subject] = []
        self._defines: list[str] = []
        self._new_files: dict[str, bytes] = {}
        self._details: list[str] = []
        self._applicability = Applicability.SAFE

    # -- words ---------------------------------------------------------------------------------------

    def gain(self, text: str) -> None:
        """Name what the object has now and had not before, in a few words for a table."""
        if text not in self._gained:
            self._gained.append(text)

    def detail(self, text: str) -> None:
        """Give the reason of one thing that is written or left out, for whoever asks for details."""
        self._details.append(text)

    def defining(self, file: ParsedFile, option: str) -> None:
        """Tell that an option of the system gets a definition in a file, which others may want to add to."""
        self._defines.append(f"{file.source.path}: {option}")

    def together(self, blocks: Iterable[Block]) -> None:
        """Name further objects that the change is about."""
        self._also += [Subject(block.kind.shown, block.name) for block in blocks]

    def review(self, text: str | None = None) -> None:
        """The change needs a look, for the reason that the note gives."""
        self._applicability = Applicability.REVIEW
        if text is not None:
            self.note(text)

    def set(self, block: Block, path: Sequence[str], value: str, *, behind: str = "") -> None:
        """Give an attribute a value (Nix source text): replaced where it is defined, else added."""
        slots = [slot for slot in block.get(*path) if not slot.rest]
        if slots:
            slot = slots[0]
            if len(slots) > 1 or slot.binding is None or slot.binding.type != "binding":
                raise NoPlace(f"{'.'.join(path)} is defined in several ways")
            placing.demand_own(self._tree, block, slot.expr)
            self.replace_value(slot.expr.file, slot.binding, value)
            return
        self.add(block, path[:-1], [_binding(path[-1], value, behind)])

    def add(
        self, block: Block, prefix: Sequence[str], bindings: Sequence[Item], *, after: str | None = None
    ) -> None:
        """Add bindings below an attribute of an object, in the manner it is written in.

        Args:
            block: the object.
            prefix: the attribute whose set they go into; empty for the object's own set.
            bindings: source texts or snippets, names relative to the prefix.
            after: name of the attribute behind which they go, where it stands in the same set.
        """
        home = placing.home(self._tree, block, tuple(prefix))
        place = home.after
        if after is not None:
            place = placing.binding_in(home, self._tree, block, (*prefix, after)) or place
        self.insert(home.file, home.holder, [_led(home.lead, item) for item in bindings], after=place)

    def add_set(self, block: Block, path: Sequence[str], bindings: Sequence[build.Snippet]) -> None:
        """Add a set of bindings as a new attribute of an object."""
        lines: list[str] = []
        for number, item in enumerate(bindings):
            lines += [""] if item.blank and number else []
            lines += [f"  # {text}" for text in item.above]
            lines.append(f"  {item.text}")
        text = "\n".join((f"{path[-1]} = {{", *lines, "};"))
        self.add(block, path[:-1], [text])

    def remove(self, block: Block, path: Sequence[str]) -> None:
        """Remove an attribute where it is defined; what it drops in comments is named in the notes."""
        for slot in block.get(*path):
            self.remove_binding(block, slot)

    def remove_binding(self, block: Block, slot: Slot, *, moved: bool = False) -> None:
        """Remove one definition of an attribute; `moved` when its comments stand somewhere else now."""
        if slot.binding is None or slot.binding.type != "binding":
            raise NoPlace("a definition is inherited or computed")
        placing.demand_own(self._tree, block, slot.expr)
        dropped = self.take_binding(slot.expr.file, slot.binding)
        if not moved:
            self._drop(dropped)

    def extend_list(self, block: Block, path: Sequence[str], elements: Sequence[str]) -> None:
        """Add strings to a list attribute: into its literal, else behind its value, else a new list."""
        self.extend_list_by(block, path, [quote(element) for element in elements])

    def extend_list_by(self, block: Block, path: Sequence[str], texts: Sequence[str]) -> None:
        """The same with elements as Nix source text."""
        slots = [slot for slot in block.get(*path) if not slot.rest]
        for slot in slots:
            for item in () if block.extra(slot) else self._tree.resolver.items(slot.expr):
                holder = item.holder
                if holder is None or holder.node.type != "list_expression" or item.conditions:
                    continue
                if placing.not_own(self._tree, block, holder) is None:
                    self.insert(holder.file, holder.node, texts)
                    return
        text = f"[ {' '.join(texts)} ]"
        if not slots:
            self.add(block, path[:-1], [f"{path[-1]} = {text};"])
            return
        slot = slots[0]
        placing.demand_own(self._tree, block, slot.expr)
        if slot.binding is None or slot.binding.type != "binding" or block.extra(slot):
            raise NoPlace(f"{path[-1]} is given by an expression")
        if slot.expr.node.type == "list_expression":
            self.insert(slot.expr.file, slot.expr.node, texts)
        else:
            self.replace_value(slot.expr.file, slot.binding, f"({slot.expr.text}) ++ {text}")

    # -- the result ------------------------------------------------------------------------------------

    def new_file(self, path: str, data: bytes) -> None:
        """Create a file."""
        self._new_files[path] = data

    def home(self, block: Block, prefix: Sequence[str] = ()) -> Home:
        """Where new bindings below an attribute go. Raises NoPlace."""
        return placing.home(self._tree, block, tuple(prefix))

    def done(self) -> Change | None:
        """The finished change, None when nothing differs."""
        edits: list[Edit] = list(self._other_edits)
        for path, copy in self._copies.items():
            if copy.changed:
                old, new = copy.original.source.data, copy.current.source.data
                edits += [Edit(Span(path, start, end), text) for start, end, text in regions(old, new)]
        new_files = tuple(NewFile(path, data) for path, data in self._new_files.items())
        if not edits and not new_files:
            return None
        return Change(
            self._codemod,
            self._about.subject,
            self._about.file,
            self._about.line,
            self._title,
            self._why,
            (*self._notes, *(f"It is assumed that {text}." for text in self._about.assumed)),
            Applicability.REVIEW if self._about.assumed else self._applicability,
            tuple(edits),
            new_files,
            details=tuple(self._details),
            found=self._found,
            gained=tuple(self._gained),
            also=tuple(self._also),
            defines=tuple(self._defines),
        )


def _binding(name: str, value: str, behind: str) -> build.Snippet:
    return build.Snippet(f"{name} = {value};", behind=behind)


def _led(lead: str, item: Item) -> Item:
    if not lead:
        return item
    if isinstance(item, str):
        return lead + item
    return build.Snippet(lead + item.text, item.above, item.behind, item.blank, item.blank_below)
