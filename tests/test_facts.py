"""What a service runs and does, in the shapes in which configurations write it."""

from __future__ import annotations

import pytest

from hwc_refactor.nix.shell import Body
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.doings import Facts
from hwc_refactor.nixos.scripts.execline import command_line
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.tree import Tree


def service(body: str, head: str = "", others: dict[str, bytes] | None = None) -> Facts:
    text = (
        f'{{ config, lib, pkgs, ... }}:\nlet\n  base = "/var/lib/app";\n{head}\nin\n'
        f"{{\n  systemd.services.app = {{\n{body}\n  }};\n}}\n"
    )
    tree = Tree({"app.nix": text.encode()}, companions=(others or {}).get)
    (block,) = objects(tree, SERVICE)
    return facts(block)


def ran(found: Facts) -> list[str]:
    return [one.name for one in found.ran]


SHAPES = {
    "script": 'script = "curl http://a";',
    "indented script": "script = ''\n  curl http://a\n'';",
    "bash -c": "serviceConfig.ExecStart = \"${pkgs.bash}/bin/bash -c 'curl http://a'\";",
    "sh -c, prefix": "serviceConfig.ExecStart = \"-/bin/sh -c 'curl http://a'\";",
    "runtimeShell": "serviceConfig.ExecStart = ''${pkgs.runtimeShell} -c \"curl http://a\"'';",
    "writeShellScript": 'serviceConfig.ExecStart = pkgs.writeShellScript "x" "curl http://a";',
    "in a string": "serviceConfig.ExecStart = \"${pkgs.writeShellScript \"x\" ''\n  curl http://a\n''}\";",
    "getExe of an application": (
        'serviceConfig.ExecStart = lib.getExe (pkgs.writeShellApplication { name = "x"; '
        'text = "curl http://a"; });'
    ),
    "bin of a let": 'serviceConfig.ExecStart = "${check}/bin/check --now";',
    "list": 'serviceConfig.ExecStart = [ "" "${pkgs.curl}/bin/curl http://a" ];',
    "package": 'serviceConfig.ExecStart = "${lib.getExe pkgs.curl} http://a";',
    "getExe'": 'serviceConfig.ExecStart = "${lib.getExe\' pkgs.curl "curl"} http://a";',
    "called in a script": 'script = "${check}/bin/check";',
    "on the search path": 'path = [ pkgs.jq check ];\nscript = "check --now";',
    "among packages": 'path = with pkgs; [ jq check ];\nscript = "timeout 5 check";',
    "beside an application": (
        'serviceConfig.ExecStart = lib.getExe (pkgs.writeShellApplication { name = "x"; '
        'runtimeInputs = [ check ]; text = "check"; });'
    ),
    "beside the script itself": (
        'script = lib.getExe (pkgs.writeShellApplication { name = "x"; runtimeInputs = [ check ]; text = "check"; });'
    ),
    "beside a called one": (
        'script = "exec ${lib.getExe (pkgs.writeShellApplication { name = "x"; runtimeInputs = [ check ]; '
        'text = "check"; })}";'
    ),
    "called through bash": 'script = "bash ${file}";',
    "a file": "serviceConfig.ExecStart = ./check.sh;",
    "a file that is read": "script = builtins.readFile ./check.sh;",
    "a piece of script": "script = ''\n  ${piece}\n'';",
    "in a variable": "script = ''\n  c=${pkgs.curl}/bin/curl\n  $c http://a\n'';",
    "wrapped": 'script = "timeout 5 nice -n 3 curl http://a";',
    "condition": 'script = lib.optionalString config.x.enable "curl http://a" + "\\n";',
}
HEAD = """
  check = pkgs.writeShellScriptBin "check" "curl http://a";
  file = pkgs.writeText "x" "curl http://a";
  piece = "curl http://a\\n";
"""


@pytest.mark.parametrize("shape", SHAPES)
def test_a_command_is_found_in_every_shape(shape: str) -> None:
    found = service(SHAPES[shape], HEAD, {"check.sh": b"#!/usr/bin/env bash\ncurl http://a\n"})
    assert "curl" in ran(found)
    assert not found.doubts


