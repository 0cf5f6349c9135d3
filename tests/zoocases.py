"""The zoo: containers and health checks in every shape that people write, to be converted and compared.

A case is a file in `tests/zoo/KIND/`, or a folder with a `default.nix`. Lines at its head say more:

    # with { zoo.app.enable = true; }    settings to evaluate it with; a line for each
    # refused name-not-literal           it must not be converted, and for this reason
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from containereval import evaluate, settings_of
from nixeval import Facts

FOLDER = Path(__file__).with_name("zoo")
ENTRY = "default.nix"


@dataclass(frozen=True, slots=True)
class ZooCase:
    """One case.

    Attributes:
        name: its name in the zoo.
        source: its file, or its folder.
        settings: modules, as Nix, each to be evaluated with it.
        refused: the codes of the refusals that are the right answer; none where it is to be converted.
    """

    name: str
    source: Path
    settings: tuple[str, ...]
    refused: frozenset[str]

    def write(self, root: Path) -> Path:
        """Write it below a folder, as a configuration whose `default.nix` imports it."""
        root.mkdir(parents=True, exist_ok=True)
        folder = self.source.is_dir()
        name = self.name if folder else f"{self.name}.nix"
        (root / ENTRY).write_text(f"{{\n  imports = [\n    ./{name}\n  ];\n}}\n", encoding="utf-8")
        for path in self.source.rglob("*") if folder else self.source.parent.iterdir():
            # Beside a case that is one file stand those it reads, and no other case
            if path.is_file() and (folder or path == self.source or path.suffix != ".nix"):
                target = root / path.relative_to(self.source.parent)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        return root

    def evaluate(self, root: Path, lib: str | None = None) -> list[Facts]:
        """What it comes to under each of its settings, as it stands below a folder."""
        return evaluate(root, ENTRY, self.settings, lib)


def zoo(kind: str) -> list[ZooCase]:
    """The cases of a kind: `containers` or `monitors`."""
    found: list[ZooCase] = []
    for source in sorted((FOLDER / kind).iterdir()):
        if source.is_dir() or source.suffix == ".nix":
            head = source / ENTRY if source.is_dir() else source
            lines = head.read_text(encoding="utf-8").splitlines()
            codes = (line.removeprefix("# refused ") for line in lines if line.startswith("# refused "))
            found.append(ZooCase(source.stem, source, settings_of(head), frozenset(codes)))
    return found
