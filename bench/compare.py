"""Compare hwc-refactor with a bare parse and with ast-grep, in one run, on the same trees.

    python bench/compare.py --from DIR [--files 1000 --files 3000 --files 6000] [--runs 5] [--command scan]

DIR is a folder with NixOS configurations, the more the better. From its `.nix` files trees of the wanted
sizes are drawn (the same ones each time), with the example configuration among them, so that diff 3 finds
its object. The commands take turns, so that a machine whose speed drifts is unfair to none of them; the
median of each is printed, with its ratio to the bare parse of all files in one process. A second table shows
the processor time per file: where the cost is linear in files, it is the same for all sizes.

The runs have a cache of their own, and keep compiled modules, as an installed program does.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "homeserver"
RULE = "{ inherit ($X) $$$Y; }"


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: seconds on the clock, seconds of processor time, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the trees, run the commands in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="folder with .nix files")
    parser.add_argument("--files", type=int, action="append", help="size of a tree; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each command")
    parser.add_argument("--command", action="append", default=[], help="part of a command's name; repeatable")
    given = parser.parse_args(arguments)
    print("| files | command | median s | cpu s | of bare parse | peak MB |")
    print("|------:|---------|---------:|------:|--------------:|--------:|")
    sizes: dict[int, dict[str, list[Run]]] = {}
    with tempfile.TemporaryDirectory(prefix="hwc-bench-") as folder:
        for size in given.files or [1000, 3000, 6000]:
            tree = Path(folder, str(size))
            draw(given.source, tree, size)
            wanted = chosen(commands(tree), given.command)
            sizes[size] = measure(wanted, given.runs, environment(Path(folder, "cache")))
            report(size, sizes[size])
    growth(sizes)


def environment(cache: Path) -> dict[str, str]:
    """The variables of the runs."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "XDG_CACHE_HOME": str(cache),
    }


def draw(source: Path, tree: Path, size: int) -> None:
    """Copy `size` files, the example's among them, into a new tree."""
    shutil.copytree(EXAMPLE, tree / "example")
    files = sorted(path for path in source.rglob("*.nix") if path.is_file() and not path.is_symlink())
    wanted = size - sum(1 for _ in (tree / "example").rglob("*.nix"))
    for path in random.Random(7).sample(files, min(wanted, len(files))):
        target = tree / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def commands(tree: Path) -> dict[str, list[str]]:
    """What is compared, by name."""
    tool = [sys.executable, "-m", "hwc_refactor"]
    both = ["--codemod", "unprivileged-container", "--codemod", "pin-image"]
    found = {
        "bare parse of all files": [sys.executable, str(HERE / "bare_parse.py"), str(tree)],
        "--version": [*tool, "--version"],
        "list": [*tool, "list", "--root", str(tree)],
        "apply --diff 3 --dry-run": [*tool, "apply", "--diff", "3", "--dry-run", "--root", str(tree)],
        "apply both container codemods": [*tool, "apply", *both, "--dry-run", "--root", str(tree)],
        "apply --all --dry-run": [*tool, "apply", "--all", "--dry-run", "--root", str(tree)],
        "scan, cold": [*tool, "scan", "--no-cache", "--root", str(tree)],
        "scan, cold, one process": [*tool, "scan", "--no-cache", "--jobs", "1", "--root", str(tree)],
        "scan, repeated": [*tool, "scan", "--root", str(tree)],
    }
    ast_grep = shutil.which("ast-grep") or shutil.which("ast-grep", path=str(Path(sys.executable).parent))
    if ast_grep is not None:
        found["ast-grep, one rule"] = [ast_grep, "run", "--lang", "nix", "--pattern", RULE, str(tree)]
    return found


def chosen(found: dict[str, list[str]], parts: Sequence[str]) -> dict[str, list[str]]:
    """The bare parse, and the commands whose names hold one of some texts; all when there is none."""
    bare = next(iter(found))
    return {
        name: command
        for name, command in found.items()
        if name == bare or not parts or any(part in name for part in parts)
    }


def measure(
    wanted: dict[str, list[str]], runs: int, variables: Mapping[str, str] = os.environ
) -> dict[str, list[Run]]:
    """Run the commands in turn, once to warm up and then `runs` times."""
    found: dict[str, list[Run]] = {name: [] for name in wanted}
    for number in range(runs + 1):
        for name, command in wanted.items():
            result = run(command, variables)
            if number:
                found[name].append(result)
    return found


def run(command: Sequence[str], variables: Mapping[str, str] = os.environ) -> Run:
    """Run a command to its end, its output read by nobody."""
    began = time.perf_counter()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
    child = os.posix_spawn(command[0], list(command), variables, file_actions=actions)
    os.close(null)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) not in (0, 2):
        raise SystemExit(f"failed: {' '.join(command)}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def report(size: int, found: dict[str, list[Run]]) -> None:
    """Print a table row for each command."""
    bare = statistics.median(r.wall for r in next(iter(found.values())))
    for name, runs in found.items():
        wall = statistics.median(r.wall for r in runs)
        cpu = statistics.median(r.cpu for r in runs)
        memory = max(r.memory for r in runs)
        print(f"| {size} | {name} | {wall:.2f} | {cpu:.2f} | {wall / bare:.2f} | {memory:.0f} |")


def growth(sizes: dict[int, dict[str, list[Run]]]) -> None:
    """Print the processor time per file, in ms, of each command at each size."""
    print(f"\n| cpu ms per file | {' | '.join(str(size) for size in sizes)} |")
    print(f"|---------|{'|'.join('------:' for _ in sizes)}|")
    for name in next(iter(sizes.values())):
        each = (
            1000 * statistics.median(r.cpu for r in found[name]) / size
            for size, found in sizes.items()
            if name in found
        )
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in each)} |")


if __name__ == "__main__":
    main()
