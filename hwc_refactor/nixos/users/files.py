"""Why a service cannot be given a user of its own, as far as files are concerned.

A dynamic user may read what everybody may, and write to the directories that systemd keeps for its unit
(systemd.exec(5), DynamicUser=).
"""

from __future__ import annotations

import re

from hwc_refactor.nix.values import Str
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.paths.carried import carried, left
from hwc_refactor.nixos.paths.directories import Directory, normal
from hwc_refactor.nixos.paths.keeping import kept_elsewhere, used_elsewhere
from hwc_refactor.nixos.paths.mentions import Mention, mentions
from hwc_refactor.nixos.paths.places import (
    below,
    everybody_reads,
    goes_down,
    is_harmless_device,
    is_temporary,
)
from hwc_refactor.nixos.paths.reach import Reached
from hwc_refactor.nixos.paths.tmpfiles import DIRECTORIES, NOBODY_ELSES, Rule, rules, rules_over
from hwc_refactor.nixos.sandbox.commanded import names_files_itself
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.words import TEMPLATED
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.users.candidate import PERSON
from hwc_refactor.nixos.users.directories import OPEN, Files, private
from hwc_refactor.nixos.users.links import stays_at_link


def secret_of_its_own(files: Files) -> Obstacle | None:
    """It reads a secret itself, which belongs to root or to its user: the credential comes first."""
    for path in files.reached:
        if path.secret is not None and not _is_credential(files, normal(path.text)):
            return Obstacle(
                "secret-owned-by-user",
                f"{path.by} (line {path.line}) reads the secret {path.secret.name}, which is not for others:"
                " load it as a credential first.",
                path.at,
            )
    return None


def _is_credential(files: Files, path: str) -> bool:
    """Whether a path is that of a credential of the service, which is its user's (systemd.exec(5), LoadCredential=)."""
    return below(path, (f"/run/credentials/{files.one.block.name}.service",))


def state_of_others(files: Files) -> Obstacle | None:
    """A directory that it keeps is also named by a mount, a rule or another service."""
    for directory in files.declared:
        if (
            files.moves(directory)
            and (found := _obstacle(files, directory, files.others(directory))) is not None
        ):
            return found
        shared = used_elsewhere if files.moves(directory) else kept_elsewhere
        other = shared(files.one.block, directory)
        if other is not None:
            return Obstacle(
                "state-is-shared", f"{directory.path} is used by {other} too.", files.one.block.place
            )
    for way in files.kept.obstacles:
        code = _CODES.get(way.code)
        if code is not None and files.shared_place(way.path) is None:
            return Obstacle(code, way.reason, way.path.at)
    return None


_CODES = {
    "path-of-another": "writes-foreign-path",
    "path-is-shared": "state-is-shared",
    "made-later": "made-later",
    "made-for-another": "state-owned-by-user",
    "state-is-mounted-or-persisted": "state-is-mounted-or-persisted",
}
"""What is in the way of a directory, in the words of this codemod."""


def _obstacle(files: Files, directory: Directory, others: tuple[Mention, ...]) -> Obstacle | None:
    block = files.one.block
    for mention in others:
        at = block.place
        where = f"{mention.file}, line {mention.line}"
        if mention.line == 0:
            return Obstacle(
                "writes-foreign-path", f"{directory.path} is kept by the system or by a module of NixOS.", at
            )
        if mention.kind == "tmpfiles":
            owner = next(
                (r.user for r in _rules(block.tree, directory.path) if r.user not in NOBODY_ELSES), None
            )
            if owner is not None:
                return Obstacle("state-owned-by-user", f"{directory.path} belongs to {owner} ({where}).", at)
            return Obstacle(
                "state-is-mounted-or-persisted",
                f"A rule of systemd-tmpfiles makes {directory.path} ({where}), where systemd would put a link.",
                at,
            )
        if mention.kind in ("mount", "persistence"):
            does = "is a mount point" if mention.kind == "mount" else "is kept across reboots"
            return Obstacle(
                "state-is-mounted-or-persisted",
                f"{directory.path} {does} ({where}): its files would have to move to {private(directory)} there.",
                at,
            )
        if mention.kind == "account":
            return Obstacle("state-owned-by-user", f"{directory.path} belongs to a user ({where}).", at)
        return Obstacle("state-is-shared", f"{directory.path} is used elsewhere too ({where}).", at)
    return None


