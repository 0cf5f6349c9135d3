"""Whether a script bears `set -euo pipefail`, and whether statements bear `set -e`, shape by shape."""

from __future__ import annotations

import pytest

from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.programs import main_program
from hwc_refactor.nixos.scripts.strictness import bears_errexit, bears_strictness
from hwc_refactor.nixos.tree import Tree


def script(text: str) -> Script:
    body = text.replace("${", "''${")
    tree = Tree({"a.nix": f"{{ systemd.services.a.script = ''\n{body}\n''; }}".encode()})
    (block,) = objects(tree, SERVICE)
    program = main_program(block)
    assert program is not None
    assert program.script is not None
    assert program.script.root.has_error is False
    return program.script


@pytest.mark.parametrize(
    ("text", "bears"),
    [
        ("curl http://a", True),
        ('a=1; echo "$a"', True),
        ('echo "$A"', False),
        ('echo "${A:-x}"', True),
        ('for i in 1 2; do echo "$i"; done', True),
        ("ls | wc", False),
        ("set -x; ls", False),
    ],
)
def test_a_whole_script(text: str, bears: bool) -> None:
    assert bears_strictness(script(text)) is bears


@pytest.mark.parametrize(
    ("text", "bears"),
    [
        ("echo a; true", True),
        ("curl http://a", False),
        ("curl http://a || true", True),
        ("curl http://a || systemctl stop b", False),
        ("curl http://a && true", False),
        ("if curl http://a; then echo b; elif grep c d; then echo e; else echo f; fi", True),
        ("if true; then curl http://a; fi", False),
        ("if true; then echo; else curl http://a; fi", False),
        ("if true; then echo; elif true; then curl http://a; fi", False),
        ("for i in 1 2; do echo; done", True),
        ("for i in 1 2; do curl http://a; done", False),
        ("while true; do echo; done", False),
        ("{ echo a; }", True),
        ("{ curl http://a; }", False),
        ("( echo a )", False),
        ("echo a > b", True),
        ("curl http://a > b", False),
        ("f() { curl http://a; }", True),
        ("# a word\n: ", True),
        ("a=1", True),
        ("a=$(curl http://a)", False),
        ("export a=1", True),
        ("export a=$(curl http://a)", False),
        ("ls | wc", False),
    ],
)
def test_statements(text: str, bears: bool) -> None:
    one = script(text)
    assert bears_errexit(one, one.root.named_children) is bears
