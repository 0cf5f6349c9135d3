"""Rules of systemd-tmpfiles, in each form in which NixOS takes them."""

from __future__ import annotations

import pytest

from hwc_refactor.nixos.paths.tmpfiles import Rule, rules, rules_over
from hwc_refactor.nixos.tree import Tree


def fields(found: Rule) -> tuple[str, ...]:
    return found.type, found.path, found.mode, found.user, found.group


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('rules = [ "d /srv/a 0750 root media -" ];', ("d", "/srv/a", "0750", "root", "media")),
        ('rules = [ "d+ /srv/a/" ];', ("d", "/srv/a", "-", "-", "-")),
        ('rules = [ "d \'/srv/a\' \\"0750\\"" ];', ("d", "/srv/a", "0750", "-", "-")),
        ('rules = [ "d ${f "/a b"} 0750" ];', ("d", '${f "/a b"}', "0750", "-", "-")),
        ('settings.a."/srv/a".d = { mode = "0750"; user = "b"; };', ("d", "/srv/a", "0750", "b", "-")),
        ('settings.a = { "/srv/a/" = { "d" = { }; }; };', ("d", "/srv/a", "-", "-", "-")),
        ('settings.a."/srv/a".Z.group = "b";', ("Z", "/srv/a", "-", "-", "b")),
        ('settings.a."/srv/a".d.user = config.who;', ("d", "/srv/a", "-", "?", "-")),
    ],
)
def test_a_rule_is_read(text: str, expected: tuple[str, ...]) -> None:
    (found,) = rules(Tree({"a.nix": f"{{ config, f, ... }}: {{ systemd.tmpfiles.{text} }}".encode()}))
    assert fields(found) == expected


@pytest.mark.parametrize("text", ['rules = [ "- /srv/a" ];', 'rules = [ "d" ];', "rules = [ config.x ];"])
def test_nothing_is_no_rule(text: str) -> None:
    assert rules(Tree({"a.nix": f"{{ config, ... }}: {{ systemd.tmpfiles.{text} }}".encode()})) == ()


@pytest.mark.parametrize(
    ("mode", "reads", "writes"),
    [
        ("-", False, False),
        ("0755", True, False),
        ("755", True, False),
        ("~0755", True, False),
        (":0750", False, False),
        ("0751", False, False),
        ("0775", True, True),
        ("1775", True, False),
        ("2770", False, True),
        ("?", False, False),
    ],
)
def test_modes(mode: str, reads: bool, writes: bool) -> None:
    (found,) = rules(Tree({"a.nix": f'{{ systemd.tmpfiles.rules = [ "d /a {mode}" ]; }}'.encode()}))
    assert (found.everybody_reads, found.group_writes) == (reads, writes)


def test_rules_for_a_path_are_those_of_its_directories_too() -> None:
    text = '{ systemd.tmpfiles.rules = [ "d /srv/a/b" "d /srv" "d /srv/ab" "d /srv/a" ]; }'
    tree = Tree({"a.nix": text.encode()})
    assert [rule.path for rule in rules_over(tree, "/srv/a/b")] == ["/srv/a/b", "/srv", "/srv/a"]
    assert [rule.path for rule in rules_over(tree, "/srv/a/bc")] == ["/srv", "/srv/a"]
