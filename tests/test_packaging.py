"""What is installed is one package, with codemods and recipes inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from example import REPOSITORY

RUN = """
import json, sys
sys.path[:] = [place, *(entry for entry in sys.path if entry not in ("", repository))]
from hwc_refactor import registry, recipes
from hwc_refactor.rewriting.shipped import shipped_modules
codemods = [registry.codemods()[name] for name in registry.codemods()]
print(json.dumps({
    "files": [getattr(sys.modules[one.propose.__module__], "__file__") for one in codemods],
    "diffs": sorted(recipes.recipes()),
    "recorded": len(recipes.recorded(recipes.recipes()[3])),
    "shipped": sorted(shipped_modules()),
    "strangers": [name for name in ("codemods", "patches") if name in sys.modules],
}))
"""


def test_codemods_and_recipes_are_found_where_the_wheel_puts_them(tmp_path: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    for folder in wheel["only-include"]:
        shutil.copytree(
            REPOSITORY / folder,
            tmp_path / wheel["sources"].get(folder, folder),
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    assert os.listdir(tmp_path) == ["hwc_refactor"]
    head = f"place, repository = {str(tmp_path)!r}, {str(REPOSITORY)!r}"
    done = subprocess.run([sys.executable, "-c", head + RUN], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["files"]
    assert all(Path(file).is_relative_to(tmp_path / "hwc_refactor" / "codemods") for file in found["files"])
    assert found["diffs"] == [1, 2, 3, 4, 5, 6]
    assert found["recorded"]
    assert found["shipped"] == ["modules/services/hwc-container.nix", "modules/services/hwc-monitor.nix"]
    assert found["strangers"] == []
