"""`scan`, through the real command line: findings, figures, suppressions, baselines, exit codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import Call
from example import EXAMPLE

from hwc_refactor.registry import codemods
from hwc_refactor.selection import ORDER

KEYS = [
    *("codemod", "rule", "severity", "file", "line", "column", "end_line"),
    *("object", "message", "action", "reason"),
]
CONTAINERS = "virtualisation.oci-containers.containers"
WEB = f"""{{
  {CONTAINERS} = {{
    web = {{
      image = "nginx:latest";
    }};
    cache.image = "redis";
  }};
}}
"""
BROKEN = "{ virtualisation.oci-containers.containers.x = {\n  image = [;\n};"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one configuration file; the current directory."""
    folder = tmp_path / "nixos"
    folder.mkdir()
    (folder / "web.nix").write_text(WEB)
    (folder / "flake.nix").write_text("{ }\n")
    configure(folder)
    monkeypatch.chdir(folder)
    return folder


def configure(root: Path, text: str = "") -> None:
    """Settings with which two codemods run and no others, whatever there are; they begin in the second line."""
    others = [name for name in ORDER if name not in ("pin-image", "unprivileged-container")]
    (root / "hwc-refactor.toml").write_text(f"disable = {json.dumps(others)}\n{text}")


def findings(call: Call, *arguments: str | Path) -> list[dict[str, Any]]:
    return list(document(call, *arguments)["findings"])


def document(call: Call, *arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call("scan", "--format", "json", "--root", ".", *arguments).out)
    return found


def told(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(finding["rule"], finding["object"]["name"], finding["line"]) for finding in found]


PINS = [("pin-image", "web", 4), ("pin-image", "cache", 6)]


# -- findings ------------------------------------------------------------------------------------------


def test_every_codemod_is_asked(call: Call) -> None:
    counts = json.loads(call("scan", "--format", "json", "--root", EXAMPLE).out)["summary"]["by_codemod"]
    assert set(counts) >= set(codemods())


def test_every_finding_has_the_promised_keys(call: Call) -> None:
    found = json.loads(call("scan", "--format", "json", "--root", EXAMPLE).out)
    assert set(found) == {"version", "root", "findings", "errors", "summary"}
    assert found["findings"]
    for finding in found["findings"]:
        assert list(finding) == KEYS
        assert finding["severity"] in ("critical", "high", "medium", "low")
        assert (finding["action"] == "refuse") == bool(finding["reason"])
        lines = (EXAMPLE / finding["file"]).read_text().splitlines()
        assert 1 <= finding["line"] <= finding["end_line"] <= len(lines)
        assert 1 <= finding["column"] <= len(lines[finding["line"] - 1])
        assert set(finding["object"]) == {"kind", "name"}
        assert finding["message"].endswith(".")


def test_the_gravest_come_first(call: Call) -> None:
    found = json.loads(call("scan", "--format", "json", "--root", EXAMPLE).out)["findings"]
    order = ["critical", "high", "medium", "low"]
    ranks = [order.index(finding["severity"]) for finding in found]
    assert ranks == sorted(ranks)


def test_a_finding_is_a_change_or_says_why_not(root: Path, call: Call) -> None:
    assert told(findings(call)) == PINS
    assert {finding["action"] for finding in findings(call)} == {"refuse"}
    configure(root, '[pins]\nweb = "1.27"\n')
    web, cache = findings(call)
    assert (web["action"], web["reason"]) == ("change", None)
    assert cache["action"] == "refuse"
    assert "--pin cache=TAG" in cache["reason"]


def test_nothing_is_written(root: Path, call: Call) -> None:
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    assert call("scan").code == 0
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_files_are_those_that_it_is_about(root: Path, call: Call) -> None:
    files = sum(1 for _ in root.rglob("*.nix"))
    assert files > 1
    (root / "only").mkdir()
    (root / "only" / "one.nix").write_text('{ systemd.services.one.script = "date"; }\n')
    for paths, count in (((), files + 1), (("only",), 1), (("only/one.nix",), 1)):
        assert json.loads(call("scan", "--format", "json", *paths).out)["summary"]["files"] == count


