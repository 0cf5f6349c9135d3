"""Places that are mounted after systemd-tmpfiles has made its directories.

A unit that waits for a mount says that this may come late: what tmpfiles makes there before would lie below the
mount, on the wrong file system, and would be hidden by it (systemd.unit(5), RequiresMountsFor=).
"""

from __future__ import annotations

import re

from hwc_refactor.nixos.block import Block


def later_mount(block: Block, folder: str) -> str | None:
    """The mount that a service waits for and that a directory lies on; empty where it is not known, else None."""
    awaited = [place for place in _awaited(block) if f"{folder}/".startswith(f"{place}/")]
    if not awaited:
        return None
    return max((place for place in awaited if _is_declared(block, place)), key=len, default="")


def _awaited(block: Block) -> list[str]:
    """The places whose mounts it waits for."""
    single = block.text("unitConfig", "RequiresMountsFor") or ""
    several = [text for text in block.texts("unitConfig", "RequiresMountsFor") if text]
    return [place.rstrip("/") for place in (several or single.split()) if place.strip("/")]


def _is_declared(block: Block, place: str) -> bool:
    """Whether a place is the name of something beside `fileSystems`, as that of a mount is there."""
    tree = block.tree
    named = re.compile(rf'"{re.escape(place)}"\s*[.=]'.encode())
    return any(named.search(tree.data(path) or b"") for path in tree.holding(b"fileSystems"))
