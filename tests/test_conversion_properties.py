"""Random containers, converted and evaluated: whatever is written, nothing gets lost."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from containereval import compare, evaluate, is_documented, is_told
from containerprograms import SETTINGS, module
from hypothesis import given, settings
from hypothesis import strategies as st
from nixeval import needs_nix
from test_conversion import converted, is_warning

ENTRY = "default.nix"


def write(root: Path, text: str) -> Path:
    root.mkdir()
    (root / ENTRY).write_text("{\n  imports = [\n    ./app.nix\n  ];\n}\n", encoding="utf-8")
    (root / "app.nix").write_text(text, encoding="utf-8")
    return root


def is_due(gain: str) -> bool:
    """Whether the module says of a container what podman would say when it starts."""
    return gain.startswith("assertion services.hwc.container.") and "another container's network" in gain


def check(seed: int) -> int:
    """Convert a random module; how many containers were converted."""
    text = module(Random(seed))
    with TemporaryDirectory() as folder:
        before = evaluate(write(Path(folder) / "before", text), ENTRY, SETTINGS)
        after = write(Path(folder) / "after", text)
        plan = converted(after)
        assert plan.problems == (), text
        notes = [note for change in plan.changes for note in change.change.notes]
        for old, new in zip(before, evaluate(after, ENTRY, SETTINGS), strict=True):
            found = compare(old, new)
            lost = [line for line in found.lost if not is_told(line, notes)]
            gained = [
                line for line in found.gained if not (is_documented(line) or is_warning(line) or is_due(line))
            ]
            assert (lost, gained) == ([], []), (
                f"{text}\n--- becomes\n{(after / 'app.nix').read_text('utf-8')}"
            )
        assert converted(after).changes == (), text
        return sum(change.change.subject.kind == "container" for change in plan.changes)


@needs_nix
@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(min_value=0, max_value=2**32))
def test_nothing_of_a_random_container_is_lost(seed: int) -> None:
    check(seed)


@needs_nix
def test_random_containers_are_converted() -> None:
    assert sum(check(seed) for seed in range(8)) >= 8
