"""Rendered units in systemd's own eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from example import EXAMPLE
from hypothesis import given
from hypothesis import strategies as st
from units import needs_systemd

from hwc_refactor.checking import systemd
from hwc_refactor.nixos.block import SERVICE, TIMER
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import unit_exposure
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.folder import unit_folder
from hwc_refactor.nixos.units.render import UnitFile, rendered


def unit(name: str, *sections: tuple[str, Mapping[str, str]]) -> UnitFile:
    """A unit file by its sections."""
    return UnitFile(name, {key: tuple(lines.items()) for key, lines in sections}, frozenset())


def service(name: str = "a.service", /, **lines: str) -> UnitFile:
    """A service that starts something."""
    return unit(name, ("Unit", {}), ("Service", {"ExecStart": "/bin/sh", **lines}))


def said(*units: UnitFile) -> list[tuple[int, str]]:
    """What systemd says of units."""
    found = systemd.complaints(units)
    assert found is not None
    return [(one.unit, one.text) for one in found]


def units_of(text: str) -> list[UnitFile]:
    """The units of a module."""
    tree = Tree({"a.nix": text.encode()})
    return [found for kind in (SERVICE, TIMER) for block in objects(tree, kind) if (found := rendered(block))]


@needs_systemd
class TestComplaints:
    """`systemd-analyze verify`."""

    def test_nothing_to_say(self) -> None:
        assert said(service(), service("b@.service"), service("c.service", User="media")) == []
        assert said() == []

    def test_an_unknown_key(self) -> None:
        text = "Unknown key 'ProtectHouse' in section [Service], ignoring."
        assert said(service(), service("b.service", ProtectHouse="yes")) == [(1, text)]

    def test_a_value_that_is_none(self) -> None:
        assert said(service(PrivateTmp="perhaps")) == [
            (0, "PrivateTmp: Failed to parse boolean value, ignoring")
        ]

    @pytest.mark.parametrize(
        "directives",
        [
            {"Environment": '"PASS WORD=hunter2"'},
            {"Environment": "hunter2"},
            {"Environment": "TOKEN=%Zhunter2"},
            {"ExecStartPre": "/bin/sh -c 'hunter2"},
            {"ExecStartPre": "bin/app --token=hunter2"},
            {"SetCredential": "a/b:hunter2"},
            {"UMask": "hunter2"},
            {"User": "hun ter2"},
            {"EnvironmentFile": "hunter2"},
        ],
        ids=lambda given: " ".join(given.values()) if isinstance(given, dict) else None,
    )
    def test_no_value_is_told(self, directives: dict[str, str]) -> None:
        texts = [text for _, text in said(service(**directives))]
        assert not any("hunter2" in text or "hun ter2" in text for text in texts)

    def test_settings_that_do_not_go_together(self) -> None:
        found = said(service(Type="oneshot", Restart="always"))
        assert "isn't allowed for Type=oneshot services" in found[0][1]
        assert all("a.service" not in text for _, text in found)

    def test_a_circle(self) -> None:
        one = unit(
            "a.service",
            ("Unit", {"After": "b.service", "Requires": "b.service"}),
            ("Service", {"ExecStart": "/bin/sh"}),
        )
        two = unit("b.service", ("Unit", {"After": "a.service"}), ("Service", {"ExecStart": "/bin/sh"}))
        assert any("ordering cycle" in text for _, text in said(one, two))

    def test_units_of_one_name_are_told_apart(self) -> None:
        wrong = service("a.service", Wrong="1")
        assert [index for index, _ in said(service(), wrong, service(), wrong)] == [1, 3]

    def test_a_name_that_no_unit_can_have(self) -> None:
        assert [
            index for index, _ in said(service("a b.service", Wrong="1"), service("${name}.service"))
        ] == [0]

    @pytest.mark.parametrize(
        "name",
        ["x.service", "x@y.service", "x.target", "x.socket", "x.timer", "x.path", "x.slice", "srv-a.mount",
         "srv-a\\x2db.mount", "srv.automount", "dev-sda1.swap", "dev-sda1.device", "mail@%n.service"],
    )  # fmt: skip
    @pytest.mark.parametrize("relation", ["Requires", "Wants", "After", "BindsTo", "OnFailure", "Conflicts"])
    def test_units_that_are_named_are_taken_to_be_there(self, name: str, relation: str) -> None:
        text = unit("a.service", ("Unit", {relation: name}), ("Service", {"ExecStart": "/bin/sh"}))
        assert said(text) == []

    def test_a_timer_has_its_service(self) -> None:
        assert said(unit("a.timer", ("Timer", {"OnCalendar": "daily"}))) == []
        assert said(unit("b.timer", ("Timer", {"OnCalendar": "daily", "Unit": "c.service"}))) == []

    def test_a_directive_that_is_only_newer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines = ["a.service:3: Unknown key 'RestartMode' in section [Service], ignoring."]
        monkeypatch.setattr(systemd, "_analyze", lambda *_: lines)
        monkeypatch.setattr(systemd, "_version", lambda _: 252)
        assert said(service()) == []
        monkeypatch.setattr(systemd, "_version", lambda _: 254)
        assert said(service()) == [(0, "Unknown key 'RestartMode' in section [Service], ignoring.")]

    def test_what_is_the_matter_with_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        line = "a.service:3: unit configures an IP firewall, but the local system does not support BPF firewalling."
        monkeypatch.setattr(systemd, "_analyze", lambda *_: [line])
        assert said(service()) == []


@needs_systemd
class TestExample:
    """The units of the example."""

    def units(self) -> list[UnitFile]:
        paths = sorted(EXAMPLE.rglob("*.nix"))
        tree = Tree({path.relative_to(EXAMPLE).as_posix(): path.read_bytes() for path in paths})
        found = [unit for block in objects(tree, SERVICE) if (unit := rendered(block)) is not None]
        assert len(found) >= 10
        return found

    def test_nothing_to_say(self) -> None:
        assert said(*self.units()) == []

    def test_exposure(self) -> None:
        units = self.units()
        found = systemd.exposures(units)
        assert found is not None
        certain = [not unit.unknown & {"User"} for unit in units]
        assert sum(certain) >= 5
        for figure, unit, exact in zip(found, units, certain, strict=True):
            assert figure is not None
            assert figure == unit_exposure(unit) if exact else figure <= unit_exposure(unit)


WHOLE = [
    "config.x.y", '"${config.x.y}"', "(lib.mkIf config.x.y config.x.z)", "(lib.mkDefault config.x.y)", "pkgs.hello",
    "(if config.x.y then config.x.z else config.x.w)", "(lib.getExe pkgs.hello)", "[ config.x.y ]", "./here",
    "(lib.optional config.x.y config.x.z ++ [ config.x.w ])",
]  # fmt: skip
"""Values of which nothing is known; they may stand everywhere."""
PARTS = [
    ("ReadWritePaths", ['"${config.x.y}/z"', '"/a/${config.x.y}"', '"-${config.x.y}/z"']),
    ("ReadOnlyPaths", ['"/a ${config.x.y}/z -${config.x.z}"']),
    ("WorkingDirectory", ['"${config.x.y}/z"', '"/a/${config.x.y}"', '"-${config.x.y}"']),
    ("EnvironmentFile", ['"-${config.x.y}/env"', '[ config.x.y "${config.x.z}" ]']),
    ("BindPaths", ['"${config.x.y}:${config.x.z}"', '"/a:${config.x.z}/b"', '"-${config.x.y}/a:/b"']),
    ("LoadCredential", ['"a:${config.x.y}"', '"${config.x.y}:${config.x.z}/b"', '[ "${config.x.y}" config.x.z ]']),
    ("StateDirectory", ['"a-${config.x.y}"', '"${config.x.y}/b"', '"a ${config.x.y}"']),
    ("User", ['"a-${config.x.y}"', '"${config.x.y}-b"']),
    ("Environment", ['"A=${config.x.y}"', '[ "A=${config.x.y}" config.x.z ]', '"${config.x.y}=b"']),
    ("ExecStop", [
        '"${config.x.y}/bin/hello --x=${config.x.y} \\"${config.x.z}\\""', '"-${config.x.y}/a ${config.x.y}"',
        '[ "${config.x.y}/b" config.x.z ]', '"+${config.x.y} -c \'a ${config.x.y}\'"',
    ]),
    ("RestartSec", ['"${config.x.y}s"']),
    ("SystemCallFilter", ['[ "@system-service" config.x.y ]', '"~${config.x.y}"']),
    ("MemoryMax", ['"${config.x.y}M"']),
    ("Restart", ['"on-${config.x.y}"']),
]  # fmt: skip
NAMES = """
    ExecStart ExecStartPre ExecStop ExecReload ExecCondition WorkingDirectory EnvironmentFile LoadCredential
    ReadWritePaths BindPaths User Group SupplementaryGroups StateDirectory RuntimeDirectory Environment Restart
    RestartSec TimeoutStartSec Type PrivateTmp ProtectSystem SystemCallFilter DeviceAllow IPAddressDeny MemoryMax
    CPUQuota UMask Nice KillSignal Slice RootDirectory PIDFile BusName TemporaryFileSystem SyslogIdentifier
