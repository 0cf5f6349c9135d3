"""Stand-ins are enough to evaluate a file by itself, and they notice what a conversion would lose."""

from __future__ import annotations

from pathlib import Path

import pytest
from containereval import compare
from nixeval import LIBS, EvaluationError, needs_nix
from standins import StandIns
from zoocases import ZooCase, zoo

from hwc_refactor.nixos.tree import Tree

FILES = [case for case in zoo("containers") if case.source.is_file()]
HIDDEN = {
    "computed-names": {"deb", "rpm"},
    "merged": {"audiobookshelf"},
    "name-from-option": {"tunnel-home", "tunnel-office"},
}
"""Containers that neither set of stand-ins shows: under a condition of two parts, or named by an option's value."""
UNREADABLE = {"foreign-function"}


def alone(root: Path, file: str) -> StandIns:
    texts = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.nix")}
    return StandIns(Tree(texts), file)


def written(root: Path, text: str) -> Path:
    root.mkdir(parents=True)
    (root / "app.nix").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_containers_of_the_zoo_are_found(case: ZooCase, lib: str | None, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    known = {name for facts in case.evaluate(root, lib) for name in facts["containers"]}
    if case.name in UNREADABLE:
        with pytest.raises(EvaluationError):
            alone(root, case.source.name).evaluate(root, lib)
        return
    found = {
        name
        for facts in alone(root, case.source.name).evaluate(root, lib)
        for name in facts["containers"]
        if not name.startswith(("/stand-in/", "STAND_IN"))
    }
    assert found == known - HIDDEN.get(case.name, set())


TEXT = """{ config, lib, pkgs, vars, ... }:
let
  cfg = config.my.app;
in
{
  imports = [ ./not-there.nix ];
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ vars.nothing ];
    virtualisation.oci-containers.containers.app = {
      image = "app:${cfg.version}";
      ports = lib.optionals cfg.open cfg.ports ++ [ "${toString cfg.port}:80" ];
      volumes = [ "${config.sops.secrets."app/${vars.host}".path}:/secret" ];
      environment = cfg.environment // { MODE = cfg.mode; };
      extraOptions = if cfg.mode == "vpn" then [ "--network=container:vpn" ] else [ ];
      cmd = with pkgs; [ "${hello}/bin/hello" ];
    };
  };
}
"""


@pytest.mark.parametrize("lib", LIBS)
def test_two_sets_of_stand_ins(lib: str | None, tmp_path: Path) -> None:
    root = written(tmp_path / "1", TEXT)
    first, second = (facts["containers"]["app"] for facts in alone(root, "app.nix").evaluate(root, lib))
    assert first["image"] == second["image"] == "app:/stand-in/config/my/app/version"
    assert (len(first["ports"]), len(second["ports"])) == (2, 1)
    assert (first["extraOptions"], second["extraOptions"]) == (["--network=container:vpn"], [])
    assert first["environment"]["MODE"] == "vpn"
    assert second["environment"].keys() == {"MODE", "STAND_IN"}
    assert first["cmd"][0].endswith("-hello/bin/hello")


@pytest.mark.parametrize("lib", LIBS)
def test_what_gets_lost_behind_a_condition_is_noticed(lib: str | None, tmp_path: Path) -> None:
    before = written(tmp_path / "1", TEXT)
    after = written(tmp_path / "2", TEXT.replace('if cfg.mode == "vpn" then', 'if cfg.mode == "other" then'))
    stand_ins = alone(before, "app.nix")
    old, new = stand_ins.evaluate(before, lib), stand_ins.evaluate(after, lib)
    lost = [line for one, other in zip(old, new, strict=True) for line in compare(one, other).lost]
    assert lost == ["app --network=container:vpn"]


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("lib.mkEnableOption ''x''", "true"),
        ("lib.mkOption { type = lib.types.int; }", "1"),
        ("lib.mkOption { type = lib.types.enum [ ''a'' ]; }", '"a"'),
    ],
)
@needs_nix
def test_declared_types_count_first(declaration: str, expected: str, tmp_path: Path) -> None:
    text = f"""{{ config, lib, ... }}: {{
  options.my.value = {declaration.replace("''", '"')};
  config.virtualisation.oci-containers.containers.app = {{
    image = "app:1";
    environment.VALUE = builtins.toJSON config.my.value;
  }};
}}
"""
    root = written(tmp_path / "1", text)
    found = alone(root, "app.nix").evaluate(root, None)[0]["containers"]["app"]["environment"]["VALUE"]
    assert expected in found


@needs_nix
def test_what_cannot_be_evaluated_alone_is_an_error(tmp_path: Path) -> None:
    root = written(tmp_path / "1", "{ ... }: { virtualisation = throw ''not here''; }")
    with pytest.raises(EvaluationError, match="not here"):
        alone(root, "app.nix").evaluate(root, None)
