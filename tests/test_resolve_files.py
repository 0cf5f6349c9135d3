"""Static resolution from file to file: `import`, `callPackage`, and the file that a path belongs to."""

from __future__ import annotations

import pytest
from resolving import FILES, Case

from hwc_refactor.nix.values import Attrs

IMPORTS: tuple[tuple[str, object], ...] = (
    ("import ./plain.nix", {"a": {"b": "<path ./other.nix>"}}),
    ("(import ./plain.nix).a.b", "<path ./other.nix>"),
    ('import ./make.nix { name = "x"; image = "i"; }', {"x": {"image": "i:1", "extra": []}}),
    (
        'import ./make.nix { name = "x"; image = config.i; tag = "2"; extra = [ 1 ]; }',
        {"x": {"image": "<text ${image}:2>", "extra": [1]}},
    ),
    (
        'let make = import ./again.nix; in make { name = "x"; image = "i"; }',
        {"x": {"image": "i:1", "extra": []}},
    ),
    ("(import ./lib { inherit lib pkgs; }).twice 1", [1, 1]),
    ("let l = import ./lib { inherit lib pkgs; }; in with l; twice (twice 1)", [[1, 1], [1, 1]]),
    ("(import ./lib/default.nix { inherit lib pkgs; }).only", "<? the set has no attribute 'only'>"),
    ("import ./loop.nix", "<builtins.import of 1>"),
    ("import ./absent.nix", "<builtins.import of 1>"),
    ('import (./. + "/plain.nix")', {"a": {"b": "<path ./other.nix>"}}),
    ("import config.path", "<builtins.import of 1>"),
    ("import (if true then ./plain.nix else ./make.nix)", {"a": {"b": "<path ./other.nix>"}}),
    ("map import [ ./empty.nix ]", "<builtins.map of 2>"),
    ("(import ./sub/user.nix).value", {"a": {"b": "<path ./other.nix>"}}),
    ("import (import ./sub/user.nix).path", {"a": {"b": "<path ./other.nix>"}}),
    (
        'pkgs.callPackage ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": "<pkgs.hello>", "lib": "<lib>"},
    ),
    ("pkgs.callPackage config.path { }", "<pkgs.callPackage of 2>"),
    (
        'pkgs.callPackage ./package.nix ({ image = "i"; } // config.more)',
        {
            "a": "<text ${image}:${tag}>",
            "hello": "<? it is not certain what 'hello' is called with>",
            "lib": "<? it is not certain what 'lib' is called with>",
        },
    ),
    (
        'lib.callPackageWith { hello = 1; tag = "3"; } ./package.nix { image = "i"; }',
        {"a": "i:3", "hello": 1, "lib": "<lib>"},
    ),
    (
        'lib.callPackageWith { hello = 1; image = "j"; } ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": 1, "lib": "<lib>"},
    ),
    (
        'lib.callPackageWith pkgs ./package.nix { image = "i"; }',
        {
            "a": "<text i:${tag}>",
            "hello": "<? it is not certain what 'hello' is called with>",
            "lib": "<lib>",
        },
    ),
    (
        'lib.callPackageWith { } ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": "<? 'hello' is not passed to the function>", "lib": "<lib>"},
    ),
    ("lib.callPackageWith { } config.path { }", "<lib.callPackageWith of 3>"),
    ("builtins.readFile ./make.nix", "<builtins.readFile of 1>"),
)


@pytest.mark.parametrize(("code", "expected"), IMPORTS)
def test_other_files(code: str, expected: object) -> None:
    assert Case(code, FILES).show() == expected


def test_a_path_belongs_to_the_file_it_stands_in() -> None:
    case = Case("let p = import ./sub/user.nix; in import p.path", FILES)
    assert case.show() == {"a": {"b": "<path ./other.nix>"}}
    assert isinstance(case.value, Attrs)
    assert case.value.at.file.source.path == "plain.nix"
