"""Builders: edits on the original bytes, in the file's own manner, each checked before it is handed out."""

from hwc_refactor.nix.build_box import BuildError, check
from hwc_refactor.nix.build_insert import spread
from hwc_refactor.nix.build_list import insert_elements, remove_elements, remove_operand, replace_element
from hwc_refactor.nix.build_module import insert_formal, insert_import
from hwc_refactor.nix.build_remove import Built
from hwc_refactor.nix.build_set import (
    captured,
    insert_bindings,
    nest_binding,
    remove_binding,
    remove_bindings,
    replace_value,
)
from hwc_refactor.nix.build_shift import reindent
from hwc_refactor.nix.build_text import Item, Snippet, unit

__all__ = [
    "BuildError",
    "Built",
    "Item",
    "Snippet",
    "captured",
    "check",
    "insert_bindings",
    "insert_elements",
    "insert_formal",
    "insert_import",
    "nest_binding",
    "reindent",
    "remove_binding",
    "remove_bindings",
    "remove_elements",
    "remove_operand",
    "replace_element",
    "replace_value",
    "spread",
    "unit",
]
