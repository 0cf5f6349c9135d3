"""SARIF, GitHub annotations and pages, of scans and of applies, through the real command line."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from conftest import Call
from example import EXAMPLE

from hwc_refactor.registry import codemods

Schema: Any = import_module("pydantic_sarif.model").StaticAnalysisResultsFormatSarifVersion210JsonSchema
"""The official schema as a class that knows its keys and kinds of values."""
EVIL = "</script><script>alert(1)</script>::error::x%0A\x1b]0;owned\x07\u202e<img src=x onerror=y>"
CONTAINERS = "virtualisation.oci-containers.containers"
#: Codemods whose changes build on a change of their own.
STANDARD = ["container-module", "monitor-module"]
COMMANDS = (("scan",), ("apply", "--all", "--dry-run"))


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "home"))


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Names, texts, comments and files that try to be something else."""
    root = tmp_path / "hostile"
    root.mkdir()
    (root / "flake.nix").write_text("{ }\n")
    (root / "<b>,x%:y::error::z.nix").write_text(
        f"""{{
  {CONTAINERS} = {{
    "{EVIL}" = {{
      image = "{EVIL}:latest";
      extraOptions = [ "--privileged" ];
    }};
    # hwc-refactor: ignore[pin-image] {EVIL}
    quiet.image = "redis";
    vpn = {{
      # {EVIL}
      image = "qmcgaw/gluetun:v3";
      extraOptions = [ "--privileged" ];
    }};
  }};
}}
"""
    )
    (root / "<pre>broken.nix").write_text(f"{{ {CONTAINERS}.x = <script> ; ]; }}\n")
    return root


def sarif(call: Call, command: tuple[str, ...], root: Path) -> dict[str, Any]:
    data = call(*command, "--format", "sarif", "--root", root).out
    Schema.model_validate_json(data)
    log: dict[str, Any] = json.loads(data)
    (run,) = log["runs"]
    return dict(run)


