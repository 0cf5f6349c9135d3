"""Rules about the codemods themselves: manuals, cases, and the data that they rest on."""

from __future__ import annotations

import re
import textwrap
import tomllib
from importlib.resources import files
from pathlib import Path

import casefile
import harness
import pytest

import codemods as package
from hwc_refactor.codemod import FINDS, HEADINGS, Codemod
from hwc_refactor.model import Severity
from hwc_refactor.nixos.block import KINDS
from hwc_refactor.nixos.containers.images import parse_image
from hwc_refactor.nixos.containers.profiles import find_profile
from hwc_refactor.nixos.sandbox import traits
from hwc_refactor.recipes import recipes
from hwc_refactor.registry import codemods
from hwc_refactor.selection import ORDER, PHASES

IDS = sorted(codemods())
DIRECTIVE_KEYS = (
    *(
        "value",
        "level",
        "does",
        "breaks",
        "against",
        "out-of-sight",
        "implied-by",
        "no-new-privileges",
        "mounts",
        "since",
        "source",
    ),
)
IMAGE_KEYS = {
    *("id", "match", "sources", "verified", "note", "requires", "undecidable"),
    *("capabilities", "podman_capabilities", "optional_capabilities", "security_opts", "sysctls"),
    *("devices", "optional_devices", "needs_device", "kernel_modules"),
    *("no_new_privileges", "no_new_privileges_why", "privileged_required", "privileged_why"),
}


def data(name: str) -> dict[str, object]:
    text = files("hwc_refactor.nixos").joinpath(f"data/{name}").read_text(encoding="utf-8")
    return tomllib.loads(text)


def images() -> list[dict[str, object]]:
    found = data("images.toml")["image"]
    assert isinstance(found, list)
    return found


# -- one codemod ---------------------------------------------------------------------------------------


def test_there_are_codemods() -> None:
    modules = {path.stem for folder in package.__path__ for path in Path(folder).glob("[a-z]*.py")}
    assert {name.replace("_", "-") for name in modules} == set(IDS)


@pytest.mark.parametrize("name", IDS)
def test_id_is_file_name(name: str) -> None:
    assert codemods()[name].propose.__module__ == "codemods." + name.replace("-", "_")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", name)
    assert name in ORDER


@pytest.mark.parametrize("name", IDS)
def test_declaration(name: str) -> None:
    codemod = codemods()[name]
    assert codemod.kind in KINDS.values()
    assert isinstance(codemod.severity, Severity)
    assert codemod.applicability in ("safe", "review", "safe or review")
    assert re.fullmatch(r"(diff|phase) \d(, (diff |phase )?\d)*", codemod.documented_as)


@pytest.mark.parametrize("name", IDS)
def test_manual(name: str) -> None:
    manual = codemods()[name].manual
    assert tuple(heading for heading in manual.sections if heading != FINDS) == HEADINGS
    assert all(text.strip() for text in manual.sections.values())
    assert manual.summary.endswith(".")
    assert len(manual.summary) <= 100
    for heading in ("What it does", "Why", "What a person must still do"):
        assert manual.sections[heading].endswith("."), heading
    assert manual.sections["Before"] != manual.sections["After"]


@pytest.mark.parametrize("name", IDS)
def test_rules(name: str) -> None:
    rules = codemods()[name].rules
    assert rules
    for rule in rules:
        assert re.fullmatch(rf"{name}(/[a-z]+(-[a-z]+)*)?", rule.id)
        assert rule.text[:1].isalnum(), rule.id
        assert rule.text.endswith("."), rule.id
    assert len({rule.id for rule in rules}) == len(rules)
    assert max(rule.severity for rule in rules) == codemods()[name].severity


@pytest.mark.parametrize("name", IDS)
def test_every_rule_of_the_source_is_in_the_manual(name: str) -> None:
    module = Path(str(package.__path__[0]), name.replace("-", "_") + ".py")
    told = set(re.findall(r'\.finding\(\s*"([a-z-]+)"', module.read_text(encoding="utf-8")))
    assert {f"{name}/{word}" for word in told} <= {rule.id for rule in codemods()[name].rules}


@pytest.mark.parametrize("name", IDS)
def test_refusal_codes(name: str) -> None:
    for code, what in harness.refusal_codes(name).items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert what, code
        assert not what.endswith("."), code


