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
| shares-tmp, shares-files, setgid | hands files to others through /tmp, or elsewhere; may make or keep setgid folders |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hwc_refactor.nix.values import Expr, Ref, Scalar, Str
from hwc_refactor.nixos.elsewhere import texts as possible
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.paths.beginnings import depends_on_absence
from hwc_refactor.nixos.paths.writable import on_one_mount, writable
from hwc_refactor.nixos.sandbox.hidden import OWN_ROOTS, counting, handed_over, judging
from hwc_refactor.nixos.sandbox.kernel_files import named
from hwc_refactor.nixos.sandbox.rights import (
    asks_for_owners,
    hard_links,
    keeps_foreign_owners,
    keeps_owners,
    may_make_special,
)
from hwc_refactor.nixos.scripts.doings import Facts, Ran, Use
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.scripts.ports import FIRST_FREE_PORT, listened
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.scripts.words import short_options
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.booleans import switched
from hwc_refactor.nixos.units.early import comes_early
from hwc_refactor.nixos.users.named import is_person, may_be_root, user_named
from hwc_refactor.nixos.wrappers import unwrapped

HOMES = ("/home/", "/root", "/run/user/", "~", "$HOME")
SYSTEM = frozenset({"units"})
"""Needs of commands that change the system (`data/commands.toml`)."""

_BOUND_BY_UNIT = frozenset(
    "network netlink raw-network sockets dbus manager units devices clock containers code".split()
)
"""Needs of commands that what holds for a whole unit denies: its network, its devices, its packets.

Whoever runs with all rights (`+`) is spared users, capabilities and views of the file system, no more
(systemd.service(5), Table 1; systemd.resource-control(5), DeviceAllow=, IPAddressDeny=).
"""

_LOCAL = re.compile(r"(?:^|[/@=:\s])(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)(?=[:/\s]|$)")
_REMOTE = re.compile(r"://(?!localhost|127\.|\[::1\])")


class Trait(Struct, frozen=True):
    """Why a trait is there.

    Attributes:
        reason: in words for the user, behind "it": `opens devices (nvidia-smi)`.
        line: the line that shows it, from 1.
        subject: what stands before the reason; nothing where that is a whole clause.
    """

    reason: str
    line: int
    subject: str = "it "

    def __str__(self) -> str:
        """`it opens devices (nvidia-smi) (line 12)`."""
        return f"{self.subject}{self.reason} (line {self.line})"


def traits(block: Block) -> Mapping[str, Trait]:
    """The traits of a service, each with the first reason that was found."""
    return block.tree.remember(("traits", id(block)), block, lambda: _traits(block))


def confined(facts_: Facts) -> Iterator[Ran]:
    """The commands that restrictions reach: not those behind the prefix `+` (systemd.service(5), Table 1)."""
    return (ran for ran in facts_.ran if "+" not in ran.program.prefixes)


def writes(facts_: Facts) -> Iterator[Use]:
    """The writes that restrictions reach."""
    return (use for use in facts_.writes if "+" not in use.program.prefixes)


