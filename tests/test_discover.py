"""Where attributes are defined, and which files are looked into for that."""

from __future__ import annotations

import pytest

from hwc_refactor.nixos.block import CONTAINER, SERVICE
from hwc_refactor.nixos.discover import may_bind, may_define
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.tree import Tree


@pytest.mark.parametrize(
    "text",
    [
        '{ virtualisation.oci-containers.containers.web.image = "web"; }',
        '{ virtualisation."oci-containers".containers.web.image = "web"; }',
        '{ virtualisation.oci-containers\n  .containers.web.image = "web"; }',
        '{ virtualisation.oci-containers # all\n  = { containers.web.image = "web"; }; }',
        '{ virtualisation.oci-containers/* all */.containers.web.image = "web"; }',
        '{ virtualisation = { oci-containers={ containers.web.image = "web"; }; }; }',
        '{ virtualisation = { oci-containers . "containers".web.image = "web"; }; }',
        '{ virtualisation = { oci-containers.${"containers"}.web.image = "web"; }; }',
    ],
)
def test_however_a_path_goes_on(text: str) -> None:
    tree = Tree({"a.nix": text.encode()})
    assert [block.name for block in objects(tree, CONTAINER)] == ["web"]


@pytest.mark.parametrize(
    "text",
    [
        '{virtualisation = {oci-containers.containers.web.image = "web"; }; }',
        '{ x = 1;virtualisation = { y = 2; "oci-containers".containers.web.image = "web"; }; }',
        '{ virtualisation = { y = 2; /* all */ oci-containers.containers.web.image = "web"; }; }',
        '{ virtualisation /* all */ . oci-containers.containers.web.image = "web"; }',
        '{ virtualisation = { y = 2; # all\r  oci-containers.containers.web.image = "web"; }; }',
        '{ "virtualisation" . "oci-containers".containers.web.image = "web"; }',
        '{ virtualisation = let oci-containers.containers.web.image = "web"; in { inherit oci-containers; }; }',
        "{ virtualisation = { y = 2;" + 200 * " " + 'oci-containers.containers.web.image = "web"; }; }',
    ],
)
def test_whatever_stands_before_a_name(text: str) -> None:
    assert may_bind(Tree({"a.nix": text.encode()}), "a.nix", "virtualisation", "oci-containers")


@pytest.mark.parametrize(
    "text",
    [
        "{ } # see oci-containers",
        '{ description = "what oci-containers are for"; }',
        "{ inherit (config.virtualisation) oci-containers; }",
        "[ oci-containers ]",
        "{ x = oci-containers == b; y = a.oci-containers == b; }",
        "{ my.oci-containers.containers.web.image = 1; }",
        "{ } # what is below oci-containers.\n",
        '{ x = "${oci-containers.containers.web.image}"; }',
        "{ imports = [ ./oci-containers/web.nix ]; }",
    ],
)
def test_a_file_that_only_mentions_a_word_is_not_parsed(text: str) -> None:
    tree = Tree({"a.nix": text.encode()})
    assert objects(tree, CONTAINER) == []
    assert list(tree.parsed_files) == []


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("{ systemd.services.web.after = [ ]; }", True),
        ("{ systemd.services.webs.after = [ ]; }", False),
        ('{ users.users.web.home = "/web"; }', False),
        ('{ systemd.services."${name}".after = [ ]; }', True),
        ("{ systemd.services = lib.genAttrs names (name: { after = [ ]; }); }", True),
    ],
)
def test_may_define(text: str, may: bool) -> None:
    tree = Tree({"a.nix": text.encode()})
    assert may_define(tree, "a.nix", SERVICE.word, "web") is may
