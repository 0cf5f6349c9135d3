"""Convert 500 containers in 200 of 2,000 files, beside a bare parse of the 200 files.

    python bench/batch.py [--runs 5]

A tree is generated: a host, modules that have nothing to do with containers, and 200 modules with two or
three containers each, in the shapes that people write. The commands take turns; the best of their runs is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compare import HERE, measure

FILES = 2000
MODULES = 200
CONTAINERS = 500

FILLER = """{{ config, lib, pkgs, ... }}:
let
  cfg = config.site.part{number};
in
{{
  options.site.part{number} = {{
    enable = lib.mkEnableOption "part {number}";
    port = lib.mkOption {{
      type = lib.types.port;
      default = {port};
    }};
  }};

  config = lib.mkIf cfg.enable {{
    environment.systemPackages = [ pkgs.hello ];
    systemd.services.part{number} = {{
      description = "Part {number}";
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {{
        ExecStart = "${{pkgs.hello}}/bin/hello --port ${{toString cfg.port}}";
        DynamicUser = true;
      }};
    }};
    networking.firewall.allowedTCPPorts = [ cfg.port ];
  }};
}}
"""
HEAD = """{{ config, lib, ... }}:
let
  cfg = config.site.apps{number};
in
{{
  options.site.apps{number}.enable = lib.mkEnableOption "apps {number}";

  config = lib.mkIf cfg.enable {{
    virtualisation.oci-containers.containers = {{
"""
CONTAINER = """      app-{number} = {{
        image = "ghcr.io/site/app-{number}:1.{number}";
        autoStart = true;
        ports = [ "127.0.0.1:{port}:80" ];
        volumes = [
          "/srv/app-{number}/config:/config"
          "/srv/app-{number}/data:/data"
        ];
        environment = {{
          PUID = "1000";
          PGID = "1000";
          TZ = config.time.timeZone;
          MODE = "{mode}";
        }};
        extraOptions = [ "--network=media-network" "--memory=512m" ];
      }};
"""
TAIL = """    };
  };
}
"""


def generate(root: Path) -> None:
    """Write the tree."""
    (root / "apps").mkdir(parents=True)
    (root / "parts").mkdir()
    names: list[str] = []
    made = 0
    for number in range(MODULES):
        wanted = (number + 1) * CONTAINERS // MODULES - made
        body = "\n".join(
            CONTAINER.format(number=n, port=20000 + n, mode="ab"[n % 2]) for n in range(made, made + wanted)
        )
        made += wanted
        names.append(f"apps/apps{number}.nix")
        (root / names[-1]).write_text(HEAD.format(number=number) + body + TAIL, encoding="utf-8")
    for number in range(FILES - MODULES - 1):
        names.append(f"parts/part{number}.nix")
        text = FILLER.format(number=number, port=10000 + number)
        (root / names[-1]).write_text(text, encoding="utf-8")
    listed = "\n".join(f"    ./{name}" for name in names)
    (root / "default.nix").write_text(f"{{\n  imports = [\n{listed}\n  ];\n}}\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, run in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each command")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hwc-bench-") as folder:
        root = Path(folder, "root")
        generate(root)
        tool = [
            sys.executable,
            "-m",
            "hwc_refactor",
            "apply",
            "--diff",
            "5",
            "--dry-run",
            "--root",
            str(root),
        ]
        commands = {
            "bare parse of the 200 files": [sys.executable, str(HERE / "bare_parse.py"), str(root / "apps")],
            "bare parse of the 2,000 files": [sys.executable, str(HERE / "bare_parse.py"), str(root)],
            "apply --diff 5 --dry-run": tool,
            "the same without nix": [*tool, "--no-verify"],
        }
        found = measure(commands, given.runs)
    bare = min(run.cpu for run in found["bare parse of the 200 files"])
    for name, runs in found.items():
        cpu = min(run.cpu for run in runs)
        wall = min(run.wall for run in runs)
        memory = max(run.memory for run in runs)
        print(
            f"{name}: {cpu:.2f} s of processor time ({wall:.2f} s on the clock),"
            f" {cpu / bare:.0f} times the bare parse of the 200 files, {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()
