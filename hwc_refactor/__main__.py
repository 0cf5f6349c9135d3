"""Start of the program: `hwc-refactor`, `python -m hwc_refactor`."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from hwc_refactor import __version__, streams

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit code. Where it is the process that was started, that ends here."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    streams.ready()
    code = streams.guarded(lambda: _run(given))
    if arguments is None:
        streams.leave(code)
    return code


def _run(given: Sequence[str]) -> int:
    """Run a command line; what needs no command line library is answered without it."""
    if given == ["--version"]:
        print(f"hwc-refactor {__version__}")
        return 0
    gc.set_threshold(200_000, 20, 20)  # a short run over many small values that live to its end
    try:
        from hwc_refactor.cli import run

        return run(given)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
