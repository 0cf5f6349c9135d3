"""What a service is known to do or need that decides which restrictions it bears.

A trait is there with its reason, or it is not there. `opaque` says that something the service runs is not
known: what it may do beyond the other traits is then open.

| trait | the service |
|---|---|
| opaque | runs something of which it is not known what it needs |
| network, remote, listens, low-port | uses internet sockets; reaches other hosts; may listen on a port, or a low one |
| host-network | reads figures of the network of its host |
| netlink, raw-network, sockets | asks the kernel about its network; opens raw sockets; sockets of other families |
| devices, raw-io, modules, mounts, tunables, clock, kernel-log | works on these parts of the system |
| hostname, realtime, reboot | sets the host name; asks for a high priority; stops the machine itself |
| system, builds | changes the system: accounts, units, the Nix store; builds with Nix itself, as root does |
| cgroups | writes to the control groups |
| units, manager, dbus, journal | changes units; asks the service manager; talks over D-Bus; reads the journal |
| containers, namespaces | is or manages a container engine; makes namespaces |
| user, owner, root, capabilities | becomes another user; changes owners; needs root's rights; is given capabilities |
| sees-owners | tells or keeps who owns files |
| peer | logs in to a database by the name of its user |
| root-user, static-user | runs as root; runs as a user of the system's own accounts |
| early | may be started before the places for temporary files are set up |
| outside | runs commands with all rights (`+`) that may need what the whole unit is denied |
| home, proc, processes | names places in home directories; reads figures in /proc; looks at other processes |
| code, jit | runs a program of another language than shell; makes code while it runs |
| foreign | may run programs of other architectures than the machine's |
| writes-unknown, files | writes to a place that cannot be named in its unit; runs a program that may |
| folder | keeps files in the folder in which it runs |
| shares-tmp, shares-files, setgid | hands files to others through /tmp, or elsewhere; may make or keep setgid folders |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hwc_refactor.nix.values import Expr, Ref
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.elsewhere import texts as possible
from hwc_refactor.nixos.paths.beginnings import depends_on_absence
from hwc_refactor.nixos.paths.writable import on_one_mount, writable
from hwc_refactor.nixos.sandbox.commanded import commanded
from hwc_refactor.nixos.sandbox.configured import configured, is_root, may_have_home
from hwc_refactor.nixos.sandbox.hidden import OWN_ROOTS, counting, handed_over, judging
from hwc_refactor.nixos.sandbox.kernel_files import named
from hwc_refactor.nixos.sandbox.rights import hard_links
from hwc_refactor.nixos.sandbox.trait import HARMLESS_DEVICES, IN_A_HOME, OPEN_HOME, Trait, confined, writes
from hwc_refactor.nixos.scripts.doings import Facts
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.units.booleans import switched

HOMES = ("/home/", "/root", "/run/user/", "~", "$HOME")
_BOUND_BY_UNIT = frozenset(
    "network netlink raw-network sockets dbus manager units devices clock containers code".split()
)
"""Needs of commands that what holds for a whole unit denies: its network, its devices, its packets.

