"""Evaluates containers and health checks before and after a conversion, and says what they lost and gained.

How to use it:

    settings = settings_of(root / "app.nix")           # the lines "# with { … }" at the head of the file
    before = evaluate(root, "app.nix", settings, lib)  # lib: None for the small lib, or nixpkgs' folder
    …convert `root` to another folder `after`…
    now = evaluate(after, "app.nix", settings, lib)
    for old, new in zip(before, now, strict=True):
        found = compare(old, new)
        assert not found.lost
        assert all(is_documented(gain) for gain in found.gained)

`evaluate` takes one module (`default.nix` for a case of several files) with a host around it that declares what
containers and services need, and takes everything else as it is: `tests/nix/zoo.nix`. When `root` holds
the shared modules, these are evaluated with it, imported or not. `pkgs` has what the files name.

A container is compared by what it is run with: options that stand for a flag (`devices`, `capabilities`,
`privileged`, `networks`, `hostname`, …) and the flag itself are the same; `--net` is `--network`; a flag and its
value may be one element or two. Different flags, volumes and ports may change places; the values of one flag, of
`cmd` and of `environmentFiles` may not.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nixeval import NIX, EvaluationError, Facts

from hwc_refactor.rewriting.shipped import shipped_modules

ZOO = Path(__file__).with_name("nix") / "zoo.nix"
ALIASES = {
    "--net": "--network",
    "-v": "--volume",
    "-e": "--env",
    "-p": "--publish",
    "-m": "--memory",
    "-u": "--user",
    "-h": "--hostname",
    "-l": "--label",
    "-w": "--workdir",
}
SWITCHES = frozenset(
    {"--privileged", "--init", "--read-only", "--rm", "--tty", "--interactive", "-t", "-i", "-d", "-it"}
)
DOCUMENTED_FLAGS = {
    "--memory": "2g",
    "--memory-swap": "4g",
    "--cpus": "1",
    "--pids-limit": "200",
    "--security-opt": "no-new-privileges",
}
DOCUMENTED_UNITS = frozenset(
    {
        "network-online.target",
        "agenix.service",
        "init-media-network.service",
        "podman-gluetun.service",
        "docker-gluetun.service",
    }
)


def settings_of(file: Path) -> tuple[str, ...]:
    """The settings that a zoo file asks to be evaluated with: its lines `# with { … }`."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return tuple(line.removeprefix("# with ") for line in lines if line.startswith("# with ")) or ("{ }",)


def evaluate(
    root: Path, file: str, settings: Sequence[str] = ("{ }",), lib: str | None = None
) -> list[Facts]:
    """What the module comes to, under each of the settings (modules, as Nix).

    Raises:
        EvaluationError: when it does not evaluate under one of them.
    """
    assert NIX is not None
    more = shared_modules(root)
    command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(ZOO)]
    command += ["--argstr", "file", str((root / file).resolve())]
    command += ["--arg", "settings", f"[ {' '.join(f'({setting})' for setting in settings)} ]"]
    command += ["--arg", "more", json.dumps(more).replace(",", " ")]
    command += ["--arg", "packages", json.dumps(sorted(packages_of(root))).replace(",", " ")]
    if lib is not None:
        command += ["--arg", "lib", f'import (/. + "{Path(lib).resolve()}/lib")']
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EvaluationError(done.stderr)
    found: list[Facts] = json.loads(done.stdout)
    return found


def shared_modules(root: Path) -> list[str]:
    """The shared modules that a configuration has, also where a flake that reads the folder must not see them."""
    paths = (root / name for name in shipped_modules())
    places = (place for path in paths for place in (path, path.with_name(f"_{path.name}")))
    return [str(place.resolve()) for place in places if place.is_file()]


def packages_of(root: Path) -> set[str]:
    """The packages that the files below a folder name."""
    found: set[str] = set()
    for file in root.rglob("*.nix"):
        text = file.read_text(encoding="utf-8")
        found.update(re.findall(r"\bpkgs\.([a-zA-Z_][\w-]*)", text))
        for names in re.findall(r"\bwith pkgs;\s*\[([^\]]*)\]|\binherit \(pkgs\)([^;]*);", text):
            found.update(re.findall(r"[a-zA-Z_][\w-]*", " ".join(names)))
    return found - {"writeShellScript", "writeText"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What objects lost and gained, one line each: `radarr --memory=2g`, `radarr environment TZ=UTC`.

    A value that changed is lost and gained.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]