# -- SARIF ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_sarif_holds_what_json_does(example: Path, call: Call, command: tuple[str, ...]) -> None:
    run = sarif(call, command, example)
    found = json.loads(call(*command, "--format", "json", "--root", example).out)
    listed = found["findings"] if command[0] == "scan" else [*found["changes"], *found["refusals"]]
    assert listed
    assert len(run["results"]) == len(listed)
    levels = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
    for result, finding in zip(run["results"], listed, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == finding["file"]
        if command[0] == "scan":  # a change on top of others stands on another line of the file as it is
            assert place["region"]["startLine"] == finding["line"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["ruleId"].partition("/")[0] == finding["codemod"]
        assert result["level"] == levels[result["properties"]["severity"]]
    prints = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_rules_are_the_manuals(example: Path, call: Call) -> None:
    rules = sarif(call, ("scan",), example)["tool"]["driver"]["rules"]
    assert {rule["id"].partition("/")[0] for rule in rules} == {*codemods(), "suppressions"}
    for rule in rules:
        codemod = codemods().get(rule["id"].partition("/")[0])
        if codemod is not None:
            assert rule["fullDescription"]["text"] == codemod.manual.summary
            for section in codemod.manual.sections.values():
                assert section in rule["help"]["text"]


def test_scan_and_apply_tell_the_same_finding_by_the_same_mark(example: Path, call: Call) -> None:
    marks = [
        {
            (r["ruleId"], r["partialFingerprints"]["finding/v1"])
            for r in sarif(call, command, example)["results"]
        }
        for command in COMMANDS
    ]
    assert marks[0] & marks[1]


def fixed(texts: Mapping[str, bytes], fix: Mapping[str, Any]) -> dict[str, bytes]:
    """The files with a fix of a SARIF log carried out."""
    after: dict[str, bytes] = {}
    for change in fix["artifactChanges"]:
        path = unquote_to_bytes(change["artifactLocation"]["uri"]).decode()
        data = texts.get(path, b"").decode()
        lines = data.split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        for replacement in reversed(change["replacements"]):
            region = replacement["deletedRegion"]
            start = starts[region["startLine"] - 1] + region["startColumn"] - 1
            end = starts[region["endLine"] - 1] + region["endColumn"] - 1
            data = data[:start] + replacement.get("insertedContent", {}).get("text", "") + data[end:]
        after[path] = data.encode()
    return after


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_fixes_do_what_apply_does(call: Call, command: tuple[str, ...], tmp_path: Path) -> None:
    text = f"""{{
  {CONTAINERS} = {{
    vpn = {{
      image = "qmcgaw/gluetun:v3";
      extraOptions = [ "--privileged" ];
    }};
    web.image = "nginx";
    cache = {{ image = "redis:latest"; }};
  }};
}}
"""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "x.nix").write_text(text)
    (tmp_path / "start" / "hwc-refactor.toml").write_text(
        f'disable = {json.dumps(STANDARD)}\n[pins]\nweb = "1"\ncache = "7"\n'
    )
    tried = 0
    for result in sarif(call, command, tmp_path / "start")["results"]:
        for fix in result.get("fixes", ()):
            codemod, name = result["ruleId"].partition("/")[0], result["locations"][0]["logicalLocations"][0]
            home = shutil.copytree(tmp_path / "start", tmp_path / f"try{tried}")
            call("apply", "--codemod", codemod, "--only", name["name"], "--root", home)
            (after,) = fixed({"x.nix": text.encode()}, fix).values()
            assert (home / "x.nix").read_bytes() == after != text.encode(), (codemod, name)
            tried += 1
    assert tried >= 3


def test_the_fix_of_a_change_on_top_of_another_fits_the_file_as_it_is(tmp_path: Path, call: Call) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x.nix").write_text(
        f"""{{
  {CONTAINERS}.vpn = {{
    image = "qmcgaw/gluetun";
    extraOptions = [ "--privileged" ];
  }};
}}
"""
    )
    done = call(
        *("apply", "--all", "--dry-run", "--format", "sarif", "--pin", "vpn=v3"), "--root", tmp_path / "one"
    )
    results = json.loads(done.out)["runs"][0]["results"]
    by_rule = {result["ruleId"].partition("/")[0]: result for result in results}
    text = (tmp_path / "one" / "x.nix").read_bytes()
    (fix,) = by_rule["pin-image"]["fixes"]
    assert fixed({"x.nix": text}, fix) == {"x.nix": text.replace(b"gluetun", b"gluetun:v3")}
    assert by_rule["pin-image"]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_sarif_tells_errors_and_suppressions(hostile: Path, call: Call) -> None:
    run = sarif(call, ("scan",), hostile)
    invocation = run["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert [n["level"] for n in invocation["toolExecutionNotifications"]] == ["error"]
    (suppressed,) = (result for result in run["results"] if "suppressions" in result)
    assert suppressed["locations"][0]["logicalLocations"][0]["name"] == "quiet"
    assert suppressed["suppressions"][0]["kind"] == "inSource"


def test_what_is_not_utf8_is_in_the_fix_as_it_is(tmp_path: Path, call: Call) -> None:
    (tmp_path / "one").mkdir()
    data = b'{ virtualisation.oci-containers.containers.w.image = "nginx"; # caf\xe9\n}\n'
    (tmp_path / "one" / "x.nix").write_bytes(data)
    command = ("apply", "--codemod", "pin-image", "--dry-run", "--format", "sarif", "--pin", "w=1")
    done = call(*command, "--root", tmp_path / "one")
    Schema.model_validate_json(done.out)
    (result,) = json.loads(done.out)["runs"][0]["results"]
    content = result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]
    assert base64.b64decode(content["binary"]) == data.split(b"\n")[0].replace(b"nginx", b"nginx:1") + b"\n"


