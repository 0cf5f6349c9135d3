"""The zoo is what it says it is: its configurations evaluate, alike with both libs, and there are enough of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from nixeval import LIBS, NIXPKGS_LIB, needs_nix
from zoocases import ZooCase, zoo

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse

CONTAINERS, MONITORS = zoo("containers"), zoo("monitors")
ALL = pytest.mark.parametrize("case", [*CONTAINERS, *MONITORS], ids=lambda case: case.name)


@ALL
def test_case_parses(case: ZooCase, tmp_path: Path) -> None:
    for file in case.write(tmp_path / "root").rglob("*.nix"):
        assert parse(Source(file.name, file.read_bytes())).problem is None


@ALL
@pytest.mark.parametrize("lib", LIBS)
def test_case_evaluates(case: ZooCase, lib: str | None, tmp_path: Path) -> None:
    found = case.evaluate(case.write(tmp_path / "root"), lib)
    assert len(found) == len(case.settings)
    kind = "containers" if case in CONTAINERS else "services"
    assert any(facts[kind] for facts in found)
    assert all(facts["failed"] == [] for facts in found)


@ALL
@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
def test_both_libs_come_to_the_same(case: ZooCase, tmp_path: Path) -> None:
    root = case.write(tmp_path / "root")
    assert case.evaluate(root) == case.evaluate(root, NIXPKGS_LIB)


@ALL
def test_case_with_options_has_several_settings(case: ZooCase) -> None:
    files = [case.source] if case.source.is_file() else sorted(case.source.rglob("*.nix"))
    if any("options.zoo" in file.read_text(encoding="utf-8") for file in files):
        assert len(set(case.settings)) > 1


@needs_nix
def test_there_are_enough_containers(tmp_path: Path) -> None:
    names: set[str] = set()
    for case in CONTAINERS:
        for facts in case.evaluate(case.write(tmp_path / case.name)):
            names.update(facts["containers"])
    assert len(names) >= 75
    assert len([case for case in CONTAINERS if case.refused]) >= 3


def test_there_are_enough_monitors() -> None:
    refused = [case for case in MONITORS if case.refused]
    assert len(MONITORS) - len(refused) >= 10
    assert len(refused) >= 8
