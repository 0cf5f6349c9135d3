"""hwc-refactor.toml and the options above it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from hwc_refactor.overrides import Overrides, load_settings, root_named_by
from hwc_refactor.settings import Settings, SettingsError


def settings(root: Path, text: str) -> Settings:
    (root / "hwc-refactor.toml").write_text(text, encoding="utf-8")
    return load_settings(root)


def complaint(root: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(root, text)
    return str(caught.value).removeprefix(f"{root}/")


def test_no_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


def test_every_key_is_read(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        exclude = ["old/*"]
        level = "strict"
        timer-style = "faithful"
        disable = ["pin-image"]
        module-import = "hosts/./server.nix"
        keep-limits = true
        monitors = ["*-monitor", "watch-*"]
        [paths]
        "/mnt/media/" = "config.hwc.paths.media"
        [pins]
        gluetun = "v3.39.1"
        "lscr.io/linuxserver/radarr" = "5.14.0@sha256:%s"
        [limits]
        memory = "512m"
        memory-swap = "-1"
        [limits.jellyfin]
        memory = "4g"
        cpus = "2.5"
        [[image]]
        id = "my-vpn"
        match = ["registry.example.org:5000/me/vpn"]
        capabilities = ["NET_ADMIN"]
        sysctls = { "net.ipv4.ip_forward" = "1" }
        no_new_privileges = true
        """
        % ("0" * 64),
    )
    assert (found.exclude, found.level, found.timer_style) == (("old/*",), "strict", "faithful")
    assert (found.disable, found.module_import) == (("pin-image",), "hosts/server.nix")
    assert found.keep_limits
    assert found.monitors == ("*-monitor", "watch-*")
    assert found.paths == {"/mnt/media": "config.hwc.paths.media"}
    assert found.pin_for("nothing", "gluetun") == "v3.39.1"
    assert found.pin_for("nothing") is None
    assert found.limits_for("radarr") == {"memory": "512m", "memory-swap": "-1"}
    assert found.limits_for("jellyfin") == {"memory": "4g", "memory-swap": "-1", "cpus": "2.5"}
    assert [profile["id"] for profile in found.profiles] == ["my-vpn"]
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'level = "strict"\nexlude = []\n',
            "hwc-refactor.toml:2: unknown key 'exlude'; did you mean 'exclude'?",
        ),
        ("timer_style = 1\n", "did you mean 'timer-style'?"),
        ('exclude = "old"\n', "hwc-refactor.toml:1: 'exclude' has to be a list of strings"),
        ("exclude = [1]\n", "a list of strings"),
        ('level = "strct"\n', "not 'strct'; did you mean 'strict'?"),
        ('disable = ["pin-imag"]\n', "there is no codemod 'pin-imag'; did you mean 'pin-image'?"),
        (
            "[pins]\na = 'v1'\nradarr = 5.14\n",
            "hwc-refactor.toml:3: the tag of 'radarr' has to be a string; write \"5.14\"",
        ),
        ('[pins]\nradarr = "latest"\n', "hwc-refactor.toml:2: 'latest' is no version"),
        ('[pins]\nradarr = "a b"\n', "'a b' is no tag"),
        ("root = '/etc'\n", "hwc-refactor.toml:1: 'root': '/etc' has to be a path below the root"),
        ("[paths]\nmedia = 'config.x'\n", "hwc-refactor.toml:2: 'media' has to be an absolute path"),
        ("[paths]\n'/x' = 'rm -rf'\n", "hwc-refactor.toml:2: 'rm -rf' has to be an option such as"),
        ("monitor = ['x']\n", "hwc-refactor.toml:1: unknown key 'monitor'; did you mean 'monitors'?"),
        ("keep-limits = 1\n", "hwc-refactor.toml:1: 'keep-limits' has to be true or false"),
        ('[limits]\nmem = "1g"\n', "hwc-refactor.toml:2: unknown limit 'mem'; did you mean 'memory'?"),
        ('[limits.x]\n\nmemory = "lots"\n', 'hwc-refactor.toml:3: memory has to be a string such as "512m"'),
        ("[limits]\npids-limit = 100\n", 'pids-limit has to be a string such as "100"'),
        ('[[image]]\nid = "x"\n', "hwc-refactor.toml:1: the [[image]] table 'x' has no 'match'"),
        (
            '[[image]]\nid = "x"\nmatch = ["x"]\ncapability = ["A"]\n',
            "hwc-refactor.toml:4: unknown key 'capability'; did",
        ),
        (
            '[[image]]\nid = "x"\nmatch = ["x"]\nneeds_device = "yes"\n',
            "'needs_device' has to be true or false",
        ),
        (
            '[[image]]\nid = "x"\nmatch = ["x"]\ncapabilities = ["NETADMIN"]\n',
            "hwc-refactor.toml:4: there is no capability 'NETADMIN'; did you mean 'NET_ADMIN'?",
        ),
        (
            '[[image]]\nid = "x"\nmatch = ["x"]\noptional_capabilities = ["CAP_CHOWN"]\n',
            "there is no capability 'CAP_CHOWN'; did you mean 'CHOWN'?",
        ),
        (
            'module-import = "../other.nix"\n',
            "hwc-refactor.toml:1: 'module-import': '../other.nix' has to be a path below",
        ),
        ("level =\n", "hwc-refactor.toml:1:8: this is not valid TOML"),
        ('level = "', "this is not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_a_way_out(tmp_path: Path, text: str, words: str) -> None:
    assert words in complaint(tmp_path, text)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert settings(tmp_path, "\ufefflevel = 'strict'\r\n").level == "strict"


def test_a_file_that_is_none_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hwc-refactor.toml")
    with pytest.raises(SettingsError, match="it is no file"):
        load_settings(tmp_path)


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "hwc-refactor.toml").write_text("level = 'strict'\nroot = 'nixos'\n")
    with pytest.raises(SettingsError, match=r"hwc-refactor\.toml:2: 'root': there is no folder 'nixos'"):
        root_named_by(tmp_path / "hwc-refactor.toml")


