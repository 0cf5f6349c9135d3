"""What diff 2 makes of the example holds every fact of the documented "after", or of its correction.

Nothing here looks at Nix text: the configurations are evaluated and their results compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documented import HARDENING, HOST, evaluated, example_with, value
from example import EXAMPLE
from nixeval import ABSENT, LIBS, NIXPKGS_LIB, differences, needs_nix
from units import complaints, exposure, needs_systemd, write_unit

API = "systemd.services.business-api"
SECRET = "secrets.business-db-password"

ADDED = {
    "Group": "users",
    "StateDirectory": "business-api",
    "CacheDirectory": "business-api",
    "LoadCredential": ["db-password:/run/agenix/business-db-password"],
    **HARDENING,
    "ReadWritePaths": ["/opt/business"],
    "StandardOutput": "journal",
    "StandardError": "journal",
}
SETTINGS = {
    "Type": "simple",
    "User": "eric",
    "WorkingDirectory": "/opt/business/api",
    "Restart": "on-failure",
    "RestartSec": "10s",
    **ADDED,
}
ENVIRONMENT = [
    "DATABASE_URL=postgresql://business_user@localhost:5432/heartwood_business",
    "REDIS_URL=redis://localhost:6379/0",
    "BUSINESS_DATA_PATH=/opt/business",
    "MEDIA_PATH=/mnt/media",
    "HOT_STORAGE_PATH=/mnt/hot",
    "COLD_STORAGE_PATH=/mnt/cold",
]
UNITS = ["postgresql.service", "redis-business.service", "ollama.service"]
"""What it waits for; `agenix.service` comes before the one that is there under a condition."""

WITH_AGENIX = [*UNITS[:2], "agenix.service", *UNITS[2:]]

DOCUMENTED: dict[str, tuple[Any, Any]] = {
    f"{API}.after": (UNITS, WITH_AGENIX),
    f"{API}.wants": (UNITS, WITH_AGENIX),
    f"{API}.serviceConfig.Restart": ("always", "on-failure"),
    f"{API}.serviceConfig.RestartSec": ("10", "10s"),
    **{f"{API}.serviceConfig.{name}": (ABSENT, value) for name, value in ADDED.items()},
}
"""Every difference that diff 2 makes in the services."""


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with diff 2 made."""
    return example_with(tmp_path_factory, 2)


@pytest.mark.parametrize("lib", LIBS)
class TestService:
    """The service as the whole host has it."""

    @pytest.fixture
    def service(self, after: Path, lib: str | None) -> Any:
        return value(evaluated(after, lib), API)

    @pytest.mark.parametrize("name", SETTINGS)
    def test_setting(self, service: Any, name: str) -> None:
        assert service["serviceConfig"][name] == SETTINGS[name]

    def test_no_other_settings(self, service: Any) -> None:
        assert service["serviceConfig"].keys() == {*SETTINGS, "ExecStart", "Environment"}

    def test_no_secret_in_its_environment(self, service: Any) -> None:
        assert service["serviceConfig"]["Environment"] == ENVIRONMENT

    def test_user_and_group_are_defaults(self, after: Path, lib: str | None) -> None:
        other = '{ systemd.services.business-api.serviceConfig = { User = "web"; Group = "web"; }; }'
        found = value(evaluated(after, lib, (*HOST, other)), f"{API}.serviceConfig")
        assert (found["User"], found["Group"]) == ("web", "web")

    def test_missing_unit_is_never_required(self, service: Any) -> None:
        assert service["requires"] == service["bindsTo"] == []

    def test_its_writable_path_exists_before_the_sandbox(
        self, service: Any, after: Path, lib: str | None
    ) -> None:
        rules = evaluated(after, lib)["systemd"]["tmpfiles"]["rules"]
        made = {fields[1] for rule in rules if (fields := rule.split())[0] == "d"}
        assert set(service["serviceConfig"]["ReadWritePaths"]) <= made


@pytest.mark.parametrize("lib", LIBS)
def test_secret_is_declared_as_documented(after: Path, lib: str | None) -> None:
    secret = value(evaluated(after, lib), SECRET)
    assert secret == {"mode": "400", "owner": "eric", "path": "/run/agenix/business-db-password"}


@pytest.mark.parametrize("lib", LIBS)
def test_host_changes_as_documented_and_nowhere_else(after: Path, lib: str | None) -> None:
    found = differences(evaluated(EXAMPLE, lib), evaluated(after, lib))
    old, _ = found.pop(SECRET)
    assert old == ABSENT
    assert found == DOCUMENTED


@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
def test_both_libs_come_to_the_same(after: Path) -> None:
    mine, theirs = (value(evaluated(after, lib), API) for lib in (None, NIXPKGS_LIB))
    assert mine == theirs


@needs_nix
@needs_systemd
class TestUnitFile:
    """The unit file in systemd's own eyes."""

    @pytest.fixture
    def unit(self, after: Path, tmp_path: Path) -> Path:
        return self.written(after, tmp_path / "after")

    def written(self, root: Path, folder: Path) -> Path:
        service = value(evaluated(root, None), API)
        service["serviceConfig"]["ExecStart"] = "/bin/sh"
        return write_unit(folder, "business-api", service)

    def test_systemd_has_no_complaint(self, unit: Path) -> None:
        assert complaints(unit) == ""

    def test_a_complaint_would_be_heard(self, unit: Path) -> None:
        text = unit.read_text(encoding="utf-8")
        unit.write_text(text.replace("LoadCredential=", "LoadCredentials="), encoding="utf-8")
        assert "Unknown key 'LoadCredentials' in section [Service]" in complaints(unit)

    def test_it_is_less_exposed(self, unit: Path, tmp_path: Path) -> None:
        before = exposure(self.written(EXAMPLE, tmp_path / "before"))
        assert exposure(unit) <= 6.6 < before