def _traits(block: Block) -> Mapping[str, Trait]:
    known = facts(block)
    found: dict[str, Trait] = {}
    for name, trait in (
        *_doubted(block, known),
        *_commanded(
            block.tree,
            known,
            dynamic=bool(switched(block, "serviceConfig", "DynamicUser")),
            root=_is_root(block),
            homeless=not may_have_home(block, known),
        ),
        *((name, Trait(reason, line)) for name, reason, line in named(block, known)),
        *_written(block, known),
        *_configured(block),
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


def may_have_home(block: Block, known: Facts) -> bool:
    """Whether the variable HOME may be set for a service.

    systemd sets it where User= is there (systemd.exec(5), Environment Variables in Spawned Processes); NixOS sets
    it for no service. Without, a program that goes by it alone finds no home directory.
    """
    config = ("User", "DynamicUser", "PAMName", "EnvironmentFile", "PassEnvironment", "SetLoginEnvironment")
    if any(block.get("serviceConfig", name) for name in config) or block.doubts("environment"):
        return True
    given = [block.tree.resolver.value(item.expr) for item in block.items("serviceConfig", "Environment")]
    if block.elsewhere or any(not isinstance(value, Str) for value in given):
        return True
    if any(block.tree.holding(word) for word in (b"globalEnvironment", b"DefaultEnvironment")):
        return True
    told = [script.body.data for _, script in known.scripts]
    told += [program.line.body.data for program in known.programs if program.line is not None]
    return any(name == "HOME" for name, _ in _environment(block)) or any(
        re.search(rb"\bHOME\b", text) for text in told
    )


def _commanded(
    tree: Tree, known: Facts, *, dynamic: bool, root: bool, homeless: bool
) -> Iterator[tuple[str, Trait]]:
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
        if "listens" in effective.needs and not _listens_high(tree, ran):
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
            if word.text.startswith("/dev/") and not word.text.startswith(_HARMLESS_DEVICES):
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

_HARMLESS_DEVICES = (
    "/dev/null",
    "/dev/zero",
    "/dev/std",
    "/dev/fd",
    "/dev/random",
    "/dev/urandom",
    "/dev/full",
    "/dev/shm",
    "/dev/tcp",
    "/dev/udp",
)


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
        elif path.startswith("/dev/") and not path.startswith(_HARMLESS_DEVICES):
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
        if (home_of := _OPEN_HOME.match(text) or _HOME_OF.match(text)) is not None:
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
            if _IN_A_HOME.match(text) or _OPEN_HOME.match(text):
                yield "home", Trait(f"names {hole.text}, which may be in a home directory", line)
            if text.startswith("/dev/") and not text.startswith(_HARMLESS_DEVICES):
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


_OPEN_HOME = re.compile(r"\$\{[^}]*(?:\bhome|_home|Home)(?:Dir|Directory|_dir)?\}")
"""A path that begins with what is called a home, and is not known."""

_HOME_OF = re.compile(r"~[A-Za-z_][\w.-]*(?=/)")
"""The home directory of somebody (POSIX Shell & Utilities, 2.6.1 Tilde Expansion)."""


def _configured(block: Block) -> Iterator[tuple[str, Trait]]:
    """What its settings say."""
    yield from _user(block)
    line = block.line
    for name in ("AmbientCapabilities", "PermissionsStartOnly", "PAMName", "TTYPath"):
        if block.get("serviceConfig", name):
            kind = "capabilities" if name == "AmbientCapabilities" else "user"
            yield kind, Trait(f"sets {name}", line)
    user = bool(block.get("serviceConfig", "User")) or bool(switched(block, "serviceConfig", "DynamicUser"))
    for program in programs(block):
        if user and program.prefixes.count("!") == 1:
            yield "user", Trait("runs a part with root's rights ('!')", program.at.line)
        for body in (one.body for one in (program.line, program.script) if one is not None):
            if _WRAPPERS in body.data or any(_WRAPPER_DIR in hole.text for hole in body.holes):
                yield "user", Trait("runs a program that gains rights (/run/wrappers)", program.at.line)
    if any((text or "").startswith("/run/wrappers") for text in block.texts("path")) or any(
        _WRAPPER_DIR in item.expr.text for item in block.items("path")
    ):
        yield "user", Trait("may run programs that gain rights (/run/wrappers)", line)
    for name in ("DeviceAllow", "BindPaths"):
        if block.get("serviceConfig", name):
            yield "devices", Trait(f"sets {name}", line)
    groups = {
        block.tree.resolver.literal(item.expr) for item in block.items("serviceConfig", "SupplementaryGroups")
    }
    group = block.text("serviceConfig", "Group")
    for name in sorted({name for name in (*groups, group) if name in DEVICE_GROUPS}):
        yield "devices", Trait(f"is in the group {name}, which owns devices", line)
    gains = block.value("serviceConfig", "NoNewPrivileges")
    if isinstance(gains, Scalar) and gains.value is False:
        yield "user", Trait("sets NoNewPrivileges to false", line)
    if comes_early(block):
        yield "early", Trait("may be started before /tmp is set up", line)
    if block.get("serviceConfig", "BusName"):
        yield "dbus", Trait("owns a name on D-Bus", line)
    for slot in block.get("unitConfig", "RequiresMountsFor"):
        if _IN_A_HOME.search(slot.expr.text) or _OPEN_HOME.search(slot.expr.text):
            yield "home", Trait("needs a home directory to be mounted", slot.expr.line)
    directory = block.value("serviceConfig", "WorkingDirectory")
    for text in (directory.shown,) if isinstance(directory, Str) else ():
        if text.startswith(("/home/", "/root", "~")) or _OPEN_HOME.match(text):
            yield "home", Trait("works in a home directory", line)
    for name, text in _environment(block):
        if _IN_A_HOME.search(text):
            yield "home", Trait(f"is given a place in a home directory ({name})", line)
        if name in _DISPLAYS:
            yield "home", Trait(f"speaks to a display ({name}), whose keys lie in a home directory", line)
            yield "shares-tmp", Trait(f"speaks to a display ({name}), whose sockets lie in /tmp", line)
    for slot in block.get("serviceConfig", "ExecStart"):
        value = block.tree.resolver.value(slot.expr)
        if isinstance(value, Str) and _IN_A_HOME.search(value.shown):
            yield "home", Trait("is given a place in a home directory", slot.expr.line)


_IN_A_HOME = re.compile(r"(?:^|[\s=\"':])(?:/home|/root|/run/user)(?![\w.-])")
"""A place that ProtectHome hides, as an argument, as the value of an option, or behind the kind of an address."""

_DISPLAYS = frozenset({"DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"})
"""Variables that name a display (X(7), DISPLAY NAMES, ACCESS CONTROL; Xserver(1): sockets in /tmp/.X11-unix)."""


def _environment(block: Block) -> Iterator[tuple[str, str]]:
    """The variables of a service and their values, as text: in `environment` and in `Environment=`."""
    for name in block.names("environment"):
        value = block.value("environment", name)
        yield name, value.shown if isinstance(value, Str) else ""
    whole = block.value("serviceConfig", "Environment")
    values = [block.tree.resolver.value(item.expr) for item in block.items("serviceConfig", "Environment")]
    for each in (whole, *values):
        for word in each.shown.split() if isinstance(each, Str) else ():
            name, _, text = word.strip("\"'").partition("=")
            yield name, text


_WRAPPERS = b"/run/wrappers/"
"""Where NixOS puts programs that are setuid, setgid or have capabilities (security.wrappers)."""

_WRAPPER_DIR = "security.wrapperDir"
"""The option that holds that place."""

DEVICE_GROUPS = frozenset(
    "video render audio dialout disk input kvm lp tape cdrom plugdev i2c gpio uucp tty kmem tss".split()
)
"""Groups that own device files (nixos/modules/config/users-groups.nix; systemd's rules for udev)."""


def confined_by_nixos(block: Block) -> bool:
    """Whether a service may be confined by NixOS: `confinement.enable`, unless it is plainly off."""
    if not block.get("confinement", "enable"):
        return False
    value = block.value("confinement", "enable")
    return not (isinstance(value, Scalar) and value.value is False)


def _is_root(block: Block) -> bool:
    return any(name == "root-user" for name, _ in _user(block))


def _user(block: Block) -> Iterator[tuple[str, Trait]]:
    if bool(switched(block, "serviceConfig", "DynamicUser")):
        return
    slots = block.get("serviceConfig", "User")
    if not slots:
        yield "root-user", Trait("runs as root, as nothing else is said", block.line)
        return
    user = block.text("serviceConfig", "User") or user_named(block.tree, slots[0].expr)
    if user in ("root", "0"):
        yield "root-user", Trait("runs as root", slots[0].expr.line)
        return
    if user is not None and "%" in user:
        yield "root-user", Trait(f"runs as {user}, which may be root", slots[0].expr.line)
    if any(may_be_root(block.tree, slot.expr) for slot in slots):
        yield "root-user", Trait("runs as a user that something sets to root", slots[0].expr.line)
    if all(block.extra(slot) or unwrapped(block.tree, slot.expr).conditions for slot in slots):
        yield "root-user", Trait("runs as root where no condition gives it a user", slots[0].expr.line)
    yield "static-user", Trait(f"runs as {user or 'a user'}", slots[0].expr.line)
    if user is not None and login_user(block, user):
        yield "home", Trait(f"runs as the login user {user}", slots[0].expr.line)
    if user is None and any(is_person(block.tree, slot.expr) for slot in slots):
        yield "home", Trait("runs as a login user", slots[0].expr.line)


def login_user(block: Block, user: str) -> bool:
    """Whether an account of the tree is a person's: `users.users.NAME.isNormalUser = true`."""
    needle = user.encode()
    return any(needle in (block.tree.data(path) or b"") for path in block.tree.holding(b"isNormalUser"))
