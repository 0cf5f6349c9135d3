"""The shared modules as files: shipped byte for byte, documented whole, every option tested."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

import pytest
import test_container_module
import test_monitor_module
from example import REPOSITORY
from moduleeval import MODULES, evaluated
from nixeval import LIBS

from hwc_refactor.rewriting.shipped import shipped_modules

PAGE = (REPOSITORY / "docs" / "modules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```nix\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def usage(name: str) -> str:
    """The example in the head of a module."""
    text = (MODULES / name).read_text(encoding="utf-8").partition("# USAGE:\n")[2]
    lines = takewhile(lambda line: line == "#" or line.startswith("#   "), text.splitlines())
    return "\n".join(line[4:] for line in lines)


def documented(title: str) -> set[str]:
    """The options in a table of the page."""
    table = PAGE.partition(f"<!-- {title}: ")[2].partition("<!-- end of ")[0]
    return set(re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE))


def test_shipped_texts_are_the_files() -> None:
    assert list(shipped_modules()) == [
        "modules/services/hwc-container.nix",
        "modules/services/hwc-monitor.nix",
    ]
    for path, text in shipped_modules().items():
        assert text == (MODULES / Path(path).name).read_bytes()


def test_every_option_of_a_container_has_a_test() -> None:
    assert documented("container options") == test_container_module.TESTED


def test_every_option_of_a_monitor_has_a_test() -> None:
    assert documented("monitor options") == test_monitor_module.TESTED


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_of_the_page_evaluates(number: int, lib: str | None) -> None:
    found = evaluated(EXAMPLES[number], lib)
    assert (found["failed"], found["warnings"]) == ([], [])
    assert found["containers"] or found["timers"]


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", ["hwc-container.nix", "hwc-monitor.nix"])
def test_usage_in_the_head_of_the_file_evaluates(name: str, lib: str | None) -> None:
    found = evaluated(usage(name) + "age.secrets.radarr-api-key = { };", lib)
    assert (found["failed"], found["warnings"]) == ([], [])
    assert found["containers"] or found["timers"]


@pytest.mark.parametrize("lib", LIBS)
@pytest.mark.parametrize("name", ["hwc-container.nix", "hwc-monitor.nix"])
def test_a_module_counts_once_however_it_is_read(name: str, lib: str | None) -> None:
    text = usage(name) + "age.secrets.radarr-api-key = { };"
    again = f'imports = [ (import (/. + "{MODULES / name}")) (/. + "{MODULES / name}") ];'
    assert evaluated(text + again, lib) == evaluated(text, lib)
