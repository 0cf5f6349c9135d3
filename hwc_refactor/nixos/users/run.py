"""Why a service cannot be given a user of its own: what it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.paths.places import is_harmless_device
from hwc_refactor.nixos.sandbox.traits import traits
from hwc_refactor.nixos.scripts.doings import Ran
from hwc_refactor.nixos.scripts.programs import NOT_IN_SIGHT
from hwc_refactor.nixos.users.candidate import Candidate, Predicate


def manages_units(one: Candidate) -> Obstacle | None:
    """It starts, stops or changes units."""
    for ran in one.ran:
        if "units" in ran.needs and "containers" not in ran.needs:
            what = " ".join((ran.name, *(word.text for word in ran.words[:2])))
            return Obstacle(
                "manages-units",
                f"It manages units or the system: '{what}' (line {ran.line}).",
                ran.program.at,
            )
    for expr in _path_packages(one):
        if expr.text.split(".")[-1] in ("systemd",) and not one.facts.scripts:
            return Obstacle("manages-units", "systemd is on its path: it may manage units.", expr)
    return None


def _path_packages(one: Candidate) -> Iterator[Expr]:
    for item in one.block.items("path"):
        yield item.expr


def runs_containers(one: Candidate) -> Obstacle | None:
    """It talks to a container engine."""
    for ran in one.ran:
        if "containers" in ran.needs:
            return Obstacle(
                "runs-containers", f"It runs {ran.name} (line {ran.line}): {ran_why(ran)}.", ran.program.at
            )
    return None


def needs_root_command(one: Candidate) -> Obstacle | None:
    """It runs a command that needs root, or a capability."""
    for ran in one.ran:
        lacking = ran.needs & {
            "root",
            "owner",
            "user",
            "modules",
            "mounts",
            "tunables",
            "clock",
            "realtime",
            "namespaces",
        }
        given = ran.effective is not None and ran.effective.groups
        if lacking or (ran.needs & {"devices", "journal"} and not given):
            return Obstacle(
                "needs-root-command",
                f"It runs {ran.name} (line {ran.line}), which {ran_why(ran)}.",
                ran.program.at,
            )
    return None


def changes_host(one: Candidate) -> Obstacle | None:
    """It sets the clock or the name of the host with a command that others only ask."""
    for name in ("clock", "hostname"):
        trait = traits(one.block).get(name)
        if trait is not None:
            return Obstacle("needs-root-command", f"It {trait.reason} (line {trait.line}).", one.block.place)
    return None


def ran_why(ran: Ran) -> str:
    """What a command does that needs what it needs."""
    return (ran.effective.why if ran.effective is not None else "") or "needs root"


def peer_authentication(one: Candidate) -> Obstacle | None:
    """It logs in to a database by the name of its user."""
    for ran in one.ran:
        if "peer" in ran.needs and not _names_host(ran):
            return Obstacle(
                "peer-authentication",
                f"It runs {ran.name} (line {ran.line}), which {ran_why(ran)}: '{one.user}' is the login.",
                ran.program.at,
            )
    return None


def _names_host(ran: Ran) -> bool:
    """Whether a database client is told a host to connect to rather than the socket."""
    for number, word in enumerate(ran.words):
        value = ran.words[number + 1].text if number + 1 < len(ran.words) else ""
        if word.text in ("-h", "--host") and value and not value.startswith("/"):
            return True
        if word.text.startswith(("--host=", "-h")) and len(word.text) > 2 and "/" not in word.text:
            return True
        if re.match(r"(?:postgres|postgresql|mysql|mariadb)://[^/]*@?[\w.-]+[:/]", word.text):
            return True
    return False


def asks_its_user(one: Candidate) -> Obstacle | None:
    """It looks as whom it runs, and may go on as root alone."""
    for ran in one.ran:
        if ran.name == "whoami" or (ran.name == "id" and not ran.operands):
            return Obstacle(
                "root-is-meant", f"It asks as whom it runs with {ran.name} (line {ran.line}).", ran.program.at
            )
    for program, script in one.facts.scripts:
        for node in script.nodes("variable_name") if "+" not in program.prefixes else ():
            if script.source(node) in ("EUID", "UID"):
                reason = f"It asks as whom it runs with {script.source(node)} (line {script.line(node)})."
                return Obstacle("root-is-meant", reason, program.at)
    return None


def needs_device(one: Candidate) -> Obstacle | None:
    """Its sandbox lets it open a device, which may be root's alone."""
    if one.setting("SupplementaryGroups") is not None:
        return None
    for item in one.block.items("serviceConfig", "DeviceAllow"):
        text = one.block.tree.resolver.literal(item.expr)
        if text is None or (text and not is_harmless_device(text.split()[0])):
            shown = item.expr.text if text is None else text.split()[0]
            return Obstacle("needs-device", f"DeviceAllow lets it open {shown}.", item.expr)
    return None


def needs_home(one: Candidate) -> Obstacle | None:
    """It keeps something in the home directory of its user."""
    home = one.block.get("environment", "HOME")
    given = one.block.tree.resolver.literal(home[0].expr) if home and not home[0].rest else None
    if given is not None and not given.startswith(("/root", "/home")):
        return None
    for ran in one.ran:
        if "home" in ran.needs:
            return Obstacle(
                "needs-home",
                f"It runs {ran.name} (line {ran.line}), which {ran_why(ran)}: that of '{one.user}' today.",
                ran.program.at,
            )
    return None


def unknown_command(one: Candidate) -> Obstacle | None:
    """It runs a program of which nothing is known."""
    unknown = [ran for ran in one.ran if ran.known is None and not one.is_enclosed(ran)]
    if unknown:
        names = ", ".join(dict.fromkeys(ran.name for ran in unknown))
        return Obstacle(
            "unknown-command",
            f"It runs {names} (line {unknown[0].line}); whether that needs root is not known.",
            unknown[0].program.at,
        )
    return None


def script_not_in_sight(one: Candidate) -> Obstacle | None:
    """What it runs is not written in the tree."""
    if not one.facts.programs:
        return Obstacle("script-not-in-sight", "What it runs is not written in the tree.", one.block.place)
    for doubt in one.facts.doubts:
        if "+" in doubt.program.prefixes:
            continue
        reason = (
            "What it runs is not written in the tree."
            if doubt.reason == NOT_IN_SIGHT
            else _sentence(doubt.reason)
        )
        return Obstacle("script-not-in-sight", f"{reason[:-1]} (line {doubt.line}).", doubt.program.at)
    for ran in one.ran:
        if "code" in ran.needs and not one.is_enclosed(ran):
            return Obstacle(
                "script-not-in-sight",
                f"It runs a program with {ran.name} (line {ran.line}) whose text is not looked at.",
                ran.program.at,
            )
    return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


RUN: tuple[Predicate, ...] = (
    runs_containers,
    manages_units,
    needs_root_command,
    peer_authentication,
    script_not_in_sight,
    unknown_command,
    changes_host,
    asks_its_user,
    needs_device,
    needs_home,
)
"""What it runs."""
