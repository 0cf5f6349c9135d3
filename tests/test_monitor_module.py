"""The shared monitor module, evaluated: every option, every correction to the proposal, what it complains of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documented import HARDENING
from moduleeval import evaluated
from nixeval import LIBS, needs_nix
from units import complaints, needs_systemd, write_timer, write_unit

SANDBOX = {**HARDENING, "PrivateNetwork": False, "StandardOutput": "journal", "StandardError": "journal"}
DYNAMIC = {"DynamicUser": True, "CapabilityBoundingSet": ""}
ROOT = {"DynamicUser": False, "User": "root"}
CALENDAR = {"OnBootSec": "1min", "OnCalendar": "*:0/5", "Persistent": True, "AccuracySec": "1min"}


def check(text: str = "") -> str:
    """A monitor called check."""
    return (
        "services.hwc.monitor.check = lib.mkMerge"
        f" [ {{ enable = true; script = lib.mkDefault ''true''; }} {{ {text} }} ];"
    )


def service(text: str, lib: str | None) -> Any:
    return evaluated(check(text), lib)["services"]["hwc-monitor-check"]


def settings(text: str, lib: str | None) -> dict[str, Any]:
    """The service's settings without what it runs."""
    found: dict[str, Any] = service(text, lib)["serviceConfig"]
    return {name: value for name, value in found.items() if name != "ExecStart"}


def timer(text: str, lib: str | None) -> Any:
    return evaluated(check(text), lib)["timers"]["hwc-monitor-check"]["timerConfig"]


# What is given, the field of the service that it shows in, and its value there.
FIELDS: dict[str, tuple[str, str, Any]] = {
    "description": ('description = "A check";', "description", "A check"),
    "description-default": ("", "description", "Monitor check"),
    "environment": ('environment = { A = "1"; B = null; };', "environment", {"A": "1", "B": None}),
    "dependsOn": ('dependsOn = [ "couchdb.service" ];', "after", ["couchdb.service"]),
    "dependsOn-starts-nothing": ('dependsOn = [ "couchdb.service" ];', "wants", []),
    "wants": ('wants = [ "network-online.target" ];', "wants", ["network-online.target"]),
    "onFailure": ('onFailure = [ "notify@%n.service" ];', "onFailure", ["notify@%n.service"]),
}
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "requireRoot-default": ("", {"Type": "oneshot", **SANDBOX, **DYNAMIC, "TimeoutSec": "30"}),
    "requireRoot": ("requireRoot = true;", {"Type": "oneshot", **SANDBOX, **ROOT, "TimeoutSec": "30"}),
    "networkAccess": (
        "networkAccess = false;",
        {"Type": "oneshot", **SANDBOX, **DYNAMIC, "TimeoutSec": "30", "PrivateNetwork": True},
    ),
    "timeout": ("timeout = 5;", {"Type": "oneshot", **SANDBOX, **DYNAMIC, "TimeoutSec": "5"}),
    "timeout-null": ("timeout = null;", {"Type": "oneshot", **SANDBOX, **DYNAMIC}),
    "serviceConfig": (
        'serviceConfig = { ProtectHome = "read-only"; RestrictAddressFamilies = [ "AF_UNIX" ]; Nice = 5; };',
        {
            "Type": "oneshot",
            **SANDBOX,
            **DYNAMIC,
            "TimeoutSec": "30",
            "ProtectHome": "read-only",
            "RestrictAddressFamilies": ["AF_UNIX"],
            "Nice": 5,
        },
    ),
}
TIMERS: dict[str, tuple[str, dict[str, Any]]] = {
    "schedule-default": ("", CALENDAR),
    "schedule-minute": ('schedule = "every-minute";', {**CALENDAR, "OnCalendar": "*:0/1"}),
    "schedule-quarter": ('schedule = "every-15-minutes";', {**CALENDAR, "OnCalendar": "*:0/15"}),
    "schedule-hourly": ('schedule = "hourly";', {**CALENDAR, "OnCalendar": "hourly"}),
    "schedule-daily": ('schedule = "daily";', {**CALENDAR, "OnCalendar": "daily"}),
    "schedule-weekly": ('schedule = "weekly";', {**CALENDAR, "OnCalendar": "weekly"}),
    "schedule": ('schedule = "Mon..Fri 08:00";', {**CALENDAR, "OnCalendar": "Mon..Fri 08:00"}),
    "schedule-null": (
        'schedule = null; timerConfig.OnUnitInactiveSec = "10min";',
        {"OnActiveSec": "1min", "OnUnitInactiveSec": "10min", "AccuracySec": "1s"},
    ),
    "interval": (
        'interval = "45";',
        {"OnActiveSec": "1min", "OnUnitActiveSec": "45", "AccuracySec": "1s"},
    ),
    "interval-goes-first": (
        'interval = "45"; schedule = "daily";',
        {"OnActiveSec": "1min", "OnUnitActiveSec": "45", "AccuracySec": "1s"},
    ),
    "onBootDelay": ('onBootDelay = "5min";', {**CALENDAR, "OnBootSec": "5min"}),
    "onBootDelay-interval": (
        'onBootDelay = "0"; interval = "45";',
        {"OnActiveSec": "0", "OnUnitActiveSec": "45", "AccuracySec": "1s"},
    ),
    "onBootDelay-null": (
        "onBootDelay = null;",
        {name: value for name, value in CALENDAR.items() if name != "OnBootSec"},
    ),
    "persistent": ("persistent = false;", {**CALENDAR, "Persistent": False}),
    "accuracy": ('accuracy = "10s";', {**CALENDAR, "AccuracySec": "10s"}),
    "accuracy-interval": (
        'accuracy = "10s"; interval = "45";',
        {"OnActiveSec": "1min", "OnUnitActiveSec": "45", "AccuracySec": "10s"},
    ),
    "timerConfig": (
        'timerConfig = { RandomizedDelaySec = "30s"; Persistent = false; };',
        {**CALENDAR, "RandomizedDelaySec": "30s", "Persistent": False},
    ),
}
ELSEWHERE = {"enable", "path", "script"}
"""Options with a test of their own below."""
TESTED = {name.partition("-")[0] for table in (FIELDS, SETTINGS, TIMERS) for name in table} | ELSEWHERE


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", FIELDS)
def test_field(name: str, lib: str | None) -> None:
    text, field, expected = FIELDS[name]
    assert service(text, lib)[field] == expected


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str, lib: str | None) -> None:
    text, expected = SETTINGS[name]
    assert settings(text, lib) == expected


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", TIMERS)
def test_timer(name: str, lib: str | None) -> None:
    text, expected = TIMERS[name]
    assert timer(text, lib) == expected


