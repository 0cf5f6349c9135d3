"""The comparison of containers before and after a conversion sees what matters, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest
from containereval import compare, evaluate, is_documented, settings_of
from nixeval import LIBS, EvaluationError, needs_nix

from hwc_refactor.rewriting.shipped import shipped_modules

SHELL = """{ pkgs, ... }: {
  virtualisation.oci-containers.containers.app = lib.mkMerge [ { image = lib.mkDefault "app:1"; } { %s } ];
}"""
SAME = {
    "two-elements": ('extraOptions = [ "--memory" "1g" ];', 'extraOptions = [ "--memory=1g" ];'),
    "short-name": (
        'extraOptions = [ "-m" "1g" "--net=a" ];',
        'extraOptions = [ "--network=a" "--memory=1g" ];',
    ),
    "number": ('extraOptions = [ "--cpus=0.500000" ];', 'extraOptions = [ "--cpus=0.5" ];'),
    "spelling": (
        'extraOptions = [ "--security-opt=no-new-privileges" ];',
        'extraOptions = [ "--security-opt" "no-new-privileges:true" ];',
    ),
    "device": ('devices = [ "/dev/dri" ];', 'extraOptions = [ "--device=/dev/dri" ];'),
    "capability": ("capabilities.NET_ADMIN = true;", 'extraOptions = [ "--cap-add=NET_ADMIN" ];'),
    "user": ('user = "1:1"; hostname = "a";', 'extraOptions = [ "-h" "a" "-u" "1:1" ];'),
    "places": ('volumes = [ "/a:/a" "/b:/b" ];', 'volumes = [ "/b:/b" "/a:/a" ];'),
    "switch": ('extraOptions = [ "--init" "--rm" ];', 'extraOptions = [ "--rm" "--init" ];'),
}
CHANGED = {
    "image": ("", "image = ''app:2'';", ["app image app:1"], ["app image app:2"]),
    "limit": (
        'extraOptions = [ "--memory=1g" ];',
        'extraOptions = [ "--memory=2g" ];',
        ["app --memory=1g"],
        ["app --memory=2g"],
    ),
    "port": ('ports = [ "80:80" ];', "", ["app ports 80:80"], []),
    "value": (
        'environment.A = "1";',
        'environment.A = "2";',
        ["app environment A=1"],
        ["app environment A=2"],
    ),
    "order": (
        'cmd = [ "a" "b" ];',
        'cmd = [ "b" "a" ];',
        ["app cmd 0 a", "app cmd 1 b"],
        ["app cmd 0 b", "app cmd 1 a"],
    ),
    "one-of-two": ('ports = [ "80:80" "80:80" ];', 'ports = [ "80:80" ];', ["app ports 80:80"], []),
    "start": ("", "autoStart = false;", ["app autoStart True"], ["app autoStart False"]),
}
UNIT = 'systemd.services.podman-app = { after = [ "%s" ]; serviceConfig.TimeoutStopSec = 30; };'


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "app.nix").write_text(text.replace("{ pkgs,", "{ lib, pkgs,"), encoding="utf-8")
    return folder


@needs_nix
@pytest.mark.parametrize("name", SAME)
def test_the_same(name: str, tmp_path: Path) -> None:
    one, other = (write(tmp_path / str(n), SHELL % text) for n, text in enumerate(SAME[name]))
    found = compare(evaluate(one, "app.nix")[0], evaluate(other, "app.nix")[0])
    assert (found.lost, found.gained) == ((), ())


@needs_nix
@pytest.mark.parametrize("name", CHANGED)
def test_changed(name: str, tmp_path: Path) -> None:
    before, after, lost, gained = CHANGED[name]
    one, other = (write(tmp_path / str(n), SHELL % text) for n, text in enumerate((before, after)))
    found = compare(evaluate(one, "app.nix")[0], evaluate(other, "app.nix")[0])
    assert (list(found.lost), list(found.gained)) == (lost, gained)


@needs_nix
def test_lost_container_and_unit(tmp_path: Path) -> None:
    before = write(tmp_path / "1", SHELL % "" + "// { %s }" % (UNIT % "a.service"))
    after = write(tmp_path / "2", "{ pkgs, ... }: { %s }" % (UNIT % "b.service"))
    found = compare(evaluate(before, "app.nix")[0], evaluate(after, "app.nix")[0])
    assert "app container" in found.lost
    assert "podman-app.service after a.service" in found.lost
    assert found.gained == ("podman-app.service after b.service",)


@pytest.mark.parametrize("lib", LIBS)
def test_each_setting_is_evaluated(lib: str | None, tmp_path: Path) -> None:
    text = """# An app
# with { zoo.name = "a"; }
# with { zoo.name = "b"; }
{ config, pkgs, ... }:
{
  virtualisation.oci-containers.containers.${config.zoo.name} = { image = "${pkgs.hello}"; };
}
"""
    root = write(tmp_path / "1", text)
    settings = settings_of(root / "app.nix")
    assert settings == ('{ zoo.name = "a"; }', '{ zoo.name = "b"; }')
    assert [list(found["containers"]) for found in evaluate(root, "app.nix", settings, lib)] == [["a"], ["b"]]


@pytest.mark.parametrize("lib", LIBS)
def test_shipped_modules_of_the_tree_are_evaluated_too(lib: str | None, tmp_path: Path) -> None:
    root = write(
        tmp_path / "1", "{ pkgs, ... }: { services.hwc.container.app = { enable = true; image = ''a:1''; }; }"
    )
    assert not evaluate(root, "app.nix", lib=lib)[0]["containers"]
    folder = root / "modules" / "services"
    folder.mkdir(parents=True)
    for path, data in shipped_modules().items():
        (root / path).write_bytes(data)
    assert evaluate(root, "app.nix", lib=lib)[0]["containers"]["app"]["image"] == "a:1"


@needs_nix
def test_what_does_not_evaluate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="undefined variable"):
        evaluate(write(tmp_path / "1", "{ pkgs, ... }: { a = b; }"), "app.nix")


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        ("app --memory=2g", True),
        ("app --memory=3g", False),
        ("app --security-opt=no-new-privileges", True),
        ("app --security-opt=label=disable", False),
        ("app environment TZ=Europe/Berlin", True),
        ("app environment OTHER=1", False),
        ("podman-app.service after agenix.service", True),
        ("podman-app.service after other.service", False),
        ("app ports 80:80", False),
    ],
)
def test_documented_gains(gain: str, expected: bool) -> None:
    assert is_documented(gain) is expected
