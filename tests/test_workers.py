"""Several processes give what one gives, in the same order."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import Call
from example import EXAMPLE

from hwc_refactor.audit import audit
from hwc_refactor.nixos import shares
from hwc_refactor.nixos import tree as trees
from hwc_refactor.nixos.block import CONTAINER, KINDS, SERVICE, Block, Kind
from hwc_refactor.nixos.objects import Key, keys, learn_sites, objects, objects_at, objects_with, rows_at
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.selection import Selection, steps
from hwc_refactor.settings import Settings
from hwc_refactor.workers import Question, WorkerLost, working

#: Objects that several files have a part in, spread so that any division parts them.
SPREAD = {
    "a/web.nix": b'{ virtualisation.oci-containers.containers.web.image = "nginx"; }',
    "b/web.nix": b'{ virtualisation.oci-containers.containers.web.extraOptions = [ "--privileged" ]; }',
    "c/helper.nix": b"""{ name, image }: {
      virtualisation.oci-containers.containers.${name} = { inherit image; };
    }""",
    "d/calls.nix": b"""{ imports = [
      (import ../c/helper.nix { name = "db"; image = "postgres"; })
      (import ../c/more.nix { name = "db"; })
      (import ../c/helper.nix { name = "cache"; image = "redis:7"; })
    ]; }""",
    "c/more.nix": b"""{ name }: {
      virtualisation.oci-containers.containers.${name}.autoStart = false;
    }""",
    "e/open.nix": b"""{ config, ... }: { virtualisation.oci-containers.containers = {
      ${config.a}.image = "x"; ${config.a}.autoStart = true;
    }; }""",
    "e/long.nix": b"""{ lib, hosts, ... }: { virtualisation.oci-containers.containers = lib.mkMerge [
      (lib.mapAttrs (name: options: { image = "registry.zoo/${name}"; autoStart = true; }) hosts.first)
      (lib.mapAttrs (name: options: { image = "registry.zoo/${name}"; autoStart = true; }) hosts.second)
    ]; }""",
    "f/nobody.nix": b'{ virtualisation.oci-containers.containers.ghost.extraOptions = [ "--init" ]; }',
    "g/flags.nix": b'[ "--privileged" ]',
    "h/user.nix": b"""{ virtualisation.oci-containers.containers.far = {
      image = "qmcgaw/gluetun"; extraOptions = import ../g/flags.nix;
    }; }""",
    "i/stray.nix": b'{ flags = [ "--privileged" ]; }',
    "j/service.nix": b'{ systemd.services.web = { script = "true"; serviceConfig.ExecStart = "x"; }; }',
    "k/service.nix": b'{ systemd.services.web.serviceConfig.User = "web"; }',
    "l/broken.nix": b"{ systemd.services.x = ; }",
    "m/twice.nix": b"{ virtualisation.oci-containers.containers.web.autoStart = false; }",
}


def shown(block: Block) -> tuple[object, ...]:
    slots = [[slot.expr.span for slot in part] for part in (block.slots, block.elsewhere)]
    calls = [call.span for call in block.calls]
    return block.file, block.name, block.named, block.own, block.line, slots, calls, len(block.conditions)


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 14])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_shares_hold_every_object_once_and_whole(parts: int, kind: object) -> None:
    for one in (k for k in KINDS.values() if k is kind):
        whole = objects(Tree(SPREAD), one)
        expected = list(zip(keys(one, ((b.file, b.name) for b in whole)), map(shown, whole), strict=True))
        divided = [list(SPREAD)[number::parts] for number in range(parts)]
        trees = [Tree(SPREAD) for _ in divided]
        seen = [shares.sightings(tree, one, paths) for tree, paths in zip(trees, divided, strict=True)]
        sites = shares.sites(Tree(SPREAD), one, [sighting for part in seen for sighting in part])
        found = []
        for tree, paths in zip(trees, divided, strict=True):
            learn_sites(tree, one, sites)
            found += rows_at(tree, one, paths)
        assert [(key, shown(block)) for _, key, block in sorted(found, key=lambda row: row[0])] == expected
        assert sorted(place for place, _, _ in found) == list(range(len(whole)))


def test_files_are_divided_whole_and_evenly() -> None:
    texts = {f"{number:03}.nix": b"systemd" * (number % 7) for number in range(300)}
    divided = shares.divide(Tree(texts), [b"systemd"], 3)
    assert sorted(path for part in divided for path in part) == list(texts)
    sizes = [sum(len(texts[path]) for path in part) for part in divided]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.fixture(params=["example", "spread"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    if request.param == "example":
        return read_project(EXAMPLE, (), Settings())
    for path, data in SPREAD.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return read_project(tmp_path, (), Settings())


@pytest.mark.parametrize("jobs", [2, 5])
@pytest.mark.parametrize("only", [(), ("web", "g*")])
def test_an_audit_is_the_same(project: Project, jobs: int, only: tuple[str, ...]) -> None:
    settings = Settings(pins={"web": "1", "db": "2"})
    asked = steps(Selection(everything=True, diffs=(3,)), settings)
    alone = audit(project, asked, settings, only=only, jobs=1)
    assert alone.findings
    assert audit(project, asked, settings, only=only, jobs=jobs) == alone


#: Services that one function makes, of which one cannot be changed; and one that writes what the other one reads.
TOGETHER = {
    "made.nix": b"""{ lib, ... }:
    let
      nightly = program: { serviceConfig.Type = "oneshot"; script = program; };
    in
    {
      systemd.services.east = nightly "date";
      systemd.services.west = nightly "till-count";
    }""",
    "added.nix": b"{ systemd.services.west.serviceConfig.ProtectHome = true; }",
    "written.nix": b"""{ config, ... }: {
      age.secrets.token.file = ./token.age;
      systemd.services.web-env = {
        before = [ "web.service" ]; wantedBy = [ "web.service" ]; serviceConfig.Type = "oneshot";
        script = ''echo "TOKEN=$(cat ${config.age.secrets.token.path})" > /run/web.env'';
      };
      systemd.services.web = {
        after = [ "web-env.service" ];
        serviceConfig = { ExecStart = "/opt/web"; EnvironmentFile = "/run/web.env"; };
      };
    }""",
    "users.nix": b'{ users.users.ann.isNormalUser = true; systemd.services.ann.serviceConfig.User = "ann"; }',
}


@pytest.mark.parametrize("jobs", [2, 3])
def test_objects_that_hang_together_are_told_alike(tmp_path: Path, jobs: int) -> None:
    for path, data in TOGETHER.items():
        (tmp_path / path).write_bytes(data)
    settings = Settings()
    asked = steps(Selection(everything=True), settings)
    project = read_project(tmp_path, (), settings)
    alone = audit(project, asked, settings, jobs=1)
    assert {finding.subject.name for finding in alone.findings} >= {"east", "west", "web"}
    assert audit(project, asked, settings, jobs=jobs) == alone


@pytest.mark.parametrize("kind", [SERVICE, CONTAINER])
def test_objects_are_made_once_and_stay_the_same(kind: Kind) -> None:
    tree = Tree(SPREAD)
    learn_sites(tree, kind, shares.sites(tree, kind, shares.sightings(tree, kind, tree.paths)))
    whole = objects(tree, kind)
    assert {id(block) for block in whole} == {id(block) for _, _, block in rows_at(tree, kind, tree.paths)}
    assert [shown(block) for block in whole] == [shown(block) for block in objects(Tree(SPREAD), kind)]
    for name in {block.name for block in whole}:
        assert objects(tree, kind, (name,)) == [block for block in whole if block.name == name]
    for file in SPREAD:
        found = [shown(block) for block in objects_with(tree, kind, file)]
        assert found == [shown(block) for block in objects_with(Tree(SPREAD), kind, file)]
        assert objects_at(tree, kind, (file,)) == [block for block in whole if block.file == file]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_audit_is_the_same_when_trees_are_let_go_and_made_again(
    project: Project, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(pins={"web": "1", "db": "2"})
    asked = steps(Selection(everything=True, diffs=(3,)), settings)
    kept = audit(project, asked, settings, jobs=1)
    monkeypatch.setattr(trees, "MANY_TREES", -(10**9))
    assert audit(project, asked, settings, jobs=jobs) == kept


@pytest.mark.parametrize("jobs", [2, 5])
def test_a_plan_is_the_same(project: Project, jobs: int) -> None:
    settings = Settings(pins={"web": "1", "db": "2", "cache": "3", "far": "4"})
    selection = Selection(everything=True)
    alone = make_plan(project, selection, settings, verify=False, jobs=1)
    assert alone.changes
    assert make_plan(project, selection, settings, verify=False, jobs=jobs) == alone


def test_the_number_of_processes_is_an_option(call: Call) -> None:
    answers = {
        call("apply", "--all", "--dry-run", "--format", "json", "--root", EXAMPLE, "--jobs", jobs).out
        for jobs in ("1", "2")
    }
    assert len(answers) == 1
    assert call("scan", "--jobs", "0", "--root", EXAMPLE).code == 2


# -- what can go wrong ---------------------------------------------------------------------------------


def _fails(_: Tree, key: Key, __: Block) -> object:
    raise ValueError(f"no answer for {key[2]}")


def _dies(_: Tree, __: Key, ___: Block) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def test_what_is_raised_elsewhere_is_raised_here() -> None:
    tree = Tree(SPREAD)
    failing = working(tree, [Question(SERVICE, "fails", _fails)], 2)
    with pytest.raises(ValueError, match="no answer for web"), failing as workers:
        workers.answers([0])


def test_a_process_that_ends_early_is_told() -> None:
    tree = Tree(SPREAD)
    dying = working(tree, [Question(CONTAINER, "dies", _dies)], 2)
    with pytest.raises(WorkerLost), dying as workers:
        workers.answers([0])


def test_no_process_is_left() -> None:
    with working(Tree(SPREAD), [Question(CONTAINER, "name", lambda _, key, __: key)], 3) as workers:
        (found,) = workers.answers([0])
        assert len(found) == 8
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
