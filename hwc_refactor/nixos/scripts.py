"""Whether a script bears to be stricter."""

from __future__ import annotations

from hwc_refactor.nix.shell import Script


def bears_strictness(script: Script) -> bool:
    """Whether `set -euo pipefail` cannot change what the script does when all goes well.

    NixOS runs `script` with `-e` already. `-u` matters for variables that nothing in the script sets, and
    `pipefail` for pipelines.
    """
    if any(True for _ in script.nodes("pipeline")):
        return False
    if any(command.program == "set" for command in script.commands):
        return False
    return script.expanded() <= script.assigned()