@pytest.mark.parametrize("name", IDS)
def test_every_code_of_the_source_is_in_the_manual(name: str) -> None:
    module = Path(str(package.__path__[0]), name.replace("-", "_") + ".py")
    told = set(re.findall(r'refuse\(\s*block,\s*"([a-z-]+)"', module.read_text(encoding="utf-8")))
    assert told
    assert told <= set(harness.refusal_codes(name))


@pytest.mark.parametrize("name", IDS)
def test_the_manual_shows_what_the_codemod_does(name: str) -> None:
    """Its Before and After are those of the case `manual`, below the braces of a module."""
    case = casefile.read_case(casefile.FOLDER / name / f"manual{casefile.ENDING}")
    for part, texts in (("Before", case.before), ("After", case.expected)):
        shown = textwrap.indent(codemods()[name].manual.sections[part], "  ")
        assert texts[casefile.ALONE].decode() == f"{{\n{shown}\n}}\n", part


# -- its cases -----------------------------------------------------------------------------------------


def kinds_of_cases(codemod: Codemod) -> tuple[int, int, set[str]]:
    """How many cases fire and how many must not change, and the codes that are refused."""
    found = casefile.cases(codemod.id)
    firing = sum(case.after is not None for case in found)
    return firing, len(found) - firing, {code for case in found for *_, code in case.refusals}


@pytest.mark.parametrize("name", IDS)
def test_cases(name: str) -> None:
    firing, quiet, codes = kinds_of_cases(codemods()[name])
    assert firing >= 1
    assert quiet >= 1
    assert any(not case.refusals and case.after is None for case in casefile.cases(name))
    assert set(harness.refusal_codes(name)) - codes == set(), "codes without a case"
    assert codes - set(harness.refusal_codes(name)) == set(), "cases with codes that the manual does not know"


def test_every_case_belongs_to_something() -> None:
    known = {*IDS, *(f"diff-{number}" for number in recipes())}
    assert {case.folder for case in casefile.cases()} == known
    strays = [
        path for path in casefile.FOLDER.rglob("*") if path.is_file() and path.suffix != casefile.ENDING
    ]
    assert strays == []


def test_a_case_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "pin-image" / "a.case"
    path.parent.mkdir()
    path.write_text(
        '# about\n# options: {"pins": {"a": "1"}}\n# refuses: some-code\n# note: words\n'
        "\n# a comment of the file\n{ a = 1; } # <- here\n-----\n{ }\n"
    )
    case = casefile.read_case(path)
    assert case.id == "pin-image/a"
    assert case.before == {casefile.ALONE: b"# a comment of the file\n{ a = 1; }\n"}
    assert case.after == {casefile.ALONE: b"{ }\n"}
    assert case.refusals == ((casefile.ALONE, 2, "some-code"),)
    assert case.notes == ("words",)
    assert case.settings.pins == {"a": "1"}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("missing", '"nginx:1"', '"nginx:2"'),
        ("noisy", '"nginx:latest"', None),
        ("wrong", '"nginx:latest"', '"nginx:3"'),
    ],
)
def test_a_failure_names_its_kind(tmp_path: Path, kind: str, before: str, after: str | None) -> None:
    path = tmp_path / "pin-image" / "a.case"
    path.parent.mkdir()
    module = "{{ virtualisation.oci-containers.containers.a.image = {}; }}\n"
    text = '# options: {"pins": {"a": "2"}}\n' + module.format(before)
    path.write_text(text if after is None else text + "-----\n" + module.format(after))
    with pytest.raises(harness.Failed) as failed:
        harness.check_case(casefile.read_case(path))
    assert failed.value.kind == kind
    assert "--- expected/" in str(failed.value)


# -- data ----------------------------------------------------------------------------------------------


def test_images_have_sources() -> None:
    for image in images():
        name = image["id"]
        assert set(image) <= IMAGE_KEYS, name
        sources = image["sources"]
        assert isinstance(sources, list), name
        assert sources, name
        for source in sources:
            assert re.match(r"https?://|[\w.-]+/[\w.-]+@[0-9a-f]{7,40}:", source), (name, source)
        assert image["verified"] in ("documented", "inferred"), name


@pytest.mark.parametrize("image", images(), ids=lambda image: str(image["id"]))
def test_every_profile_is_found_by_its_names(image: dict[str, object]) -> None:
    for pattern in as_list(image["match"]):
        profile = find_profile(parse_image(pattern.replace("*", "x")))
        assert profile is not None
        assert profile.id == image["id"]
        assert profile.sources == tuple(as_list(image["sources"]))


