"""How much real Nix the parser understands, with Nix itself as the judge.

    python scripts/parse_coverage.py DIR…

Every `*.nix` file below the folders is parsed by `hwc_refactor.nix.syntax.parse` and by
`nix-instantiate --parse`. Files with the same content count once; files that are not UTF-8 text (among
them those that git-crypt has locked) count as unreadable. Nix checks more than syntax: names out of scope
and attributes defined twice are counted apart.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import tree_sitter_nix
from tree_sitter import Language, Parser

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import parse

BATCH = 100
PIPES = ("--extra-experimental-features", "pipe-operators")
KINDS = {
    "undefined variable": "a name out of scope",
    "already defined": "an attribute defined twice",
    "duplicate formal": "a parameter named twice",
    "dynamic attributes": "a computed name where Nix allows none",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one file.

    Attributes:
        path: the first file with this content.
        nix: why Nix rejects it, None when it does not.
        ours: why `parse` rejects it, None when it does not.
        bare: whether the grammar alone parses it.
        pipes: whether it holds pipe operators.
        seconds: how long `parse` took.
    """

    path: Path
    nix: str | None
    ours: str | None
    bare: bool
    pipes: bool
    seconds: float

    @property
    def kind(self) -> str | None:
        """What Nix objects to apart from syntax, None when it objects to the syntax or to nothing."""
        return next((kind for mark, kind in KINDS.items() if mark in (self.nix or "")), None)


def nix_errors(paths: Sequence[Path]) -> dict[Path, str]:
    """What `nix-instantiate --parse` says about the files that it rejects.

    Nix prints one line for each file and stops at the first that it rejects, so the lines tell which one
    that is; the files behind it are asked about again.
    """
    errors: dict[Path, str] = {}
    rest = list(paths)
    while rest:
        run = subprocess.run(
            ["nix-instantiate", *PIPES, "--parse", *map(str, rest)], capture_output=True, check=False
        )
        if run.returncode == 0:
            break
        done = run.stdout.count(b"\n")
        lines = run.stderr.decode(errors="replace").splitlines()
        message = next((line for line in lines if line.startswith("error:")), f"exit {run.returncode}")
        errors[rest[done]] = re.sub(r"\x1b\[[0-9;]*m", "", message)
        rest = rest[done + 1 :]
    return errors


def readable(folders: Sequence[Path]) -> tuple[dict[bytes, Path], int, int]:
    """The distinct texts below the folders, how many files there are, and how many are unreadable."""
    texts: dict[bytes, Path] = {}
    files = unreadable = 0
    for folder in folders:
        for path in sorted(folder.rglob("*.nix")):
            if not path.is_file():
                continue
            files += 1
            data = path.read_bytes()
            try:
                text = "\0" not in data.decode()
            except UnicodeDecodeError:
                text = False
            if text:
                texts.setdefault(data, path.resolve())
            else:
                unreadable += 1
    return texts, files, unreadable


def judge(texts: dict[bytes, Path]) -> Iterator[Verdict]:
    """A verdict on each text."""
    paths = list(texts.values())
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    errors: dict[Path, str] = {}
    with ThreadPoolExecutor() as pool:
        for found in pool.map(nix_errors, batches):
            errors |= found
    bare = Parser(Language(tree_sitter_nix.language()))
    for data, path in texts.items():
        begin = time.perf_counter()
        file = parse(Source(path.name, data))
        seconds = time.perf_counter() - begin
        ours = None
        if file.problem is not None:
            ours = f"{file.problem.line}:{file.problem.column}: {file.problem.message}"
        alone = not bare.parse(data).root_node.has_error
        yield Verdict(path, errors.get(path), ours, alone, bool(file.pipes), seconds)


def report(verdicts: Sequence[Verdict], files: int, unreadable: int) -> int:
    """Prints the figures and the misses; returns how many files Nix accepts and we do not."""
    accepted = [verdict for verdict in verdicts if verdict.nix is None]
    missed = [verdict for verdict in accepted if verdict.ours is not None]
    rejected = [verdict for verdict in verdicts if verdict.nix is not None]
    piped = [verdict for verdict in rejected if verdict.pipes and verdict.kind is None]
    wrong = [v for v in rejected if v.kind is None and v not in piped]
    lenient = [verdict for verdict in wrong if verdict.ours is None]
    bare = sum(verdict.bare for verdict in accepted)
    share = len(accepted) or 1
    print(f"{files} files, {len(verdicts)} distinct, {unreadable} unreadable")
    print(f"{len(accepted)} accepted by nix")
    print(f"  {len(accepted) - len(missed)} of these parsed ({(len(accepted) - len(missed)) / share:.2%})")
    print(f"  {bare} of these parsed by the grammar alone ({bare / share:.2%})")
    print(f"{len(rejected)} rejected by nix")
    for kind, count in sorted(Counter(v.kind for v in rejected if v.kind).items(), key=str):
        strict = sum(1 for v in rejected if v.kind == kind and v.ours is not None)
        print(f"  {count} for {kind} ({strict} of these not parsed)")
    told = sum(1 for verdict in piped if verdict.ours is not None)
    print(f"  {len(piped)} with pipe operators, which this nix may not know ({told} of these not parsed)")
    print(f"  {len(wrong)} for their syntax ({len(wrong) - len(lenient)} of these not parsed)")
    slowest = max(verdicts, key=lambda verdict: verdict.seconds)
    total = sum(verdict.seconds for verdict in verdicts)
    print(f"{total:.1f} s in all; slowest {slowest.seconds * 1000:.0f} ms: {slowest.path}")
    for title, listed in (("missed", missed), ("not rejected", lenient)):
        for verdict in listed:
            print(f"{title}: {verdict.path}: {verdict.ours or verdict.nix}")
    return len(missed)


def main(arguments: Sequence[str]) -> int:
    """Runs the comparison over the folders named on the command line."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    texts, files, unreadable = readable([Path(argument) for argument in arguments])
    if not texts:
        print("no readable .nix files there", file=sys.stderr)
        return 2
    return 1 if report(list(judge(texts)), files, unreadable) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
