"""Changes of one file that are built upon each other."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from hwc_refactor import proposing
from hwc_refactor.composing import Composition, compose
from hwc_refactor.model import Applicability, Change, NewFile, Plan, Subject
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nixos.objects import Key
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

FILE = "containers.nix"
ITEMS = (
    'image = "docker.io/x/{name}:1";',
    'ports = [ "127.0.0.1:8{number}0:80" ];',
    'environment = {{\n  PUID = "1000";\n  PGID = "1000"; # the group\n  MODE = "{name}";\n}};',
    'volumes = [\n  "/srv/{name}:/data"\n  "/srv/{name}-log:/log" # grows\n];',
    'extraOptions = [ "--network=media-network" "--memory=512m" ];',
    "autoStart = true;",
)
SETS = (
    "{{\n  imports = [ ];\n\n  virtualisation.oci-containers.containers = {{\n{body}  }};\n}}\n",
    "{{ lib, ... }}:\n{{\n  virtualisation.oci-containers = {{\n    containers = {{\n{body}    }};\n  }};\n}}\n",
)


def configuration(seed: int) -> bytes:
    """A file with containers, written at random."""
    rng = Random(seed)
    body = ""
    for number in range(rng.randrange(2, 6)):
        name = f"app{number}"
        body += rng.choice(("", "\n", f"    # {name} is\n    # here\n", "\n\n"))
        lines: list[str] = []
        for item in (ITEMS[0], *(item for item in ITEMS[1:] if rng.random() < 0.6)):
            lines += item.format(name=name, number=number).split("\n")
            lines += [""] if rng.random() < 0.2 else []
        head, end = rng.choice((("{name} = {{", "}};"), ("{name} = {{ # its own", "}}; # end")))
        inside = "".join(f"      {line}\n" if line else "\n" for line in lines)
        body += f"    {head.format(name=name)}\n{inside}    {end.format()}\n"
    return rng.choice(SETS).format(body=body).encode()


def plan(data: bytes, *, turns: bool = True, without: frozenset[str] = frozenset()) -> Plan:
    """The plan of diff 5, with changes built upon each other or not."""
    with pytest.MonkeyPatch.context() as patch:
        if not turns:
            patch.setattr(proposing, "takes_turns", lambda block: False)
        project = Project(Path("/"), {FILE: data})
        return make_plan(project, Selection(diffs=(5,)), Settings(), without=without, verify=False)


def names(made: Plan) -> list[str]:
    """The objects of a plan's changes, in order."""
    return [one.change.subject.name for one in made.changes if one.change.subject.kind == "container"]


@pytest.mark.parametrize("seed", range(60))
def test_the_same_comes_out(seed: int) -> None:
    data = configuration(seed)
    made, apart = plan(data), plan(data, turns=False)
    assert made.after[FILE].decode() == apart.after[FILE].decode()
    assert sorted(names(made)) == sorted(names(apart))
    assert {(one.id, one.change.notes) for one in made.changes} == {
        (one.id, one.change.notes) for one in apart.changes
    }


def test_all_are_made_on_one_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []

    def counted(snapshot: Tree, proposed: list[tuple[Key, Change]]) -> Composition:
        rounds.append(len(proposed))
        return compose(snapshot, proposed)

    monkeypatch.setattr("hwc_refactor.plan.compose", counted)
    data = configuration(3)
    count = len(names(plan(data)))
    assert count > 2
    assert [number for number in rounds if number] == [count + 1]  # the module comes first


def test_a_comment_between_two_goes_with_them() -> None:
    head, tail = b"    app0 = {", b"    app1 = {"
    data = configuration(3).replace(tail, b"\n    # a part\n\n" + tail)
    assert head in data
    made = plan(data).after[FILE]
    assert b"\n\n    # a part\n\n    app1 = {" in made
    assert b"oci-containers" not in made


@pytest.mark.parametrize("left", range(3))
def test_one_that_is_not_wanted(left: int) -> None:
    data = configuration(3)
    unwanted = next(one.id for one in plan(data).changes if one.change.subject.name == f"app{left}")
    made, apart = (plan(data, turns=turns, without=frozenset((unwanted,))) for turns in (True, False))
    assert f"app{left}" not in names(made)
    assert sorted(names(made)) == sorted(names(apart))
    assert made.after[FILE].decode() == apart.after[FILE].decode()


def test_one_that_is_to_be_left_as_it_is() -> None:
    data = configuration(3).replace(
        b"    app1 = {", b"    # hwc-refactor: ignore[container-module] as it is\n    app1 = {"
    )
    made, apart = plan(data), plan(data, turns=False)
    assert [one.subject.name for one in made.suppressed] == ["app1"]
    assert sorted(names(made)) == sorted(names(apart))
    assert made.after[FILE].decode() == apart.after[FILE].decode()


# -- composing -----------------------------------------------------------------------------------------


def key(name: str) -> Key:
    return "container", "a.nix", name, 0


def change(name: str, *edits: tuple[int, int, bytes], upon: str = "", **more: tuple[object, ...]) -> Change:
    """A change of `a.nix`."""
    made = tuple(Edit(Span("a.nix", start, end), text) for start, end, text in edits)
    others = tuple(key(other) for other in upon)
    subject = Subject("container", name)
    return Change("x", subject, "a.nix", 1, "t", "w", (), Applicability.SAFE, made, upon=others, **more)  # type: ignore[arg-type]


def composed(*changes: Change) -> Composition:
    return compose(Tree({"a.nix": b"[ 1 2 3 ]\n"}), [(key(one.subject.name), one) for one in changes])


def test_edits_of_those_below_are_made_once() -> None:
    found = composed(
        change("a", (2, 3, b"10")),
        change("b", (6, 7, b"30")),
        change("c", (2, 3, b"10"), (4, 5, b"20"), upon="a"),
    )
    assert [one.after["a.nix"] for one in found.made] == [
        b"[ 10 2 3 ]\n",
        b"[ 10 2 30 ]\n",
        b"[ 10 20 30 ]\n",
    ]
    assert [one.before["a.nix"] for one in found.made] == [b"[ 1 2 3 ]\n", b"[ 10 2 3 ]\n", b"[ 10 2 30 ]\n"]
    assert not found.waiting


def test_what_is_built_upon_a_change_that_is_not_made_waits() -> None:
    found = composed(
        change("a", (2, 3, b"10")),
        change("b", (3, 4, b"")),
        change("c", (3, 5, b"20"), upon="b"),
        change("d", (2, 3, b"]")),
    )
    assert [one.key for one in found.made] == [key("a")]
    assert found.waiting == {key("b"), key("c"), key("d")}


def test_what_breaks_a_file_is_withdrawn_with_what_is_built_upon_it() -> None:
    found = composed(change("a", (2, 3, b"]")), change("b", (2, 3, b"]"), (4, 5, b"20"), upon="a"))
    assert not found.made
    assert [(one.subject.name, text[:6]) for one, text in found.withdrawn] == [("a", "line 1")]
    assert found.waiting == {key("b")}


def test_one_file_is_made_once() -> None:
    new = (NewFile("b.nix", b"{ }\n"),)
    found = composed(change("a", new_files=new), change("b", new_files=new))
    assert found.waiting == {key("b")}
    assert found.texts == {"b.nix": b"{ }\n"}
