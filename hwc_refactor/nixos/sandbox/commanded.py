"""The traits that a service has by the commands it runs, and by what they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nixos.sandbox.rights import (
    asks_for_owners,
    keeps_foreign_owners,
    keeps_owners,
    may_make_special,
)
from hwc_refactor.nixos.sandbox.trait import HARMLESS_DEVICES, Trait, confined
from hwc_refactor.nixos.scripts.doings import Facts, Ran
from hwc_refactor.nixos.scripts.ports import FIRST_FREE_PORT, listened, may_listen
from hwc_refactor.nixos.scripts.words import short_options
from hwc_refactor.nixos.tree import Tree

SYSTEM = frozenset({"units"})
"""Needs of commands that change the system (`data/commands.toml`)."""

_LOCAL = re.compile(r"(?:^|[/@=:\s])(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)(?=[:/\s]|$)")

_REMOTE = re.compile(r"://(?!localhost|127\.|\[::1\])")


def commanded(
    tree: Tree, known: Facts, *, dynamic: bool, root: bool, homeless: bool
) -> Iterator[tuple[str, Trait]]:
    """What its commands need, and what their options and operands say.

    Args:
        tree: the tree of the service.
        known: what the service does.
        dynamic: whether its user is a dynamic one, which has no home directory.
        root: whether it may run as root.
        homeless: whether no variable tells it of a home directory.
    """
    for ran in confined(known):
        if ran.known is None:
            yield "opaque", Trait(f"runs {ran.name}, of which it is not known what it needs", ran.line)
            continue
        effective = ran.effective
        assert effective is not None
        what = f"{effective.why} ({ran.name})" if effective.why else f"runs {ran.name}"
        spared = ({"home"} if dynamic else set()) | ({"builds"} if not root else set())
        spared |= {"account", "root"} if "account" in effective.needs else set()
        spared |= {"home"} if homeless and effective.home_by_variable else set()
        for need in sorted(effective.needs - spared):
            yield need, Trait(what, ran.line)
            if need in SYSTEM and "account" not in effective.needs:
                yield "system", Trait(what, ran.line)
            if need == "code" and (ran.known is None or ran.known.runs != "shell"):
                yield "opaque", Trait(f"{what}, which is not read", ran.line)
        if "network" in effective.needs and not _stays_here(ran):
            yield "remote", Trait(f"reaches other hosts with {ran.name}", ran.line)
        if "listens" in effective.needs and may_listen(ran) and not _listens_high(tree, ran):
            yield "low-port", Trait(f"may listen on a port below {FIRST_FREE_PORT} with {ran.name}", ran.line)
        if ran.name == "socat" and any(_AS_ANOTHER.search(word.text) for word in ran.words):
            yield "user", Trait("becomes another user, or gives files away (socat)", ran.line)
        if ran.name == "socat":
            for address in ran.operands:
                if not _PLAIN_ADDRESS.match(address.text):
                    bare = address.text.upper().startswith(("TUN", "IP", "INTERFACE", "$"))
                    for need in ("files", "devices", "sockets", "tunables", *(("user",) if bare else ())):
                        yield need, Trait(f"may open {address.text} (socat)", ran.line)
        if may_make_special(ran, known):
            yield "setgid", Trait(f"may make or keep setgid folders with {ran.name}", ran.line)
        if asks_for_owners(ran):
            yield "sees-owners", Trait(f"asks who owns files with {ran.name}", ran.line)
        if keeps_owners(ran) or (root and keeps_foreign_owners(ran)):
            yield "owner", Trait(f"keeps or sets owners of files with {ran.name}", ran.line)
        if (ran.name == "hostname" and any(word.text.startswith("-") for word in ran.words)) or (
            ran.name == "getent" and not any(word.text in _LOCAL_DATABASES for word in ran.words)
        ):
            yield "network", Trait(f"asks for names of hosts with {ran.name}", ran.line)
            yield "netlink", Trait(f"asks for names of hosts with {ran.name}", ran.line)
        if names_files_itself(ran):
            yield "files", Trait(f"writes a file that {ran.name} names itself", ran.line)
        if ran.name == "chmod" or (
            ran.name in ("mkdir", "install") and any(w.text == "-m" for w in ran.words)
        ):
            yield "shares-files", Trait(f"sets the rights of files with {ran.name}", ran.line)
        if ran.name == "hostname" and (ran.operands or any(map(_SETS_NAME, [w.text for w in ran.words]))):
            yield "hostname", Trait("sets the host name", ran.line)
        if ran.name == "ip" and any(word.text in ("-n", "-netns", "netns") for word in ran.words):
            yield "namespaces", Trait("makes or enters namespaces of the network with ip", ran.line)
        if ran.name == "date" and (
            any(re.match(r"--set|-[uR]*s", word.text) for word in ran.words)
            or any(not word.text.startswith("+") for word in ran.operands)
        ):
            yield "clock", Trait("sets the clock", ran.line)
        if ran.name in ("chrt", "ionice", "nice", "taskset"):
            yield "realtime", Trait(f"changes how it is scheduled with {ran.name}", ran.line)
        for word in ran.words:
            if word.text.startswith("/proc") or "=/proc" in word.text:
                yield "proc", Trait(f"reads {word.text.split('=')[-1]}", ran.line)
            if word.text.startswith(("/sys/", "/proc/sys/")) and ran.name in ("tee",):
                yield "tunables", Trait(f"writes to {word.text}", ran.line)
            if word.text.startswith("/dev/") and not word.text.startswith(HARMLESS_DEVICES):
                yield "devices", Trait(f"names {word.text}", ran.line)
        if ran.name in ("free", "uptime", "vmstat", "nproc", "df", "lscpu", "top"):
            yield "proc", Trait(f"reads figures of the system with {ran.name}", ran.line)
    for use in (*known.reads, *known.writes):
        if use.place.text.startswith(("/dev/tcp/", "/dev/udp/")):
            yield "network", Trait("opens sockets by redirection", use.line)
            yield "remote", Trait("opens sockets by redirection", use.line)


_SETS_NAME = re.compile(r"--(?:file|boot)|-[bF]").match
"""Options with which hostname(1) sets the name."""

_PLAIN_ADDRESS = re.compile(
    r"(?:-|STDIO|STDIN|STDOUT|(?:TCP|UDP|OPENSSL|SSL)[46]?(?:-\w+)?:.*|UNIX-(?:CONNECT|CLIENT):.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
"""Addresses of socat that are no files, devices or other sockets (socat(1), ADDRESS TYPES)."""

_AS_ANOTHER = re.compile(r",(?:su|su-d|substuser|setuid|setgid|chroot|user|group|uid|gid|owner)=")
"""Options of socat's addresses (socat(1), PROCESS and NAMED option groups)."""