def test_images_have_sense() -> None:
    names = [str(image["id"]) for image in images()]
    assert len(set(names)) == len(names)
    patterns = [pattern for image in images() for pattern in as_list(image["match"])]
    assert len(set(patterns)) == len(patterns)
    for image in images():
        name = image["id"]
        if not image["no_new_privileges"]:
            assert image.get("no_new_privileges_why") or image.get("undecidable"), name
        if image.get("privileged_required"):
            assert image.get("privileged_why"), name
        if image.get("undecidable"):
            assert str(image["undecidable"]).endswith("."), name
        for pattern in as_list(image["match"]):
            assert not re.search(r":[^/]*$|@", pattern), (name, "a tag or digest")
        for key in ("capabilities", "podman_capabilities", "optional_capabilities"):
            for capability in as_list(image.get(key, [])):
                assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", capability), (name, capability)
        for device in as_list(image.get("devices", [])):
            assert device.startswith("/dev/"), (name, device)


def as_list(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(item) for item in value]


def test_capabilities_have_a_source() -> None:
    text = files("hwc_refactor.nixos").joinpath("data/capabilities.toml").read_text(encoding="utf-8")
    assert "https://man7.org/linux/man-pages/man7/capabilities.7.html" in text
    broad = data("capabilities.toml")["broad"]
    assert isinstance(broad, dict)
    for name, what in broad.items():
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", name)
        assert what, name


def test_directives_have_sources() -> None:
    for name, entry in data("hardening.toml").items():
        assert isinstance(entry, dict)
        assert {"level", "does", "breaks", "source"} <= set(entry) <= {*DIRECTIVE_KEYS}, name
        assert all(entry.values()), name
        assert re.match(rf"systemd\.[\w-]+\(5\), (?:{name}|IPAddressAllow)=", entry["source"]), name
        assert entry["level"] in ("documented", "proven", "strict", "recipe"), name
        assert entry.get("out-of-sight", "never") in ("never", "no-root", "review"), name
        assert set(entry.get("against", ())) <= traits_named(), name


def traits_named() -> set[str]:
    """The traits that the table at the head of their module explains."""
    rows = re.findall(r"^\| ([a-z, -]+) \| ", traits.__doc__ or "", re.MULTILINE)
    return {name.strip() for row in rows for name in row.split(",")} - {"trait"}


def test_every_need_of_a_command_is_a_trait_or_explained() -> None:
    entries = data("commands.toml")["group"]
    assert isinstance(entries, list)
    needs = {need for entry in entries for need in entry.get("needs", "").split()}
    assert needs <= traits_named()


def test_commands_have_sources_and_stand_in_one_group() -> None:
    entries = data("commands.toml")["group"]
    assert isinstance(entries, list)
    names = [name for entry in entries for name in entry["names"].split()]
    assert sorted({name for name in names if names.count(name) > 1}) == []
    for entry in entries:
        assert entry["source"], entry["names"]
        assert not entry.get("needs", "").split() or entry.get("why") or "root" not in entry["needs"].split()


def test_capabilities_of_commands_and_of_files_of_the_kernel_are_systemds() -> None:
    held = {f"CAP_{word}" for group in _table("exposure.toml", "capabilities") for word in group.split()}
    for name in ("commands.toml", "kernel.toml"):
        entries = data(name)["group"]
        assert isinstance(entries, list)
        for entry in entries:
            for one in (entry, *entry.get("subcommands", {}).values()):
                named = set(one.get("capabilities", "").split())
                assert named <= held, entry["names"]
                assert named or not one.get("open-with"), entry["names"]
            assert entry["source"], entry["names"]


def _table(name: str, key: str) -> dict[str, object]:
    found = data(name)[key]
    assert isinstance(found, dict)
    return found


# -- recipes -------------------------------------------------------------------------------------------


def test_recipes_name_existing_codemods() -> None:
    for number, recipe in recipes().items():
        assert 1 <= number <= 6
        assert recipe.diff == number
        for step in recipe.passes:
            assert step.codemod in codemods(), number
            assert step.kind == codemods()[step.codemod].kind.name, number
            if step.batch:
                assert step.file == "", number
                continue
            assert step.file.endswith(".nix"), number
            assert not step.file.startswith("/"), number


def test_order_and_phases() -> None:
    assert len(set(ORDER)) == len(ORDER)
    assert sorted(number for phase in PHASES.values() for number in phase.diffs) == [1, 2, 3, 4, 5, 6]
    assert [name for phase in PHASES.values() for name in phase.codemods] == list(ORDER)