def _rules(tree: Tree, path: str) -> list[Rule]:
    return [rule for rule in rules(tree) if below(path, (rule.path,)) or below(rule.path, (path,))]


def writes_foreign_path(files: Files) -> Obstacle | None:
    """It writes to a place that is not its own."""
    for path in files.reached:
        text = normal(path.text)
        if not path.writes or files.is_managed(path.text) or is_harmless_device(text):
            continue
        if is_temporary(text):
            if (other := _reads_temporary(files, text)) is not None:
                return Obstacle(
                    "writes-foreign-path",
                    f"It writes {text} (line {path.line}), which {other} names as well; its /tmp would be its own.",
                    path.at,
                )
            continue
        if files.shared_place(path) is None:
            return Obstacle(
                "writes-foreign-path",
                f"{_by(path)} (line {path.line}) writes {text}, which is not its own.",
                path.at,
            )
    return None


def names_file_itself(files: Files) -> Obstacle | None:
    """A file that is named elsewhere: that of its process, or by the address of a download."""
    block = files.one.block
    slot = files.one.setting("PIDFile")
    value = None if slot is None else block.tree.resolver.value(slot.expr)
    if isinstance(value, Str) and slot is not None and not files.is_managed(normal(value.shown)):
        reason = f"It writes {value.shown}, its PIDFile (line {slot.expr.line}), which is not its own."
        return Obstacle("writes-foreign-path", reason, slot.expr)
    for ran in files.one.ran:
        if names_files_itself(ran) and not files.is_managed("."):
            reason = f"{ran.name} (line {ran.line}) writes a file that it names itself to the folder in which it runs."
            return Obstacle("writes-foreign-path", reason[:1].upper() + reason[1:], ran.program.at)
        if "folder" in ran.needs and not files.is_managed("."):
            reason = f"{ran.name} (line {ran.line}) keeps files in the folder in which it runs."
            return Obstacle("writes-foreign-path", reason[:1].upper() + reason[1:], ran.program.at)
        if (
            {"files", "home"} & ran.needs == {"files"}
            and _may_name_neighbour(ran)
            and not files.is_managed(".")
        ):
            reason = f"{ran.name} (line {ran.line}) may write a file to the folder in which it runs."
            return Obstacle("writes-foreign-path", reason[:1].upper() + reason[1:], ran.program.at)
    return None


_NO_NEIGHBOUR = re.compile(r"-|/|\$\{|[\w.\[\]*-]*:|\d+(?:\.\d+)*\w?$|$|.*\s", re.DOTALL)
"""Options, absolute paths, addresses, `HOST:PORT`, numbers, and what is text rather than a path."""


def _may_name_neighbour(ran: Ran) -> bool:
    """Whether a word of a command may be the path of a file in the folder in which it runs."""
    return any(
        not _NO_NEIGHBOUR.match(word.text.partition("=")[2] if word.text.startswith("-") else word.text)
        for word in ran.words
    )


def read_by_the_manager(files: Files) -> Obstacle | None:
    """systemd reads a file below /tmp for it, and would not see the one in a /tmp of its own."""
    block = files.one.block
    for item in block.items("serviceConfig", "EnvironmentFile"):
        value = block.tree.resolver.value(item.expr)
        path = value.shown.lstrip("-") if isinstance(value, Str) else ""
        if is_temporary(normal(path)):
            return Obstacle(
                "writes-foreign-path",
                f"systemd itself reads {path} for it (line {item.expr.line}), and its /tmp would be its own.",
                item.expr,
            )
    return None


def carries_temporary(files: Files) -> Obstacle | None:
    """It goes on from what an earlier run left below /tmp."""
    for path in carried(files.one.block):
        return Obstacle(
            "reads-foreign-path",
            f"It goes on from {path.text} (line {path.line}), which an earlier run may have left; its /tmp would be"
            " its own.",
            path.at,
        )
    return None


