"""Makes docs/picture.svg: the main job on the example, as a terminal shows it.

The program runs in a real terminal (a pty) on a copy of the example; the picture keeps the first change down
to the flag that goes, and how the run ends. With `--check` nothing is written, and the exit code is 1
when the picture says something else than the program does now.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "picture.svg"
COMMAND = "hwc-refactor apply --diff 3 --dry-run --root examples/homeserver"
WIDTH = 104
#: Web fonts that the picture would load; the fallback is the reader's own monospace.
FONTS = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)


def main() -> int:
    """Make or check the picture; the exit code."""
    svg = picture(kept(run()))
    if "--check" in sys.argv[1:]:
        if PICTURE.is_file() and words(PICTURE.read_text(encoding="utf-8")) == words(svg):
            return 0
        print("docs/picture.svg is not up to date; run scripts/make_picture.py", file=sys.stderr)
        return 1
    PICTURE.write_text(svg, encoding="utf-8")
    return 0


def run() -> list[str]:
    """The lines that the main job prints on a terminal."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(ROOT / "examples", Path(place, "examples"))
        ours, theirs = pty.openpty()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": place,
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLUMNS": str(WIDTH),
        }
        command = [sys.executable, "-m", "hwc_refactor", *COMMAND.split()[1:]]
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=place, env=environment
        ) as process:
            os.close(theirs)
            seen = b""
            while part := read(ours):
                seen += part
        os.close(ours)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}:\n{seen.decode()}")
    return seen.decode().replace("\r\n", "\n").splitlines()


def read(terminal: int) -> bytes:
    """What the program printed, b"" when it has ended."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def kept(lines: list[str]) -> list[str]:
    """The first change down to the flag that goes, and the end."""
    gone = next(number for number, line in enumerate(lines) if '-        "--privileged"' in line)
    return [*lines[: gone + 1], "\x1b[2m[...]\x1b[0m", "", *lines[-2:]]


def words(svg: str) -> list[str]:
    """What a picture says; how it is drawn depends on the version of rich."""
    found = re.findall(r"<text [^>]*>(.*?)</text>", svg, re.DOTALL)
    return unescape("".join(found)).replace("\xa0", " ").split()


def picture(lines: list[str]) -> str:
    """An SVG of a terminal with the command and these lines."""
    console = Console(
        width=WIDTH, record=True, file=StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "bold green"), (COMMAND, "bold")))
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=False, no_wrap=True, overflow="ellipsis")
    svg = console.export_svg(title="hwc-refactor", theme=MONOKAI, unique_id="hwc-refactor")
    return FONTS.sub("\n", svg)


if __name__ == "__main__":
    sys.exit(main())