def test_paths_names_and_codemods_narrow(root: Path, call: Call) -> None:
    (root / "other").mkdir()
    (root / "other" / "db.nix").write_text(f'{{ {CONTAINERS}.db.image = "postgres"; }}\n')
    assert told(findings(call, "other")) == [("pin-image", "db", 1)]
    assert told(findings(call, "--only", "c*")) == [("pin-image", "cache", 6)]
    assert findings(call, "--codemod", "unprivileged-container") == []
    assert call("scan", "--codemod", "pin-imag").code == 2


def test_a_broken_file_is_an_error_with_its_place_and_stops_nobody(root: Path, call: Call) -> None:
    (root / "broken.nix").write_text(BROKEN)
    done = call("scan", "--format", "json", "--root", ".")
    found = json.loads(done.out)
    assert done.code == 2
    assert [(e["file"], e["line"], e["column"]) for e in found["errors"]] == [("broken.nix", 2, 12)]
    assert "broken.nix:2:12: error: " in done.err
    assert told(found["findings"]) == PINS
    assert (root / "broken.nix").read_text() == BROKEN


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_broken_file_is_told_whatever_it_holds(root: Path, call: Call, jobs: str) -> None:
    (root / "lib.nix").write_text("{ a = 1;\n  b = ;\n}\n")
    (root / "empty.nix").write_text("# { a = 1; }\n")
    (root / "blob.nix").write_bytes(b"\x00\xff\x00 = \x1b[2J")
    (root / "locked.nix").write_bytes(b"\x00GITCRYPT\x00\xff\xfe")
    (root / "dangling.nix").symlink_to("nowhere")
    (root / "folder.nix").mkdir()
    found = document(call, "--jobs", jobs)
    assert [(e["file"], e["line"], e["column"]) for e in found["errors"]] == [
        ("blob.nix", 1, 1),
        ("lib.nix", 2, 6),
    ]
    assert found["errors"][0]["message"] == "the file is no text"
    assert found["summary"]["files_locked"] == 1
    assert told(found["findings"]) == PINS
    assert b"1 file locked by git-crypt could not be read" in call("scan").out


