"""The cases, and what holds for all of them."""

from pathlib import Path

import casefile
import harness
import pytest
import spellings

from hwc_refactor.checking import check

CASES = casefile.cases()
IDS = [case.id for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_case(case: casefile.Case) -> None:
    harness.check_case(case)


@pytest.mark.parametrize("variant", spellings.VARIANTS)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_other_spelling(case: casefile.Case, variant: str) -> None:
    harness.check_variant(case, spellings.VARIANTS[variant])


@pytest.mark.skipif(check.nix_parser() is None, reason="nix is not installed")
def test_nix_reads_every_case_and_result() -> None:
    complaints = harness.nix_complaints()
    if complaints is None:
        pytest.skip("nix is not installed")
    assert complaints == {}


def test_git_applies_every_diff(tmp_path: Path) -> None:
    harness.apply_all(tmp_path)
