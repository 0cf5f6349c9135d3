"""The unit files that services and timers amount to, as NixOS would write them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from example import EXAMPLE
from nixeval import LIBS, facts, needs_nix
from units import render as real_text

from hwc_refactor.checking.unit_text import fields
from hwc_refactor.nixos.block import SERVICE, TIMER, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.sandbox.exposure import exposure
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.units.render import UnitFile, rendered


def block(source: str, kind: str = "service", **others: str) -> Block:
    """The first object of a module's text; `others` are further modules."""
    texts = {"module.nix": f"{{ config, lib, pkgs, ... }}:\n{source}\n"}
    texts |= {f"{name}.nix": f"{{ config, lib, pkgs, ... }}:\n{text}\n" for name, text in others.items()}
    return objects(
        Tree({path: text.encode() for path, text in texts.items()}),
        {"service": SERVICE, "timer": TIMER}[kind],
    )[0]


def unit(body: str, head: str = "") -> UnitFile:
    """The unit file of a service with a script."""
    found = rendered(block(f'{head} {{ systemd.services.x = {{ script = "run"; {body} }}; }}'))
    assert found is not None
    return found


WHOLE = """
{
  systemd.services.collect = {
    description = "Collect figures";
    after = [ "network.target" "couchdb.service" ];
    wants = [ "network.target" ];
    wantedBy = [ "multi-user.target" ];
    startLimitIntervalSec = 60;
    startLimitBurst = 3;
    unitConfig.ConditionPathExists = "/srv/figures";
    environment = { PORT = "80"; GREETING = "a \\"word\\" and %n"; NOTHING = null; };
    path = [ pkgs.curl ];
    preStart = "mkdir -p /srv";
    script = ''
      curl localhost
    '';
    serviceConfig = {
      Type = "oneshot";
      PrivateTmp = true;
      ProtectHome = false;
      Nice = 10;
      LoadCredential = [ "a:/run/a" "b:/run/b" ];
    };
  };
}
"""
WHOLE_UNIT = """\
[Unit]
ConditionPathExists=/srv/figures
Description=Collect figures
Wants=network.target
After=network.target couchdb.service
StartLimitIntervalSec=60
StartLimitBurst=3

[Service]
Environment="GREETING=a \\"word\\" and %n"
Environment="PORT=80"
LoadCredential=a:/run/a
LoadCredential=b:/run/b
Nice=10
PrivateTmp=true
ProtectHome=false
Type=oneshot
ExecStartPre=/bin/sh
ExecStart=/bin/sh

[Install]
WantedBy=multi-user.target
"""


def test_whole_service() -> None:
    found = rendered(block(WHOLE))
    assert found is not None
    assert (found.name, found.text, found.unknown) == ("collect.service", WHOLE_UNIT, frozenset())


def test_timer() -> None:
    source = """
    {
      systemd.timers.collect = {
        wantedBy = [ "timers.target" ];
        timerConfig = { OnCalendar = [ "daily" "Mon 12:00" ]; Persistent = true; AccuracySec = "1s"; };
      };
    }
    """
    found = rendered(block(source, "timer"))
    assert found is not None
    assert found.name == "collect.timer"
    assert found.text == dedent("""\
        [Unit]

        [Timer]
        AccuracySec=1s
        OnCalendar=daily
        OnCalendar=Mon 12:00
        Persistent=true

        [Install]
        WantedBy=timers.target
        """)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("serviceConfig.Nice = 5;", "Nice=5"),
        ("serviceConfig.CPUWeight = 0.5;", "CPUWeight=0.500000"),
        ("serviceConfig.User = null;", "User="),
        ("serviceConfig = { User = lib.mkForce \"a\"; };", "User=a"),
        ("serviceConfig = lib.mkMerge [ { User = lib.mkDefault \"a\"; } { User = \"b\"; } ];", "User=b"),
        ("serviceConfig = lib.mkMerge [ { User = lib.mkForce \"a\"; } { User = \"b\"; } ];", "User=a"),
        ("serviceConfig.User = lib.mkIf true \"a\";", "User=a"),
        ("serviceConfig.User = lib.mkOverride 60 \"a\";", "User=a"),
        ("serviceConfig = lib.mkMerge [ { User = \"a\"; } { User = \"a\"; } ];", "User=a"),
        ("unitConfig.RequiresMountsFor = \"/srv\";", "RequiresMountsFor=/srv"),
        ("onFailure = [ \"mail@%n.service\" ];", "OnFailure=mail@%n.service"),
        ("serviceConfig.ExecStop = [ \"-+/opt/x/stop now\" ];", "ExecStop=-+/bin/sh now"),
        ("reload = \"kill -HUP $MAINPID\";", "ExecReload=/bin/sh"),
        ("postStop = \"true\";", "ExecStopPost=/bin/sh"),
    ],
)  # fmt: skip
def test_known_line(body: str, line: str) -> None:
    found = unit(body)
    assert line in found.text.splitlines()
    assert found.unknown == frozenset()