def test_the_settings_file_may_name_the_root(root: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (root / "hwc-refactor.toml").rename(tmp_path / "hwc-refactor.toml")
    text = (tmp_path / "hwc-refactor.toml").read_text()
    (tmp_path / "hwc-refactor.toml").write_text(f'root = "nixos"\n{text}')
    (tmp_path / "other.nix").write_text(f'{{ {CONTAINERS}.db.image = "postgres"; }}\n')
    for options in ((), ("--config", "../hwc-refactor.toml")):
        found = json.loads(call("scan", "--format", "json", *options).out)
        assert found["root"] == str(root)
        assert told(found["findings"]) == PINS
    assert json.loads(call("scan", "--format", "json", "--root", tmp_path).out)["root"] == str(tmp_path)


def test_options_go_before_the_settings_file(root: Path, call: Call) -> None:
    web, _ = findings(call, "--pin", "web=1.27")
    assert web["action"] == "change"


# -- figures -------------------------------------------------------------------------------------------

SERVICES = """{ config, common, ... }: {
  systemd.services = {
    bare.script = "true";
    said = { script = "true"; serviceConfig.User = "root"; };
    dynamic = { script = "true"; serviceConfig = { DynamicUser = true; ProtectSystem = "strict"; }; };
    person = { script = "true"; serviceConfig = { User = "anna"; PrivateTmp = true; }; };
    unknown = { script = "true"; serviceConfig.User = config.services.x.user; };
    open = { script = "true"; serviceConfig = common; };
    nginx.serviceConfig.User = "root";
    "tick@".script = "true";
  };
  systemd.user.services.tray.script = "true";
  virtualisation.oci-containers.containers.box = {
    image = "a:1";
    extraOptions = [ "--privileged" ];
  };
}
"""


def test_figures_count_what_the_configuration_makes(root: Path, call: Call) -> None:
    (root / "services.nix").write_text(SERVICES)
    summary = document(call)["summary"]
    assert (summary["services"], summary["user_services"], summary["containers"]) == (7, 1, 3)
    assert summary["services_as_root"] == {"count": 3, "of": 7, "share": 0.4286}
    assert summary["services_without_hardening"] == {"count": 4, "of": 7, "share": 0.5714}
    assert summary["containers_privileged"] == {"count": 1, "of": 3, "share": 0.3333}


def test_figures_count_findings(root: Path, call: Call) -> None:
    found = document(call)
    summary = found["summary"]
    assert summary["findings"] == len(found["findings"]) == sum(summary["by_codemod"].values())
    assert summary["findings"] == sum(summary["by_severity"].values())
    assert set(summary["by_codemod"]) == {"pin-image", "unprivileged-container"}
    assert list(summary["by_severity"]) == ["critical", "high", "medium", "low"]
    assert summary["changes"] + summary["refusals"] == summary["findings"]


def test_secrets_are_counted_where_somebody_looks_for_them(root: Path, call: Call) -> None:
    secrets = {"count": 0, "of": 0, "share": None}
    assert document(call, "--codemod", "pin-image")["summary"]["with_secrets_in_sight"] == secrets
    assert b"secrets in sight" not in call("scan", "--codemod", "pin-image").out


def test_nothing_there_has_no_share(tmp_path: Path, call: Call) -> None:
    (tmp_path / "empty").mkdir()
    summary = document(call, "--root", tmp_path / "empty")["summary"]
    assert summary["services_as_root"] == {"count": 0, "of": 0, "share": None}


# -- --fail-on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bound", "code"), [("low", 1), ("medium", 1), ("high", 0), ("critical", 0)])
def test_fail_on_is_at_or_above(root: Path, call: Call, bound: str, code: int) -> None:
    assert call("scan", "--fail-on", bound).code == code
    assert call("scan").code == 0


def test_errors_go_before_findings(root: Path, call: Call) -> None:
    (root / "broken.nix").write_text(BROKEN)
    assert call("scan", "--fail-on", "low").code == 2


# -- suppression ---------------------------------------------------------------------------------------


def ignored(text: str, mark: str, words: str) -> str:
    """The text with a comment behind the first `mark`, or above it where the mark begins with `^`."""
    comment = f"# hwc-refactor: ignore{words}"
    if not mark.startswith("^"):
        return text.replace(mark, f"{mark} {comment}", 1)
    lines = text.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if mark[1:] in line)
    return "".join([*lines[:number], f"{comment}\n", *lines[number:]])


@pytest.mark.parametrize(
    ("mark", "left"),
    [
        ("^web = {", ["cache"]),
        ("web = {", ["cache"]),
        ("^image =", ["cache"]),
        ('"nginx:latest";', ["cache"]),
        ("    };", ["cache"]),
        ("^cache", ["web"]),
        ('"redis";', ["web"]),
        ("^virtualisation", []),
        ("containers = {", []),
        ("^{", []),
    ],
)
@pytest.mark.parametrize("words", ["[pin-image] it is so", "[*] it is so"])
def test_comments_suppress(root: Path, call: Call, mark: str, left: list[str], words: str) -> None:
    (root / "web.nix").write_text(ignored(WEB, mark, words))
    found = document(call)
    pins = [finding for finding in found["findings"] if finding["codemod"] == "pin-image"]
    assert [finding["object"]["name"] for finding in pins] == left
    assert found["summary"]["suppressed"] == 2 - len(left)


def test_a_comment_about_something_else_suppresses_nothing(root: Path, call: Call) -> None:
    (root / "web.nix").write_text(
        WEB.replace(
            "web = {", "web = {\n      # hwc-refactor: ignore[pin-image] elsewhere\n      autoStart = true;\n"
        )
    )
    rules = [(finding["rule"], finding["object"]["kind"]) for finding in findings(call)]
    assert rules == [
        ("pin-image", "container"),
        ("pin-image", "container"),
        ("suppressions/unused", "suppression"),
    ]


