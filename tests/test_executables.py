"""What a value, and the text behind it, names as a program."""

from __future__ import annotations

import pytest
from resolving import Case

from hwc_refactor.nixos.scripts.executables import executable_value

PROGRAMS = [
    ("pkgs.curl", "/bin/curl", ("curl", ("curl",), None)),
    ("lib.getExe pkgs.curl", "", ("curl", ("curl",), None)),
    ('lib.getExe\' pkgs.coreutils "cat"', "", ("cat", ("coreutils",), None)),
    ("lib.getBin pkgs.curl", "/bin/curl", ("curl", ("curl",), None)),
    ('lib.getOutput "bin" pkgs.curl', "/bin/curl", ("curl", ("curl",), None)),
    ("pkgs.runtimeShell", "", ("bash", ("bash",), None)),
    ("pkgs.curl.override { a = 1; }", "/bin/curl", ("curl", ("curl",), None)),
    ("lib.getExe (pkgs.curl.override { a = 1; })", "", ("curl", ("curl",), None)),
    ('"/opt/x/run"', "", ("run", (), "/opt/x/run")),
    ('"/opt/x"', "/run", ("run", (), "/opt/x/run")),
    ('"${pkgs.curl}/bin/curl -s"', "", ("curl", ("curl",), None)),
    ('"${pkgs.curl}/bin/cu${config.x}"', "", (None, (), None)),
    ('"${pkgs.curl}/bin/curl${lib.optionalString config.v " -v"}"', "", ("curl", ("curl",), None)),
    ('"${pkgs.curl}/bin/curl${lib.optionalString config.v "-v"}"', "", (None, (), None)),
    ('"${config.dir}/bin/app"', "", ("app", ("config", "dir"), None)),
    ("config.my.package", "", (None, ("config", "my", "package"), None)),
    ("./run.sh", "", ("run.sh", (), None)),
    ("1", "/bin/x", ("x", (), None)),
]


@pytest.mark.parametrize(("code", "rest", "expected"), PROGRAMS)
def test_a_program(code: str, rest: str, expected: tuple[object, ...]) -> None:
    case = Case(code)
    found = executable_value(case.tree, case.value, rest)
    assert (found.name, found.package, found.path) == expected


WRITTEN = [
    ('pkgs.writeShellScript "x" "curl a"', "x", "bash"),
    ('pkgs.writeShellScriptBin "x" "curl a"', "x", "bash"),
    (
        'pkgs.writeShellApplication { name = "x"; text = "curl a"; runtimeInputs = [ pkgs.curl ]; }',
        "x",
        "bash",
    ),
    ('pkgs.writers.writeDash "x" "curl a"', "x", "sh"),
    ('pkgs.writeScript "x" "#!/bin/sh\\ncurl a"', "x", "sh"),
    ('pkgs.writeText "x" "a"', "x", None),
]


@pytest.mark.parametrize(("code", "name", "interpreter"), WRITTEN)
def test_a_file_that_is_written_out(code: str, name: str, interpreter: str | None) -> None:
    case = Case(code)
    found = executable_value(case.tree, case.value).file
    assert found is not None
    assert (found.name, found.interpreter) == (name, interpreter)
    assert [package.text for package in found.packages] == (["pkgs.curl"] if "runtimeInputs" in code else [])
