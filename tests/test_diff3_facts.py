"""What diff 3 makes of the example holds every fact of the documented "after", or of its correction.

Nothing here looks at Nix text: the configurations are evaluated and their results compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documented import HOST, evaluated, example_with, value
from example import EXAMPLE
from nixeval import ABSENT, LIBS, NIXPKGS_LIB, differences, needs_nix
from units import complaints, exposure, needs_systemd, write_unit

GLUETUN = "domains/server/containers/gluetun"
ALONE = (
    f'root + "/{GLUETUN}/index.nix"',
    '{ hwc.server.containers.gluetun.enable = true; time.timeZone = "Europe/Berlin"; }',
    '{ age.secrets = { vpn-username.file = "/u.age"; vpn-password.file = "/p.age"; }; }',
)
CONTAINER = "virtualisation.oci-containers.containers.gluetun"
SETUP = "systemd.services.gluetun-env-setup"
DIRECTORY = "/opt/downloads"
SCRIPT = """\
        mkdir -p /opt/downloads
        VPN_USERNAME=$(cat /run/agenix/vpn-username)
        VPN_PASSWORD=$(cat /run/agenix/vpn-password)
        cat > /opt/downloads/.env <<EOF
VPN_SERVICE_PROVIDER=protonvpn
VPN_TYPE=openvpn
OPENVPN_USER=$VPN_USERNAME
OPENVPN_PASSWORD=$VPN_PASSWORD
SERVER_COUNTRIES=Netherlands
HEALTH_VPN_DURATION_INITIAL=30s
HEALTH_TARGET_ADDRESS=1.1.1.1:443
EOF
        chmod 600 /opt/downloads/.env
        chown root:root /opt/downloads/.env
"""
STRICT = "        set -euo pipefail\n\n"
"""The here-document begins its lines at the margin, so Nix strips no indentation from the others."""

FLAGS_BEFORE = [
    "--cap-add=NET_ADMIN",
    "--cap-add=SYS_MODULE",
    "--device=/dev/net/tun:/dev/net/tun",
    "--network=media-network",
    "--network-alias=gluetun",
    "--privileged",
]
FLAGS = [
    "--cap-add=NET_ADMIN",
    "--device=/dev/net/tun:/dev/net/tun",
    "--network=media-network",
    "--network-alias=gluetun",
    "--memory=512m",
    "--memory-swap=1g",
    "--cpus=0.5",
    "--pids-limit=100",
    "--security-opt=no-new-privileges:true",
]
MODULES = ["tun", "iptable_mangle", "iptable_nat"]
HARDENING = {
    "NoNewPrivileges": True,
    "ProtectSystem": "strict",
    "ProtectHome": True,
    "PrivateTmp": True,
    "ProtectKernelTunables": True,
    "ProtectKernelModules": True,
}
SETTINGS = {
    "Type": "oneshot",
    "RemainAfterExit": True,
    "User": "root",
    **HARDENING,
    "ReadWritePaths": [DIRECTORY],
}
RULE = f"d {DIRECTORY} - - - -"

DOCUMENTED: dict[str, tuple[Any, Any]] = {
    f"{CONTAINER}.image": ("qmcgaw/gluetun:latest", "qmcgaw/gluetun:v3.39.1"),
    f"{CONTAINER}.extraOptions": (FLAGS_BEFORE, FLAGS),
    f"{CONTAINER}.environment.LOG_LEVEL": (ABSENT, "info"),
    "hwc.server.containers.gluetun.image": ("qmcgaw/gluetun:latest", "qmcgaw/gluetun"),
    "hwc.server.containers.gluetun.imageTag": (ABSENT, "v3.39.1"),
    f"{SETUP}.script": (SCRIPT, STRICT + SCRIPT),
    f"{SETUP}.wantedBy": (["podman-gluetun.service"], ["multi-user.target"]),
    **{
        f"{SETUP}.serviceConfig.{name}": (ABSENT, value) for name, value in SETTINGS.items() if name != "Type"
    },
}
"""Every difference that diff 3 makes in what the configuration comes to, beside lists that others add to."""


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with diff 3 made."""
    return example_with(tmp_path_factory, 3)