@pytest.mark.parametrize(
    ("comment", "rules"),
    [
        ("# hwc-refactor: ignore[pin-image]", ["no-reason"]),
        ("# hwc-refactor: ignore[unprivileged-container] it is so", ["unused"]),
        ("# hwc-refactor: ignore[pin-image, unprivileged-container] it is so", ["unused"]),
        ("# hwc-refactor: ignore[pin-imag] it is so", ["unknown-codemod"]),
        ("# hwc-refactor: ignore it is so", ["unknown-codemod"]),
        ("# hwc-refactor: ignore[loop-to-timer] which is disabled here", []),
        ("# hwc-refactor: ignore[pin-image] it is so\n", ["nothing-beside"]),
        ("# hwc-refactor is a program", []),
    ],
)
def test_what_is_wrong_with_a_suppression_is_a_finding(
    root: Path, call: Call, comment: str, rules: list[str]
) -> None:
    (root / "web.nix").write_text(WEB.replace("    web = {", f"    {comment}\n    web = {{"))
    found = [finding for finding in findings(call) if finding["codemod"] == "suppressions"]
    assert [finding["rule"] for finding in found] == [f"suppressions/{rule}" for rule in rules]
    for finding in found:
        assert (finding["severity"], finding["action"], finding["line"]) == ("low", "refuse", 3)
        assert finding["reason"].endswith((".", "?"))


def test_narrowed_scans_do_not_call_a_suppression_unused(root: Path, call: Call) -> None:
    (root / "web.nix").write_text(ignored(WEB, "^web", "[unprivileged-container] it is so"))
    configure(root, '[[ignore]]\nobject = "db"\nreason = "so"\n')
    rules = [rule for rule, *_ in told(findings(call))]
    assert rules.count("suppressions/unused") == 2
    assert "suppressions/unused" not in [rule for rule, *_ in told(findings(call, "--codemod", "pin-image"))]


@pytest.mark.parametrize(
    ("table", "left"),
    [
        ({"codemod": "pin-image"}, []),
        ({"codemod": ["pin-image"], "object": "web"}, ["cache"]),
        ({"object": "container c*"}, ["web"]),
        ({"file": "web.*"}, []),
        ({"file": "hosts/*"}, ["web", "cache", "ignore[*]"]),
        (
            {"codemod": "unprivileged-container", "object": "*"},
            ["web", "cache", "ignore[unprivileged-container]"],
        ),
    ],
)
def test_settings_suppress(root: Path, call: Call, table: Mapping[str, object], left: list[str]) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**table, "reason": "it is so"}.items()]
    configure(root, "\n".join(["level = 'strict'", "[[ignore]]", *lines, ""]))
    found = findings(call)
    assert [finding["object"]["name"] for finding in found] == left
    for finding in found[2:]:
        assert (finding["rule"], finding["file"], finding["line"]) == (
            "suppressions/unused",
            "hwc-refactor.toml",
            3,
        )


def test_an_entry_of_another_settings_file_is_told_there(root: Path, call: Call, tmp_path: Path) -> None:
    configure(root, "\n[[ignore]]\nobject = 'nobody'\n")
    (root / "hwc-refactor.toml").rename(tmp_path / "mine.toml")
    (tmp_path / ".git").mkdir()
    entry = findings(call, "--config", "../mine.toml")[-1]
    assert (entry["rule"], entry["file"], entry["line"]) == ("suppressions/unused", "../mine.toml", 3)
    shown = call("scan", "--root", ".", "--config", tmp_path / "mine.toml", "--format", "sarif")
    places = [
        result["locations"][0]["physicalLocation"] for result in json.loads(shown.out)["runs"][0]["results"]
    ]
    assert "mine.toml" in {place["artifactLocation"]["uri"] for place in places}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[ignore]]\nreason = 'x'\n", "has to say what it is about"),
        ("[[ignore]]\ncodemod = 'pin-imag'\n", "did you mean 'pin-image'?"),
        ("[[ignore]]\nobjekt = 'x'\n", "hwc-refactor.toml:3: unknown key 'objekt'; did you mean 'object'?"),
        ("[[ignore]]\nobject = 3\n", "'object' has to be a string"),
        ("ignore = 3\n", "'ignore' has to be an [[ignore]] table"),
    ],
)
def test_wrong_ignore_tables_are_told(root: Path, call: Call, text: str, words: str) -> None:
    configure(root, text)
    done = call("scan")
    assert (done.code, done.out) == (2, b"")
    assert words in done.err


