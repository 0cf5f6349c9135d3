"""Health checks: services that only ask and report, again and again. The facts: `data/checks.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from msgspec import Struct

from hwc_refactor.nix.shell_walk import leavings
from hwc_refactor.nixos.block import TIMER, Block
from hwc_refactor.nixos.catalogue import table
from hwc_refactor.nixos.loops.loop import Loop, sleep_of
from hwc_refactor.nixos.loops.search import service_loop
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.paths.reach import is_path
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.programs import main_program
from hwc_refactor.nixos.scripts.words import Place
from hwc_refactor.nixos.secrets.declared import secret_of
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.secrets.uses import TAKEN_OUT, mentions
from hwc_refactor.nixos.tree import Tree

PLAIN_NEEDS = frozenset({"network", "manager", "dbus", "processes", "devices"})
OPEN_PATHS = re.compile(
    r"/(?:proc|sys|dev|nix/store|run/current-system|etc/(?:hostname|os-release|resolv\.conf))(?:/|\Z)"
)
"""Paths that everybody may read."""


class Asks(Struct, frozen=True):
    """What a command is asked with when it changes nothing, what it never is, and what that needs."""

    words: frozenset[str]
    never: frozenset[str]
    root: bool
    settings: Mapping[str, str]
    rooted: str = ""
    """A pattern of arguments with which it needs root."""


class Does(Struct, frozen=True, eq=False):
    """Something that a service does and no check would."""

    text: str
    path: str
    line: int


class Check(Struct, frozen=True, eq=False):
    """A health check.

    Attributes:
        loop: the loop that repeats it.
        timer: the timer that does; None for a loop, and for `startAt`.
        does: what it does beside asking and reporting.
        root: the commands that need root.
        settings: directives that its commands need in the sandbox of the module.
    """

    loop: Loop | None = None
    timer: Block | None = None
    does: tuple[Does, ...] = ()
    root: tuple[str, ...] = ()
    settings: Mapping[str, str] = {}


def check_of(block: Block, monitors: Sequence[str] = ()) -> Check | None:
    """The health check that a service is; None when it is none.

    A service is one when it runs again and again, by a loop or by a timer, and its name says so, or it
    comes to a verdict without doing anything else.

    Args:
        block: the service.
        monitors: globs of names that the user has given.
    """
    return block.tree.remember(("check", id(block), tuple(monitors)), block, lambda: _check(block, monitors))


def _check(block: Block, monitors: Sequence[str]) -> Check | None:
    loop = service_loop(block)
    timers = objects(block.tree, TIMER, (block.name,)) if block.named else []
    timers = [timer for timer in timers if timer.file == block.file]
    timed = bool(timers or block.get("startAt"))
    if loop is not None and loop.form == "waiting" and (timed or not is_named(block.name, monitors)):
        loop = None
    if loop is None and not timed:
        return None
    does = tuple(_does(block))
    if not is_named(block.name, monitors) and (
        does or _sends(block) or _identifies_itself(block) or not _has_verdict(block)
    ):
        return None
    root, settings = _needs(block)
    return Check(loop, timers[0] if timers and loop is None else None, does, root, settings)


def is_named(name: str, monitors: Sequence[str] = ()) -> bool:
    """Whether a name says that a service is a check."""
    if any(fnmatchcase(name, pattern) for pattern in monitors):
        return True
    parts = frozenset(str(_data()["names"]["parts"]).split())
    return bool(parts & set(re.split(r"[-_.]", name.lower())))


def short_name(name: str) -> str:
    """The name of a check without the word that says so: `couchdb` for `couchdb-health-monitor`."""
    for ending in str(_data()["names"]["endings"]).split():
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def _has_verdict(block: Block) -> bool:
    """Whether its script says by its exit that something is wrong."""
    program = main_program(block)
    script = None if program is None else program.script
    if script is None or not script.sound:
        return False
    found = (one for one in leavings(script, script.root.named_children) if one.how == "exit")
    return any(one.argument not in ("", "0") for one in found)


def _sends(block: Block) -> bool:
    """Whether it sends something, which may change what receives it."""
    sent = (place.text for ran in facts(block).ran if ran.name in ("curl", "wget") for place in ran.words)
    return any(text.startswith(_SENDS) and not text.endswith(("GET", "HEAD")) for text in sent)


def _identifies_itself(block: Block) -> bool:
    """Whether it takes a secret out of its file: what it asks may change something for whom it names."""
    return any(mention.form in TAKEN_OUT for mention in mentions(block))


def _does(block: Block) -> Iterator[Does]:
    """What a service does beside asking and reporting."""
    found = facts(block)
    for doubt in found.doubts:
        script = doubt.script
        path = doubt.program.at.file.source.path if script is None else script.body.path
        yield Does(doubt.reason, path, doubt.line)
    for use in found.writes:
        place = use.place
        if place.text.startswith(("/tmp/", "/var/tmp/", "/dev/")):
            continue
        path, line = use.program.at.file.source.path, use.program.at.line
        if place.script is not None and place.node is not None:
            path, line = place.script.body.path, place.script.line(place.node)
        yield Does(f"it writes {place.text}", path, line)
    for ran in found.ran:
        if not _only_asks(ran):
            path = ran.program.at.file.source.path if ran.script is None else ran.script.body.path
            yield Does(f"it runs {ran.name}", path, ran.line)


def _only_asks(ran: Ran) -> bool:
    if ran.command is not None and ran.script is not None and sleep_of(ran.script, ran.command.node):
        return True
    known = ran.effective
    asks = _asks().get(ran.name)
    if asks is not None:
        words = {place.text for place in ran.words}
        return not words & asks.never and (not asks.words or bool(asks.words & words))
    if known is None:
        return False
    return known.needs <= PLAIN_NEEDS and (not known.runs or ran.name in ("timeout", "env", "nice", "xargs"))


def _needs(block: Block) -> tuple[tuple[str, ...], dict[str, str]]:
    """The commands that need root, and the directives that others need."""
    root: dict[str, None] = {}
    settings: dict[str, str] = {}
    for ran in facts(block).ran:
        asks = _asks().get(ran.name)
        if asks is not None:
            settings.update(asks.settings)
            if asks.root or (asks.rooted and any(re.fullmatch(asks.rooted, one.text) for one in ran.words)):
                root[ran.name] = None
        for place in ran.words:
            path = _PATH.match(place.text) and ran.name not in _TESTS
            if path and not OPEN_PATHS.match(place.text) and not place.text.startswith("/tmp/"):
                root.setdefault(place.text)
        if ran.name in commands("readers") or ran.name in _LOOKING:
            root.update(dict.fromkeys(place.text for place in ran.operands if _is_closed(block.tree, place)))
    for use in facts(block).reads:
        if _is_closed(block.tree, use.place):
            root.setdefault(use.place.text)
    return tuple(root), settings


def _is_closed(tree: Tree, place: Place) -> bool:
    """Whether a word may be the path of a file that not everybody may read."""
    if place.text.startswith("/"):
        return not OPEN_PATHS.match(place.text) and not place.text.startswith("/tmp/")
    if place.refs and (is_path(tree, place.refs[0]) or secret_of(place.refs[0]) is not None):
        return True
    return re.match(r"\$\w*(?i:file|path|dir|stamp|log|cert|folder)\w*\Z|\$\w+/", place.text) is not None


_PATH = re.compile(r"/[\w.@+/-]+\Z")
_SENDS = ("-X", "--request", "-d", "--data", "-F", "--form", "-T", "--upload-file", "--json", "--post-data")
_TESTS = frozenset({"[", "test", "[[", "echo", "printf", "cd", "exit", "df"})
"""Commands whose operands are no files, or are only asked about."""


_LOOKING = frozenset({"stat", "ls", "du", "find"})
"""Commands that look into folders."""


def waits() -> Mapping[str, str]:
    """The options by which commands are told how long they may take; see the data."""
    found: Mapping[str, str] = _data()["waits"]
    return found


@cache
def _asks() -> Mapping[str, Asks]:
    found: dict[str, Asks] = {}
    for entry in _data()["asks"]:
        asks = Asks(
            frozenset(str(entry.get("words", "")).split()),
            frozenset(str(entry.get("never", "")).split()),
            "root" in str(entry.get("needs", "")).split(),
            entry.get("settings", {}),
            str(entry.get("root", "")),
        )
        found.update(dict.fromkeys(entry["names"].split(), asks))
    return found


@cache
def _data() -> dict[str, Any]:
    return table("checks.toml")
