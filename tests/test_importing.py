"""Where a shared module is imported so that it reaches what needs it, whoever reads the files."""

import pytest

from hwc_refactor.nixos.importing import import_places, is_module_function, reached
from hwc_refactor.nixos.modules import imported_by
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.nixos.walks import swept, walked

A = "modules/web/a.nix"
B = "modules/web/b.nix"
LIST = "modules/web/default.nix"
TREE = {
    "flake.nix": b"{ outputs = x: x.lib.nixosSystem { modules = [ ./hosts/cellar ]; }; }",
    "hosts/cellar/default.nix": b"{ imports = [ ../../modules/web ]; }",
    LIST: b"{ imports = [ ./a.nix ./b.nix ]; }",
    A: b"{ config, ... }: { services.a = 1; }",
    B: b"{ config, ... }: { services.b = 1; }",
}


def places(others: dict[str, str], *files: str) -> list[str]:
    texts = {**TREE, **{path: text.encode() for path, text in others.items()}}
    found, rest = import_places(Tree(dict(sorted(texts.items()))), files or (A, B), lambda _: True)
    assert not rest
    return sorted(place.file.source.path for place in found)


NAMED = {
    "an option": {"o.nix": "{ imports = lib.optionals x [ ./modules/web ] ++ [ (import ./modules/web) ]; }"},
    "any branch": {"o.nix": "{ imports = if x then [ ./modules/web ] else with y; [ (./modules/web) ]; }"},
    "a file of another kind": {"o.nix": '{ x = ./modules/web/${name}/key.pem; y = "${cfg.dir}/run"; }'},
    "another file": {"o.nix": "{ x = [ ./modules/${name}/hardware.nix ]; }"},
    "another folder": {"o.nix": "{ x = readDir ./hosts; y = map f [ ./modules/none ]; }"},
    "the source of a package": {"o.nix": "{ p = stdenv.mkDerivation { src = ./.; }; }"},
    "that knows itself": {"o.nix": "{ p = pkgs.buildGoModule (final: { version = 1; src = ./modules; }); }"},
    "a part of it": {"o.nix": "{ p = buildNpmPackage rec { src = lib.cleanSource ./.; }; }"},
    "a set of files": {
        "o.nix": "{ p = rust.buildRustPackage { src = lib.fileset.toSource { root = ./.; fileset = ./src; }; }; }"
    },
    "hooks before a commit": {
        "o.nix": "{ c = hooks.lib.${system}.run { src = ./.; hooks.x.enable = true; }; }"
    },
    "only a word": {"o.nix": "{ # readDir ./modules\n  x = '' ls ./modules ''; }"},
}


@pytest.mark.parametrize("others", NAMED.values(), ids=NAMED)
def test_one_place_reaches_what_is_read_by_name_alone(others: dict[str, str]) -> None:
    assert places(others) == [LIST]


WALKS = {
    "readDir": "{ imports = map (n: ./modules/web + n) (attrNames (builtins.readDir ./modules/web)); }",
    "listFilesRecursive": "{ lib, ... }: { imports = lib.filesystem.listFilesRecursive ./modules; }",
    "import-tree": "{ outputs = i: i.parts.lib.mkFlake { } (i.import-tree ./modules); }",
    "import-tree in a list": "{ imports = [ (inputs.import-tree ./modules) ]; }",
    "import-tree with a list": "{ imports = [ (inputs.import-tree [ ./modules ]) ]; }",
    "haumea": "{ x = haumea.lib.load { src = ./modules; loader = haumea.lib.loaders.path; }; }",
    "the source of something else": "{ x = my.load { src = ./.; }; }",
    "a run of something else": "{ x = my.run { src = ./.; }; }",
    "another attribute of a package": "{ p = mkDerivation { src = null; passthru.all = walk { dir = ./modules; }; }; }",
    "a part of the root": "{ imports = walk (lib.cleanSource ./.); }",
    "a function of one's own": "{ nixosModules = lib.my.mapModules ./modules import; }",
    "a folder with a name": "let all = toString ./modules; in { imports = walk all; }",
    "the whole root": "{ outputs = i: i.snow.lib.mkFlake { inherit i; src = ./.; }; }",
    "a folder put together": '{ imports = map (n: ./modules + "/${n}") names; }',
    "a folder with a module, put together": '{ imports = [ (./modules/web + "/b.nix") ] ++ [ ./modules/web ]; }',
    "an interpolated path": "{ imports = map (n: ./modules/web/${n}) names; }",
    "half a name": "{ imports = map (n: ./modules/we${n}) names; }",
    "from the flake": '{ imports = walk "${self}/modules"; }',
    "from the flake, added": '{ imports = walk (self.outPath + "/modules/web"); }',
    "anything of the flake": '{ imports = map (n: "${self}/${n}") names; }',
    "a list of folders": "{ imports = [ ./modules ]; }",
    "in a file that is broken": "{ imports = walk ./modules; ",
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_each_file_imports_for_itself_where_a_walk_may_read_it(walk: str) -> None:
    assert places({"o.nix": walk}) == [A, B]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("import-tree ./modules", ["modules/web/a.nix"]),
        ("(inputs.import-tree ./modules)", ["modules/web/a.nix"]),
        ('inputs.import-tree.match ".*/default.nix" ./modules', ["modules/web/a.nix"]),
        ("(i.import-tree.filterNot f) [ ./hosts ./modules/web ]", ["hosts/a.nix", "modules/web/a.nix"]),
        ("(import-tree.addPath ./hosts).addPath ./modules", ["hosts/a.nix", "modules/web/a.nix"]),
        ("haumea.lib.load { src = ./modules; inputs = i; }", ["modules/web/a.nix"]),
        ("import-tree ./.", ["a.nix", "hosts/a.nix", "modules/web/a.nix"]),
        ("import-tree ./modules/${name}", ["modules/web/a.nix"]),
        ("f import-tree ./modules", []),
        ("{ import-tree.url = ./modules; }", []),
        ("my-import-tree ./modules", []),
        ('"import-tree ./modules"', []),
    ],
)
def test_a_loader_sweeps_the_folders_it_is_given(text: str, paths: list[str]) -> None:
    tree = Tree({"o.nix": f"{{ x = {text}; }}".encode()})
    assert [path for path in ("a.nix", "hosts/a.nix", "modules/web/a.nix") if swept(tree, path)] == paths