# -- baselines -----------------------------------------------------------------------------------------


def test_a_baseline_leaves_only_what_is_new(root: Path, call: Call) -> None:
    assert call("scan", "--write-baseline", "known.json").code == 0
    assert findings(call, "--baseline", "known.json") == []
    text = "# moved down\n\n" + WEB.replace("  };\n}", '    db.image = "postgres";\n  };\n}')
    (root / "web.nix").write_text(text)
    assert told(findings(call, "--baseline", "known.json")) == [("pin-image", "db", 9)]
    assert call("scan", "--baseline", "known.json", "--fail-on", "medium").code == 1
    assert document(call, "--baseline", "known.json")["summary"]["suppressed"] == 2


def test_a_baseline_does_not_hide_something_graver(root: Path, call: Call) -> None:
    call("scan", "--write-baseline", "known.json")
    (root / "web.nix").write_text(
        WEB.replace("cache.image", 'cache.extraOptions = [ "--privileged" ];\n    cache.image')
    )
    assert [finding["severity"] for finding in findings(call, "--baseline", "known.json")] == ["critical"]


def test_what_a_baseline_knows_for_nothing_is_a_finding(root: Path, call: Call) -> None:
    call("scan", "--write-baseline", "known.json")
    (root / "web.nix").write_text(WEB.replace("redis", "redis:7"))
    (stale,) = findings(call, "--baseline", "known.json")
    assert (stale["rule"], stale["file"], stale["line"]) == ("suppressions/unused", "known.json", 4)
    assert "container cache in web.nix" in stale["message"]
    assert findings(call, "--baseline", "known.json", "--only", "web") == []


def test_a_baseline_is_the_same_whatever_is_suppressed_by_it(root: Path, call: Call) -> None:
    call("scan", "--write-baseline", "one.json")
    call("scan", "--write-baseline", "two.json", "--baseline", "one.json")
    assert (root / "one.json").read_bytes() == (root / "two.json").read_bytes()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [1]}']
)
def test_a_file_that_is_no_baseline_is_told(root: Path, call: Call, text: str) -> None:
    (root / "known.json").write_text(text)
    done = call("scan", "--baseline", "known.json")
    assert (done.code, done.out) == (2, b"")
    assert "known.json" in done.err


# -- the report for people -----------------------------------------------------------------------------


def test_the_report_says_it_all(call: Call) -> None:
    done = call("scan", "--root", EXAMPLE)
    out = done.out.decode()
    assert done.code == 0
    assert "\x1b" not in out + done.err
    assert out.index("CRITICAL") < out.index("MEDIUM")
    for words in (
        "can be changed: run gluetun without --privileged",
        "left (version-unknown): ",
        "run as root",
    ):
        assert words in out
    assert "To see the changes: hwc-refactor apply --root" in done.err
    assert "findings" in done.err


def test_quiet_prints_the_report_alone(root: Path, call: Call) -> None:
    done = call("scan", "--quiet")
    assert done.err == ""
    assert b"pin-image" in done.out


def test_output_goes_to_a_file(root: Path, call: Call, tmp_path: Path) -> None:
    shown = call("scan")
    saved = call("scan", "--output", tmp_path / "report.txt")
    assert (saved.out, (tmp_path / "report.txt").read_bytes()) == (b"", shown.out)
    assert call("scan", "--output", "/nowhere/report").code == 2
    assert call("scan", "--output", "-").out == shown.out
    assert not (root / "-").exists()