def test_a_program_beside_a_called_one_is_not_beside_the_caller() -> None:
    inner = 'pkgs.writeShellApplication { name = "x"; runtimeInputs = [ check ]; text = "check"; }'
    found = service(f"script = ''\n  ${{lib.getExe ({inner})}}\n  check\n'';", HEAD)
    assert ran(found) == ["curl", "check"]


def test_paths_are_filled_in_as_far_as_they_are_known() -> None:
    found = service(
        "script = ''\n"
        "  dir=${base}/out\n"
        '  mkdir -p "$dir"\n'
        "  echo x > $dir/state\n"
        "  echo y >> ${config.paths.logs}/app.log\n"
        '  cp a "$TARGET"\n'
        "  curl -o /srv/a http://a 2>/dev/null\n"
        "'';"
    )
    assert [(use.how, use.place.text, use.place.known, use.made) for use in found.writes] == [
        ("mkdir", "/var/lib/app/out", True, True),
        ("cp", "$TARGET", False, False),
        ("curl", "/srv/a", True, False),
        (">", "/var/lib/app/out/state", True, False),
        (">", "${config.paths.logs}/app.log", False, False),
    ]


DOUBTS = {
    "serviceConfig.ExecStart = config.x.command;": "what it runs is not written in the tree",
    "script = config.x.script;": "what it runs is not written in the tree",
    'script = "$1 now";': "it runs '$1', which is only known when it runs",
    'script = "sudo -u eric ls";': "it runs another command through sudo",
    'script = "bash /opt/x.sh";': "it runs a script with bash that is not in sight",
    'script = "tar xf a";': "it runs tar, which writes where its options say",
    'script = "if then";': "its script does not parse as a shell script",
    'serviceConfig.ExecStart = "${pkgs.bash}/bin/bash -c \'open";': "its command line cannot be taken apart",
}


@pytest.mark.parametrize("body", DOUBTS)
def test_what_is_not_known_is_a_doubt(body: str) -> None:
    assert DOUBTS[body] in [doubt.reason for doubt in service(body).doubts]


def test_a_subcommand_decides_what_a_command_needs() -> None:
    found = service("script = ''\n  systemctl is-active x\n  systemctl restart y\n'';")
    asks, restarts = found.ran
    assert asks.needs == {"manager"}
    assert "root" in restarts.needs
    assert restarts.line == 10


def test_unknown_commands_are_named_and_functions_are_not() -> None:
    found = service("script = ''\n  f() { echo; }\n  f\n  frobnicate\n'';")
    assert [one.name for one in found.ran if one.known is None] == ["frobnicate"]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (b"/bin/a b  c", ["/bin/a", "b", "c"]),
        (b"-+/bin/a 'b c' \"d 'e\"", ["/bin/a", "b c", "d 'e"]),
        (b"a --x='y z' $$HOME 100%%", ["a", "--x=y z", "$HOME", "100%"]),
        (rb'a "b\"c" d\x', ["a", 'b"c', "d\\x"]),
    ],
)
def test_a_command_line_is_taken_apart_as_systemd_does(text: bytes, arguments: list[str]) -> None:
    line = command_line(Body(text, "x.nix"))
    assert line is not None
    assert [argument.text for argument in line.arguments] == arguments
    for argument in line.arguments:
        if argument.inside is not None:
            assert text[argument.inside : argument.inside + len(argument.data)] == argument.data


@pytest.mark.parametrize("text", [b"a 'b", b'a "b', b"", b"a ; b"])
def test_a_command_line_that_is_not_understood_is_none(text: bytes) -> None:
    assert command_line(Body(text, "x.nix")) is None


def test_where_a_script_stands_is_known_through_quotes_and_indentation() -> None:
    text = (
        "{ pkgs, ... }: {\n  systemd.services.a.serviceConfig.ExecStart =\n"
        "    \"${pkgs.bash}/bin/bash -c 'sleep 5; touch /srv/x'\";\n}\n"
    )
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    script = programs(block)[0].script
    assert script is not None
    touch = script.commands[1]
    place = script.body.to_file(touch.name.start, touch.arguments[0].end)
    assert place is not None
    assert text.encode()[slice(*place)] == b"touch /srv/x"
