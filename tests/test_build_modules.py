"""Builders for the formals and imports of a module, before and after, in many layouts."""

import pytest
from building import SETS, done, first, load

from hwc_refactor.nix.build import (
    insert_formal,
    insert_import,
)

FORMALS: list[tuple[str, str]] = [
    ("{ lib, ... }", "{ lib, pkgs, ... }"),
    ("{lib,...}", "{lib,pkgs,...}"),
    ("{ lib }", "{ lib, pkgs }"),
    ("{ lib, }", "{ lib, pkgs, }"),
    ("{ ... }", "{ pkgs, ... }"),
    ("{ }", "{ pkgs }"),
    ("{}", "{ pkgs }"),
    ("{ a ? { b = 1; }, ... }", "{ a ? { b = 1; }, pkgs, ... }"),
    ("{ # x\n}", "{ # x\n  pkgs\n}"),
    ("{\n  lib,\n  ...\n}", "{\n  lib,\n  pkgs,\n  ...\n}"),
    ("{\n  lib, # x\n  # rest\n  ...\n}", "{\n  lib, # x\n  pkgs,\n  # rest\n  ...\n}"),
    ("{\n  lib,\n  utils # x\n}", "{\n  lib,\n  utils, # x\n  pkgs\n}"),
    ("{\n  lib,\n  utils, # x\n}", "{\n  lib,\n  utils, # x\n  pkgs,\n}"),
    ("{\n\tlib,\n\ta ? {\n\t\tb = 1;\n\t},\n}", "{\n\tlib,\n\ta ? {\n\t\tb = 1;\n\t},\n\tpkgs,\n}"),
    ("{ lib\n, ...\n}", "{ lib\n, pkgs\n, ...\n}"),
    ("{ lib\n, utils ? 1 # x\n}", "{ lib\n, utils ? 1 # x\n, pkgs\n}"),
    ("{ lib\n}", "{ lib\n, pkgs\n}"),
    ("{ lib\n  # rest\n, ...\n}", "{ lib\n, pkgs\n  # rest\n, ...\n}"),
    ("{ config, lib,\n  utils, ... }", "{ config, lib,\n  utils, pkgs, ... }"),
    ("{ config,\n  lib, utils }", "{ config,\n  lib, utils, pkgs }"),
    ("{\r\n  lib,\r\n  ...\r\n}", "{\r\n  lib,\r\n  pkgs,\r\n  ...\r\n}"),
]


@pytest.mark.parametrize(("before", "after"), FORMALS)
@pytest.mark.parametrize("wrap", ["{}: 1", "args@{}:\nargs", "{}@args: 1\n"])
def test_insert_formal(before: str, after: str, wrap: str) -> None:
    head, tail = wrap.split("{}")
    file = load(head + before + tail)
    assert done(file, insert_formal(file, first(file, "formals"), "pkgs")) == head + after + tail


IMPORTS: list[tuple[str, str]] = [
    ("{ imports = [ ]; }", "{ imports = [ ./n.nix ]; }"),
    ("{\n  imports = [\n    ./a.nix # a\n  ];\n}", "{\n  imports = [\n    ./a.nix # a\n    ./n.nix\n  ];\n}"),
    (
        "{ imports = f x ++ [ ./a.nix ] ++ [ ./b.nix ]; }",
        "{ imports = f x ++ [ ./a.nix ./n.nix ] ++ [ ./b.nix ]; }",
    ),
    ("{ imports = f [ ./a.nix ]; }", "{ imports = f [ ./a.nix ] ++ [ ./n.nix ]; }"),
    ("{ }", "{ imports = [ ./n.nix ]; }"),
    ("{ a = 1; }", "{ imports = [ ./n.nix ]; a = 1; }"),
    ("{\n  a = [1];\n}", "{\n  imports = [./n.nix];\n\n  a = [1];\n}"),
    (
        "{\n  # about this host\n\n  # a\n  a = 1;\n}",
        "{\n  # about this host\n\n  imports = [ ./n.nix ];\n\n  # a\n  a = 1;\n}",
    ),
]


@pytest.mark.parametrize(("before", "after"), IMPORTS)
def test_insert_import(before: str, after: str) -> None:
    file = load("{ lib, ... }:\n" + before)
    assert done(file, insert_import(file, first(file, *SETS), "./n.nix")) == "{ lib, ... }:\n" + after
