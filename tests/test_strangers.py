"""Modules of a configuration that declare what a shared module does: used where they are that module, else left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Call

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse
from hwc_refactor.nixos.option_types import option_types
from hwc_refactor.rewriting.shipped import shipped_modules

CONTAINER, MONITOR = "modules/services/hwc-container.nix", "modules/services/hwc-monitor.nix"
HOST = """{
  imports = [ ./%s ];
  virtualisation.oci-containers.containers.web.image = "nginx:1.27.3";
  systemd.services.web-check = {
    startAt = "hourly";
    script = "curl --fail http://localhost/";
  };
}
"""
OWN = """{ lib, ... }: {
  options.services.hwc.%s = lib.mkOption {
    type = lib.types.attrsOf (lib.types.submodule { options.enable = lib.mkEnableOption "it"; });
  };
}
"""
KINDS = [("container-module", CONTAINER), ("monitor-module", MONITOR)]


def proposed(root: Path, call: Call, codemod: str, place: str, module: bytes) -> Any:
    """What a codemod says where a module stands at a place, and the host imports it."""
    (root / place).parent.mkdir(parents=True)
    (root / place).write_bytes(module)
    (root / "configuration.nix").write_text(HOST % place, encoding="utf-8")
    done = call("apply", "--codemod", codemod, "--check", "--format", "json", "--root", root)
    assert done.code in (0, 1)
    return json.loads(done.out)


@pytest.mark.parametrize(("codemod", "place"), KINDS)
def test_the_module_itself_is_used(tmp_path: Path, call: Call, codemod: str, place: str) -> None:
    found = proposed(tmp_path, call, codemod, place, shipped_modules()[place])
    assert ([one["files"] for one in found["changes"]], found["refusals"]) == ([["configuration.nix"]], [])


@pytest.mark.parametrize(("codemod", "place"), KINDS)
def test_other_defaults_make_no_other_module(tmp_path: Path, call: Call, codemod: str, place: str) -> None:
    mine = shipped_modules()[place].replace(b'default = "', b'default = "x') + b"# mine\n"
    assert mine.count(b'default = "x')
    assert len(proposed(tmp_path, call, codemod, place, mine)["changes"]) == 1


@pytest.mark.parametrize(("codemod", "place"), KINDS)
@pytest.mark.parametrize("name", ["own", "older", "other-type", "elsewhere"])
def test_another_module_is_told_and_nothing_is_written_for_it(
    tmp_path: Path, call: Call, codemod: str, place: str, name: str
) -> None:
    kind = codemod.removesuffix("-module")
    text = shipped_modules()[place]
    module = {
        "own": (OWN % kind).encode(),
        "older": text.replace(b"description = mkOption", b"caption = mkOption").replace(
            b"imageTag = mkOption", b"tag = mkOption"
        ),
        "other-type": text.replace(b"types.nullOr types.str", b"types.str"),
        "elsewhere": (OWN % kind).encode(),
    }[name]
    at = f"own/{kind}.nix" if name == "elsewhere" else place
    found = proposed(tmp_path, call, codemod, at, module)
    assert found["changes"] == []
    assert [one["code"] for one in found["refusals"]] == ["module-differs"]
    assert f"{at} declares services.hwc.{kind}, but not as" in found["refusals"][0]["reason"]


@pytest.mark.parametrize(("codemod", "place"), KINDS)
def test_the_module_under_another_name_is_told(tmp_path: Path, call: Call, codemod: str, place: str) -> None:
    found = proposed(tmp_path, call, codemod, "own/mine.nix", shipped_modules()[place])
    reasons = [one["reason"] for one in found["refusals"] if one["code"] == "module-differs"]
    assert len(reasons) == 1
    assert f"call it {Path(place).name}" in reasons[0]


def test_options_of_submodules_have_their_types() -> None:
    text = b"""{ lib, ... }: with lib; {
      options.a.b = mkOption { type = types.attrsOf (types.submodule { options = {
        on = mkEnableOption "it";
        deep.one = lib.mkOption { type = lib.types.nullOr types.str; default = null; };
        deep = { two = mkOption { default = 1; }; };
      }; }); };
      config.c = mkIf true { };
    }
    """
    found = option_types(parse(Source("a.nix", text)))
    assert {name: kind for name, kind in found.items() if name != ("a", "b")} == {
        ("on",): "bool",
        ("deep", "one"): "nullOrstr",
        ("deep", "two"): "",
    }
    assert found["a", "b"].startswith("attrsOf(submodule{")
