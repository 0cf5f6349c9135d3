"""Whatever resolution claims to know about a random program is what nix makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nixprograms import CONFIG, LIB, Writer

from hwc_refactor.nix.scope import root_env
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Condition,
    Expr,
    Gap,
    ListValue,
    Ref,
    Scalar,
    Slot,
    Str,
    Unknown,
    Value,
)
from hwc_refactor.nixos.tree import Tree

NIX = shutil.which("nix-instantiate")
FLOOR = 0.8
"""The share of closed programs that have to be known to the last leaf."""


class Wrong(AssertionError):
    """A claim that nix contradicts."""


@dataclass(frozen=True)
class Program:
    """A program, the files it imports, and whether it reads `config`."""

    text: str
    files: Mapping[str, str]
    opaque: bool

    @property
    def shown(self) -> str:
        return "\n".join([self.text, *(f"--- {name}\n{text}" for name, text in self.files.items())])


def program(rng: Random) -> Program:
    opaque = rng.random() < 0.5
    writer = Writer(rng, opaque=opaque)
    text = writer.program()
    files = {**writer.files, "main.nix": text}
    return Program(text, writer.files, any("config." in t for t in files.values()))


class Judge:
    """Compares what resolution says about one program with what nix says."""

    def __init__(self, tree: Tree) -> None:
        self.resolver = tree.resolver
        self.open = 0
        self.claims = 0

    def holds(self, conditions: Sequence[Condition]) -> bool | None:
        """Whether conditions hold; None when that cannot be told even with `config` in sight."""
        result: bool | None = True
        for condition in conditions:
            truth = self.known(self.resolver.value(condition.expr))
            if not isinstance(truth, bool):
                result = None
            elif truth is not condition.holds:
                return False
        return result

    def known(self, value: Value) -> object:
        """A scalar, a string or what `config` holds; None for the rest."""
        if isinstance(value, Scalar):
            return value.value
        if isinstance(value, Str):
            return value.literal
        return from_config(value) if isinstance(value, Ref) else None

    def check(self, value: Value, truth: object) -> None:
        match value:
            case Scalar():
                self.claims += 1
                same = value.value == truth and isinstance(value.value, bool) is isinstance(truth, bool)
                self.demand(same, value.value, truth)
            case Str():
                self.check_text(value, truth)
            case ListValue():
                self.check_list(value, truth)
            case Attrs():
                self.check_set(value, truth)
            case Ref():
                self.open += 1
                if value.path[0] == "config":
                    self.demand(from_config(value) == truth, value.path, truth)
            case Branch():
                self.open += 1
                holds = self.holds([Condition(value.condition)])
                if holds is not None:
                    self.check(self.resolver.value(value.then if holds else value.otherwise), truth)
            case _:
                self.open += 1

    def check_text(self, value: Str, truth: object) -> None:
        self.claims += 1
        if value.literal is not None:
            self.demand(value.literal == truth, value.literal, truth)
            return
        self.open += 1
        pattern = "".join(".*" if isinstance(p, Gap) else re.escape(p.text) for p in value.parts)
        text = isinstance(truth, str) and re.fullmatch(pattern, truth, re.DOTALL) is not None
        self.demand(text, value.shown, truth)

    def check_list(self, value: ListValue, truth: object) -> None:
        self.demand(isinstance(truth, list), "a list", truth)
        assert isinstance(truth, list)
        self.open += not value.complete
        told = [(item, self.holds(item.conditions)) for item in value.items]
        if any(item.unknown is not None or holds is None for item, holds in told):
            return
        there = [item for item, holds in told if holds]
        self.demand(len(there) == len(truth), f"{len(there)} elements", truth)
        for item, element in zip(there, truth, strict=True):
            self.check(self.resolver.value(item.expr), element)

    def check_set(self, value: Attrs, truth: object) -> None:
        closed = not value.open and not value.dynamic
        self.open += not closed
        if not closed and not value.slots:
            return
        self.demand(isinstance(truth, dict), "a set", truth)
        assert isinstance(truth, dict)
        seen: set[str] = set()
        for name, slots in value.slots.items():
            found = self.resolver.select(value, name, value.at)
            holds = [self.holds(slot.conditions) for slot in slots]
            if True in holds and not any(slot.doubt for slot in slots):
                self.demand(name in truth, f"the attribute {name}", truth)
            if None in holds or any(slot.doubt for slot in slots):
                seen |= {name} & truth.keys()
                closed = closed or name not in truth
            if any(holds):
                seen.add(name)
            if not isinstance(found, Unknown):
                self.demand(name in truth, f"the attribute {name}", truth)
                self.check(found, truth[name])
            else:
                self.open += 1
                self.check_slots(slots, holds, name, truth)
        if closed:
            self.demand(seen == truth.keys(), sorted(seen), truth)

    def check_slots(
        self, slots: Sequence[Slot], holds: Sequence[bool | None], name: str, truth: Mapping[str, object]
    ) -> None:
        """Where just one of several definitions counts, it is the value."""
        counting = [s for s, h in zip(slots, holds, strict=True) if h is not False]
        if len(counting) == 1 and True in holds and not counting[0].rest and not counting[0].doubt:
            self.check(self.resolver.value(counting[0].expr), truth[name])

    def demand(self, holds: bool, claim: object, truth: object) -> None:
        if not holds:
            raise Wrong(f"resolution says {claim!r}, nix says {truth!r}")


def from_config(value: Ref) -> object:
    """What stands at `config.…` for nix; None for other names."""
    found: object = CONFIG if value.path[0] == "config" else None
    for name in value.path[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def evaluate(folder: Path, programs: Sequence[Program]) -> list[object]:
    """What nix makes of programs, in one run."""
    (folder / "lib.nix").write_text(LIB)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    for number, each in enumerate(programs):
        place = folder / str(number)
        place.mkdir()
        for name, text in {**each.files, "main.nix": each.text}.items():
            (place / name).write_text(text)
    (folder / "all.nix").write_text(
        "let lib = import ./lib.nix; config = builtins.fromJSON (builtins.readFile ./config.json); in\n"
        "map (n: import (./. + ''/${toString n}/main.nix'') { inherit lib config; })"
        f" (builtins.genList (n: n) {len(programs)})"
    )
    assert NIX is not None
    command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(folder / "all.nix")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def judge(each: Program, truth: object) -> Judge:
    """Check one program; raises Wrong."""
    texts = {name: text.encode() for name, text in {**each.files, "main.nix": each.text}.items()}
    tree = Tree(texts)
    for name in texts:
        assert tree.file(name).problem is None, texts[name].decode()
    file = tree.file("main.nix")
    body = tree.resolver.child(Expr(file, file.root.named_children[0], root_env(file)), "body")
    assert body is not None
    judged = Judge(tree)
    try:
        judged.check(tree.resolver.value(body), truth)
    except Wrong as wrong:
        raise Wrong(f"{wrong}\n{each.shown}") from None
    return judged


@pytest.mark.skipif(NIX is None, reason="nix-instantiate is not installed")
def test_what_is_claimed_is_true(tmp_path: Path) -> None:
    programs: list[Program] = []

    @settings(max_examples=700, deadline=None, derandomize=True, database=None)
    @given(st.randoms(use_true_random=False))
    def collect(rng: Random) -> None:
        programs.append(program(rng))

    collect()
    truths = evaluate(tmp_path, programs)
    judged = [judge(each, truth) for each, truth in zip(programs, truths, strict=True)]
    closed = [j for each, j in zip(programs, judged, strict=True) if not each.opaque]
    known = sum(not j.open for j in closed) / len(closed)
    assert len(closed) > len(programs) / 5
    assert sum(j.claims for j in judged) > len(programs)
    assert known >= FLOOR, f"{known:.0%} of {len(closed)} closed programs are known"
