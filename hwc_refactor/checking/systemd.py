"""What systemd has to say of rendered units: `systemd-analyze verify` and `security`, one process each.

Neither needs a running systemd, and neither reads the units of this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hwc_refactor.nixos.units.folder import UnitFolder, unit_folder
from hwc_refactor.nixos.units.render import UnitFile
from hwc_refactor.nixos.units.standins import unit_data

_PLACE = re.compile(r"^(?P<file>[^\s/]+):(?P<line>\d+): (?P<text>.*)$")
_UNKNOWN_KEY = re.compile(r"Unknown key (?:name )?'(\w+)' in section")
_MISSING = re.compile(r"Unit \S+ not found\.")
"""Whether a unit that is named exists on the machine is not known."""
_VALUE = re.compile(r"(?P<what>.*?\bignoring(?: assignment| line)?): ")
_SPECIFIERS = re.compile(r"(?P<what>Failed to (?:resolve|expand)[\w ]*) in ")
"""Lines that quote what a directive says, which may be a secret."""
_FIGURE = re.compile(r"Overall exposure level for (\S+): ([0-9.]+)")


class Complaint(Struct, frozen=True):
    """One line that systemd-analyze says of a unit.

    Attributes:
        unit: the place of the unit in the sequence that was given.
        text: the line, without the folder, the unit's name and the line number of the rendered file, and
            without what it quotes of a value, in place of which the directive is named.
    """

    unit: int
    text: str


def analyzer() -> str | None:
    """The path of `systemd-analyze`, None when it is not installed."""
    return shutil.which("systemd-analyze")


def complaints(units: Sequence[UnitFile]) -> list[Complaint] | None:
    """What `systemd-analyze verify` says of units; None when it is not installed.

    It exits 0 on an unknown key and only prints a line, so every line counts. Lines about the machine it
    runs on do not, nor do directives that are only newer than it is.
    """
    program = analyzer()
    if program is None:
        return None
    if not units:
        return []
    folder = unit_folder(units)
    lines = _analyze(program, folder, ["verify", "--man=no"], _STDERR)
    order = {name: index for index, name in enumerate(folder.units)}
    found = (
        Complaint(order[unit], text)
        for line in lines
        if (unit := _about(line, order)) is not None
        and (text := _said(line, unit, folder.files.get(unit, ""), program)) is not None
    )
    return list(dict.fromkeys(found))


def exposures(units: Sequence[UnitFile]) -> list[float | None] | None:
    """What `systemd-analyze security` finds for services; None when it is not installed."""
    program = analyzer()
    if program is None:
        return None
    if not units:
        return []
    folder = unit_folder(units)
    lines = _analyze(program, folder, ["security", "--offline=true", "--no-pager"], _STDOUT)
    found = {match[1]: float(match[2]) for line in lines if (match := _FIGURE.search(line))}
    return [found.get(name) for name in folder.units]


_STDOUT, _STDERR = 1, 2


def _analyze(program: str, folder: UnitFolder, arguments: Sequence[str], stream: int) -> list[str]:
    """Run the program over the units of a folder of their own; the lines of one stream, without that folder."""
    with tempfile.TemporaryDirectory(prefix="hwc-refactor-") as place:
        for name, text in folder.files.items():
            Path(place, name).write_text(text, encoding="utf-8", errors="surrogateescape")
        done = subprocess.run(
            [program, *arguments, *(f"{place}/{name}" for name in folder.units)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "SYSTEMD_UNIT_PATH": place, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
            check=False,
        )
        data = done.stdout if stream == _STDOUT else done.stderr
        text = data.decode("utf-8", "replace").replace(f"{place}/", "")
    return [line for line in text.splitlines() if line.strip()]


def _about(line: str, names: Mapping[str, int]) -> str | None:
    """The unit that a line is about: the one it begins with, else one that it names."""
    words = re.findall(r"[A-Za-z0-9:_.\\@-]+", line)
    candidates = [word.rstrip(":").partition(":")[0] for word in words]
    return next((word for word in candidates if word in names), None)


def _said(line: str, unit: str, rendered: str, program: str) -> str | None:
    """What a line says, None when that is no matter of the unit; `rendered` is the text of its file."""
    if any(phrase in line for phrase in unit_data()["machine"]["phrases"]) or _MISSING.search(line):
        return None
    match = _PLACE.match(line)
    text = (
        match["text"]
        if match
        else line.removeprefix(f"{unit}: ").replace(f"Unit {unit}", "The unit").replace(unit, "the unit")
    )
    if match is not None:
        text = _without_value(text, rendered.splitlines()[int(match["line"]) - 1 :])
    key = _UNKNOWN_KEY.search(text)
    return None if key is not None and _too_new(key[1], program) else text


def _without_value(text: str, below: Sequence[str]) -> str:
    """What a line says, without the value that it quotes; `below` begins with the line that it is about."""
    found = _SPECIFIERS.match(text) or _VALUE.match(text)
    if found is None:
        return text
    directive = below[0].partition("=")[0] if below else ""
    return found["what"] if directive in found["what"] else f"{directive}: {found['what']}"


def _too_new(directive: str, program: str) -> bool:
    """Whether a directive is newer than the systemd that was asked."""
    since = next(
        (int(version) for version, names in unit_data()["newer"].items() if directive in names.split()), 0
    )
    return since > 0 and _version(program) < since


def _version(program: str) -> int:
    done = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    match = re.match(rb"systemd (\d+)", done.stdout)
    return int(match[1]) if match else 0