@pytest.mark.parametrize("lib", LIBS)
def test_timer_is_started_at_boot_and_the_service_is_not(lib: str | None) -> None:
    found = evaluated(check(), lib)
    assert found["timers"]["hwc-monitor-check"]["wantedBy"] == ["timers.target"]
    assert found["timers"]["hwc-monitor-check"]["description"] == "Monitor check timer"
    assert found["services"]["hwc-monitor-check"]["wantedBy"] == []


@pytest.mark.parametrize("lib", LIBS)
def test_disabled_is_nothing(lib: str | None) -> None:
    found = evaluated('services.hwc.monitor.check.script = "true";', lib)
    assert (found["services"], found["timers"], found["failed"]) == ({}, {}, [])


@pytest.mark.parametrize("lib", LIBS)
class TestCorrections:
    """What the proposal gets wrong, by the numbers of docs/corrections.md."""

    def test_2_it_evaluates_with_several_monitors(self, lib: str | None) -> None:
        found = evaluated(check() + check().replace(".check =", ".other ="), lib)
        assert list(found["services"]) == list(found["timers"]) == ["hwc-monitor-check", "hwc-monitor-other"]

    def test_12_commands_are_found_by_the_path(self, lib: str | None) -> None:
        (package,) = service("path = [ pkgs.curl ];", lib)["path"]
        assert package.startswith("/nix/store/")
        assert package.endswith("-curl")

    def test_16_no_second_shebang(self, lib: str | None) -> None:
        script = evaluated(check("script = ''\n  one\n    two\n'';"), lib)["scripts"]["hwc-monitor-check"]
        assert script == "set -euo pipefail\n\none\n  two\n\n"

    def test_18_an_interval_is_armed_whenever_the_timer_starts(self, lib: str | None) -> None:
        found = timer('interval = "45";', lib)
        assert found["OnActiveSec"] == "1min"
        assert not found.keys() & {"OnBootSec", "OnCalendar"}


FAILURES = {
    "preset": (
        'schedule = "every-2-minutes";',
        'services.hwc.monitor.check: schedule = "every-2-minutes" is none of the presets daily, every-15',
    ),
    "no-start": (
        'interval = "45"; onBootDelay = null;',
        "services.hwc.monitor.check: nothing starts it for the first time.",
    ),
}
FINE = [
    'interval = "45"; onBootDelay = null; timerConfig.OnActiveSec = "0";',
    'schedule = null; onBootDelay = null; timerConfig.OnCalendar = [ "daily" ];',
    'schedule = "every-2-minutes"; interval = "2min";',
    "onBootDelay = null;",
]


@pytest.mark.parametrize("lib", LIBS)
class TestComplaints:
    @pytest.mark.parametrize("name", FAILURES)
    def test_assertion(self, name: str, lib: str | None) -> None:
        text, expected = FAILURES[name]
        (message,) = evaluated(check(text), lib)["failed"]
        assert message.startswith(expected)

    @pytest.mark.parametrize("text", FINE)
    def test_no_assertion(self, text: str, lib: str | None) -> None:
        assert evaluated(check(text), lib)["failed"] == []


@needs_nix
@needs_systemd
class TestUnitFiles:
    """Service and timer in systemd's own eyes."""

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "requireRoot = true; networkAccess = false;",
            'interval = "45"; environment.A = "1";',
            'schedule = null; timerConfig.OnUnitInactiveSec = "10min"; timeout = null;',
            *(
                f'schedule = "{name}";'
                for name in ("every-minute", "every-15-minutes", "hourly", "daily", "weekly")
            ),
        ],
    )
    def test_systemd_has_no_complaint(self, text: str, tmp_path: Path) -> None:
        found = evaluated(check(text), None)
        unit = dict(found["services"]["hwc-monitor-check"])
        unit["script"] = found["scripts"]["hwc-monitor-check"]
        written = write_unit(tmp_path, "hwc-monitor-check", unit)
        assert complaints(written) == ""
        assert (
            complaints(write_timer(tmp_path, "hwc-monitor-check", found["timers"]["hwc-monitor-check"])) == ""
        )

    def test_a_complaint_would_be_heard(self, tmp_path: Path) -> None:
        found = evaluated(check('schedule = "daily-ish";'), None)
        write_unit(
            tmp_path, "hwc-monitor-check", {**found["services"]["hwc-monitor-check"], "script": "true"}
        )
        written = write_timer(tmp_path, "hwc-monitor-check", found["timers"]["hwc-monitor-check"])
        assert "Failed to parse calendar specification" in complaints(written)
