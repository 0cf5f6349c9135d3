"""The shared container module, evaluated: every option, every correction to the proposal, what it complains of."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from moduleeval import evaluated
from nixeval import LIBS, EvaluationError, needs_nix
from units import complaints, needs_systemd, write_unit

MEDIA = "--network=media-network"
NO_NEW_PRIVILEGES = "--security-opt=no-new-privileges:true"
LIMITS = ["--memory=2g", "--memory-swap=4g", "--cpus=1", "--pids-limit=200"]
SECRETS = 'age.secrets.app-key = { }; sops.secrets."app/db.pass" = { };'


def app(text: str = "", image: str = 'image = "ghcr.io/me/app"; imageTag = "1.2";') -> str:
    """A container called app."""
    return f"services.hwc.container.app = lib.mkMerge [ {{ enable = true; {image} }} {{ {text} }} ];"


def flags(*rest: str, network: tuple[str, ...] = (MEDIA,), limits: list[str] = LIMITS) -> list[str]:
    return [*network, NO_NEW_PRIVILEGES, *limits, *rest]


def container(text: str, lib: str | None = None, **more: bool) -> Any:
    return evaluated(text, lib, **more)["containers"]["app"]


# What is given, the field of the container that it shows in, and its value there.
OPTIONS: dict[str, tuple[str, str, Any]] = {
    "image": ("", "image", "ghcr.io/me/app:1.2"),
    "imageTag": ('imageTag = lib.mkForce "2";', "image", "ghcr.io/me/app:2"),
    "imageFile": ('imageFile = "/nix/store/app.tar.gz";', "imageFile", "/nix/store/app.tar.gz"),
    "imageFile-null": ("", "imageFile", None),
    "pull": ('pull = "newer";', "pull", "newer"),
    "pull-null": ("", "pull", "missing"),
    "autoStart": ("autoStart = false;", "autoStart", False),
    "autoStart-null": ("", "autoStart", True),
    "networkMode": ("", "extraOptions", flags()),
    "networkMode-vpn": (
        'networkMode = "vpn";',
        "extraOptions",
        flags(network=("--network=container:gluetun",)),
    ),
    "networkMode-host": ('networkMode = "host";', "extraOptions", flags(network=("--network=host",))),
    "networkMode-none": ('networkMode = "none";', "extraOptions", flags(network=("--network=none",))),
    "networkMode-bridge": ('networkMode = "bridge";', "extraOptions", flags(network=())),
    "networkMode-own": ('networkMode = "proxy";', "extraOptions", flags(network=("--network=proxy",))),
    "networkMode-other": (
        'networkMode = "container:tailscale";',
        "extraOptions",
        flags(network=("--network=container:tailscale",)),
    ),
    "gpu.enable": (
        "gpu.enable = true;",
        "extraOptions",
        [MEDIA, "--device=/dev/dri:/dev/dri:rw", NO_NEW_PRIVILEGES, *LIMITS],
    ),
    "gpu.type": (
        'gpu = { enable = true; type = "nvidia"; };',
        "extraOptions",
        [MEDIA, "--device=nvidia.com/gpu=all", NO_NEW_PRIVILEGES, *LIMITS],
    ),
    "gpu.type-amd": (
        'gpu = { enable = true; type = "amd"; };',
        "extraOptions",
        [MEDIA, "--device=/dev/dri:/dev/dri:rw", NO_NEW_PRIVILEGES, *LIMITS],
    ),
    "gpu.type-alone": ('gpu.type = "nvidia";', "extraOptions", flags()),
    "gpu.devices": (
        'gpu = { enable = true; devices = [ "/dev/dri:/dev/dri" "/dev/kfd" ]; };',
        "extraOptions",
        [MEDIA, "--device=/dev/dri:/dev/dri", "--device=/dev/kfd", NO_NEW_PRIVILEGES, *LIMITS],
    ),
    "user.uid": ("user.uid = 911;", "environment", {"PUID": "911", "PGID": "1000"}),
    "user.gid": ("user.gid = 911;", "environment", {"PUID": "1000", "PGID": "911"}),
    "user.uid-null": ("user.uid = null;", "environment", {"PGID": "1000"}),
    "user.gid-null": ("user = { uid = null; gid = null; };", "environment", {}),
    "runAs": ('runAs = "1000:100";', "user", "1000:100"),
    "runAs-null": ("", "user", None),
    "timeZone": (
        'timeZone = "Asia/Tokyo";',
        "environment",
        {"PUID": "1000", "PGID": "1000", "TZ": "Asia/Tokyo"},
    ),
    "resources.memory": (
        'resources.memory = "512m";',
        "extraOptions",
        flags(limits=["--memory=512m", *LIMITS[1:]]),
    ),
    "resources.memory-null": ("resources.memory = null;", "extraOptions", flags(limits=LIMITS[2:])),
    "resources.memorySwap": (
        'resources.memorySwap = "2g";',
        "extraOptions",
        flags(limits=[LIMITS[0], "--memory-swap=2g", *LIMITS[2:]]),
    ),
    "resources.memorySwap-null": (
        "resources.memorySwap = null;",
        "extraOptions",
        flags(limits=[LIMITS[0], *LIMITS[2:]]),
    ),
    "resources.cpus": (
        "resources.cpus = 0.5;",
        "extraOptions",
        flags(limits=[*LIMITS[:2], "--cpus=0.5", LIMITS[3]]),
    ),
    "resources.cpus-int": (
        "resources.cpus = 10;",
        "extraOptions",
        flags(limits=[*LIMITS[:2], "--cpus=10", LIMITS[3]]),
    ),
    "resources.cpus-text": (
        'resources.cpus = "1.50";',
        "extraOptions",
        flags(limits=[*LIMITS[:2], "--cpus=1.50", LIMITS[3]]),
    ),
    "resources.cpus-null": (
        "resources.cpus = null;",
        "extraOptions",
        flags(limits=[*LIMITS[:2], LIMITS[3]]),
    ),
    "resources.pidsLimit": (
        "resources.pidsLimit = 50;",
        "extraOptions",
        flags(limits=[*LIMITS[:3], "--pids-limit=50"]),
    ),
    "resources.pidsLimit-null": ("resources.pidsLimit = null;", "extraOptions", flags(limits=LIMITS[:3])),
    "noNewPrivileges": ("noNewPrivileges = false;", "extraOptions", [MEDIA, *LIMITS]),
    "capabilities": (
        "capabilities = { NET_ADMIN = true; MKNOD = false; };",
        "capabilities",
        {"NET_ADMIN": True, "MKNOD": False},
    ),
    "devices": ('devices = [ "/dev/ttyUSB0" ];', "devices", ["/dev/ttyUSB0"]),
    "volumes": ('volumes.a = "/a:/data:ro";', "volumes", ["/a:/data:ro"]),
    "volumes-list": ('volumes = [ "/z:/z" "/a:/a" ];', "volumes", ["/z:/z", "/a:/a"]),
    "volumeMounts": (
        'volumes = { a = "/a"; b = "/b:/b"; }; volumeMounts.a = "/data:ro";',
        "volumes",
        ["/a:/data:ro", "/b:/b"],
    ),
    "ports": ('ports = [ "80:8080" "127.0.0.1:1:1" ];', "ports", ["80:8080", "127.0.0.1:1:1"]),
    "environment": (
        'environment = { A = "1"; PUID = "7"; };',
        "environment",
        {"A": "1", "PUID": "7", "PGID": "1000"},
    ),
    "environmentFiles": ('environmentFiles = [ "/etc/app.env" ];', "environmentFiles", ["/etc/app.env"]),
    "secrets": ("", "environmentFiles", []),
    "cmd": ('cmd = [ "serve" "--quiet" ];', "cmd", ["serve", "--quiet"]),
    "entrypoint": ('entrypoint = "/bin/app";', "entrypoint", "/bin/app"),
    "workdir": ('workdir = "/app";', "workdir", "/app"),
    "hostname": ('hostname = "app.lan";', "hostname", "app.lan"),
    "labels": ('labels."traefik.enable" = "true";', "labels", {"traefik.enable": "true"}),
    "dependsOn": ('dependsOn = [ "db" ];', "dependsOn", ["db"]),
    "extraOptions": ('extraOptions = [ "--init" "--init" ];', "extraOptions", flags("--init", "--init")),
    "settings": ('settings.log-driver = "none";', "log-driver", "none"),
    "settings-privileged": ("settings.privileged = true;", "privileged", True),
    "settings-lists": (
        'volumes = [ "/a:/a" ]; settings.volumes = [ "/b:/b" ];',
        "volumes",
        ["/a:/a", "/b:/b"],
    ),
    "settings-podman": (
        'settings.podman.user = "media";',
        "podman",
        {"sdnotify": "conmon", "user": "media"},
    ),
}
ELSEWHERE = {"enable", "preStart"}
"""Options with a test of their own below."""
TESTED = {name.partition("-")[0] for name in OPTIONS} | ELSEWHERE


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", OPTIONS)
def test_option(name: str, lib: str | None) -> None:
    text, field, expected = OPTIONS[name]
    assert container(app(text), lib)[field] == expected


@pytest.mark.parametrize("lib", LIBS)
class TestDefaults:
    def test_disabled_is_nothing(self, lib: str | None) -> None:
        found = evaluated('services.hwc.container.app.image = "a:1";', lib)
        assert (found["containers"], found["services"]) == ({}, {})

    def test_names_of_networks(self, lib: str | None) -> None:
        names = (
            'services.hwc.containerDefaults = { mediaNetwork = "tv"; mediaNetworkUnit = "net.service";'
            ' vpnContainer = "wireguard"; };'
        )
        media = evaluated(names + app(), lib)
        assert media["containers"]["app"]["extraOptions"][0] == "--network=tv"
        assert "net.service" in media["services"]["podman-app"]["after"]
        vpn = evaluated(names + app('networkMode = "vpn";'), lib)
        assert vpn["containers"]["app"]["extraOptions"][0] == "--network=container:wireguard"
        assert "podman-wireguard.service" in vpn["services"]["podman-app"]["after"]

    def test_plain_definition_elsewhere_wins_over_a_default(self, lib: str | None) -> None:
        other = (
            'virtualisation.oci-containers.containers.app = { environment.TZ = "UTC"; autoStart = false; };'
            ' time.timeZone = "Europe/Oslo";'
        )
        found = container(app() + other, lib)
        assert (found["environment"]["TZ"], found["autoStart"]) == ("UTC", False)

    def test_release_without_newer_options(self, lib: str | None) -> None:
        found = container(app('user.uid = 1; hostname = "a"; autoStart = true;'), lib, current=False)
        assert found["image"] == "ghcr.io/me/app:1.2"
        assert "pull" not in found
        with pytest.raises(EvaluationError, match="pull' does not exist"):
            container(app('pull = "always";'), lib, current=False)

    def test_unit(self, lib: str | None) -> None:
        unit = evaluated(app('preStart = "mkdir -p /srv/app";'), lib)["services"]["podman-app"]
        assert unit["after"] == ["network-online.target", "agenix.service", "init-media-network.service"]
        assert unit["wants"] == ["network-online.target", "agenix.service"]
        assert unit["preStart"] == "mkdir -p /srv/app"
        assert unit["requires"] == unit["bindsTo"] == []

    def test_unit_on_the_host_network(self, lib: str | None) -> None:
        unit = evaluated(app('networkMode = "host";'), lib)["services"]["podman-app"]
        assert unit["after"] == ["network-online.target", "agenix.service"]


@pytest.mark.parametrize("lib", LIBS)
class TestCorrections:
    """What the proposal gets wrong, by the numbers of docs/corrections.md."""

    def test_1_it_evaluates_with_several_containers(self, lib: str | None) -> None:
        found = evaluated(app() + app().replace("app =", "other ="), lib)
        assert list(found["containers"]) == ["app", "other"]
        assert list(found["services"]) == ["podman-app", "podman-other"]

    def test_6_secrets_are_loaded_by_the_manager(self, lib: str | None) -> None:
        unit = evaluated(SECRETS + app('secrets = [ "app-key" ];'), lib)["services"]["app-secrets"]
        assert unit["serviceConfig"]["DynamicUser"] is True
        assert unit["serviceConfig"]["LoadCredential"] == ["APP_KEY:/run/agenix/app-key"]
        assert "/run/agenix" not in unit["script"]
        assert "$CREDENTIALS_DIRECTORY" in unit["script"]

    def test_7_each_container_has_a_runtime_directory_of_its_own(self, lib: str | None) -> None:
        one = app('secrets = [ "app-key" ];')
        found = evaluated(SECRETS + one + one.replace("app =", "other ="), lib)
        for name in ("app", "other"):
            settings = found["services"][f"{name}-secrets"]["serviceConfig"]
            assert settings["RuntimeDirectory"] == f"{name}-secrets"
            assert (settings["RuntimeDirectoryMode"], settings["UMask"]) == ("0700", "0077")
            assert found["containers"][name]["environmentFiles"] == [f"/run/{name}-secrets/env"]
            assert f"> /run/{name}-secrets/env" in found["services"][f"{name}-secrets"]["script"]

    @pytest.mark.parametrize(
        "text",
        [
            'networkMode = "vpn";',
            'networkMode = "container:other";',
            'networkMode = "bridge"; extraOptions = [ "--network=container:other" ];',
        ],
    )
    def test_8_ports_in_a_network_of_another_container(self, text: str, lib: str | None) -> None:
        assert evaluated(app(text), lib)["failed"] == []
        (message,) = evaluated(app(f'{text} ports = [ "80:80" "81:81" ];'), lib)["failed"]
        assert message.startswith(
            "services.hwc.container.app: it lives in another container's network, so 80:80, 81:81"
        )
        assert message.endswith(("of that container.", "of that container, gluetun."))

    def test_9_no_time_zone(self, lib: str | None) -> None:
        assert "TZ" not in container(app(), lib)["environment"]
        zone = 'time.timeZone = "Europe/Oslo";'
        assert container(zone + app(), lib)["environment"]["TZ"] == "Europe/Oslo"
        assert "TZ" not in container(zone + app("timeZone = null;"), lib)["environment"]

    def test_10_units_are_named_after_the_backend(self, lib: str | None) -> None:
        docker = 'virtualisation.oci-containers.backend = "docker";'
        found = evaluated(docker + SECRETS + app('secrets = [ "app-key" ]; networkMode = "vpn";'), lib)
        assert sorted(found["services"]) == ["app-secrets", "docker-app"]
        assert "docker-gluetun.service" in found["services"]["docker-app"]["after"]
        for field in ("before", "wantedBy"):
            assert found["services"]["app-secrets"][field] == ["docker-app.service"]

    def test_10_units_are_named_as_the_container_says(self, lib: str | None) -> None:
        found = evaluated(app('settings.serviceName = "my-app";'), lib)
        assert list(found["services"]) == ["my-app"]

    def test_10_depends_on_names_containers(self, lib: str | None) -> None:
        found = evaluated(app('dependsOn = [ "db" ];'), lib)
        assert found["containers"]["app"]["dependsOn"] == ["db"]
        assert "db" not in found["services"]["podman-app"]["after"]

    def test_11_volumes_without_a_mount_are_complete(self, lib: str | None) -> None:
        found = container(app('volumes = { config = "/config"; media = "/srv:/media:ro"; };'), lib)
        assert found["volumes"] == ["/config", "/srv:/media:ro"]

    def test_17_nothing_requires_a_unit_that_may_be_missing(self, lib: str | None) -> None:
        found = evaluated(SECRETS + app('secrets = [ "app-key" ];'), lib)["services"]
        for unit in found.values():
            assert "agenix.service" in unit["wants"]
            assert "agenix.service" in unit["after"]
            assert unit["requires"] == unit["bindsTo"] == unit["partOf"] == []


@pytest.mark.parametrize("lib", LIBS)
class TestSecrets:
    def test_names_of_variables(self, lib: str | None) -> None:
        found = evaluated(SECRETS + app('secrets = [ "app-key" "app/db.pass" ];'), lib)
        assert found["failed"] == []
        assert found["services"]["app-secrets"]["serviceConfig"]["LoadCredential"] == [
            "APP_KEY:/run/agenix/app-key",
            "APP_DB_PASS:/run/secrets/app/db.pass",
        ]

    def test_names_of_variables_as_given(self, lib: str | None) -> None:
        unit = evaluated(SECRETS + app('secrets.apiKey = "app-key";'), lib)["services"]["app-secrets"]
        assert unit["serviceConfig"]["LoadCredential"] == ["apiKey:/run/agenix/app-key"]

    def test_file_comes_after_others(self, lib: str | None) -> None:
        found = container(
            SECRETS + app('secrets = [ "app-key" ]; environmentFiles = [ "/etc/app.env" ];'), lib
        )
        assert found["environmentFiles"] == ["/etc/app.env", "/run/app-secrets/env"]

    def test_rootless_container_reads_its_file(self, lib: str | None) -> None:
        found = evaluated(SECRETS + app('secrets = [ "app-key" ]; settings.podman.user = "media";'), lib)
        settings = found["services"]["app-secrets"]["serviceConfig"]
        assert settings["User"] == "media"
        assert "DynamicUser" not in settings

    def test_it_is_sandboxed(self, lib: str | None) -> None:
        settings = evaluated(SECRETS + app('secrets = [ "app-key" ];'), lib)["services"]["app-secrets"][
            "serviceConfig"
        ]
        assert settings["Type"] == "oneshot"
        assert settings["ProtectSystem"] == "strict"
        assert all(
            settings[name] for name in ("RemainAfterExit", "NoNewPrivileges", "ProtectHome", "PrivateTmp")
        )


FAILURES: dict[str, tuple[str, str]] = {
    "unknown-secret": ('secrets = [ "app-key" "nobody" ];', "no secret is called nobody."),
    "unfit-variable": ('secrets."app key" = "app-key";', "app key cannot be the name of a variable."),
    "same-variable": ('secrets = [ "app-key" "app.key" ];', "several secrets would be the variable APP_KEY."),
    "swap": ('resources.memory = "6g";', 'resources.memorySwap = "4g" is memory and swap together'),
    "swap-units": ('resources = { memory = "1.5g"; memorySwap = "1024M"; };', "resources.memorySwap = "),
    "swap-alone": (
        'resources = { memory = null; memorySwap = "1g"; };',
        "resources.memorySwap needs resources.memory",
    ),
    "tag-twice": ('image = lib.mkForce "a.b/c:1";', 'image = "a.b/c:1" has a tag or digest of its own.'),
    "tag-and-digest": ('image = lib.mkForce "a@sha256:00";', 'image = "a@sha256:00" has a tag or digest'),
    "lone-mount": ('volumeMounts.data = "/data";', "volumeMounts names data, which volumes does not."),
    "mount-of-a-list": (
        'volumes = [ "/a:/a" ]; volumeMounts.a = "/data";',
        "volumeMounts names a, which volumes does not.",
    ),
}
FINE = [
    'resources = { memory = "1024m"; memorySwap = "1g"; };',
    'resources.memorySwap = "-1";',
    'resources.memorySwap = "0";',
    'resources = { memory = "0512m"; memorySwap = "1GiB"; };',
    'resources.memory = "much";',
    'image = lib.mkForce "localhost:5000/app";',
    'imageTag = lib.mkForce "1.2@sha256:00";',
]
FLOATING = {
    "app": True,
    "app:latest": True,
    "app:1": False,
    "localhost:5000/app": True,
    "localhost:5000/app:1": False,
    "localhost:5000/app:latest": True,
    "ghcr.io/me/app": True,
    "app@sha256:00": False,
    "ghcr.io/me/app:latest@sha256:00": False,
    "app:latest-alpine": False,
}
SETTLED = [
    'imageFile = "/nix/store/app.tar";',
    'pull = "never";',
    'labels."io.containers.autoupdate" = "registry";',
    "settings.imageStream = pkgs.curl;",
]


@pytest.mark.parametrize("lib", LIBS)
class TestComplaints:
    @pytest.mark.parametrize("name", FAILURES)
    def test_assertion(self, name: str, lib: str | None) -> None:
        text, expected = FAILURES[name]
        secrets = 'age.secrets = { app-key = { }; "app.key" = { }; };'
        messages = evaluated(secrets + app(text), lib)["failed"]
        assert [
            message for message in messages if message.startswith(f"services.hwc.container.app: {expected}")
        ]
        assert len(messages) == 1

    @pytest.mark.parametrize("text", FINE)
    def test_no_assertion(self, text: str, lib: str | None) -> None:
        assert evaluated(app(text), lib)["failed"] == []

    @pytest.mark.parametrize("image", FLOATING)
    def test_floating_tag(self, image: str, lib: str | None) -> None:
        warnings = evaluated(app(image=f'image = "{image}";'), lib)["warnings"]
        assert len(warnings) == FLOATING[image]
        assert all(warning.startswith(f"services.hwc.container.app: {image} may be") for warning in warnings)

    @pytest.mark.parametrize("text", SETTLED)
    def test_tag_that_floats_on_purpose(self, text: str, lib: str | None) -> None:
        assert evaluated(app(text, image='image = "app:latest";'), lib)["warnings"] == []


class TestSecretsUnit:
    """The unit that writes a container's secrets, run and in systemd's own eyes."""

    UNIT = SECRETS + app('secrets = [ "app-key" "app/db.pass" ];')

    def service(self) -> Any:
        return evaluated(self.UNIT, None)["services"]["app-secrets"]

    def run(self, folder: Path, **secrets: str) -> subprocess.CompletedProcess[str]:
        credentials, runtime = folder / "credentials", folder / "runtime"
        for each in (credentials, runtime):
            each.mkdir()
        for name, value in secrets.items():
            (credentials / name).write_text(value, encoding="utf-8")
        bash = shutil.which("bash")
        assert bash is not None
        script = self.service()["script"].replace("/run/app-secrets", str(runtime))
        return subprocess.run(
            [bash, "-e", "-c", f"umask 0077\n{script}"],
            env={"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(credentials)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    @needs_nix
    def test_file_holds_the_secrets(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, APP_KEY="k'\"$x y=1\n", APP_DB_PASS="p")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        file = tmp_path / "runtime" / "env"
        assert file.read_text(encoding="utf-8") == "APP_KEY=k'\"$x y=1\nAPP_DB_PASS=p\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @needs_nix
    def test_secret_of_several_lines_is_an_error(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, APP_KEY="one\ntwo\n", APP_DB_PASS="p")
        assert done.returncode != 0
        assert "the secret for APP_KEY has several lines" in done.stderr
        assert "one" not in done.stdout + done.stderr

    @needs_nix
    def test_missing_secret_is_an_error(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, APP_KEY="k").returncode != 0

    @needs_nix
    @needs_systemd
    def test_systemd_has_no_complaint(self, tmp_path: Path) -> None:
        assert complaints(write_unit(tmp_path, "app-secrets", self.service())) == ""
