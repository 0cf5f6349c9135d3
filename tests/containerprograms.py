"""Random modules that make containers: random fields, values as people compute them, in random shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

SETTINGS = (
    '{ zoo = { on = true; word = "vpn"; number = 3; }; time.timeZone = "Europe/Paris"; }',
    '{ zoo = { on = false; word = "media"; number = 7; }; }',
)
"""Two sets of values for the options that a module declares."""

HEAD = """{ config, lib, ... }:
let
  cfg = config.zoo;
  shared = [ "--label=zoo" ];
  root = "/srv/zoo";
%s
in
{
  options.zoo = {
    on = lib.mkEnableOption "more";
    word = lib.mkOption { type = lib.types.str; default = "media"; };
    number = lib.mkOption { type = lib.types.int; default = 1; };
  };

"""
IMAGES = (
    '"docker.io/zoo/app:1.2"',
    '"registry.lan:5000/zoo/app:2"',
    '"registry.lan:5000/zoo/app"',
    '"zoo/app:latest"',
    '"ghcr.io/zoo/app@sha256:0011"',
    '"ghcr.io/zoo/app:1@sha256:0011"',
    '"ghcr.io/zoo/app:v${toString cfg.number}"',
    '"ghcr.io/zoo/${cfg.word}:4"',
    '(if cfg.on then "zoo/app:5" else "zoo/app:6")',
)
NETWORKS = (
    '"--network=media-network"',
    '"--network=container:gluetun"',
    '"--network=host"',
    '"--network=none"',
    '"--network=media"',
    '"--network=${cfg.word}"',
    '"--net=proxy"',
    '"--net" "host"',
    '(if cfg.word == "vpn" then "--network=container:gluetun" else "--network=media-network")',
)
FLAGS = (
    '"--memory=6g"',
    '"--memory=512m" "--memory-swap=1g"',
    '"-m" "256m"',
    '"--cpus=0.5"',
    '"--cpus=${toString cfg.number}"',
    '"--pids-limit=${toString (cfg.number * 100)}"',
    '"--security-opt=no-new-privileges:true"',
    '"--security-opt=label=disable"',
    '"--device=/dev/dri:/dev/dri"',
    '"--device=/dev/dri:/dev/dri:rw"',
    '"--device=nvidia.com/gpu=all"',
    '"--device" "/dev/ttyUSB0"',
    '"--cap-add=NET_ADMIN"',
    '"--shm-size=64m"',
    '"--init"',
    '"--dns=1.1.1.1" "--dns=9.9.9.9"',
    '"--user=1000:1000"',
)
VARIABLES = (
    ("PUID", ('"1000"', '"911"', "(toString cfg.number)", '"0100"')),
    ("PGID", ('"1000"', '"100"', "(toString cfg.number)")),
    ("TZ", ('"Etc/UTC"', '(if cfg.on then "Etc/UTC" else "Asia/Tokyo")')),
    ("A_B", ('"1"', '"${cfg.word}"', '(lib.optionalString cfg.on "x")', '"a b $c"')),
    ("Q", ('"two\\nlines"', '"${root}/q"')),
)
TEXTS = {
    "ports": ('"80:80"', '"127.0.0.1:${toString cfg.number}:1/udp"', '"5000-5010:5000-5010"'),
    "volumes": ('"/a:/a"', '"${root}/b:/b:ro"', '"named:/data"', '"/anonymous"'),
    "cmd": ('"serve"', '"--word=${cfg.word}"', '"a b"'),
    "environmentFiles": ('"/run/one.env"', '"${root}/two.env"'),
    "dependsOn": ('"other"',),
}
SINGLE = {
    "autoStart": ("true", "false", "cfg.on", "(!cfg.on)"),
    "hostname": ('"app"', "cfg.word"),
    "entrypoint": ('"/bin/app"',),
    "workdir": ('"/srv"', "root"),
    "user": ('"1000:1000"', '"${toString cfg.number}"'),
    "pull": ('"newer"', '"missing"'),
    "log-driver": ('"none"',),
    "privileged": ("true", "cfg.on"),
}


@dataclass
class Writer:
    """Writes modules by chance.

    Attributes:
        rng: the chance.
        bound: bindings for the `let` at the head of the module.
    """

    rng: Random
    bound: list[str]

    def module(self) -> str:
        """A module of one to three definitions of containers."""
        definitions = [self.definition(f"c{number}") for number in range(self.rng.randint(1, 3))]
        if len(definitions) > 1:
            body = (
                "  config = lib.mkMerge [\n"
                + "\n".join(f"({{ {one} }})" for one in definitions)
                + "\n  ];\n}\n"
            )
        else:
            body = "\n".join(f"  config.{one}" for one in definitions) + "\n}\n"
        return HEAD % "\n".join(f"  {line}" for line in self.bound) + body

    def definition(self, name: str) -> str:
        """One binding that defines a container, or several by one function."""
        path = "virtualisation.oci-containers.containers"
        fields = self.fields()
        shapes: list[Callable[[], str]] = [
            lambda: f"{path}.{name} = {{ {fields} }};",
            lambda: f'{path}."{name}" = lib.mkIf (cfg.on || cfg.number > 5) {{ {fields} }};',
            lambda: (
                f"virtualisation = {{ oci-containers = {{ containers = {{ {name} = {{ {fields} }}; }}; }}; }};"
            ),
            lambda: f"{path} = lib.optionalAttrs cfg.on {{ {name} = {{ {fields} }}; }};",
            lambda: f'{path} = lib.genAttrs [ "{name}a" "{name}b" ] (each: {{ {fields} hostname = each; }});',
            lambda: f'{path}.{name} = {{ {fields} }} // {{ labels.each = "{name}"; }};',
            lambda: self.by_let(path, name, fields),
            lambda: self.by_function(path, name, fields),
        ]
        if "hostname" in fields:
            del shapes[4]
        return self.rng.choice(shapes)()

    def by_let(self, path: str, name: str, fields: str) -> str:
        self.bound.append(f"set-{name} = {{ {fields} }};")
        return f"{path}.{name} = set-{name};"

    def by_function(self, path: str, name: str, fields: str) -> str:
        self.bound.append(f"make-{name} = {{ word, more ? [ ] }}: {{ {fields} labels.word = word; }};")
        word = self.rng.choice(("cfg.word", '"w"'))
        return f"{path}.{name} = make-{name} {{ word = {word}; }};"

    # -- fields ----------------------------------------------------------------------------------------

    def fields(self) -> str:
        """The bindings of a container."""
        found = [f"image = {self.rng.choice(IMAGES)};"]
        if self.rng.random() < 0.7:
            flags = [self.rng.choice(NETWORKS)] if self.rng.random() < 0.6 else []
            flags += self.rng.sample(FLAGS, self.rng.randint(0, 5))
            self.rng.shuffle(flags)
            found.append(f"extraOptions = {self.list_of(flags)};")
        for name, texts in TEXTS.items():
            if self.rng.random() < 0.4:
                found.append(
                    f"{name} = {self.list_of(self.rng.sample(texts, self.rng.randint(0, len(texts))))};"
                )
        for name, values in SINGLE.items():
            if self.rng.random() < 0.15:
                found.append(f"{name} = {self.rng.choice(values)};")
        if self.rng.random() < 0.6:
            found.append(self.environment())
        self.rng.shuffle(found)
        return " ".join(found)

    def environment(self) -> str:
        chosen = [
            f"{name} = {self.rng.choice(values)};" for name, values in VARIABLES if self.rng.random() < 0.5
        ]
        match self.rng.randrange(3):
            case 0 if chosen:
                return " ".join(f"environment.{line}" for line in chosen)
            case 1:
                return (
                    f'environment = {{ {" ".join(chosen)} }} // lib.optionalAttrs cfg.on {{ MORE = "1"; }};'
                )
        return f"environment = {{ {' '.join(chosen)} }};"

    def list_of(self, texts: Sequence[str]) -> str:
        """A list of these elements, written in one of the ways of writing lists."""
        at = self.rng.randint(0, len(texts))
        first, second = f"[ {' '.join(texts[:at])} ]", f"[ {' '.join(texts[at:])} ]"
        whole = f"[ {' '.join(texts)} ]"
        return self.rng.choice(
            (
                whole,
                whole,
                f"{first} ++ {second}",
                f"{first} ++ lib.optionals cfg.on {second}",
                f"(if cfg.on then {first} else {whole})",
                f"map (each: each) {whole}",
            )
        )


def module(rng: Random) -> str:
    """A random module."""
    return Writer(rng, []).module()
