"""A folder of unit files that systemd can judge by itself: the rendered ones, and stand-ins for what they name.

Whether a unit that another one names exists on the machine is not known, so each of them is there, and
nothing can be found wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from hwc_refactor.nixos.units.render import UnitFile
from hwc_refactor.nixos.units.standins import PROGRAM, WORD, unit_data

_NAME = re.compile(r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\%-]*)?\.[a-z]+")
"""The names that a unit file may have (systemd.unit(5), "DESCRIPTION")."""
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_BODIES = {
    "service": f"[Service]\nExecStart={PROGRAM}\n",
    "socket": f"[Socket]\nListenStream=/run/{WORD}\n",
    "timer": "[Timer]\nOnBootSec=1h\n",
    "path": f"[Path]\nPathExists=/{WORD}\n",
    "mount": "[Mount]\nWhat={WORD}\nWhere={where}\n",
    "automount": "[Automount]\nWhere={where}\n",
    "swap": "[Swap]\nWhat={where}\n",
    "target": "",
}


class UnitFolder(Struct, frozen=True):
    """Unit files in one folder.

    Attributes:
        files: their texts, by name.
        units: the rendered units, by the name they have here.
    """

    files: Mapping[str, str]
    units: Mapping[str, UnitFile]


def unit_folder(units: Sequence[UnitFile]) -> UnitFolder:
    """The folder for some units; of several with the same name, all but the first are given another."""
    named: dict[str, UnitFile] = {}
    for unit in units:
        stem, _, suffix = unit.name.rpartition(".")
        stem = stem if _NAME.fullmatch(unit.name) else WORD
        name, number = f"{stem}.{suffix}", 1
        while name in named:
            number += 1
            base, at, instance = stem.partition("@")
            name = f"{base}--{number}{at}{instance}.{suffix}"
        named[name] = unit
    files = {name: unit.text for name, unit in named.items()}
    for name in dict.fromkeys((*unit_data()["implied"]["units"].split(), *_named(units))):
        text = None if name in files else _stand_in(name)
        if text is not None:
            files[_template(name)] = text
    return UnitFolder(files, named)


def _named(units: Iterable[UnitFile]) -> Iterator[str]:
    """The units that units name."""
    options = unit_data()["unit"]
    relations = {options[option] for option in unit_data()["names"]["options"].split()}
    for unit in units:
        for key, value in unit.section("Unit"):
            if key in relations:
                yield from value.split()
        if unit.name.endswith(".timer"):
            yield next(iter(unit.setting("Timer", "Unit")), unit.name.removesuffix(".timer") + ".service")


def _stand_in(name: str) -> str | None:
    """The text of a unit that nothing is wrong with; None for what needs no file, or is no name.

    What it stands for may be started early, so it is not ordered behind sysinit.target: with the dependencies
    that a unit has by default, one that comes before that target would be in a cycle.
    """
    body = _BODIES.get(name.rpartition(".")[2])
    if body is None or not _NAME.fullmatch(name):
        return None
    path = name.rpartition(".")[0].replace("-", "/")
    where = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), f"/{path.strip('/')}")
    return "[Unit]\nDefaultDependencies=no\n" + body.replace("{where}", where).replace("{WORD}", WORD)


def _template(name: str) -> str:
    """The file that a unit is read from: that of its template where it is an instance."""
    stem, _, suffix = name.rpartition(".")
    base, at, _ = stem.partition("@")
    return f"{base}{at}.{suffix}"
