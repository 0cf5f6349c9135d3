"""The small module system of the tests agrees with nixpkgs' in everything that shows in a result."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from example import EXAMPLE
from nixeval import LIBS, NIXPKGS_LIB, EvaluationError, differences, facts, needs_nix

# Each of them has a hwc and no gluetun: what they come to stands below `value`.
SHELL = "{ lib, ... }: { options.hwc.value = lib.mkOption { type = lib.types.%s; }; }"

MERGES: dict[str, tuple[str, tuple[str, ...], Any]] = {
    "if": ("int", ("{ lib, ... }: { hwc.value = lib.mkIf false 1; }", "{ hwc.value = 2; }"), 2),
    "force": ("int", ("{ hwc.value = 1; }", "{ lib, ... }: { hwc.value = lib.mkForce 2; }"), 2),
    "default": ("int", ("{ lib, ... }: { hwc.value = lib.mkDefault 1; }", "{ hwc.value = 2; }"), 2),
    "force-around-a-set": (
        "int",
        ("{ hwc.value = 1; }", "{ lib, ... }: { config = lib.mkForce { hwc.value = 2; }; }"),
        2,
    ),
    "lists-of-modules": ("listOf types.int", ("{ hwc.value = [ 1 ]; }", "{ hwc.value = [ 2 ]; }"), [2, 1]),
    "lists-of-imports": (
        "listOf types.int",
        ("{ imports = [ { hwc.value = [ 1 ]; } { hwc.value = [ 2 ]; } ]; hwc.value = [ 3 ]; }",),
        [2, 1, 3],
    ),
    "merge-keeps-order": (
        "listOf types.int",
        ("{ lib, ... }: { config = lib.mkMerge [ { hwc.value = [ 1 ]; } { hwc.value = [ 2 ]; } ]; }",),
        [1, 2],
    ),
    "no-list": ("listOf types.int", (), []),
    "element-with-if": (
        "listOf types.int",
        ("{ lib, ... }: { hwc.value = [ 1 (lib.mkIf false 2) ]; }",),
        [1],
    ),
    "lines": ("lines", ('{ hwc.value = "a"; }', '{ hwc.value = "b"; }'), "b\na"),
    "equal-twice": ("str", ('{ hwc.value = "a"; }', '{ hwc.value = "a"; }'), "a"),
    "attribute-with-if": (
        "attrsOf types.int",
        ("{ lib, ... }: { hwc.value = { a = 1; b = lib.mkIf false 2; }; }",),
        {"a": 1},
    ),
    "anything": (
        "anything",
        ("{ hwc.value.a.b = 1; }", "{ lib, ... }: { hwc.value = lib.mkIf true { a.c = [ 2 ]; }; }"),
        {"a": {"b": 1, "c": [2]}},
    ),
    "submodule": (
        "attrsOf (types.submodule ({ name, ... }: { freeformType = types.attrsOf types.int;"
        " options.own = lib.mkOption { default = name; }; }))",
        ("{ hwc.value.x.a = 1; }", "{ hwc.value.x.b = 2; }", "{ hwc.value.y = { }; }"),
        {"x": {"own": "x", "a": 1, "b": 2}, "y": {"own": "y"}},
    ),
    "null-or": ("nullOr types.int", (), None),
    "submodule-with-if": (
        "attrsOf (types.submodule { options.own = lib.mkOption { default = 1; }; })",
        ("{ lib, ... }: { hwc.value = { a = { }; b = lib.mkIf false { }; }; }",),
        {"a": {"own": 1}},
    ),
    "submodule-joins-the-last-first": (
        "attrsOf (types.submodule { options.own = lib.mkOption { type = types.listOf types.int; }; })",
        ("{ lib, ... }: { hwc.value.a = lib.mkMerge [ { own = [ 1 ]; } { own = [ 2 ]; } ]; }",),
        {"a": {"own": [2, 1]}},
    ),
    "before-and-after": (
        "listOf types.int",
        (
            "{ lib, ... }: { hwc.value = lib.mkAfter [ 1 ]; }",
            "{ hwc.value = [ 2 ]; }",
            "{ lib, ... }: { hwc.value = lib.mkBefore [ 3 ]; }",
        ),
        [3, 2, 1],
    ),
    "order-within-a-default": (
        "listOf types.int",
        (
            "{ lib, ... }: { hwc.value = lib.mkDefault (lib.mkAfter [ 1 ]); }",
            "{ lib, ... }: { hwc.value = lib.mkDefault [ 2 ]; }",
        ),
        [2, 1],
    ),
    "either": (
        "either (types.listOf types.int) (types.attrsOf types.int)",
        ("{ hwc.value.a = 1; }", "{ hwc.value.b = 2; }"),
        {"a": 1, "b": 2},
    ),
    "number": ("number", ("{ hwc.value = 0.5; }",), 0.5),
    "argument-of-a-module": (
        "int",
        ("{ one, ... }: { hwc.value = one; }", "{ _module.args.one = 1; }"),
        1,
    ),
}
ERRORS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "strange": ("int", ("{ hwc.value = 1; hwc.other = 2; }",), "does not exist"),
    "wrong-type": ("str", ("{ hwc.value = 1; }",), "is not of type"),
    "null": ("str", ("{ hwc.value = null; }",), "is not of type"),
    "in-conflict": ("str", ('{ hwc.value = "a"; }', '{ hwc.value = "b"; }'), "conflicting definition values"),
    "neither": ("either types.int types.str", ("{ hwc.value = [ ]; }",), "is not of type"),
    "missing": ("str", (), "no value defined"),
    "endless": ("int", ("{ config, ... }: { hwc.value = config.hwc.value; }",), "infinite recursion"),
    "shape-from-values": (
        "anything",
        ("{ config, lib, ... }: { config = lib.mkMerge (map (x: { hwc.value = x; }) config.hwc.value); }",),
        "infinite recursion",
    ),
}


def shell(kind: str) -> str:
    return SHELL % kind.replace("types.", "lib.types.")


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", MERGES)
def test_merge(name: str, lib: str | None, tmp_path: Path) -> None:
    kind, modules, expected = MERGES[name]
    assert facts(tmp_path, lib, shell(kind), *modules)["hwc"]["value"] == expected


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", ERRORS)
def test_error(name: str, lib: str | None, tmp_path: Path) -> None:
    kind, modules, message = ERRORS[name]
    with pytest.raises(EvaluationError, match=message):
        facts(tmp_path, lib, shell(kind), *modules)


@needs_nix
def test_file_imported_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "one.nix").write_text("{ hwc.value = [ 1 ]; }", encoding="utf-8")
    import_it = "{ imports = [ (root + ''/one.nix'') ]; }"
    found = facts(tmp_path, None, shell("listOf types.int"), import_it, import_it)
    assert found["hwc"]["value"] == [1]


@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
def test_example_comes_to_the_same_with_nixpkgs(tmp_path: Path) -> None:
    root = Path(shutil.copytree(EXAMPLE, tmp_path / "root"))
    host = 'root + "/hosts/server"'
    assert differences(facts(root, None, host), facts(root, NIXPKGS_LIB, host)) == {}
