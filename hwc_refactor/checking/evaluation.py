"""What the user's own configuration evaluates to, and whether it builds. Runs nix, and only when it is asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_'-]*")
_TEXTS = "units: builtins.mapAttrs (name: unit: unit.text or null) units"


class NotRun(Exception):
    """An evaluation or a build that could not be tried; the message says why."""


class EvaluationFailed(Exception):
    """Nix refused; the message is its own."""


class Flake(Struct, frozen=True):
    """A host of a flake.

    Attributes:
        folder: the folder of `flake.nix`.
        host: the name below `nixosConfigurations`.
    """

    folder: Path
    host: str

    @classmethod
    def of(cls, text: str, root: Path) -> Flake:
        """Read `.#host`; the path is relative to the root. Raises ValueError."""
        path, hash_, host = text.partition("#")
        folder = (root / (path or ".")).resolve()
        if not hash_ or not _NAME.fullmatch(host):
            raise ValueError(f"--flake needs the name of a host, as in .#server, not '{text}'")
        if not (folder / "flake.nix").is_file():
            raise ValueError(f"--flake {text}: there is no flake.nix in {folder}")
        return cls(folder, host)

    def units(self) -> dict[str, str]:
        """The unit files of the host as the files stand. Raises NotRun, EvaluationFailed."""
        return _flake_units(str(self.folder), self.host)

    def units_at(self, top: Path, commit: str) -> dict[str, str]:
        """The unit files of the host at a commit; nix reads it from git. Raises NotRun, EvaluationFailed."""
        inside = self.folder.relative_to(top).as_posix()
        folder = "" if inside == "." else f"dir={quote(inside)}&"
        return _flake_units(f"git+file://{quote(str(top))}?{folder}rev={commit}", self.host)

    def build(self) -> None:
        """Build the system. Raises NotRun, EvaluationFailed."""
        program = shutil.which("nixos-rebuild")
        if program is None:
            raise NotRun("nixos-rebuild is not installed")
        with tempfile.TemporaryDirectory(prefix="hwc-refactor-") as elsewhere:  # its link `result` goes there
            _run([program, "build", "--flake", f"{self.folder}#{self.host}"], Path(elsewhere))


def file_units(path: Path) -> dict[str, str]:
    """The unit files of a configuration that needs no flake, with the `<nixpkgs>` of the user.

    Raises:
        NotRun, EvaluationFailed
    """
    program = shutil.which("nix-instantiate")
    if program is None:
        raise NotRun("nix is not installed")
    text = (
        f"let units = (import <nixpkgs/nixos> {{ configuration = {_path(path)}; }}).config.systemd.units;"
        f" in ({_TEXTS}) units"
    )
    command = [program, "--eval", "--strict", "--json", "--read-write-mode", "--expr", text]
    return _texts(_run(command, path.parent))


def _flake_units(reference: str, host: str) -> dict[str, str]:
    program = shutil.which("nix")
    if program is None:
        raise NotRun("nix is not installed")
    command = [
        *(program, "--extra-experimental-features", "nix-command flakes", "eval", "--json"),
        *("--no-write-lock-file", f"{reference}#nixosConfigurations.{host}.config.systemd.units"),
        *("--apply", _TEXTS),
    ]
    return _texts(_run(command, None))


def _texts(data: bytes) -> dict[str, str]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise EvaluationFailed(f"nix gave no JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise EvaluationFailed("config.systemd.units is no set")
    return {str(name): str(text) for name, text in found.items() if text is not None}


def _run(command: Sequence[str], folder: Path | None) -> bytes:
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        first = next((line for line in lines if line.lstrip().startswith("error")), None)
        last = lines[-1] if lines else f"it ended with status {done.returncode}"
        raise EvaluationFailed(
            (first if first and first.strip() != "error:" else last).strip().removeprefix("error: ")
        )
    return done.stdout


def _path(path: Path) -> str:
    """A path as a Nix expression."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'(/. + "{text}")'