def test_what_a_file_says_does_nothing_on_a_terminal(root: Path, call: Call) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    (root / "web.nix").write_text(f'{{ {CONTAINERS}."{evil}".image = "{evil}:latest"; }}\n')
    done = call("scan")
    assert "\x1b" not in done.out.decode() + done.err
    assert b"\\x1b]0;owned" in done.out
    assert b"\x1b" not in call("scan", "--format", "json").out


# -- suppressions hold for apply -----------------------------------------------------------------------


def test_what_is_suppressed_is_left_alone_by_apply(root: Path, call: Call) -> None:
    (root / "web.nix").write_text(ignored(WEB, "^web", "[pin-image] it is so"))
    configure(root, '[pins]\nweb = "1.27"\ncache = "7"\n')
    shown = call("apply", "--all", "--dry-run", "--root", ".", "--verbose")
    assert b'-    cache.image = "redis";' in shown.out
    assert b"+      image" not in shown.out
    assert "1 suppressed" in shown.err
    assert "it is so" in shown.err
    assert "1 suppressed" in call("apply", "--all", "--root", ".").err
    assert "nginx:latest" in (root / "web.nix").read_text()
    assert "redis:7" in (root / "web.nix").read_text()


def test_settings_and_baselines_hold_for_apply(root: Path, call: Call) -> None:
    pins = '[pins]\nweb = "1.27"\ncache = "7"\n'
    configure(root, pins)
    call("scan", "--root", ".", "--only", "web", "--write-baseline", "known.json")
    shown = call("apply", "--all", "--dry-run", "--root", ".", "--baseline", "known.json")
    assert (b"redis:7" in shown.out, b"nginx:1.27" in shown.out) == (True, False)
    configure(root, pins + '[[ignore]]\nobject = "cache"\nreason = "so"\n')
    nothing = call("apply", "--all", "--check", "--root", ".", "--baseline", "known.json")
    assert nothing.code == 0
    assert "Nothing to change, 2 suppressed." in nothing.err


def test_what_a_change_would_do_in_a_place_with_a_comment_is_not_done(root: Path, call: Call) -> None:
    """A change is whole or not at all: one edit in a place that is to stay is enough."""
    (root / "web.nix").write_text(
        f"""{{
  {CONTAINERS}.vpn = {{
    image = "qmcgaw/gluetun:v3";
    # hwc-refactor: ignore[unprivileged-container] until the new kernel
    extraOptions = [ "--privileged" ];
  }};
}}
"""
    )
    assert findings(call) == []
    assert call("apply", "--all", "--dry-run", "--root", ".").out == b""


def test_an_object_lacks_its_module_by_itself_and_apply_says_the_same(root: Path, call: Call) -> None:
    """Of two modules within one file, only one has a place where another module can be imported."""
    (root / "hwc-refactor.toml").unlink()
    (root / "flake.nix").write_text(
        "{\n  outputs = _: {\n"
        f'    nixosModules.list = [ {{ {CONTAINERS}.loose.image = "ghcr.io/zoo/loose:1"; }} ];\n'
        f'    nixosModules.own = {{ pkgs, ... }}: {{ {CONTAINERS}.own.image = "ghcr.io/zoo/own:1"; }};\n'
        "  };\n}\n"
    )
    options = ("--codemod", "container-module", "--format", "json", "--root", ".")
    scanned = json.loads(call("scan", *options).out)["findings"]
    planned = json.loads(call("apply", "--dry-run", *options).out)
    left = {one["object"]["name"]: one["reason"] for one in scanned if one["action"] == "refuse"}
    assert left == {one["object"]["name"]: one["reason"] for one in planned["refusals"]}
    assert left.keys() == {"loose"}
    assert "own" in {one["object"]["name"] for one in planned["changes"]}