def test_lists_of_several_definitions_follow_each_other() -> None:
    found = unit('serviceConfig = lib.mkMerge [ { ReadWritePaths = [ "/a" ]; } { ReadWritePaths = "/b"; } ];')
    assert found.setting("Service", "ReadWritePaths") == ("/a", "/b")


@pytest.mark.parametrize(
    ("body", "name", "values"),
    [
        ("serviceConfig.Restart = config.x.restart;", "Restart", ()),
        ("serviceConfig.Restart = lib.mkIf config.x.enable \"always\";", "Restart", ()),
        ("serviceConfig = lib.mkMerge [ { Nice = 1; } { Nice = 2; } ];", "Nice", ()),
        ("serviceConfig.ReadWritePaths = [ config.x.dir \"/b\" ];", "ReadWritePaths", ("/unknown", "/b")),
        ("serviceConfig.WorkingDirectory = \"${config.x.dir}/state\";", "WorkingDirectory", ("/unknown/state",)),
        ("serviceConfig.LoadCredential = [ \"key:${config.x.path}\" ];", "LoadCredential", ("key:/unknown",)),
        ("serviceConfig.User = config.x.user;", "User", ("unknown",)),
        ("serviceConfig.StateDirectory = \"x-${config.x.user}\";", "StateDirectory", ("x-unknown",)),
        ("environment.DIR = config.x.dir;", "Environment", ('"DIR=unknown"',)),
    ],
)  # fmt: skip
def test_what_is_not_known_is_named(body: str, name: str, values: tuple[str, ...]) -> None:
    found = unit(body)
    assert found.unknown == {name}
    assert found.setting("Service", name) == values


@pytest.mark.parametrize(
    "body",
    [
        """systemd.services.x = lib.mkIf config.a {
          script = "run"; after = [ "b.service" ]; serviceConfig.User = "u";
        };""",
        """systemd.services.x = lib.mkIf config.a {
          script = "run"; after = lib.mkMerge [ [ "b.service" ] ]; serviceConfig = lib.mkMerge [ { User = "u"; } ];
        };""",
        """systemd.services = lib.mkIf config.a {
          x = { script = "run"; after = [ "b.service" ]; serviceConfig.User = "u"; };
        };""",
        """systemd.services.x = lib.mkMerge [
          (lib.mkIf config.a { script = "run"; serviceConfig.User = "u"; }) { after = [ "b.service" ]; }
        ];""",
        """systemd.services.x = if config.a
          then { script = "run"; after = [ "b.service" ]; serviceConfig.User = "u"; } else { };""",
    ],
)  # fmt: skip
def test_what_holds_whenever_the_unit_is_there_is_known(body: str) -> None:
    found = rendered(block(f"{{ {body} }}"))
    assert found is not None
    assert found.unknown == frozenset()
    assert found.setting("Unit", "After") == ("b.service",)
    assert found.setting("Service", "User") == ("u",)


@pytest.mark.parametrize(
    "body",
    [
        'systemd.services.x = lib.mkMerge [ { script = "run"; } (lib.mkIf config.a { serviceConfig.User = "u"; }) ];',
        'systemd.services.x = if config.a then { script = "a"; serviceConfig.User = "u"; } else { script = "b"; };',
        'systemd.services.x = lib.mkIf config.a { script = "run"; serviceConfig.User = lib.mkIf config.b "u"; };',
        """systemd.services.x = lib.mkMerge [
          (lib.mkIf config.a { script = "run"; }) (lib.mkIf config.b { serviceConfig.User = "u"; })
        ];""",
    ],
)  # fmt: skip
def test_what_holds_only_sometimes_is_not_known(body: str) -> None:
    found = rendered(block(f"{{ {body} }}"))
    assert found is not None
    assert found.unknown == {"User"}


def test_names_of_units_that_are_not_known_are_left_out() -> None:
    found = unit('after = [ "a.service" config.x.unit ] ++ lib.optional config.x.enable "b.service";')
    assert found.setting("Unit", "After") == ("a.service",)
    assert found.unknown == {"After"}


