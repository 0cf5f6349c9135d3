"""The example in a git repository of its own, and what tests of the command line look at in it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
GLUETUN = "domains/server/containers/gluetun/parts/config.nix"
OPTIONS = "domains/server/containers/gluetun/options.nix"
BROKEN = "{ virtualisation.oci-containers.containers.x = {\n  image = [;\n};"


def commit(root: Path) -> None:
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=start")


def git(root: Path, *arguments: str | Path) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def tree(root: Path) -> Mapping[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}
