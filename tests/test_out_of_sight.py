"""The documented diffs on what the document shows and no more: what it does not show is not in the tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Call
from example import copy_example

OPTIONS = "domains/server/containers/gluetun/options.nix"
CONFIG = "domains/server/containers/gluetun/parts/config.nix"


def made(root: Path, call: Call, image: str) -> Any:
    """What diff 3 does where the image is given by this expression, and its option is declared nowhere."""
    copy_example(root)
    (root / OPTIONS).write_text("{ }\n", encoding="utf-8")
    source = root / CONFIG
    text = source.read_text(encoding="utf-8")
    assert "image = cfg.image;" in text
    source.write_text(text.replace("image = cfg.image;", f"image = {image};"), encoding="utf-8")
    done = call("apply", "--diff", "3", "--root", root, "--format", "json")
    assert done.code == 0
    return json.loads(done.out)


@pytest.mark.parametrize("image", ["cfg.image", '"${cfg.registry}/qmcgaw/gluetun:latest"'])
def test_its_privileges_go_and_its_image_stays(tmp_path: Path, call: Call, image: str) -> None:
    found = made(tmp_path / "root", call, image)
    text = (tmp_path / "root" / CONFIG).read_text(encoding="utf-8")
    assert f"image = {image};" in text
    assert '"--privileged"' not in text
    assert '"--memory=512m"' in text
    (change,) = [one for one in found["changes"] if one["codemod"] == "unprivileged-container"]
    assert any("Its image is not in sight, and stays as it is" in note for note in change["notes"])
    assert [one["codemod"] for one in found["refusals"]] == ["pin-image"]


def test_another_image_is_not_taken_to_be_the_documented_one(tmp_path: Path, call: Call) -> None:
    found = made(tmp_path / "root", call, '"${cfg.registry}/acme/tunnel:latest"')
    codes = [one["code"] for one in found["refusals"] if one["codemod"] == "unprivileged-container"]
    assert codes == ["image-not-in-sight"]
    assert '"--privileged"' in (tmp_path / "root" / CONFIG).read_text(encoding="utf-8")


def test_the_codemod_alone_takes_nothing_for_granted(tmp_path: Path, call: Call) -> None:
    root = copy_example(tmp_path / "root")
    (root / OPTIONS).write_text("{ }\n", encoding="utf-8")
    command = ("apply", "--codemod", "unprivileged-container", "--only", "gluetun", "--check")
    assert call(*command, "--root", root).code == 0