def leaves_temporary(files: Files) -> Obstacle | None:
    """It leaves a file below /tmp that it does not name again: nobody would find it in a /tmp of its own."""
    for path in left(files.one.block):
        return Obstacle(
            "writes-foreign-path",
            f"It leaves {path.text} (line {path.line}) for whoever looks there; its /tmp would be its own.",
            path.at,
        )
    return None


def _by(path: Reached) -> str:
    return "A redirection" if path.by == ">" else path.by[:1].upper() + path.by[1:]


def _reads_temporary(files: Files, path: str) -> str | None:
    """Another place that names a fixed path below /tmp."""
    name = OPEN.split(path, maxsplit=1)[0].rstrip("/")
    if name in ("/tmp", "/var/tmp") or TEMPLATED in path:
        return None
    found = mentions(files.one.block, name)
    return f"{found[0].file}, line {found[0].line}" if found else None


def reads_foreign_path(files: Files) -> Obstacle | None:
    """It reads a place of which it is not known that everybody may."""
    for path in files.reached:
        text = normal(path.text)
        if path.writes or files.is_managed(path.text) or everybody_reads(text):
            continue
        if _is_credential(files, text):
            continue
        if is_temporary(text):
            if TEMPLATED in text or any(
                other.writes and normal(other.text).startswith(text) for other in files.reached
            ):
                continue
            return Obstacle(
                "reads-foreign-path",
                f"{_by(path)} (line {path.line}) looks for {text}; its /tmp would be its own.",
                path.at,
            )
        if text.startswith("$") and not text.startswith("${"):
            continue
        if files.shared_place(path) in files.shared or _everybody_reads(files, path, text):
            continue
        if text.startswith("/dev/"):
            return Obstacle("needs-device", f"{_by(path)} (line {path.line}) opens {text}.", path.at)
        return Obstacle(
            "reads-foreign-path",
            f"{_by(path)} (line {path.line}) names {text}; whether others than {files.one.user} may read it is not"
            " known.",
            path.at,
        )
    return None


def _everybody_reads(files: Files, reached: Reached, path: str) -> bool:
    """Whether the tree makes a path so that everybody may read it.

    Of a directory that is all that is known: what others put into it may be for them alone.
    """
    tree = files.one.block.tree
    if path.startswith("/etc/") and tree.holding(path.removeprefix("/etc/").split("/")[0].encode()):
        return _is_etc(tree, path.removeprefix("/etc/"))
    found = rules_over(tree, path)
    rule = max(found, key=lambda rule: len(rule.path)) if found else None
    if rule is None or not rule.everybody_reads:
        return False
    return rule.path == path and (rule.type not in DIRECTORIES or not goes_down(reached.by))


def _is_etc(tree: Tree, name: str) -> bool:
    """Whether `environment.etc` makes a file: a link into the store."""
    wanted = re.compile(rb"etc\.\"?" + re.escape(name.encode()) + rb"\"?[\s.=]")
    return any(wanted.search(tree.data(path) or b"") for path in tree.holding(name.encode()))


def owned_by_person(files: Files) -> Obstacle | None:
    """The files that it works on belong to the person that it runs as."""
    if files.one.runs_as != PERSON:
        return None
    directories = [one for one in (*files.declared, *files.wanted) if one.directive == "StateDirectory"]
    if directories:
        names = ", ".join(one.path for one in directories)
        return Obstacle(
            "state-owned-by-user", f"What lies in {names} belongs to {files.one.user}.", files.one.block.place
        )
    return None


def names_home(files: Files) -> Obstacle | None:
    """It reaches for a place below /home or /root, which the documented sandbox hides."""
    for path in files.reached:
        if below(normal(path.text), ("/home", "/root")) or path.text.startswith("~"):
            return Obstacle(
                "reads-foreign-path",
                f"{_by(path)} (line {path.line}) names {path.text}, which the documented sandbox hides: move it first.",
                path.at,
            )
    return None


FILES = (
    secret_of_its_own,
    state_of_others,
    read_by_the_manager,
    carries_temporary,
    leaves_temporary,
    writes_foreign_path,
    names_file_itself,
    reads_foreign_path,
    owned_by_person,
    stays_at_link,
)
"""What it does with files."""