@pytest.mark.parametrize(
    "command",
    ['"${pkgs.hello}/bin/hello -g ${config.x.word}"', '"/opt/hello -g unknown"', '"hello -g unknown"'],
)
def test_which_program_a_command_runs_does_not_matter(command: str) -> None:
    found = rendered(block(f"{{ systemd.services.x.serviceConfig.ExecStart = {command}; }}"))
    assert found is not None
    assert found.setting("Service", "ExecStart") == ("/bin/sh -g unknown",)


@pytest.mark.parametrize("command", ["lib.getExe config.x.package", 'pkgs.writeShellScript "x" "true"'])
def test_a_program_of_which_nothing_is_known(command: str) -> None:
    found = rendered(block(f"{{ systemd.services.x.serviceConfig.ExecStart = {command}; }}"))
    assert found is not None
    assert found.setting("Service", "ExecStart") == ("/bin/sh",)


def test_a_relative_command_stays_for_systemd_to_judge() -> None:
    found = rendered(block('{ systemd.services.x.serviceConfig.ExecStart = "./run"; }'))
    assert found is not None
    assert found.setting("Service", "ExecStart") == ("./run",)


def test_lines_that_go_on_stay_as_they_are() -> None:
    found = unit('serviceConfig.ExecStop = "/bin/x \\\\\n  --now";')
    assert found.setting("Service", "ExecStop") == ("/bin/sh \\\n  --now",)


@pytest.mark.parametrize(
    "body",
    [
        "serviceConfig = config.x.sandbox;",
        "serviceConfig = config.x.sandbox // { Nice = 1; };",
        "unitConfig = config.x;",
    ],
)
def test_no_unit_file_where_its_settings_are_elsewhere(body: str) -> None:
    assert rendered(block(f'{{ systemd.services.x = {{ script = "run"; {body} }}; }}')) is None


def test_no_unit_file_for_what_only_adds_to_another_service() -> None:
    assert rendered(block("{ systemd.services.nginx.serviceConfig.ProtectHome = true; }")) is None


def test_directives_set_in_another_file_are_named() -> None:
    one = block(
        '{ systemd.services.x = { script = "run"; serviceConfig.PrivateTmp = true; }; }',
        other="{ systemd.services.x.serviceConfig.PrivateTmp = lib.mkForce false; }",
    )
    found = rendered(one)
    assert found is not None
    assert found.unknown == {"PrivateTmp"}
    assert exposure(one) is None


@pytest.mark.parametrize(
    ("body", "figure"),
    [
        ("", 9.6),
        ("serviceConfig.PrivateTmp = true;", 9.4),
        ("serviceConfig.User = \"media\";", 9.2),
        ("serviceConfig.DynamicUser = true;", 8.4),
        ("serviceConfig.User = config.x.user;", 9.6),
        ("serviceConfig.Restart = config.x.restart;", 9.6),
        ("serviceConfig.ProtectHome = config.x.home;", None),
        ("serviceConfig = config.x.sandbox;", None),
        ("unitConfig.DefaultDependencies = false;", 9.5),
    ],
)  # fmt: skip
def test_exposure(body: str, figure: float | None) -> None:
    assert exposure(block(f'{{ systemd.services.x = {{ script = "run"; {body} }}; }}')) == figure


@needs_nix
@pytest.mark.parametrize("lib", LIBS)
class TestAgainstEvaluation:
    """What is worked out from the sources of the example is what its evaluation comes to."""

    def units(self) -> list[UnitFile]:
        paths = sorted(EXAMPLE.rglob("*.nix"))
        tree = Tree({path.relative_to(EXAMPLE).as_posix(): path.read_bytes() for path in paths})
        blocks = objects(tree, SERVICE)
        return [found for one in blocks if one.own and (found := rendered(one)) is not None]

    def test_every_known_line(self, lib: str | None) -> None:
        services = facts(EXAMPLE, lib, 'root + "/hosts/server"')["systemd"]["services"]
        compared = 0
        for unit in self.units():
            service = services[unit.name.removesuffix(".service")]
            text = real_text(service, Path("/bin/sh"))
            real = fields(text)
            mine = fields(unit.text)
            for section, name in {*real, *mine}:
                beside = name.startswith(("Exec", "StartLimit")) or section in ("", "Install")
                if name in unit.unknown or beside:  # the small evaluator knows no limits of starts
                    continue
                assert mine.get((section, name)) == real.get((section, name)), (unit.name, name)
                compared += 1
            if "WantedBy" not in unit.unknown:
                assert " ".join(unit.setting("Install", "WantedBy")) == " ".join(service["wantedBy"])
        assert compared >= 30
