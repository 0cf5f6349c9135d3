"""A shared module that changes build on: its file, written once, and its import, in one place.

It is a change of its own, made before the first one that needs it, so that each of those can be
reviewed, committed and taken back alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hwc_refactor.model import Change, Subject
from hwc_refactor.nix import build
from hwc_refactor.nix.build import BuildError
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.importing import (
    TOPS,
    ImportPlace,
    has_import_place,
    import_places,
    is_module_function,
    module_set,
    named_place,
    own_place,
    reached,
)
from hwc_refactor.nixos.modules import imported_by
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.walks import swept
from hwc_refactor.rewriting import strangers
from hwc_refactor.rewriting.draft import About, Draft
from hwc_refactor.rewriting.shipped import shipped_modules
from hwc_refactor.settings import Settings


class SharedModule(Struct, frozen=True):
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


class NoGround(Struct, frozen=True):
    """Why the module cannot be added: the code of the refusals that follow, and their sentence."""

    code: str
    reason: str


class Ground(Struct, frozen=True):
    """What is to be done before changes that need a module.

    Attributes:
        change: the change that adds the module; None where it has been made.
        lacking: why some objects, by file and name, cannot have it.
    """

    change: Change | None = None
    lacking: Mapping[tuple[str, str], NoGround] = {}


def lay(
    tree: Tree, settings: Settings, codemod: str, module: SharedModule, blocks: Sequence[Block], why: str
) -> Ground:
    """What has to be done so that some objects reach a module."""
    stranger = _stranger(tree, module)
    if stranger is not None:
        return Ground(None, dict.fromkeys(map(_identity, blocks), stranger))
    present = _present(tree, module)
    path = _path(tree, module)
    missing = [block for block in blocks if present is None or not _reaches(settings, present, block)]
    if not missing:
        return Ground()
    places, lacking = _places(tree, settings, missing, present or path)
    if present is None and tree.data(path) is not None:
        return Ground(None, dict.fromkeys(map(_identity, missing), _taken(path)))
    if not places:
        return Ground(None, lacking)
    first = places[0]
    line = first.file.source.line(first.node.start_byte)
    about = About(Subject("module", module.option), first.file.source.path, line)
    verb = "import" if present else "add"
    draft = Draft(tree, codemod, about, f"{verb} the module {module.option}", why)
    for place in places:
        try:
            draft.import_module(place.file, place.node, place.path_to(present or path))
        except BuildError:
            computed = NoGround(
                "module-import-unclear",
                f"The module cannot be added to the imports of {place.file.source.path}: they are computed."
                " Name the file that shall import it with --module-import FILE.",
            )
            return Ground(None, dict.fromkeys(map(_identity, missing), computed))
    if len(places) > 1:
        draft.note(
            f"It is imported in {len(places)} places, for none alone is sure to reach all that need it. It counts once,"
            " however often it is imported; --module-import FILE names one place instead."
        )
    if present is None:
        draft.new_file(path, module.text)
        draft.note(f"A flake sees only files that git knows: git add {path}.")
    return Ground(draft.done(), lacking)


def lacks(tree: Tree, settings: Settings, module: SharedModule, block: Block) -> NoGround | None:
    """Why an object cannot have a module, for itself: what `lay` says of it among whichever others."""
    stranger = _stranger(tree, module)
    if stranger is not None:
        return stranger
    present = _present(tree, module)
    if present is not None and _reaches(settings, present, block):
        return None
    path = present or _path(tree, module)
    if present is None and tree.data(path) is not None:
        return _taken(path)
    if settings.module_import is not None or not _in_module(block):
        return _places(tree, settings, [block], path)[1].get(_identity(block))
    room = tree.remember(
        ("room for", path, _standing(block)),
        tree,
        lambda: has_import_place(tree, _standing(block), lambda place: _fits(place, path)),
    )
    return None if room else _UNCLEAR


def added(tree: Tree, module: SharedModule) -> str | None:
    """Where the file of a module would be put; None where the configuration has it."""
    return _path(tree, module) if _present(tree, module) is None else None


def _identity(block: Block) -> tuple[str, str]:
    return block.file, block.name


def _taken(path: str) -> NoGround:
    return NoGround("module-path-taken", f"There is another file at {path} already.")


def _stranger(tree: Tree, module: SharedModule) -> NoGround | None:
    """Why the module cannot be had where another one declares its option, or it is there as another one."""
    reason = strangers.reason(tree, module.option, module.file_name, module.text, _present(tree, module))
    return None if reason is None else NoGround("module-differs", reason)


_UNCLEAR = NoGround(
    "module-import-unclear",
    "No file is sure to be read wherever the containers are, so it is not certain where to import the module."
    " Name the file with --module-import FILE.",
)


def is_shared(tree: Tree, module: SharedModule, path: str) -> bool:
    """Whether a file is the shared module."""
    return path.endswith(module.file_name) and module.declares in (tree.data(path) or b"")


def _path(tree: Tree, module: SharedModule) -> str:
    """Where the module goes.

    A loader that reads all files of a folder may take them for modules of something else than NixOS, as a
    flake of flake-parts does; what has a name that begins with an underscore it leaves out.
    """
    folder, _, name = module.path.rpartition("/")
    return f"{folder}/_{name}" if swept(tree, module.path) else module.path


def _present(tree: Tree, module: SharedModule) -> str | None:
    """The file of the module where the configuration has it: at its path or elsewhere by its name."""
    return next((path for path in tree.holding(module.declares) if is_shared(tree, module, path)), None)


def _reaches(settings: Settings, module: str, block: Block) -> bool:
    """Whether the module is read wherever an object is."""
    tree, named = block.tree, settings.module_import
    if named is not None and reached(tree, module, named):
        return True
    if _in_module(block):
        return reached(tree, module, _standing(block))
    own = _own(block)
    return own is not None and own.imports(tree, module)


def _fits(place: ImportPlace, module: str) -> bool:
    """Whether the imports of a place are written out, so that one can be added."""
    try:
        if place.node.type == "list_expression":
            build.insert_elements(place.file, place.node, [place.path_to(module)])
        else:
            build.insert_import(place.file, place.node, place.path_to(module))
    except BuildError:
        return False
    return True


def _places(
    tree: Tree, settings: Settings, blocks: Sequence[Block], module: str
) -> tuple[list[ImportPlace], dict[tuple[str, str], NoGround]]:
    """Where the module is to be imported, and the objects that it cannot reach."""
    named = settings.module_import
    if named is not None:
        place = named_place(tree, named) if tree.data(named) is not None else None
        if place is not None:
            return [place], {}
        text = f"There is no list of modules in {named} that the module can be added to."
        if tree.data(named) is None:
            text = f"The file that shall import the module, {named}, is not there."
        return [], dict.fromkeys(map(_identity, blocks), NoGround("module-import-unusable", text))
    inner: dict[tuple[str, int], ImportPlace] = {}
    plain: list[Block] = []
    lacking: list[Block] = []
    for block in blocks:
        if _in_module(block):
            plain.append(block)
            continue
        own = _own(block)
        if own is None:
            lacking.append(block)
        else:
            inner[own.file.source.path, own.node.start_byte] = own
    found, unreached = import_places(
        tree, {_standing(block) for block in plain}, lambda place: _fits(place, module)
    )
    lacking += [block for block in plain if _standing(block) in unreached]
    return [*found, *inner.values()], dict.fromkeys(map(_identity, lacking), _UNCLEAR)


def _standing(block: Block) -> str:
    """The file that is read wherever an object is: its own, or that of the module which is handed its function."""
    files = [anchor.file.source.path for anchor in block.anchors]
    own = block.calls or block.file in files or not files
    return block.file if own or files[0] in block.tree.importers(block.file) else files[0]


def _own(block: Block) -> ImportPlace | None:
    """The module within a file that an object stands in, as one of its options."""
    if block.calls or block.assumed:
        return None
    return own_place(block.anchors[0].file, block.anchors[0].node)


def _in_module(block: Block) -> bool:
    """Whether an object stands in the module that its file is, and not in one that is written within it."""
    standing = block.place if _standing(block) == block.file else block.anchors[0]
    file, tree = standing.file, block.tree
    read = module_set(file) is not None or tree.imports_of(file.source.path)
    if block.assumed or not (read or imported_by(tree, file.source.path)):
        return False
    # Where its option stands, which is not where a function of the file makes it
    at = next((anchor for anchor in block.anchors if anchor.file is file), block.place).node
    chain = file.chain(at.start_byte, at.end_byte)
    bound = next((n for n, node in enumerate(chain) if node.type == "binding"), len(chain))
    within = any(
        node.type == "function_expression" and is_module_function(file, node) for node in chain[bound:]
    )
    return not within and not _in_another_system(file, chain)


def _in_another_system(file: ParsedFile, chain: Sequence[Node]) -> bool:
    """Whether what stands at the end of a chain is part of a value that is a configuration of its own.

    Such are the machines of a test, `nodes.machine = { … }`, and containers of NixOS, `containers.web.config`.
    """
    for above, holder, node in zip(chain, chain[1:], chain[2:], strict=False):
        if node.type != "binding" or above.type == "let_expression" or holder.type != "binding_set":
            continue
        for name in (attr_name(file, part) for part in attrpath_of(node)):
            if name not in ("config", "imports"):
                return name != "specialisation" and (name is None or name.encode() not in TOPS)
    return False
