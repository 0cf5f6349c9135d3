"""For each directive of the catalogue a program that does what the directive forbids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Settings = tuple[tuple[str, str], ...]

PYTHON = """\
import ctypes, mmap, os, socket

libc = ctypes.CDLL(None, use_errno=True)


def error(name, *arguments):
    ctypes.set_errno(0)
    getattr(libc, name)(*arguments)
    return ctypes.get_errno()


class Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


"""
EINVAL, ENOENT = 22, 2


@dataclass(frozen=True)
class Probe:
    """A program that shows whether a directive bites.

    Attributes:
        program: shell, or Python when it begins with `#py`; it ends well when it could do what is forbidden.
        directive: what forbids it.
        settings: what it is run with in both cases.
        prepare, check: shell before and afterwards, as root.
        where: machines that have what it tries; everywhere when empty.
    """

    program: str
    directive: Settings
    settings: Settings = ()
    prepare: str = ""
    check: str = "true"
    where: tuple[str, ...] = ()


FIGURES = (("User", "figures"),)
CALL = "#py\nsocket.create_connection(('192.0.2.1', 7007), timeout=1).close()"

PROBES: Mapping[str, Probe] = {
    "NoNewPrivileges": Probe(
        '[ "$(/srv/who -u)" = 0 ]',
        (("NoNewPrivileges", "true"),),
        FIGURES,
        "cp -L /usr/bin/id /srv/who; chmod 4755 /srv/who",
    ),
    "ProtectSystem": Probe("touch /etc/probed && rm /etc/probed", (("ProtectSystem", "strict"),)),
    "ProtectHome": Probe("cat /home/letter", (("ProtectHome", "true"),), (), "echo dear > /home/letter"),
    "PrivateTmp": Probe("cat /tmp/letter", (("PrivateTmp", "true"),), (), "echo dear > /tmp/letter"),
    "ProtectKernelTunables": Probe(
        "echo 0 > /proc/sys/net/ipv4/ip_forward", (("ProtectKernelTunables", "true"),)
    ),
    "ProtectKernelModules": Probe(
        "ls /usr/lib/modules/probed",
        (("ProtectKernelModules", "true"),),
        prepare="mkdir -p /usr/lib/modules/probed",
    ),
    "ProtectControlGroups": Probe(
        "mkdir /sys/fs/cgroup/probed && rmdir /sys/fs/cgroup/probed", (("ProtectControlGroups", "true"),)
    ),
    "RestrictAddressFamilies": Probe(
        "#py\nsocket.socket(socket.AF_INET)", (("RestrictAddressFamilies", "AF_UNIX"),)
    ),
    "RestrictNamespaces": Probe("unshare --uts true", (("RestrictNamespaces", "true"),)),
    "CapabilityBoundingSet": Probe(
        "touch /srv/probed && chown figures /srv/probed", (("CapabilityBoundingSet", ""),)
    ),
    # A time that is none: the clock stays as it is.
    "ProtectClock": Probe(
        "#py\nnumber = {'x86_64': 227, 'aarch64': 112}[os.uname().machine]\n"
        f"assert error('syscall', number, 0, ctypes.byref(Time(0, 2 * 10**9))) == {EINVAL}",
        (("ProtectClock", "true"),),
        where=("x86_64", "aarch64"),
    ),
    "ProtectHostname": Probe("#py\nsocket.sethostname('probed')", (("ProtectHostname", "true"),)),
    "ProtectKernelLogs": Probe(
        "#py\nassert not error('klogctl', 10, None, 0)", (("ProtectKernelLogs", "true"),)
    ),
    "ProtectProc": Probe("cat /proc/1/status", (("ProtectProc", "invisible"),), FIGURES),
    "ProcSubset": Probe("cat /proc/meminfo", (("ProcSubset", "pid"),)),
    "PrivateDevices": Probe("head -c 1 /dev/meter", (("PrivateDevices", "true"),)),
    # What is mounted over the folder hides the letter from everybody else, or from nobody.
    "PrivateMounts": Probe(
        "mount -t tmpfs probed /srv/mounted",
        (("PrivateMounts", "true"),),
        prepare="mkdir -p /srv/mounted; touch /srv/mounted/letter",
        check="! test -e /srv/mounted/letter && umount /srv/mounted",
    ),
    "PrivateUsers": Probe("touch /srv/probed && chown figures /srv/probed", (("PrivateUsers", "true"),)),
    "PrivateNetwork": Probe(CALL, (("PrivateNetwork", "true"),)),
    "IPAddressDeny": Probe(CALL, (("IPAddressAllow", "localhost"), ("IPAddressDeny", "any"))),
    "LockPersonality": Probe("#py\nassert not error('personality', 0x40000)", (("LockPersonality", "true"),)),
    "RestrictRealtime": Probe(
        "#py\nos.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", (("RestrictRealtime", "true"),)
    ),
    "RestrictSUIDSGID": Probe("touch /srv/probed && chmod 2755 /srv/probed", (("RestrictSUIDSGID", "true"),)),
    "RemoveIPC": Probe(
        "echo dear > /dev/shm/letter", (("RemoveIPC", "true"),), FIGURES, check="test -e /dev/shm/letter"
    ),
    "MemoryDenyWriteExecute": Probe(
        "#py\nmmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
        (("MemoryDenyWriteExecute", "true"),),
    ),
    # The number of getpid in the calls of 32-bit programs, through their door.
    "SystemCallArchitectures": Probe(
        "#py\nmemory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "memory.write(bytes.fromhex('b814000000cd80c3'))\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(memory))\n"
        "assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid()",
        (("SystemCallArchitectures", "native"), ("SystemCallErrorNumber", "EPERM")),
        where=("x86_64",),
    ),
    "SystemCallFilter": Probe(
        f"#py\nassert error('swapoff', b'/srv/none') == {ENOENT}",
        (("SystemCallFilter", "@system-service"), ("SystemCallErrorNumber", "EPERM")),
    ),
    "UMask": Probe(
        'touch /srv/probed && [ "$(stat -c %a /srv/probed)" = 644 ]',
        (("UMask", "0077"),),
        (("UMask", "0022"),),
    ),
}
"""By the directive that forbids it."""
