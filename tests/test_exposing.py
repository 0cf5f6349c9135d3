"""Changes of services are shown with the exposure before and after."""

from __future__ import annotations

import json

import pytest
from example import example_plan
from msgspec.structs import replace

from hwc_refactor.checking.exposing import exposed
from hwc_refactor.model import Applicability, Change, Exposure, PlannedChange, Subject
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.report import jsonout
from hwc_refactor.report.summary import change_facts


def planned(name: str, file: str = "a.nix", kind: str = "service", after: bytes = b"") -> PlannedChange:
    """A change of an object."""
    change = Change("x", Subject(kind, name), file, 1, "title", "why", (), Applicability.SAFE, ())
    return PlannedChange("id", change, {file: b""}, {file: after})


def moved(before: str, after: str, change: PlannedChange, **others: str) -> Exposure | None:
    """What a change of one file is given as its exposure."""
    rest = {f"{name}.nix": text.encode() for name, text in others.items()}
    old, new = (Tree({"a.nix": text.encode(), **rest}) for text in (before, after))
    (found,) = exposed(old, new, [change])
    return found.exposure


def service(name: str = "a", settings: str = "") -> str:
    """A module with a service."""
    return f'{{ systemd.services.{name} = {{ script = "run"; serviceConfig = {{ {settings} }}; }}; }}'


def test_a_service_before_and_after() -> None:
    found = moved(service(), service(settings="PrivateTmp = true;"), planned("a"))
    assert found == Exposure(9.6, 9.4)
    assert str(found) == "9.6 -> 9.4"


def test_a_service_with_a_new_name_is_found_again() -> None:
    assert moved(service(), service("b", "PrivateTmp = true;"), planned("a")) == Exposure(9.6, 9.4)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (service(), service(), planned("a", kind="container")),
        (service(), service(), planned("other")),
        (service(), "{ }", planned("a")),
        (service(), service("b").replace("}; }; }", "}; }; systemd.services.c.script = \"run\"; }"), planned("a")),
        (service(), service(settings="PrivateTmp = config.x.tmp;"), planned("a")),
        (service("a") + " ", service(), planned("a", file="elsewhere.nix")),
    ],
    ids=["no service", "not there", "gone", "two new ones", "not known", "another file"],
)  # fmt: skip
def test_no_figure_where_it_is_not_certain(before: str, after: str, change: PlannedChange) -> None:
    assert moved(before, after, change) is None


def test_figures_of_diff_3() -> None:
    plan = example_plan(3)
    figures = {change.change.codemod: change.exposure for change in plan.changes}
    assert figures == {
        "unprivileged-container": None,
        "pin-image": None,
        "harden-service": Exposure(9.6, 8.3),
    }
    (shown,) = [
        c["exposure"] for c in json.loads(jsonout.dumps(jsonout.run(plan)))["changes"] if c["exposure"]
    ]
    assert shown == {"before": 9.6, "after": 8.3}
    (line,) = [change_facts(change) for change in plan.changes if change.exposure]
    assert line.endswith("(harden-service, diff 3; safe, exposure 9.6 -> 8.3)")
    without = replace(plan.changes[-1], exposure=None)
    assert "exposure" not in change_facts(without)
