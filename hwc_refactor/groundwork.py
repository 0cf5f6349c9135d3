"""A shared module that changes build on: its file, written once, and its import, in one place.

It is a change of its own, made before the first one that needs it, so that each of those can be
reviewed, committed and taken back alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwc_refactor.draft import About, Draft
from hwc_refactor.model import Change, Subject
from hwc_refactor.nix.build import BuildError
from hwc_refactor.nixos.importing import (
    ImportPlace,
    import_place,
    is_module_function,
    module_set,
    named_place,
    reached,
)
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.settings import Settings
from hwc_refactor.shipped import shipped_modules


@dataclass(frozen=True, slots=True)
class SharedModule:
    """A module that this tool brings along.

    Attributes:
        option: what it declares, `services.hwc.container`.
        path: where its file goes, relative to the root.
    """

    option: str
    path: str

    @property
    def file_name(self) -> str:
        """The name of its file, by which it is known wherever it was moved."""
        return self.path.rpartition("/")[2]

    @property
    def declares(self) -> bytes:
        """What its file holds."""
        return b"options." + self.option.encode()

    @property
    def text(self) -> bytes:
        """The file."""
        return shipped_modules()[self.path]


@dataclass(frozen=True, slots=True)
class NoGround:
    """Why the module cannot be added: the code of the refusals that follow, and their sentence."""

    code: str
    reason: str


def lay(
    tree: Tree, settings: Settings, codemod: str, module: SharedModule, blocks: Sequence[Block], why: str
) -> Change | NoGround | None:
    """The change that adds a module for some objects; None when all of them reach it already."""
    present = _present(tree, module)
    homes = sorted({block.file for block in blocks})
    if not blocks or (present is not None and all(_reaches(tree, settings, present, p) for p in homes)):
        return None
    place = _place(tree, settings, homes, blocks)
    if isinstance(place, NoGround):
        return place
    if present is None and tree.data(module.path) is not None:
        return NoGround("module-path-taken", f"There is another file at {module.path} already.")
    path = present or module.path
    line = place.file.source.line(place.node.start_byte)
    about = About(Subject("module", module.option), place.file.source.path, line)
    verb = "import" if present else "add"
    draft = Draft(tree, codemod, about, f"{verb} the module {module.option}", why)
    try:
        draft.import_module(place.file, place.node, place.path_to(path))
    except BuildError:
        return NoGround(
            "module-import-unclear",
            f"The module cannot be added to the imports of {place.file.source.path}: they are computed."
            " Name the file that shall import it with --module-import FILE.",
        )
    if present is None:
        draft.new_file(module.path, module.text)
        draft.note(f"A flake sees only files that git knows: git add {module.path}.")
    return draft.done()


def is_shared(tree: Tree, module: SharedModule, path: str) -> bool:
    """Whether a file is the shared module."""
    return path.endswith(module.file_name) and module.declares in (tree.data(path) or b"")


def _present(tree: Tree, module: SharedModule) -> str | None:
    """The file of the module where the configuration has it: at its path or elsewhere by its name."""
    return next((path for path in tree.holding(module.declares) if is_shared(tree, module, path)), None)


def _reaches(tree: Tree, settings: Settings, module: str, path: str) -> bool:
    return reached(tree, module, path) or (
        settings.module_import is not None and reached(tree, module, settings.module_import)
    )


def _place(
    tree: Tree, settings: Settings, homes: Sequence[str], blocks: Sequence[Block]
) -> ImportPlace | NoGround:
    named = settings.module_import
    if named is not None:
        found = named_place(tree, named) if tree.data(named) is not None else None
        if found is None:
            return NoGround(
                "module-import-unusable",
                f"There is no list of modules in {named} that the module can be added to.",
            )
        return found
    nested = [block for block in blocks if not _in_module(block)]
    place = None if nested else import_place(tree, homes)
    if place is None:
        return NoGround(
            "module-import-unclear",
            "No file is sure to be read wherever the containers are, so it is not certain where to import"
            " the module. Name the file with --module-import FILE.",
        )
    return place


def _in_module(block: Block) -> bool:
    """Whether an object stands in the module that its file is, and not in one that is written within it."""
    file = block.place.file
    if block.assumed or (module_set(file) is None and not block.tree.imports_of(file.source.path)):
        return False
    chain = file.chain(block.place.node.start_byte, block.place.node.end_byte)
    bound = next((n for n, node in enumerate(chain) if node.type == "binding"), len(chain))
    return not any(
        node.type == "function_expression" and is_module_function(file, node) for node in chain[bound:]
    )
