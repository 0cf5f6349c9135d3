"""The exposure that is worked out here is the one that systemd finds, to the decimal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from units import analyze, needs_systemd

from hwc_refactor.nixos.sandbox.exposure import score

Service = Mapping[str, Sequence[str]]

FLAGS = """
    PrivateDevices PrivateMounts PrivateNetwork PrivateTmp PrivateUsers ProtectControlGroups ProtectKernelModules
    ProtectKernelTunables ProtectKernelLogs ProtectClock ProtectHostname LockPersonality MemoryDenyWriteExecute
    NoNewPrivileges RestrictRealtime RestrictSUIDSGID RemoveIPC
""".split()
BOOLEANS = ["true", "false", "yes", "no", "1", "on", "off", "TRUE", "maybe", ""]
VALUES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(FLAGS, BOOLEANS),
    "DynamicUser": ["true", "no"],
    "ProtectHome": ["true", "no", "read-only", "tmpfs", "nonsense"],
    "ProtectSystem": ["true", "false", "full", "strict", "nonsense"],
    "ProtectProc": ["default", "noaccess", "invisible", "ptraceable", "nonsense"],
    "ProcSubset": ["all", "pid", "nonsense"],
    "KeyringMode": ["private", "shared", "inherit", "nonsense"],
    "NotifyAccess": ["none", "main", "exec", "all", "nonsense"],
    "DevicePolicy": ["auto", "closed", "strict", "nonsense"],
    "DeviceAllow": ["", "/dev/null rw", "char-rtc", "/dev/dri/renderD128", "block-loop rwm"],
    "User": ["root", "0", "media", "nobody", "", "1000"],
    "SupplementaryGroups": ["", "video", "video render"],
    "UMask": ["0000", "0002", "0022", "0027", "0077", "077", "7", "0011", "0047", "eight"],
    "Delegate": [*BOOLEANS, "cpu memory"],
    "RootDirectory": ["/", "/srv/root", ""],
    "CapabilityBoundingSet": [
        "", "~", "CAP_CHOWN", "CAP_NET_BIND_SERVICE CAP_NET_RAW", "~CAP_SYS_ADMIN", "~CAP_SYS_PTRACE CAP_SYS_TIME",
        "CAP_SETUID", "cap_kill", "CAP_NONSENSE", "~CAP_MAC_ADMIN", "CAP_PERFMON", "~CAP_NONSENSE",
    ],
    "AmbientCapabilities": ["", "CAP_NET_BIND_SERVICE", "~CAP_NET_BIND_SERVICE", "CAP_NONSENSE", "~"],
    "RestrictNamespaces": [*BOOLEANS, "user", "~user", "mnt net", "~pid ipc", "cgroup uts", "nonsense"],
    "RestrictAddressFamilies": [
        "", "none", "AF_UNIX", "AF_INET AF_INET6", "AF_INET", "~AF_INET6", "~AF_NETLINK AF_PACKET", "AF_NETLINK",
        "~AF_UNIX", "AF_BLUETOOTH", "~AF_VSOCK", "AF_PACKET AF_UNIX",
    ],
    "SystemCallArchitectures": ["", "native", "x86-64", "native x86", "x86"],
    "SystemCallFilter": [
        "", "~", "@system-service", "~@privileged", "~@resources", "~@privileged @resources", "@known", "reboot",
        "~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @swap", "~@swap:EPERM",
        "@system-service @mount", "@basic-io", "~swapon", "~@mount:ENOSYS", "@nonsense", "~chown", "@default",
        "~ptrace:EPERM", "@swap:EPERM", "ioperm iopl",
    ],
    "IPAddressDeny": ["", "any", "0.0.0.0/0", "::/0", "0.0.0.0/0 ::/0", "10.0.0.0/8", "multicast"],
    "IPAddressAllow": [
        "", "localhost", "127.0.0.1", "127.0.0.0/8", "::1", "10.1.2.3", "link-local", "localhost 192.168.0.0/16", "any",
    ],
    "Type": ["simple", "notify", "exec"],
    "WatchdogSec": ["30"],
}  # fmt: skip
"""Every directive that counts, with values good, bad and wrong."""
NAMES = sorted(VALUES)


def text(service: Service, *, early: bool = False) -> str:
    """A unit file."""
    head = "[Unit]\nDefaultDependencies=no\n" if early else ""
    lines = [f"{name}={value}" for name, values in service.items() for value in values]
    return head + "\n".join(["[Service]", *lines, "ExecStart=/bin/true", ""])


def found(folder: Path, files: Iterable[str]) -> list[float]:
    """What systemd finds for unit files, all in one call."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for number, content in enumerate(files):
        paths.append(folder / f"unit{number}.service")
        paths[-1].write_text(content, encoding="utf-8")
    done = analyze(folder, ["security", "--offline=true", "--no-pager", *map(str, paths)])
    figures = dict(re.findall(r"Overall exposure level for (\S+): ([0-9.]+)", done.stdout))
    assert len(figures) == len(paths), done.stderr
    return [float(figures[path.name]) for path in paths]


@needs_systemd
class TestAgainstSystemd:
    """Both come to the same figure."""

    def test_nothing_set(self, tmp_path: Path) -> None:
        assert found(tmp_path, [text({})]) == [score({})] == [9.6]

    def test_nothing_set_early_at_boot(self, tmp_path: Path) -> None:
        assert found(tmp_path, [text({}, early=True)]) == [score({}, early=True)]

    @pytest.mark.parametrize("name", NAMES)
    def test_each_value_alone(self, name: str, tmp_path: Path) -> None:
        services = [{name: [value]} for value in VALUES[name]]
        expected = found(tmp_path, map(text, services))
        assert [score(service) for service in services] == expected

    @pytest.mark.parametrize("name", NAMES)
    def test_each_pair_of_values(self, name: str, tmp_path: Path) -> None:
        services = [{name: [one, two]} for one in VALUES[name] for two in VALUES[name]]
        expected = found(tmp_path, map(text, services))
        assert dict(zip(map(str, services), map(score, services), strict=True)) == dict(
            zip(map(str, services), expected, strict=True)
        )

    def test_each_directive_beside_a_user_and_a_dynamic_one(self, tmp_path: Path) -> None:
        grounds = ({"User": ["media"]}, {"DynamicUser": ["yes"]}, {"PrivateDevices": ["yes"]})
        services = [
            {**ground, name: [value]} for ground in grounds for name in NAMES for value in VALUES[name]
        ]
        expected = found(tmp_path, map(text, services))
        assert dict(zip(map(str, services), map(score, services), strict=True)) == dict(
            zip(map(str, services), expected, strict=True)
        )

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_combinations(self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
        entry = st.sampled_from(NAMES).flatmap(
            lambda name: st.tuples(
                st.just(name), st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=4)
            )
        )
        service = st.lists(entry, max_size=len(NAMES), unique_by=lambda pair: pair[0]).map(dict)
        batch = data.draw(st.lists(st.tuples(service, st.booleans()), min_size=20, max_size=20))
        expected = found(tmp_path_factory.mktemp("units"), [text(one, early=early) for one, early in batch])
        assert [score(one, early=early) for one, early in batch] == expected
