"""Parse every `.nix` file below a folder with tree-sitter-nix alone: what the grammar costs, and nothing else."""

import sys
from pathlib import Path

import tree_sitter_nix
from tree_sitter import Language, Parser


def main(folder: str) -> None:
    """Parse all files below `folder` and print how many there were."""
    parser = Parser(Language(tree_sitter_nix.language()))
    count = 0
    for path in Path(folder).rglob("*.nix"):
        if path.is_file():
            parser.parse(path.read_bytes())
            count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1])
