"""The plain diff: bytes for `git apply`, as they are."""

from __future__ import annotations

import sys

from hwc_refactor.model import Plan
from hwc_refactor.patch import patch


def diff(plan: Plan) -> bytes:
    """The unified diff of all files."""
    return patch(plan.file_changes)


def emit(data: bytes) -> None:
    """Write to standard output, byte for byte: line endings and broken UTF-8 stay as they are.

    Raises:
        OSError: when that is not possible, with the name of what cannot be written.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error