def test_a_file_that_cannot_be_read_is_no_default(tmp_path: Path) -> None:
    (tmp_path / "hwc-refactor.toml").symlink_to("nowhere")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "other", tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b'level = "\xe9"')
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path, tmp_path / "latin.toml")


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text("# chosen in May\na=2\n\nhost:5000/b=2\n", encoding="utf-8")
    (tmp_path / "pins.toml").write_text('[pins]\nc = "2"\n', encoding="utf-8")
    (tmp_path / "bare.toml").write_text('d = "2"\n', encoding="utf-8")
    (tmp_path / "own.toml").write_text('[[image]]\nid = "first"\nmatch = ["x"]\n', encoding="utf-8")
    (tmp_path / "hwc-refactor.toml").write_text(
        'level = "strict"\n[pins]\na = "1"\nz = "1"\n[[image]]\nid = "second"\nmatch = ["x"]\n',
        encoding="utf-8",
    )
    files = [tmp_path / name for name in ("pins.txt", "pins.toml", "bare.toml")]
    overrides = Overrides(
        level="documented",
        pins=["c=3"],
        pin_files=files,
        profile_files=[tmp_path / "own.toml"],
        module_import="a.nix",
    )
    found = load_settings(tmp_path, None, overrides)
    assert found.pins == {"a": "2", "z": "1", "host:5000/b": "2", "c": "3", "d": "2"}
    assert [profile["id"] for profile in found.profiles] == ["first", "second"]
    assert (found.level, found.module_import) == ("documented", "a.nix")


@pytest.mark.parametrize("text", ["gluetun", "=v1", "a=latest", 'a=v"1', "a="])
def test_a_pin_is_name_and_tag(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--pin "):
        load_settings(tmp_path, None, Overrides(pins=[text]))


def test_a_file_of_pins_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text("a=1\nb=latest\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"pins\.txt:2: 'latest'"):
        load_settings(tmp_path, None, Overrides(pin_files=[tmp_path / "pins.txt"]))
    (tmp_path / "pins.txt").write_text("a = 1\n# b\nno version\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"pins\.txt:3: write it as NAME=TAG"):
        load_settings(tmp_path, None, Overrides(pin_files=[tmp_path / "pins.txt"]))


# -- the root that a file names ------------------------------------------------------------------------


def test_a_file_names_the_root_below_it(tmp_path: Path) -> None:
    (tmp_path / "nixos" / "hosts").mkdir(parents=True)
    (tmp_path / "hwc-refactor.toml").write_text("root = 'nixos'\nlevel = 'strict'\n")
    assert root_named_by(tmp_path / "hwc-refactor.toml") == tmp_path / "nixos"
    assert load_settings(tmp_path / "nixos").level == "strict"
    assert load_settings(tmp_path / "nixos" / "hosts").level == "documented"
    (tmp_path / "nixos" / "hwc-refactor.toml").write_text("")
    assert load_settings(tmp_path / "nixos").level == "documented"


def test_a_file_above_the_work_tree_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "nixos" / ".git").mkdir(parents=True)
    (tmp_path / "nixos" / "hosts").mkdir()
    (tmp_path / "hwc-refactor.toml").write_text("root = 'nixos/hosts'\nlevel = 'strict'\n")
    assert load_settings(tmp_path / "nixos" / "hosts").level == "documented"