@pytest.mark.parametrize("lib", LIBS)
class TestContainer:
    """The container, the gluetun module evaluated by itself."""

    @pytest.fixture
    def container(self, after: Path, lib: str | None) -> Any:
        return value(evaluated(after, lib, ALONE), CONTAINER)

    def test_image_is_pinned_with_one_tag(self, container: Any) -> None:
        assert container["image"] == "qmcgaw/gluetun:v3.39.1"

    def test_tag_is_an_option_of_its_own(self, after: Path, lib: str | None) -> None:
        other = '{ hwc.server.containers.gluetun.imageTag = "v3.40.0"; }'
        found = evaluated(after, lib, (*ALONE, other))
        assert value(found, f"{CONTAINER}.image") == "qmcgaw/gluetun:v3.40.0"

    def test_it_is_not_privileged(self, container: Any) -> None:
        assert not container["privileged"]
        assert not [flag for flag in container["extraOptions"] if flag.startswith("--privileged")]

    def test_net_admin_is_its_only_capability(self, container: Any) -> None:
        capabilities = [flag for flag in container["extraOptions"] if flag.startswith("--cap-add")]
        assert capabilities == ["--cap-add=NET_ADMIN"]

    def test_tun_is_its_only_device(self, container: Any) -> None:
        devices = [flag for flag in container["extraOptions"] if flag.startswith("--device")]
        assert devices == ["--device=/dev/net/tun:/dev/net/tun"]

    def test_network_stays(self, container: Any) -> None:
        network = [flag for flag in container["extraOptions"] if flag.startswith("--network")]
        assert network == ["--network=media-network", "--network-alias=gluetun"]

    @pytest.mark.parametrize("limit", ["--memory=512m", "--memory-swap=1g", "--cpus=0.5", "--pids-limit=100"])
    def test_limit(self, container: Any, limit: str) -> None:
        assert container["extraOptions"].count(limit) == 1

    def test_no_new_privileges(self, container: Any) -> None:
        assert container["extraOptions"].count("--security-opt=no-new-privileges:true") == 1

    def test_flags_in_the_documented_order(self, container: Any) -> None:
        assert container["extraOptions"] == FLAGS

    def test_log_level(self, container: Any) -> None:
        assert container["environment"] == {"TZ": "Europe/Berlin", "LOG_LEVEL": "info"}

    def test_rest_as_it_was(self, container: Any) -> None:
        assert container["ports"] == ["0.0.0.0:8080:8080", "0.0.0.0:8081:8085"]
        assert container["volumes"] == ["/opt/downloads/gluetun:/gluetun"]
        assert container["environmentFiles"] == ["/opt/downloads/.env"]
        assert container["autoStart"] is True

    def test_host_loads_the_kernel_modules(self, after: Path, lib: str | None) -> None:
        assert evaluated(after, lib, ALONE)["boot"]["kernelModules"] == MODULES


@pytest.mark.parametrize("lib", LIBS)
class TestSetupService:
    """The service that writes the environment file."""

    @pytest.fixture
    def service(self, after: Path, lib: str | None) -> Any:
        return value(evaluated(after, lib, ALONE), SETUP)

    @pytest.mark.parametrize("name", SETTINGS)
    def test_setting(self, service: Any, name: str) -> None:
        assert service["serviceConfig"][name] == SETTINGS[name]

    def test_no_other_settings(self, service: Any) -> None:
        assert service["serviceConfig"].keys() == SETTINGS.keys()

    def test_started_at_boot(self, service: Any) -> None:
        assert service["wantedBy"] == ["multi-user.target"]

    def test_order_stays(self, service: Any) -> None:
        assert service["before"] == ["podman-gluetun.service"]
        assert service["wants"] == service["after"] == ["agenix.service"]

    def test_script_stops_at_the_first_error(self, service: Any) -> None:
        assert service["script"].splitlines()[0].strip() == "set -euo pipefail"

    def test_script_is_otherwise_unchanged(self, service: Any, lib: str | None) -> None:
        before = value(evaluated(EXAMPLE, lib, ALONE), f"{SETUP}.script")
        assert before == SCRIPT
        assert service["script"] == STRICT + before

    def test_writable_directories_exist_before_the_sandbox(
        self, service: Any, after: Path, lib: str | None
    ) -> None:
        rules = evaluated(after, lib, ALONE)["systemd"]["tmpfiles"]["rules"]
        made = {fields[1] for rule in rules if (fields := rule.split())[0] == "d"}
        assert set(service["serviceConfig"]["ReadWritePaths"]) == made == {DIRECTORY}

    def test_rule_leaves_an_existing_directory_as_it_is(self, after: Path, lib: str | None) -> None:
        (rule,) = evaluated(after, lib, ALONE)["systemd"]["tmpfiles"]["rules"]
        assert rule.split()[2:] == ["-", "-", "-", "-"]

    def test_missing_unit_is_never_required(self, service: Any) -> None:
        assert service["requires"] == service["bindsTo"] == []


