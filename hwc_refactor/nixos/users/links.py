"""Commands to which a link is no directory, given a directory that becomes one.

Where systemd keeps a directory for a dynamic user, a link stands in its old place (systemd.exec(5), DynamicUser=):
`find /var/cache/x -delete` would find the link and nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.shell import Script
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.paths.directories import normal
from hwc_refactor.nixos.paths.places import follows_links, goes_into_links, is_led_by_slash, stays_at_links
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.words import Place
from hwc_refactor.nixos.users.directories import Files


def led_by_slash(files: Files) -> Iterator[tuple[Script, int]]:
    """The ends of words that lead a command into its directory again with a slash behind them, and their scripts."""
    for ran, place in _met(files):
        if place.script is not None and place.node is not None and is_led_by_slash(ran.name):
            yield place.script, place.node.end_byte


def stays_at_link(files: Files) -> Obstacle | None:
    """A command would take its directory for a link, whatever stands behind it."""
    for ran, place in _met(files):
        if place.script is None or not is_led_by_slash(ran.name):
            return Obstacle(
                "path-becomes-link",
                f"{ran.name} (line {ran.line}) does not follow links, and systemd puts one at {normal(place.text)}.",
                ran.program.at,
            )
    return None


def _met(files: Files) -> Iterator[tuple[Ran, Place]]:
    """The arguments of commands that are links to them once systemd keeps the directory."""
    moved = {one.path for one in (*files.declared, *files.wanted) if files.moves(one)}
    for ran in files.one.ran if moved else ():
        if not (is_led_by_slash(ran.name) or stays_at_links(ran.name)):
            continue
        if any(follows_links(word.text) for word in ran.words):
            continue
        for place in ran.operands[:-1] if goes_into_links(ran.name) else ran.operands:
            if not place.text.endswith(("/", "/.")) and normal(place.text) in moved:
                yield ran, place
