"""Runs units under systemd itself, as the first process of a machine that is made of namespaces.

`machine/boot.sh` makes the machine: the root file system of the one the tests run on, what is written kept in memory,
with processes, mounts, network, host name, control groups and devices of its own. Nothing of it is left afterwards.
It needs root, systemd, and a kernel that lets namespaces, an overlay and the second control group hierarchy be had;
where one is missing, `absent` says which.

So every directive is carried out by systemd and the kernel: mounts, capabilities, seccomp filters, and BPF programs
of control groups for `IPAddressDeny`, `DevicePolicy`. What the machine cannot show: udev, D-Bus, the journal (what
a unit prints goes to a file), real hardware (a device file that gives zeros stands for it), other hosts (a second
address of the loopback device stands for them).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nixeval import NIX, EvaluationError

MACHINE = Path(__file__).with_name("machine")
SYSTEMD = next(
    (path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if os.access(path, os.X_OK)), None
)
PYTHON = "/usr/bin/python3"
"""Where a sandbox does not hide it."""
PROGRAMS = ("unshare", "pivot_root", "timeout", "systemctl", "systemd-tmpfiles")
SECONDS = 45
"""How long a machine may run before it is stopped."""
_STUBS = ("sysinit", "basic", "shutdown", "multi-user", "network", "network-online")


@dataclass(frozen=True)
class Unit:
    """A service to run.

    Attributes:
        settings: lines of its `[Service]` section.
        prepare: shell that makes what is there before, as root.
        check: shell that succeeds once the service has done its thing, and not before; `output` is what it printed.
        rules: rules of systemd-tmpfiles.
        serves: whether it goes on running.
        tries: how often it is looked whether it has ended, or serves.
    """

    settings: Sequence[tuple[str, str]]
    check: str
    prepare: str = ""
    rules: Sequence[str] = ()
    serves: bool = False
    tries: int = 200


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        done: whether it did its thing.
        result, status: systemd's word for how it ended, and the exit status of its main process.
        said: everything that was printed, for whoever looks into a failure.
    """

    done: bool
    result: str
    status: int
    said: str

    @property
    def well(self) -> bool:
        """Whether it did its thing and ended well."""
        return self.done and self.result == "success"


@cache
def absent() -> str | None:
    """Why no machine can be had here; None when one can."""
    if os.geteuid() != 0:
        return "a machine of namespaces needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if SYSTEMD is None or missing:
        return f"not installed: {', '.join(missing) or 'systemd'}"
    if not os.access(PYTHON, os.X_OK):
        return f"{PYTHON} is not installed"
    probe = {"probe": Unit([("ExecStart", "/bin/touch /srv/probed")], "test -e /srv/probed")}
    try:
        outcome = run(probe)["probe"]
    except NoMachine as reason:
        return f"no machine of namespaces can be had here: {reason}"
    return None if outcome.well else f"a machine of namespaces does not run its units here: {outcome.said}"