@pytest.mark.parametrize("lib", LIBS)
def test_module_alone_changes_as_documented_and_nowhere_else(after: Path, lib: str | None) -> None:
    found = differences(evaluated(EXAMPLE, lib, ALONE), evaluated(after, lib, ALONE))
    assert found == {
        **DOCUMENTED,
        "boot.kernelModules": ([], MODULES),
        "systemd.tmpfiles.rules": ([], [RULE]),
    }


@pytest.mark.parametrize("lib", LIBS)
def test_whole_host_changes_as_documented_and_nowhere_else(after: Path, lib: str | None) -> None:
    before, now = evaluated(EXAMPLE, lib, HOST), evaluated(after, lib, HOST)
    found = differences(before, now)
    lists = {path: found.pop(path) for path in ("boot.kernelModules", "systemd.tmpfiles.rules")}
    assert found == DOCUMENTED
    for (old, new), added in zip(lists.values(), (MODULES, [RULE]), strict=True):
        assert old
        assert sorted(new) == sorted([*old, *added])
        assert [item for item in new if item not in added] == old


@pytest.mark.parametrize("lib", LIBS)
def test_every_object_of_the_host_is_compared(lib: str | None) -> None:
    found = evaluated(EXAMPLE, lib, HOST)
    containers = value(found, "virtualisation.oci-containers.containers")
    assert len(containers) >= 20
    assert {"gluetun", "radarr", "exportarr-sonarr", "handbook", "ci-runner"} <= containers.keys()
    assert {"gpu-monitor", "business-api", "media-orchestrator"} <= found["systemd"]["services"].keys()


@needs_nix
@pytest.mark.skipif(not NIXPKGS_LIB, reason="HWC_NIXPKGS_LIB names no nixpkgs lib")
@pytest.mark.parametrize("modules", [ALONE, HOST], ids=["module", "host"])
@pytest.mark.parametrize("state", ["before", "after"])
def test_both_libs_come_to_the_same(state: str, modules: tuple[str, ...], after: Path) -> None:
    root = EXAMPLE if state == "before" else after
    assert evaluated(root, None, modules) == evaluated(root, NIXPKGS_LIB, modules)


@needs_nix
@needs_systemd
class TestUnitFile:
    """The unit file of the service that writes the environment file, in systemd's own eyes."""

    @pytest.fixture
    def unit(self, after: Path, tmp_path: Path) -> Path:
        return self.written(after, tmp_path / "after")

    def written(self, root: Path, folder: Path) -> Path:
        return write_unit(folder, "gluetun-env-setup", value(evaluated(root, None, ALONE), SETUP))

    def test_systemd_has_no_complaint(self, unit: Path) -> None:
        assert complaints(unit) == ""

    def test_a_complaint_would_be_heard(self, unit: Path) -> None:
        text = unit.read_text(encoding="utf-8")
        unit.write_text(text.replace("ProtectHome=", "ProtectHouse="), encoding="utf-8")
        assert "Unknown key 'ProtectHouse' in section [Service]" in complaints(unit)

    def test_a_requirement_on_the_missing_unit_would_be_heard(self, unit: Path) -> None:
        text = unit.read_text(encoding="utf-8")
        assert "Wants=agenix.service\n" in text
        unit.write_text(text.replace("Wants=", "Requires="), encoding="utf-8")
        assert "agenix.service not found" in complaints(unit)

    def test_it_is_less_exposed(self, unit: Path, tmp_path: Path) -> None:
        before = exposure(self.written(EXAMPLE, tmp_path / "before"))
        assert exposure(unit) <= 8.3 < before

    def test_every_setting_stands_in_the_file(self, unit: Path) -> None:
        lines = unit.read_text(encoding="utf-8").splitlines()
        assert {f"{name}=true" for name, setting in SETTINGS.items() if setting is True} <= set(lines)
        assert {"Type=oneshot", "User=root", "ProtectSystem=strict"} <= set(lines)
        assert f"ReadWritePaths={DIRECTORY}" in lines