Whoever runs with all rights (`+`) is spared users, capabilities and views of the file system, no more
(systemd.service(5), Table 1; systemd.resource-control(5), DeviceAllow=, IPAddressDeny=).
"""


def traits(block: Block) -> Mapping[str, Trait]:
    """The traits of a service, each with the first reason that was found."""
    return block.tree.remember(("traits", id(block)), block, lambda: _traits(block))


def _traits(block: Block) -> Mapping[str, Trait]:
    known = facts(block)
    found: dict[str, Trait] = {}
    for name, trait in (
        *_doubted(block, known),
        *commanded(
            block.tree,
            known,
            dynamic=bool(switched(block, "serviceConfig", "DynamicUser")),
            root=is_root(block),
            homeless=not may_have_home(block, known),
        ),
        *((name, Trait(reason, line)) for name, reason, line in named(block, known)),
        *_written(block, known),
        *configured(block),
        *_open(block, known),
    ):
        found.setdefault(name, trait)
    return found


def _doubted(block: Block, known: Facts) -> Iterator[tuple[str, Trait]]:
    for doubt in known.doubts:
        if "+" not in doubt.program.prefixes:
            yield "writes-unknown" if doubt.place else "opaque", Trait(doubt.reason, doubt.line, "")
        elif not doubt.place:
            yield "outside", Trait(f"{doubt.reason}, with all rights", doubt.line, "")
    for ran in known.ran:
        effective = ran.effective
        if "+" in ran.program.prefixes and (effective is None or effective.needs & _BOUND_BY_UNIT):
            yield "outside", Trait(f"runs {ran.name} with all rights", ran.line)
    if not known.programs:
        yield "opaque", Trait("is started by something that is not in sight", block.line)


def _written(block: Block, known: Facts) -> Iterator[tuple[str, Trait]]:
    for use in writes(known):
        line = use.line
        path = use.place.text
        if path.startswith(("/sys/", "/proc/")):
            yield "tunables", Trait(f"writes to {path}", line)
            yield from _of_the_kernel(path, Trait(f"writes to {path}", line))
        elif _is_open(path) and (kernel := _named_tunable(known)) is not None:
            yield "tunables", Trait(f"writes to '{path}', which may lie below {kernel}", line)
            for _, script in known.scripts:
                for place in re.findall(r"/sys/[\w/-]+", script.body.data.decode(errors="replace")):
                    yield from _of_the_kernel(
                        place, Trait(f"writes to '{path}', which may lie below {place}", line)
                    )
        elif path.startswith("/dev/") and not path.startswith(HARMLESS_DEVICES):
            yield "devices", Trait(f"writes to {path}", line)
        elif not path.startswith((*_MANAGED, *OWN_ROOTS)):
            yield "shares-files", Trait(f"writes {path}, which others may read", line)
        absent = depends_on_absence(block, path.rstrip("/")) if use.made and path.startswith("/") else None
        if absent is not None:
            reason = absent.split(" (line")[0].removeprefix("It ")
            yield "writes-unknown", Trait(f"{reason}, where a sandbox needs it before", line)
    ran = tuple(confined(known))
    for reason, at in judging(known, ran):
        yield "home", Trait(reason, at)
        yield "shares-tmp", Trait(reason, at)
    for reason, at in counting(ran):
        yield "home", Trait(reason, at)
    for reason, at in handed_over(block, known, ran, tuple(writes(known))):
        yield "shares-tmp", Trait(reason, at)
    for one in ran:
        linked = hard_links(one)
        if len(linked) > 1 and not on_one_mount(block, linked):
            yield (
                "writes-unknown",
                Trait(f"makes hard links with {one.name}, which lead to no other mount", one.line),
            )
    unknown = writable(block).unknown
    if unknown is not None:
        yield (
            "writes-unknown",
            Trait(f"writes to '{unknown.place.text}', which cannot be named in its unit", unknown.line),
        )
    texts = [(word.text, one.line) for one in ran for word in one.words]
    texts += [(use.place.text, use.line) for use in (*known.reads, *writes(known))]
    for text, line in texts:
        if (home_of := OPEN_HOME.match(text) or _HOME_OF.match(text)) is not None:
            yield "home", Trait(f"names {home_of[0]}", line)
    for _, script in known.scripts:
        for home in HOMES:
            if home.encode() in script.body.data and home not in ("~", "/root"):
                yield "home", Trait(f"names {home.rstrip('/')}", script.at.line)
        if re.search(rb"(?:^|[\s\"'=:])(?:~/|/root(?:/|\b))", script.body.data):
            yield "home", Trait("names root's home directory", script.at.line)
        if re.search(rb"(?m)(?:^|[\s\"'=:(])/(?:home|run/user)(?![\w.-])", script.body.data):
            yield "home", Trait("names the home directories", script.at.line)


def _of_the_kernel(path: str, trait: Trait) -> Iterator[tuple[str, Trait]]:
    """What writing to some places of the kernel means beside."""
    if path.startswith("/sys/fs/cgroup"):
        yield "cgroups", trait
    if path.startswith(("/sys/kernel/config/nvmet", "/sys/kernel/config/target")):
        yield "remote", trait  # the kernel listens for the control group that sets it up


def _open(block: Block, known: Facts) -> Iterator[tuple[str, Trait]]:
    """What open values bring along by what the tree says of them elsewhere."""
    for hole, line in _interpolated(block, known):
        value = block.tree.resolver.value(hole)
        for text in possible(block.tree, value):
            if IN_A_HOME.match(text) or OPEN_HOME.match(text):
                yield "home", Trait(f"names {hole.text}, which may be in a home directory", line)
            if text.startswith("/dev/") and not text.startswith(HARMLESS_DEVICES):
                yield "devices", Trait(f"names {hole.text}, which may be a device", line)
            if text.startswith(_TUNABLES) and any(_is_open(use.place.text) for use in writes(known)):
                trait = Trait(f"writes to a place that may lie below {text}", line)
                yield "tunables", trait
                yield from _of_the_kernel(text, trait)
            if isinstance(value, Ref) and text.startswith(OWN_ROOTS):
                yield "shares-tmp", Trait(f"names {hole.text}, which may be in /tmp", line)


def _interpolated(block: Block, known: Facts) -> Iterator[tuple[Expr, int]]:
    """The expressions that stand in its scripts, command lines, variables and in its working directory."""
    for program, script in known.scripts:
        if "+" not in program.prefixes:
            yield from ((hole, hole.line) for hole in script.body.holes)
    for program in known.programs:
        if "+" not in program.prefixes and program.line is not None:
            yield from ((hole, hole.line) for hole in program.line.body.holes)
    settings = [("environment", name) for name in block.names("environment")]
    for path in (*settings, ("serviceConfig", "WorkingDirectory")):
        yield from ((slot.expr, slot.expr.line) for slot in block.get(*path))


_TUNABLES = ("/sys/", "/proc/sys/")


def _is_open(path: str) -> bool:
    """Whether a path begins with something that is not known."""
    return path.startswith("$") and not path.startswith(_MANAGED)


def _named_tunable(known: Facts) -> str | None:
    """The part of the kernel's settings that a script of the service names, however it comes to a path there."""
    return next(
        (
            place.rstrip("/")
            for program, script in known.scripts
            for place in _TUNABLES
            if "+" not in program.prefixes and place.encode() in script.body.data
        ),
        None,
    )


_MANAGED = (
    "$STATE_DIRECTORY",
    "$CACHE_DIRECTORY",
    "$LOGS_DIRECTORY",
    "$RUNTIME_DIRECTORY",
    "%S",
    "%C",
    "%L",
    "%t",
    "%T",
    "%V",
    "$TMPDIR",
    "/dev/",
)

_HOME_OF = re.compile(r"~[A-Za-z_][\w.-]*(?=/)")
"""The home directory of somebody (POSIX Shell & Utilities, 2.6.1 Tilde Expansion)."""