class NoMachine(Exception):
    """The machine did not come up; the message is what it said."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one machine, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="hwc-machine-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(units: Mapping[str, Unit], store: Path | None = None) -> dict[str, Outcome]:
    """What becomes of units, each started alone on fresh folders.

    Args:
        units: by name, without suffix.
        store: a folder that holds what `/nix/store` shall hold.

    Raises:
        NoMachine: when systemd does not start, or does not end in time.
    """
    with folder() as shared:
        _hand_over(shared, units)
        if store is None:
            (shared / "store").mkdir()
        else:
            shutil.move(str(store), shared / "store")
        log = _boot(shared)
        outcomes = {}
        for name in units:
            case = shared / "cases" / name
            if not (case / "result").exists():
                raise NoMachine(f"{name} did not end: {log}")
            outcomes[name] = _outcome(case)
        return outcomes


def _hand_over(shared: Path, units: Mapping[str, Unit]) -> None:
    (shared / "units").mkdir()
    (shared / "cases").mkdir()
    for name in ("drive.sh", "neighbour.py"):
        shutil.copy(MACHINE / name, shared / name)
    for name in _STUBS:
        (shared / "units" / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n", encoding="utf-8")
    own = {
        "machine.target": "[Unit]\nDefaultDependencies=no\nWants=drive.service\n",
        "drive.service": "[Unit]\nDefaultDependencies=no\nSuccessAction=exit-force\nFailureAction=exit-force\n"
        "Requires=neighbour.service\nAfter=neighbour.service\n"
        "[Service]\nType=oneshot\nExecStart=/bin/sh /run/shared/drive.sh\n",
        "bystander.service": "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n"
        "[Service]\nType=oneshot\nExecStart=/bin/touch /srv/bystander\n",
        "neighbour.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=exec\n"
        f"ExecStart={PYTHON} -I /run/shared/neighbour.py\n",
    }
    for name, text in own.items():
        (shared / "units" / name).write_text(text, encoding="utf-8")
    for name, unit in units.items():
        case = shared / "cases" / name
        case.mkdir()
        output = f"{Path('/run/shared/cases') / name / 'output'}"
        lines = [f"{key}={value}" for key, value in unit.settings]
        lines += [f"StandardOutput=append:{output}", f"StandardError=append:{output}"]
        (shared / "units" / f"{name}.service").write_text(
            "\n".join(["[Service]", *lines, ""]), encoding="utf-8"
        )
        for file, text in (
            ("prepare", unit.prepare),
            ("check", unit.check),
            ("rules", "\n".join(unit.rules)),
        ):
            (case / file).write_text(f"{text}\n" if text else "", encoding="utf-8")
        (case / "tries").write_text(f"{unit.tries}\n", encoding="utf-8")
        if unit.serves:
            (case / "serves").touch()
    (shared / "cases" / "order").write_text("\n".join(units) + "\n", encoding="utf-8")


def _boot(shared: Path) -> str:
    """Run the machine until it has driven all cases; what systemd said."""
    command = ["unshare", "--mount", "--propagation", "private", str(MACHINE / "boot.sh")]
    with open(shared / "log", "wb") as log, open(os.devnull, "rb") as nothing:
        process = subprocess.Popen(
            [*command, str(shared), str(SYSTEMD), str(SECONDS)],
            stdin=nothing,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            process.wait(SECONDS + 15)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    text = (shared / "log").read_text(encoding="utf-8", errors="replace")
    if process.returncode:
        raise NoMachine(f"exit code {process.returncode}: {text.strip()[-600:]}")
    return text


def _outcome(case: Path) -> Outcome:
    done, *rest = (case / "result").read_text(encoding="utf-8").split()
    said = "".join(
        f"{name}: {text}"
        for name in ("prepared", "early", "started", "output", "checked")
        if (case / name).exists() and (text := (case / name).read_text(encoding="utf-8", errors="replace"))
    )
    if done in ("prepare", "early"):
        return Outcome(False, done, 0, said)
    return Outcome(done == "done", rest[0], int(rest[1]) if len(rest) > 1 else 0, said)


@dataclass(frozen=True)
class Evaluated:
    """The services of a module.

    Attributes:
        settings: lines of the `[Service]` section, by name of the service.
        rules: the rules of systemd-tmpfiles.
    """

    settings: Mapping[str, Sequence[tuple[str, str]]]
    rules: Sequence[str]


def evaluate(module: Path, root: Path) -> Evaluated:
    """Evaluate a module; the files that it writes are in the store below `root` then.

    Raises:
        EvaluationError: when it does not evaluate.
    """
    assert NIX is not None
    command = [NIX, "--eval", "--strict", "--json", "--read-write-mode", "--store", str(root)]
    command += [str(MACHINE / "services.nix"), "--argstr", "file", str(module)]
    environment = {**os.environ, "NIX_REMOTE": "", "NIX_STATE_DIR": str(root / "state")}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise EvaluationError(done.stderr)
    found = json.loads(done.stdout)
    settings = {name: tuple(_lines(service)) for name, service in found["services"].items()}
    store = root / "nix" / "store"
    for path in store.iterdir():
        if path.is_file():
            path.chmod(0o555)
    for name in set(_packages(done.stdout, store)):
        if not (store / name).exists():
            local = shutil.which(name.partition("-")[2], path="/usr/local/bin")
            (store / name).symlink_to("/usr" if local is None else "/usr/local")
    return Evaluated(settings, found["rules"])


def _packages(text: str, store: Path) -> Iterator[str]:
    """The names in the store that are of a package, in the settings and in what is written."""
    texts = [text, *(p.read_text(encoding="utf-8", errors="replace") for p in store.iterdir() if p.is_file())]
    for one in texts:
        for part in one.split("/nix/store/" + "0" * 32 + "-")[1:]:
            end = next(
                (number for number, sign in enumerate(part) if not (sign.isalnum() or sign in "-_.")), None
            )
            yield "0" * 32 + "-" + part[:end]


def _lines(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(service["environment"].items()):
        if value is not None:
            yield "Environment", json.dumps(f"{name}={value}")
    for name, value in sorted(service["settings"].items()):
        for item in value if isinstance(value, list) else [value]:
            yield name, str(item).lower() if isinstance(item, bool) else str(item)