def _listens_high(tree: Tree, ran: Ran) -> bool:
    """Whether all ports that a program listens on are known to be free for everybody."""
    ports = listened(tree, ran)
    return bool(ports) and all(port is not None and port >= FIRST_FREE_PORT for port in ports)


def names_files_itself(ran: Ran) -> bool:
    """Whether a download gets its name, in the working directory, from its address (curl(1), wget(1))."""
    options = [word.text for word in ran.words if word.text.startswith("-")]
    letters = short_options(ran.words, ran.effective)
    if ran.name == "curl":
        return "O" in letters or any(text.startswith("--remote-name") for text in options)
    said = "O" in letters or any(
        text.startswith(("--output-document", "--spider", "--delete-after")) for text in options
    )
    return ran.name == "wget" and not said


_LOCAL_DATABASES = frozenset(
    "aliases ethers group gshadow initgroups passwd protocols rpc services shadow".split()
)
"""What getent(1) looks up without asking for the name of a host or a network."""

_FETCHERS = ("curl", "wget")
"""Clients whose operands are addresses."""


def _stays_here(ran: Ran) -> bool:
    """Whether a network client speaks to its own host alone, as far as its arguments show.

    What also listens names its own host for that: `ssh -L 8080:localhost:80 far.example`.
    """
    if "listens" in ran.needs or not all(
        _LOCAL.search(o.text) for o in ran.operands if ran.name in _FETCHERS
    ):
        return False
    text = [word.text for word in ran.words]
    return any(_LOCAL.search(word) for word in text) and not any(_REMOTE.search(word) for word in text)
