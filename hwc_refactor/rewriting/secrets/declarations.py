"""Secrets that a documented diff needs and the configuration does not declare yet."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.strings import identifier_or_quoted
from hwc_refactor.nix.values import PathValue
from hwc_refactor.nixos.block import AGENIX_SECRET, SOPS_SECRET, Block, Kind
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.secrets.declared import declared_secrets
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import in_called_function


class Required(Struct, frozen=True):
    """A secret that has to be declared.

    Attributes:
        name: its name.
        file: the documented file for its declaration.
        settings: what the declaration holds beside its encrypted file, as Nix source text, by name.
        behind: a comment behind each of these, as far as there is one.
        folder: where encrypted files are kept, as seen from that file, when no other declaration shows it.
    """

    name: str
    file: str
    settings: Mapping[str, str]
    behind: Mapping[str, str]
    folder: str


def scheme(tree: Tree) -> Kind:
    """The scheme that a configuration declares its secrets with; agenix where it has none."""
    age, sops = (len(declared_secrets(tree, kind)) for kind in (AGENIX_SECRET, SOPS_SECRET))
    return SOPS_SECRET if sops > age else AGENIX_SECRET


def path_of(kind: Kind, name: str) -> str:
    """The path of a secret as text within a Nix string."""
    return "${config." + f"{kind.word}.secrets.{identifier_or_quoted(name)}.path" + "}"


def require(draft: Draft, tree: Tree, required: Required) -> None:
    """Declare a secret where others are declared, unless it is; else say what has to be declared."""
    kind = scheme(tree)
    if required.name in declared_secrets(tree, kind):
        return
    name = f"{kind.word}.secrets.{identifier_or_quoted(required.name)}"
    beside = _beside(tree, kind, required.file)
    if kind is SOPS_SECRET:
        body = "{ };"
        draft.note(
            f"The value of {required.name} has to be added to the sops file by hand: 'sops secrets.yaml'."
        )
    else:
        folder = _folder(beside) if beside is not None else required.folder
        file = posixpath.join(folder, f"{required.name}.age")
        rows = [f"  file = {file};"]
        for key, value in required.settings.items():
            comment = required.behind.get(key)
            rows.append(f"  {key} = {value};" + (f"  # {comment}" if comment else ""))
        body = "\n".join(("{", *rows, "};"))
        where = posixpath.normpath(posixpath.join(posixpath.dirname(_path(beside, required)), file))
        draft.note(
            f"The encrypted file {where} has to be made by a person who knows the password: name it in"
            f" secrets.nix with the keys that may read it, then run 'agenix -e {posixpath.basename(where)}'"
            f" in {posixpath.dirname(where) or '.'}."
        )
    if beside is None:
        flat = " ".join(body.split())
        draft.note(f"No file of the configuration declares secrets yet: add '{name} = {flat}' to one.")
        return
    slot = beside.slots[0]
    assert slot.binding is not None
    assert slot.holder is not None
    lead = _lead(beside)
    draft.insert(
        slot.expr.file,
        slot.holder.node,
        [Snippet(f"{lead}{identifier_or_quoted(required.name)} = {body}")],
        after=slot.binding,
    )


def _path(beside: Block | None, required: Required) -> str:
    return required.file if beside is None else beside.file


def _beside(tree: Tree, kind: Kind, documented: str) -> Block | None:
    """The declaration behind which a new one goes: the last one of the documented file, or of the fullest."""
    plain = [
        block
        for block in objects(tree, kind)
        if block.named
        and len(block.slots) == 1
        and not block.calls
        and not block.conditions
        and block.slots[0].binding is not None
        and block.slots[0].binding.type == "binding"
        and block.slots[0].holder is not None
        and not block.slots[0].rest
        and not in_called_function(block.slots[0].expr.env)
        and not block.assumed
    ]
    counted = Counter(block.file for block in plain)
    if not counted:
        return None
    file = documented if documented in counted else max(counted, key=lambda path: (counted[path], path))
    return max((block for block in plain if block.file == file), key=lambda block: block.offset)


def _folder(beside: Block) -> str:
    """Where the encrypted files are, as the last declaration writes it."""
    value = beside.value("file")
    return posixpath.dirname(value.text) if isinstance(value, PathValue) else "."


def _lead(beside: Block) -> str:
    slot = beside.slots[0]
    assert slot.binding is not None
    path = attrpath_of(slot.binding)
    data = slot.expr.file.source.data
    return data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")