def test_a_path_from_the_flake_reads_that_file_alone() -> None:
    assert places({"o.nix": f'{{ imports = [ "${{self}}/{A}" ]; }}'}) == [A, LIST]


def test_an_ending_tells_which_files_an_interpolated_path_may_mean() -> None:
    assert places({"o.nix": "{ imports = map (n: ./modules/${n}/a.nix) names; }"}) == [A, LIST]
    assert places({"o.nix": "{ imports = map (n: ./modules/${n}/c.nix) names; }"}) == [LIST]


def test_the_test_of_a_module_is_not_the_way_to_it() -> None:
    test = "{ nodes.machine = { imports = [ ../a.nix ]; }; }"
    alone = {"modules/web/default.nix": "{ }", "modules/web/tests/vm.nix": test}
    assert places({**alone, "default.nix": "{ imports = walk (toString ./modules); }"}, A) == [A]


def test_what_a_walk_reads_reaches_the_files_below_it() -> None:
    tree = Tree({**TREE, "o.nix": b"{ imports = walk ./hosts; }"})
    assert walked(tree, "hosts/cellar/default.nix")
    assert not walked(tree, A)
    assert reached(tree, LIST, A)
    assert not reached(Tree({**TREE, "o.nix": b"{ imports = walk ./modules; }"}), LIST, A)


@pytest.mark.parametrize(
    ("reader", "literal"),
    [
        ("web/a.nix", "./default.nix"),
        ("web/a.nix", "./."),
        ("web/tests/vm.nix", "../default.nix"),
        ("web/tests/vm.nix", "../."),
        ("web/tests/vm.nix", "./.."),
        ("web/tests/deep/vm.nix", "../.."),
        ("other.nix", "./web"),
        ("other.nix", "./web/default.nix"),
    ],
)
def test_a_folder_is_known_by_dots_alone_from_below_it(reader: str, literal: str) -> None:
    tree = Tree({reader: f"{{ imports = [ {literal} ]; }}".encode(), "web/default.nix": b"{ }"})
    assert [item.file.source.path for item in imported_by(tree, "web/default.nix")] == [reader]


@pytest.mark.parametrize("literal", ["./default.nix", "./.", "./a/.."])
def test_so_is_the_root(literal: str) -> None:
    tree = Tree({"default.nix": b"{ }", "o.nix": f"{{ imports = [ {literal} ]; }}".encode()})
    assert [item.file.source.path for item in imported_by(tree, "default.nix")] == ["o.nix"]


@pytest.mark.parametrize(
    ("head", "is_module"),
    [
        ("{ config, lib, ... }:", True),
        ("{ config }:", True),
        ("{ lib, ... }:", True),
        ("args@{ ... }:", True),
        ("{ lib, pkgs }:", False),
        ("{ lib ? null }@args:", False),
        ("args:", False),
    ],
)
def test_a_function_looks_like_a_module_by_what_it_takes(head: str, is_module: bool) -> None:
    file = Tree({"a.nix": f"{head} {{ }}".encode()}).file("a.nix")
    assert is_module_function(file, file.root.named_children[0]) is is_module
