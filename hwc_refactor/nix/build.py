"""Builders: edits on the original bytes, in the file's own manner, each checked before it is handed out."""

from hwc_refactor.nix.build_box import BuildError, check
from hwc_refactor.nix.build_insert import spreading
from hwc_refactor.nix.build_list import (
    element_insertion,
    element_removal,
    element_replacement,
    insert_elements,
    remove_elements,
    remove_operand,
    replace_element,
)
from hwc_refactor.nix.build_module import insert_formal, insert_import
from hwc_refactor.nix.build_remove import Built, remove_after
from hwc_refactor.nix.build_set import (
    binding_insertion,
    binding_removal,
    captured,
    insert_bindings,
    nest_binding,
    remove_binding,
    remove_bindings,
    replace_value,
    value_parting,
    value_replacement,
)
from hwc_refactor.nix.build_shift import reindent
from hwc_refactor.nix.build_step import Step, prove, proved, replacement
from hwc_refactor.nix.build_text import Item, Snippet, unit

__all__ = [
    "BuildError",
    "Built",
    "Item",
    "Snippet",
    "Step",
    "binding_insertion",
    "binding_removal",
    "captured",
    "check",
    "element_insertion",
    "element_removal",
    "element_replacement",
    "insert_bindings",
    "insert_elements",
    "insert_formal",
    "insert_import",
    "nest_binding",
    "prove",
    "proved",
    "reindent",
    "remove_after",
    "remove_binding",
    "remove_bindings",
    "remove_elements",
    "remove_operand",
    "replace_element",
    "replace_value",
    "replacement",
    "spreading",
    "unit",
    "value_parting",
    "value_replacement",
]