def compare(before: Facts, after: Facts) -> Comparison:
    """What containers, the units, and the host's assertions and warnings lost and gained."""
    old, new = Counter(_everything(before)), Counter(_everything(after))
    return Comparison(tuple(sorted((old - new).elements())), tuple(sorted((new - old).elements())))


def is_documented(gain: str) -> bool:
    """Whether the conversion may add this: limits, no-new-privileges, PUID, PGID, TZ, order of the unit."""
    _, _, what = gain.partition(" ")
    if what.startswith(("environment PUID=", "environment PGID=", "environment TZ=")):
        return True
    if match := re.fullmatch(r"(after|wants) (\S+)", what):
        return match[2] in DOCUMENTED_UNITS
    flag, _, value = what.partition("=")
    return DOCUMENTED_FLAGS.get(flag) == value


def is_told(lost: str, notes: Sequence[str]) -> bool:
    """Whether it is a port of a container in another one's network, and a note tells of such."""
    _, _, what = lost.partition(" ")
    return what.startswith("ports ") and any("cannot be published" in note for note in notes)


def _everything(facts: Facts) -> Iterator[str]:
    for name, container in facts["containers"].items():
        yield f"{name} container"
        for line in _container(container):
            yield f"{name} {line}"
    for name, unit in facts["services"].items():
        yield from (f"{name}.service {line}" for line in _unit(unit))
    for name, unit in facts["timers"].items():
        yield from (f"{name}.timer {line}" for line in _unit(unit))
    yield from (f"assertion {message}" for message in facts["failed"])
    yield from (f"warning {message}" for message in facts["warnings"])


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    flags = list(_flags(container["extraOptions"]))
    flags += [("--device", value) for value in container["devices"]]
    flags += [("--network", value) for value in container["networks"]]
    flags += [
        ("--cap-add" if given else "--cap-drop", name)
        for name, given in container["capabilities"].items()
        if given is not None
    ]
    flags += [("--privileged", "true")] if container["privileged"] else []
    flags += [
        (f"--{name}", container[name])
        for name in ("entrypoint", "hostname", "user", "workdir")
        if container[name]
    ]
    order: Counter[str] = Counter()
    for name, value in flags:
        shown = _flag_value(name, value)
        # The place among flags of this name counts, where their values are not a set.
        place = f" #{order[name]}" if name in ("--env", "--env-file") else ""
        order[name] += 1
        yield f"{name}{'' if shown is None else f'={shown}'}{place}"
    for name in ("environment", "labels"):
        yield from (f"{name} {key}={value}" for key, value in container[name].items())
    for name in ("dependsOn", "ports", "volumes"):
        yield from (f"{name} {value}" for value in container[name])
    for name in ("cmd", "environmentFiles", "preRunExtraOptions"):
        yield from (f"{name} {number} {value}" for number, value in enumerate(container[name]))
    for name in ("autoRemoveOnStop", "autoStart", "image", "imageFile", "imageStream", "log-driver", "pull"):
        yield f"{name} {container[name]}"
    for name in ("login", "podman", "serviceName"):
        yield f"{name} {json.dumps(container[name], sort_keys=True)}"


def _flags(options: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Name and value of each flag; what is none is a flag of no name."""
    position = 0
    while position < len(options):
        name, equals, rest = options[position].partition("=")
        position += 1
        value: str | None = rest if equals else None
        if not name.startswith("-"):
            yield "", options[position - 1]
            continue
        follows = position < len(options) and not options[position].startswith("-")
        if not equals and name not in SWITCHES and follows:
            value = options[position]
            position += 1
        yield ALIASES.get(name, name), value


def _flag_value(name: str, value: str | None) -> str | None:
    """A value in one of its spellings."""
    if value is None:
        return None
    if name == "--cpus" and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return f"{float(value):g}"
    if name == "--security-opt" and re.fullmatch(r"no-new-privileges([:=]true)?", value):
        return "no-new-privileges"
    return value


def _unit(unit: Mapping[str, Any] | str) -> Iterator[str]:
    if isinstance(unit, str):
        # A stand-in
        yield unit
        return
    for name, value in unit.items():
        if name in ("environment", "serviceConfig", "timerConfig"):
            yield from (f"{name} {key}={json.dumps(inner)}" for key, inner in value.items())
        elif isinstance(value, list):
            yield from (f"{name} {item}" for item in sorted(set(value)))
        elif value not in ("", None):
            yield f"{name} {json.dumps(value)}"