""".split()
TOP = """
    description documentation after requires wants partOf onFailure startLimitIntervalSec startLimitBurst
    environment.X unitConfig.ConditionPathExists unitConfig.RequiresMountsFor unitConfig.JobTimeoutSec
""".split()
TRIGGERS = ["OnCalendar", "OnBootSec", "OnUnitActiveSec"]


def with_line(line: str, kind: str = "services") -> UnitFile:
    """The unit of a module that gives one option."""
    (found,) = units_of(f"{{ config, lib, pkgs, ... }}: {{ systemd.{kind}.x = {{ {line} }}; }}")
    return found


@needs_systemd
class TestStandIns:
    """Nothing that stands for what is not known is ever complained of."""

    @pytest.mark.parametrize("value", WHOLE)
    def test_in_a_service(self, value: str) -> None:
        starts = ["" if name == "ExecStart" else 'script = "run"; ' for name in NAMES]
        lines = [f"{start}serviceConfig.{name} = {value};" for start, name in zip(starts, NAMES, strict=True)]
        lines += [f'script = "run"; {name} = {value};' for name in TOP]
        assert said(*map(with_line, lines)) == []

    @pytest.mark.parametrize(("name", "values"), PARTS)
    def test_within_a_value(self, name: str, values: Sequence[str]) -> None:
        units = [with_line(f'script = "run"; serviceConfig.{name} = {value};') for value in values]
        assert said(*units) == []
        assert all(name in unit.unknown or name.startswith("Exec") for unit in units)

    @pytest.mark.parametrize("value", WHOLE)
    def test_in_a_timer(self, value: str) -> None:
        lines = [f"timerConfig.{name} = {value};" for name in TRIGGERS]
        more = ("RandomizedDelaySec", "Persistent", "Unit", "AccuracySec")
        lines += [f'timerConfig = {{ OnActiveSec = "1m"; {name} = {value}; }};' for name in more]
        assert said(*(with_line(line, "timers") for line in lines)) == []


def test_a_timer_that_is_made_elsewhere() -> None:
    assert units_of("{ systemd.timers.x.timerConfig.Persistent = true; }") == []


def test_what_comes_before_sysinit_may_follow_a_unit_that_is_not_in_sight() -> None:
    """The one it follows has no default dependencies either, or the configuration would never start."""
    units = units_of("""{
      systemd.services.second = {
        after = [ "first.service" ];
        wants = [ "first.service" ];
        before = [ "sysinit.target" ];
        wantedBy = [ "sysinit.target" ];
        unitConfig.DefaultDependencies = false;
        script = "true";
      };
    }""")
    assert systemd.complaints(units) == []


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert systemd.analyzer() is None
    assert systemd.complaints([service()]) is None
    assert systemd.exposures([service()]) is None


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=12))
def test_every_unit_has_a_file_of_its_own(stems: Sequence[str]) -> None:
    units = [service(f"{stem}.service") for stem in stems]
    folder = unit_folder(units)
    assert list(folder.units.values()) == units
    assert all("/" not in name and "\0" not in name and len(name) < 250 for name in folder.files), json.dumps(
        stems
    )
