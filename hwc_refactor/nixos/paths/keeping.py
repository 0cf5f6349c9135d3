"""Which directories of a service systemd could keep, and what is in the way of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.paths.beginnings import depends_on_absence
from hwc_refactor.nixos.paths.directories import (
    BASES,
    VARIABLES,
    Directory,
    candidates,
    declared,
    directory_at,
    holding,
    normal,
)
from hwc_refactor.nixos.paths.mentions import Mention, kept_by_module, mentions
from hwc_refactor.nixos.paths.path_options import option_for
from hwc_refactor.nixos.paths.places import is_taken, is_temporary
from hwc_refactor.nixos.paths.reach import Reached, reached
from hwc_refactor.nixos.paths.spellings import everywhere
from hwc_refactor.nixos.paths.tmpfiles import NOBODY_ELSES, NOT_SAID, Rule, rules_over
from hwc_refactor.nixos.sandbox.traits import traits
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.surveys import Survey, surveyed

PERMISSIONS = frozenset({"ReadWritePaths", "ReadWriteDirectories", "BindPaths"})
"""Settings that allow a service to write somewhere; what it writes shows elsewhere."""

ELSEWHERE = (
    "/etc/",
    "/home/",
    "/root/",
    "/mnt/",
    "/media/",
    "/opt/",
    "/srv/",
    "/data/",
    "/storage/",
    "/var/",
)


class InTheWay(Struct, frozen=True, eq=False):
    """Why systemd cannot keep a directory: a code, a sentence, and the path that it is about."""

    code: str
    reason: str
    path: Reached


class Keeping(Struct, frozen=True, eq=False):
    """What systemd could keep for a service.

    Attributes:
        wanted: the directories that can become its own, beside those it declares.
        rules: the rules of systemd-tmpfiles that make one of them, and say nothing that systemd would not do.
        obstacles: what is in the way for other paths that it writes.
        options: paths elsewhere that an option of the configuration stands for, with that option.
    """

    wanted: tuple[Directory, ...]
    rules: tuple[Rule, ...]
    obstacles: tuple[InTheWay, ...]
    options: Mapping[str, str]


def keeping(block: Block, named: Mapping[str, str]) -> Keeping:
    """What systemd could keep for a service.

    Args:
        block: the service.
        named: the options that the user names for paths.
    """
    key = ("keeping", id(block), tuple(named.items()))
    return block.tree.remember(key, block, lambda: _keeping(block, named))


def _keeping(block: Block, named: Mapping[str, str]) -> Keeping:
    options: dict[str, str] = {}
    own = declared(block)
    wanted: dict[Directory, tuple[Rule, ...]] = {}
    obstacles: dict[str, InTheWay] = {}
    for path in reached(block):
        text = normal(path.text)
        if (
            path.by in PERMISSIONS
            or not path.writes
            or is_temporary(text)
            or holding((*own, *wanted), path.text) is not None
        ):
            continue
        choices = candidates(path.text, folder=path.folder)
        if not choices:
            elsewhere = directory_at(text) is None or text.startswith("/var/log/")
            if text.startswith(ELSEWHERE) and text not in BASES and elsewhere:
                option = option_for(block.tree, text, named)
                spelled = option is not None and any(True for _ in everywhere(block, option[0]))
                if option is not None and spelled:
                    options[option[0]] = option[1]
                else:
                    obstacles.setdefault(text, _elsewhere(path))
            continue
        found = _first(block, choices, path)
        if isinstance(found, InTheWay):
            obstacles.setdefault(choices[0].path, found)
        else:
            wanted.update(found)
    outer = tuple(
        one for one in wanted if holding([other for other in wanted if other != one], one.path) is None
    )
    made = tuple(rule for one in outer for rule in wanted[one])
    return Keeping(outer, made, tuple(obstacles.values()), options)


def _first(
    block: Block, choices: Sequence[Directory], path: Reached
) -> InTheWay | dict[Directory, tuple[Rule, ...]]:
    """The outermost directory that nobody else uses; a deeper one only below one that several share.

    What it lies in systemd makes for root, where a service of another user may have made it for that one. A deeper
    one is what the service makes itself: what `mkdir -p` makes on the way may be there for others.
    """
    obstacle: InTheWay | None = None
    for choice in choices:
        if choice not in (choices[0], choices[-1]) and not _is_made(block, choice):
            continue
        found = _obstacle(block, choice, path)
        if not isinstance(found, InTheWay):
            return {choice: found}
        obstacle = obstacle or found
        if found.code != "path-is-shared" or not _is_roots(block):
            break
    assert obstacle is not None
    return obstacle


def _is_roots(block: Block) -> bool:
    """Whether a service runs as root."""
    user = ("serviceConfig", "User")
    return not block.get(*user) or block.text(*user) in ("root", "0")


def _elsewhere(path: Reached) -> InTheWay:
    return InTheWay(
        "path-elsewhere",
        f"It writes {path.text} (line {path.line}), which is no place that systemd keeps for a service.",
        path,
    )


def _obstacle(block: Block, directory: Directory, path: Reached) -> InTheWay | tuple[Rule, ...]:
    """What is in the way of a directory, or the rules that become needless."""
    if is_taken(directory.name) or kept_by_module(block, directory.name):
        return InTheWay(
            "path-of-another", f"{directory.path} is kept by the system or a module of NixOS.", path
        )
    if "mounts" in traits(block):
        reason = f"{traits(block)['mounts']}, and may do so at {directory.path}."
        return InTheWay("state-is-mounted-or-persisted", reason[:1].upper() + reason[1:], path)
    given = next((ran for ran in facts(block).ran if _gives(ran, directory)), None)
    if given is not None:
        reason = f"{given.name} gives {directory.path} to somebody else (line {given.line})."
        return InTheWay("made-for-another", reason, path)
    made = tuple(
        rule
        for rule in rules_over(block.tree, directory.path)
        if rule.path == directory.path and _same_owner(block, rule)
    )
    lines = {(rule.at.file.source.path, rule.at.line) for rule in made}
    for mention in mentions(block, directory.path):
        if (mention.file, mention.line) not in lines:
            return _told(directory, mention, path)
    other = used_elsewhere(block, directory)
    if other is not None:
        return InTheWay("path-is-shared", f"{directory.path} is used by {other} too.", path)
    absent = depends_on_absence(block, directory.path)
    if absent is not None:
        return InTheWay("made-later", f"{absent}; systemd would make it before.", path)
    if not made and not _makes(block, directory):
        reason = f"Nothing shows that {directory.path} is its own: it neither makes it nor has its name."
        return InTheWay("path-of-another", reason, path)
    return made


def _makes(block: Block, directory: Directory) -> bool:
    """Whether a directory has the name of the service, or the service makes it; one it removes is not its own."""
    known = facts(block)
    if any(ran.name in ("rm", "rmdir") and _names(ran, directory) for ran in known.ran):
        return False
    if directory.name.split("/")[-1] == block.name.rstrip("@"):
        return True
    return any(use.made and holding((directory,), use.place.text) is not None for use in known.writes)


def _is_made(block: Block, directory: Directory) -> bool:
    """Whether a service makes this directory, rather than one in it."""
    return any(use.made and normal(use.place.text) == directory.path for use in facts(block).writes)


def _names(ran: Ran, directory: Directory) -> bool:
    return any(normal(word.text.rstrip("/")) == directory.path for word in ran.operands)


def _gives(ran: Ran, directory: Directory) -> bool:
    """Whether a command changes the owner of a directory, or of what lies in it."""
    options = [word.text for word in ran.words if word.text.startswith(("-o", "-g", "--owner", "--group"))]
    if ran.name not in ("chown", "chgrp", "setfacl") and not (ran.name == "install" and options):
        return False
    return any(holding((directory,), word.text) is not None for word in ran.words)


def used_elsewhere(block: Block, directory: Directory) -> str | None:
    """Another service of the tree that reaches for a directory, however its path is put together."""
    for other in surveyed(block.tree, EVERYTHING_REACHED):
        assert isinstance(other, _Reaching)
        if (other.file, other.name) != (block.file, block.name) and any(
            holding((directory,), text) is not None for text in other.paths
        ):
            return f"{other.name} ({other.file})"
    return None


def kept_elsewhere(block: Block, directory: Directory) -> str | None:
    """Another service of the tree for which systemd keeps the same directory, and gives it to its user."""
    for other in surveyed(block.tree, EVERYTHING_REACHED):
        assert isinstance(other, _Reaching)
        if (other.file, other.name) != (block.file, block.name) and directory.path in other.kept:
            return f"{other.name} ({other.file})"
    return None


class _Reaching(Struct, frozen=True):
    """The paths that a service reaches for, and those that systemd keeps for it."""

    file: str
    name: str
    paths: frozenset[str]
    kept: frozenset[str]


def _reaching(block: Block) -> _Reaching:
    """Its directories are told by their paths: a variable names those of its own unit alone."""
    own = frozenset(directory.path for directory in declared(block))
    spelled = (normal(path.text) for path in reached(block))
    paths = {text for text in spelled if not text.lstrip("${").startswith(tuple(VARIABLES))}
    return _Reaching(block.file, block.name, frozenset(paths | own), own)


EVERYTHING_REACHED = Survey("everything-reached", SERVICE, _reaching)


def _told(directory: Directory, mention: Mention, path: Reached) -> InTheWay:
    where = f"{mention.file}, line {mention.line}"
    match mention.kind:
        case "mount":
            return InTheWay(
                "state-is-mounted-or-persisted", f"{directory.path} is a mount point ({where}).", path
            )
        case "persistence":
            reason = f"{directory.path} is kept across reboots by name ({where})."
            return InTheWay("state-is-mounted-or-persisted", reason, path)
        case "tmpfiles":
            reason = f"A rule of systemd-tmpfiles makes {directory.path} for somebody else ({where})."
            return InTheWay("made-for-another", reason, path)
        case "account":
            return InTheWay("path-is-shared", f"{directory.path} is the home of an account ({where}).", path)
    return InTheWay("path-is-shared", f"{directory.path} is used elsewhere too ({where}).", path)


def _same_owner(block: Block, rule: Rule) -> bool:
    """Whether a rule makes a directory as systemd would: for the user and the group of the service."""
    if rule.type not in "dDvqQ":
        return False
    user = block.text("serviceConfig", "User") or "root"
    group = block.text("serviceConfig", "Group") or user
    users = NOBODY_ELSES if user == "root" else {user}
    groups = NOBODY_ELSES if group == "root" else {group, NOT_SAID} if user == group else {group}
    return rule.user in users and rule.group in groups
