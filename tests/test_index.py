"""Who names a unit, who imports a module, and which values are secrets."""

from hwc_refactor.nix.scope import env_along, root_env
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import AGENIX_SECRET, CONTAINER, SOPS_SECRET
from hwc_refactor.nixos.modules import imported_by, module_imports
from hwc_refactor.nixos.objects import LONGEST, objects
from hwc_refactor.nixos.secrets.declared import declared_secrets, secret_of
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.naming import references

UNITS = b"""
{ pkgs, ... }: {
  systemd.services.a = { after = [ "b.service" "net.target" ]; wants = [ "b.service" ]; };
  systemd.services.c.unitConfig.Requires = "b.service";
  systemd.services.d.script = "systemctl restart b.service";
  environment.etc.x.text = "b.service";
  # after = [ "b.service" ];
}
"""


def test_a_unit_is_found_where_an_option_holds_its_name() -> None:
    tree = Tree({"x.nix": UNITS, "y.nix": b'{ systemd.timers.t.partOf = [ "b.service" ]; }'})
    found = [(r.relation, r.at.file.source.path, r.at.line) for r in references(tree, "b.service")]
    assert found == [
        ("after", "x.nix", 3),
        ("wants", "x.nix", 3),
        ("Requires", "x.nix", 4),
        ("partOf", "y.nix", 1),
    ]
    assert references(tree, "nobody.service") == []


def test_modules_are_read_through_lists_and_folders() -> None:
    tree = Tree(
        {
            "flake.nix": b"{ outputs = x: x.lib.nixosSystem { modules = [ ./hosts/a x.module ]; }; }",
            "hosts/a/default.nix": b"{ imports = [ ../../m/one.nix ./gone.nix ] ++ [ ../../m ]; }",
            "m/one.nix": b"{ }",
            "m/default.nix": b"{ }",
        }
    )
    assert [i.target for i in module_imports(tree, "flake.nix")] == ["hosts/a/default.nix"]
    listed = [i.target for i in module_imports(tree, "hosts/a/default.nix")]
    assert listed == ["m/one.nix", None, "m/default.nix"]
    assert [i.file.source.path for i in imported_by(tree, "m/one.nix")] == ["hosts/a/default.nix"]
    assert [i.file.source.path for i in imported_by(tree, "hosts/a/default.nix")] == ["flake.nix"]


def test_secrets_are_known_by_their_path() -> None:
    source = (
        b"{ config, ... }: { age.secrets.db.file = ./db.age; sops.secrets = { web = { }; };"
        b" x = [ config.age.secrets.db.path config.sops.secrets.web.path"
        b' "/run/agenix/db" "/run/secrets/web" "/etc/app/token" "/etc/hosts" ]; }'
    )
    tree = Tree({"x.nix": source})
    file = tree.file("x.nix")
    offset = source.index(b"[ config")
    chain = file.chain(offset, offset + 1)
    while chain[-1].type != "list_expression":
        chain.pop()
    *_, (node, env) = env_along(file, chain, root_env(file))
    values = [tree.resolver.value(item.expr) for item in tree.resolver.items(Expr(file, node, env))]
    found = [secret_of(value) for value in values]
    assert [(s.name, s.scheme) if s else None for s in found] == [
        ("db", "agenix"),
        ("web", "sops"),
        ("db", "agenix"),
        ("web", "sops"),
        ("/etc/app/token", "path"),
        None,
    ]
    assert [declared_secrets(tree, kind) for kind in (AGENIX_SECRET, SOPS_SECRET)] == [("db",), ("web",)]


def test_an_object_of_a_computed_name_is_called_by_one_short_line() -> None:
    made = "config.zoo.build (name: image: {\n  inherit image;\n}) (lib.filterAttrs (_: shown) config.zoo.images)"
    text = f"{{ config, lib, ... }}: {{ virtualisation.oci-containers.containers = {made}; }}"
    (block,) = objects(Tree({"a.nix": text.encode()}), CONTAINER)
    assert not block.named
    assert block.name.startswith("config.zoo.build (name: image: { inherit image; })")
    assert block.name.endswith("…")
    assert len(block.name) == LONGEST