SECRETS = """{
  systemd.services.api = {
    environment.API_KEY = "hunter2-one";
    environment.DATABASE_URL = "postgres://app:hunter2-two@db/app";
    serviceConfig.Environment = [ "TOKEN=hunter2-three" ];
    script = ''
      export PASSWORD=hunter2-four
      curl -H "Authorization: Bearer hunter2-five" https://example.org
    '';
  };
  virtualisation.oci-containers.containers.db = {
    image = "postgres:latest";
    environment.POSTGRES_PASSWORD = "hunter2-six";
    extraOptions = [ "--privileged" "--env=ROOT_PASSWORD=hunter2-seven" ];
  };
}
"""


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "html"])
def test_no_form_of_an_audit_tells_a_secret(tmp_path: Path, call: Call, form: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x.nix").write_text(SECRETS)
    done = call("scan", "--format", form, "--root", tmp_path / "one", "--write-baseline", tmp_path / "known")
    assert b"env-secrets-to-load-credential" in done.out
    for text in (done.out, done.err.encode(), (tmp_path / "known").read_bytes()):
        assert b"hunter2" not in text


# -- GitHub --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_annotations_are_one_line_each(hostile: Path, call: Call, command: tuple[str, ...]) -> None:
    done = call(*command, "--format", "github", "--root", hostile)
    lines = done.out.decode().splitlines()
    assert len(lines) >= 3
    for line in lines:
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert match is not None, line
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        assert set(properties) <= {"file", "line", "endLine", "col", "title"}
        assert "\x1b" not in line
        assert "\u202e" not in line
    named = [line for line in lines if "file=<b>%2Cx%25%3Ay%3A%3Aerror%3A%3Az.nix," in line]
    assert named
    assert any("file=<pre>broken.nix," in line for line in lines if line.startswith("::error "))
    assert all("%0A" in line and "%250A" in line for line in named if "script" in line)


def test_paths_are_those_from_the_top_of_the_work_tree(tmp_path: Path, call: Call) -> None:
    root = tmp_path / "top" / "my nixos"
    shutil.copytree(EXAMPLE, root)
    (tmp_path / "top" / ".git").mkdir()
    assert b"file=my nixos/domains/" in call("scan", "--format", "github", "--root", root).out
    run = sarif(call, ("scan",), root)
    uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
    assert all(uri.startswith("my%20nixos/domains/") for uri in uris)


# -- pages ---------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def words(self) -> str:
        """All text, with one blank between words and between cells."""
        return " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("where", ["example", "hostile"])
def test_a_page_loads_and_runs_nothing(
    request: pytest.FixtureRequest, call: Call, command: tuple[str, ...], where: str
) -> None:
    root: Path = request.getfixturevalue(where)
    text = call(*command, "--format", "html", "--root", root).out.decode()
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= set(
        "html head meta title style body h1 h2 p code table tr td article span b pre ul li".split()
    )
    for tag, attributes in page.tags:
        assert set(attributes) <= {"lang", "charset", "name", "content", "http-equiv", "class", "id"}, tag
    assert "url(" not in text
    assert "@import" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_page_shows_findings_and_reasons(example: Path, call: Call) -> None:
    text = Page(call("scan", "--format", "html", "--root", example).out.decode()).words
    found = json.loads(call("scan", "--format", "json", "--root", example).out)
    for finding in found["findings"]:
        assert f"{finding['file']}:{finding['line']}" in text
        assert finding["message"] in text
        assert finding["reason"] is None or finding["reason"] in text
    for service in found["summary"]["exposure"]:
        assert f"{service['exposure']:.1f} {service['service']} {service['file']}:{service['line']}" in text


def test_a_page_shows_the_diff_of_each_change(example: Path, call: Call) -> None:
    command = ("apply", "--all", "--dry-run")
    text = "".join(Page(call(*command, "--format", "html", "--root", example).out.decode()).texts)
    changes = json.loads(call(*command, "--format", "json", "--root", example).out)["changes"]
    assert changes
    for change in changes:
        assert change["title"] in text
        assert change["patch"].rstrip("\n") in text
        assert all(note in text for note in change["notes"])


def things(call: Call, root: Path) -> Iterator[tuple[str, bytes]]:
    for command in COMMANDS:
        for form in ("text", "json", "sarif", "github", "html"):
            yield form, call(*command, "--format", form, "--root", root).out


def test_every_format_exits_alike_and_bears_what_is_hostile(
    hostile: Path, call: Call, tmp_path: Path
) -> None:
    for form in ("text", "json", "sarif", "github", "html"):
        done = call("scan", "--format", form, "--root", hostile, "--output", tmp_path / f"out.{form}")
        assert (done.code, done.out) == (2, b"")
        assert "\x1b" not in done.err
        assert (tmp_path / f"out.{form}").stat().st_size > 100
    for form, out in things(call, hostile):
        if (form, out[:4]) != ("text", b"diff"):  # a patch has to hold what the files hold
            assert b"\x1b" not in out, form
