"""Builders, before and after, in many layouts."""

from collections.abc import Callable

import pytest

from hwc_refactor.nix.build import (
    BuildError,
    Built,
    Item,
    Snippet,
    check,
    insert_bindings,
    insert_elements,
    insert_formal,
    insert_import,
    nest_binding,
    proved,
    reindent,
    remove_binding,
    remove_bindings,
    remove_elements,
    replace_element,
    replace_value,
    unit,
    value_parting,
)
from hwc_refactor.nix.build_box import box_of
from hwc_refactor.nix.edits import Edit, Span, apply_edits
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile, parse

SETS = ("attrset_expression", "rec_attrset_expression", "let_attrset_expression", "let_expression")


def load(text: str) -> ParsedFile:
    file = parse(Source("t.nix", text.encode()))
    assert file.problem is None, text
    return file


def first(file: ParsedFile, *kinds: str) -> Node:
    stack = [file.root]
    while stack:
        node = stack.pop()
        if node.type in kinds:
            return node
        stack.extend(reversed(node.children))
    raise AssertionError(f"no {kinds}")


def items(file: ParsedFile, *kinds: str) -> tuple[Node, ...]:
    return box_of(file, first(file, *kinds)).items


def done(file: ParsedFile, made: Edit | Built | list[Edit]) -> str:
    edits = made.edits if isinstance(made, Built) else (made,) if isinstance(made, Edit) else made
    return apply_edits(file.source.data, edits).decode()


BLOCK = Snippet("n = {\n  x = [\n    1\n  ];\n};", above=("why",), behind="so", blank=True)
SCRIPT = Snippet("s = ''\n  one\n    two\n\n  three\n'';")
LONG = Snippet(f'n = "{"x" * 80}";')

AT_END: dict[str, tuple[str, list[Item], str]] = {
    "empty": ("{ }", ["n = 1;"], "{ n = 1; }"),
    "empty, tight": ("{}", ["n = 1;"], "{ n = 1; }"),
    "empty, tight, as others in the file": ("a: {}: f {b = 1;}", ["n = 1;"], "a: {}: f {b = 1; n = 1;}"),
    "empty, over lines": ("{\n}\n", ["n = 1;"], "{\n  n = 1;\n}\n"),
    "empty, two": ("x: { }", ["n = 1;", "m = 2;"], "x: {\n  n = 1;\n  m = 2;\n}"),
    "empty, block": (
        "  a: { }",
        [BLOCK],
        "  a: {\n    # why\n    n = {\n      x = [\n        1\n      ];\n    }; # so\n  }",
    ),
    "only a comment": ("{\n  # x\n}", ["n = 1;"], "{\n  # x\n\n  n = 1;\n}"),
    "only a comment, on one line": ("{ /* x */ }", ["n = 1;"], "{\n  /* x */\n\n  n = 1;\n}"),
    "only a comment behind the bracket": ("{ # x\n}", ["n = 1;"], "{ # x\n  n = 1;\n}"),
    "one line": ("{ a = 1; b = 2; }", ["n = 1;"], "{ a = 1; b = 2; n = 1; }"),
    "one line, tight": ("{a=1;}", ["n = 1;"], "{a=1; n = 1;}"),
    "one line, too long": ("{ a = 1; b.c = 2; }", [LONG], f"{{\n  a = 1;\n  b.c = 2;\n  {LONG.text}\n}}"),
    "one line, comments inside": (
        "{ a = 1; /* x */ b = 2; }",
        [LONG],
        f"{{\n  a = 1; /* x */\n  b = 2;\n  {LONG.text}\n}}",
    ),
    "one line, in the middle of others": (
        "{\n  c = mkIf d { a = 1; }; e = 2;\n}",
        ["n = 1;"],
        "{\n  c = mkIf d { a = 1; }; e = 2;\n  n = 1;\n}",
    ),
    "lines": (
        "{\n  a = 1;\n}",
        ["m = 1;", BLOCK],
        "{\n  a = 1;\n  m = 1;\n\n  # why\n  n = {\n    x = [\n      1\n    ];\n  }; # so\n}",
    ),
    "last on the line of the bracket": ("{\n  a = 1; }", ["n = 1;"], "{\n  a = 1;\n  n = 1;\n}"),
    "first on the line of the bracket": (
        "{ a = 1;\n  b = 2;\n}",
        ["n = 1;"],
        "{ a = 1;\n  b = 2;\n  n = 1;\n}",
    ),
    "trailing comment": ("{\n  a = 1; # x\n}", ["n = 1;"], "{\n  a = 1; # x\n  n = 1;\n}"),
    "comment last": ("{\n  a = 1;\n  # x\n}", ["n = 1;"], "{\n  a = 1;\n  # x\n\n  n = 1;\n}"),
    "blank line last": ("{\n  a = 1;\n\n}", ["n = 1;"], "{\n  a = 1;\n  n = 1;\n\n}"),
    "blanks behind the last": ("{\n  a = 1;  \n}", ["n = 1;"], "{\n  a = 1;  \n  n = 1;\n}"),
    "rec": (
        "rec {\n    a = 1;\n}",
        ["n = {\n  m = 1;\n};"],
        "rec {\n    a = 1;\n    n = {\n        m = 1;\n    };\n}",
    ),
    "let": ("let\n  a = 1;\nin\na", ["n = 1;"], "let\n  a = 1;\n  n = 1;\nin\na"),
    "let on one line": ("let a = 1; in a", ["n = 1;"], "let a = 1; n = 1; in a"),
    "let without bindings": ("let in 1", ["n = 1;"], "let n = 1; in 1"),
    "tabs": (
        "{\n\ta = {\n\t\tb = 1;\n\t};\n}",
        ["n = {\n  m = [\n    1\n  ];\n};"],
        "{\n\ta = {\n\t\tb = 1;\n\t};\n\tn = {\n\t\tm = [\n\t\t\t1\n\t\t];\n\t};\n}",
    ),
    "script": (
        "{\n  a = 1;\n}",
        [SCRIPT],
        "{\n  a = 1;\n  s = ''\n    one\n      two\n\n    three\n  '';\n}",
    ),
    "script, four blanks": (
        "{\n    a = 1;\n}",
        [SCRIPT],
        "{\n    a = 1;\n    s = ''\n        one\n          two\n\n        three\n    '';\n}",
    ),
    "script, tabs: blanks, for Nix strips no tabs": (
        "{\n\ta = 1;\n}",
        [SCRIPT],
        "{\n\ta = 1;\n\ts = ''\n    one\n      two\n\n    three\n  '';\n}",
    ),
    "carriage returns": (
        "{\r\n  a = 1; # x\r\n}\r\n",
        [Snippet("n = [\n  1\n];", above=("why",), blank=True)],
        "{\r\n  a = 1; # x\r\n\r\n  # why\r\n  n = [\r\n    1\r\n  ];\r\n}\r\n",
    ),
    "inherit without names at the end": (
        "{\n  a = 1;\n  inherit (lib);\n}",
        ["n = 1;"],
        "{\n  a = 1;\n  inherit (lib);\n  n = 1;\n}",
    ),
    "inherit": ("{ inherit x; }", ["inherit (lib) y;"], "{ inherit x; inherit (lib) y; }"),
    "two sets under one path": ("{ a = { }; }", ["a = { b = 1; };"], "{ a = { }; a = { b = 1; }; }"),
    "blank line between": (
        "{ }",
        ["a = 1;", Snippet("b = 2;", blank=True)],
        "{\n  a = 1;\n\n  b = 2;\n}",
    ),
}


@pytest.mark.parametrize("name", AT_END)
def test_insert_bindings_at_the_end(name: str) -> None:
    before, new, after = AT_END[name]
    for tail in ("", "\n") if not before.endswith("\n") else ("",):
        file = load(before + tail)
        attrset = first(file, *SETS)
        assert done(file, insert_bindings(file, attrset, new)) == after + tail


PLACED: list[tuple[str, str, int, str]] = [
    ("{\n  a = 1; # a\n  # b\n  b = 2;\n}", "after", 0, "{\n  a = 1; # a\n  n = 1;\n  # b\n  b = 2;\n}"),
    ("{\n  a = 1; # a\n  # b\n  b = 2;\n}", "before", 1, "{\n  a = 1; # a\n  n = 1;\n  # b\n  b = 2;\n}"),
    ("{\n  # a\n  a = 1;\n}", "before", 0, "{\n  n = 1;\n  # a\n  a = 1;\n}"),
    ("{\n  # part\n\n  a = 1;\n}", "before", 0, "{\n  # part\n\n  n = 1;\n  a = 1;\n}"),
    ("{ # set\n  a = 1;\n}", "before", 0, "{ # set\n  n = 1;\n  a = 1;\n}"),
    ("{ a = 1; b = 2; }", "after", 0, "{ a = 1; n = 1; b = 2; }"),
    ("{ a = 1; b = 2; }", "before", 0, "{ n = 1; a = 1; b = 2; }"),
    ("{a=1;b=2;}", "before", 1, "{a=1; n = 1; b=2;}"),
    ("{ /* a */ a = 1; }", "before", 0, "{\n  n = 1;\n  /* a */\n  a = 1;\n}"),
    ("{ a = 1;\n  b = 2; }", "before", 0, "{\n  n = 1;\n  a = 1;\n  b = 2; }"),
    ("{ a = 1;\n  b = 2; }", "after", 0, "{ a = 1;\n  n = 1;\n  b = 2; }"),
    ("{\n  a = 1; b = 2;\n  c = 3;\n}", "after", 0, "{\n  a = 1;\n  n = 1;\n  b = 2;\n  c = 3;\n}"),
    (
        "{\n  a = 1; # x\n         # y\n  b = 2;\n}",
        "after",
        0,
        "{\n  a = 1; # x\n         # y\n\n  n = 1;\n  b = 2;\n}",
    ),
]


@pytest.mark.parametrize(("before", "side", "index", "after"), PLACED)
def test_insert_bindings_beside_one(before: str, side: str, index: int, after: str) -> None:
    file = load(before)
    anchor = items(file, *SETS)[index]
    attrset = first(file, *SETS)
    if side == "after":
        edit = insert_bindings(file, attrset, ["n = 1;"], after=anchor)
    else:
        edit = insert_bindings(file, attrset, ["n = 1;"], before=anchor)
    assert done(file, edit) == after


REMOVED: list[tuple[str, list[int], str, tuple[str, ...]]] = [
    ("{ a = 1; }", [0], "{ }", ()),
    ("{ a = {}; }", [0], "{}", ()),
    ("{\n  # x\n  a = 1; # y\n}", [0], "{ }", ("# x", "# y")),
    ("{\n  a = [ /* in */ ]; # y\n  b = 1;\n}", [0], "{\n  b = 1;\n}", ("/* in */", "# y")),
    ("{ a = 1; b = 2; }", [0], "{ b = 2; }", ()),
    ("{ a = 1; b = 2; }", [1], "{ a = 1; }", ()),
    ("{a=1;b=2;}", [1], "{a=1;}", ()),
    ("{ a = 1; b = 2; c = 3; }", [1], "{ a = 1; c = 3; }", ()),
    ("{ a = 1; b = 2; c = 3; }", [0, 2], "{ b = 2; }", ()),
    ("{\n  a = 1;\n\n  b = 2;\n\n  c = 3;\n}", [1], "{\n  a = 1;\n\n  c = 3;\n}", ()),
    ("{\n  a = 1;\n\n  b = 2;\n\n  c = 3;\n}", [0], "{\n  b = 2;\n\n  c = 3;\n}", ()),
    ("{\n  a = 1;\n\n  b = 2;\n\n  c = 3;\n}", [2], "{\n  a = 1;\n\n  b = 2;\n}", ()),
    ("{\n  a = 1;\n\n  b = 2;\n\n  c = 3;\n}", [1, 2], "{\n  a = 1;\n}", ()),
    ("{\n  # part\n\n  a = 1;\n\n  b = 2;\n}", [0], "{\n  # part\n\n  b = 2;\n}", ()),
    ("{\n  # part\n\n  # of a\n  a = 1;\n}", [0], "{\n  # part\n}", ("# of a",)),
    ("{ # set\n  a = 1;\n}", [0], "{ # set\n}", ()),
    ("{\n  a = 1; b = 2;\n}", [0], "{\n  b = 2;\n}", ()),
    ("{\n  a = 1; b = 2; # b\n}", [1], "{\n  a = 1;\n}", ("# b",)),
    ("{\n  a = 1;\n  b = 2; }", [1], "{\n  a = 1; }", ()),
    ("{\n  a = 1; # x\n  b = 2; }", [1], "{\n  a = 1; # x\n  }", ()),
    ("{ a = 1;\n  b = 2;\n}", [0], "{\n  b = 2;\n}", ()),
    ("{\n  a = 1; # x\n         # y\n  b = 2;\n}", [0], "{\n  b = 2;\n}", ("# x", "# y")),
    ("let a = 1; in 2", [0], "let in 2", ()),
    ("let\n  a = 1;\n  b = 2;\nin b", [0], "let\n  b = 2;\nin b", ()),
    ("{\n  a = 1;\n  inherit (x);\n}", [0], "{\n  inherit (x);\n}", ()),
    ("{\r\n  # x\r\n  a = 1; # y\r\n\r\n  b = 2;\r\n}\r\n", [0], "{\r\n  b = 2;\r\n}\r\n", ("# x", "# y")),
]


@pytest.mark.parametrize(("before", "which", "after", "dropped"), REMOVED)
def test_remove_bindings(before: str, which: list[int], after: str, dropped: tuple[str, ...]) -> None:
    file = load(before)
    bindings = items(file, *SETS)
    built = remove_bindings(file, [bindings[index] for index in which])
    assert done(file, built) == after
    assert built.dropped == dropped


def test_remove_binding_and_leave_its_comments() -> None:
    file = load("{\n  # x\n  a = 1; # y\n  b = 2;\n}")
    built = remove_binding(file, items(file, *SETS)[0], with_comments=False)
    assert done(file, built) == "{\n  # x\n  # y\n  b = 2;\n}"
    assert built.dropped == ()


LISTS: list[tuple[str, list[Item], str]] = [
    ("[ ]", ['"n"'], '[ "n" ]'),
    ("[]", ['"n"'], '[ "n" ]'),
    ("f [] [a]", ['"n"'], 'f ["n"] [a]'),
    ("f [ ] [a]", ['"n"'], 'f ["n"] [a]'),
    ("[\n]", ['"n"'], '[\n  "n"\n]'),
    ('[ "a" ]', ['"n"', "(f x)"], '[ "a" "n" (f x) ]'),
    ('["a"]', ["n"], '["a" n]'),
    ("[ a ]", [f'"{"x" * 100}"'], f'[\n  a\n  "{"x" * 100}"\n]'),
    ("[ a ]", [Snippet("n", behind="why")], "[\n  a\n  n # why\n]"),
    ("[ a /* x */ ]", ["n"], "[ a /* x */ n ]"),
    ("{ o = [\n    a # x\n  ]; }", ["n"], "{ o = [\n    a # x\n    n\n  ]; }"),
    ("[\n  a\n  # b\n]", ["n"], "[\n  a\n  # b\n\n  n\n]"),
    ('[\n  "--cap-add" "A"\n]', ['"--cap-add" "B"'], '[\n  "--cap-add" "A"\n  "--cap-add" "B"\n]'),
    ("x ++ lib.optionals c [ a ]", ["n"], "x ++ lib.optionals c [ a n ]"),
    ("[\n  a b ]", ["n"], "[\n  a b\n  n\n]"),
    ("[\n  a\n]", ["{\n  x = 1;\n}"], "[\n  a\n  {\n    x = 1;\n  }\n]"),
    ("[\r\n\ta\r\n]", ["n"], "[\r\n\ta\r\n\tn\r\n]"),
    (
        "with pkgs; [\n    a\n]",
        [Snippet("n", above=("w",), blank=True)],
        "with pkgs; [\n    a\n\n    # w\n    n\n]",
    ),
]


@pytest.mark.parametrize(("before", "new", "after"), LISTS)
def test_insert_elements(before: str, new: list[Item], after: str) -> None:
    file = load(before)
    assert done(file, insert_elements(file, first(file, "list_expression"), new)) == after


def test_insert_elements_beside_one() -> None:
    file = load("[\n  # of a\n  a # behind a\n  # of b\n  b\n]")
    node = first(file, "list_expression")
    a, b = items(file, "list_expression")
    assert done(file, insert_elements(file, node, ["n"], after=a)) == (
        "[\n  # of a\n  a # behind a\n  n\n  # of b\n  b\n]"
    )
    assert done(file, insert_elements(file, node, ["n"], before=a)) == (
        "[\n  n\n  # of a\n  a # behind a\n  # of b\n  b\n]"
    )
    assert done(file, insert_elements(file, node, ["n"], before=b)) == (
        "[\n  # of a\n  a # behind a\n  n\n  # of b\n  b\n]"
    )


LIST_REMOVED: list[tuple[str, list[int], str]] = [
    ("[ a ]", [0], "[ ]"),
    ("[\n  a\n  b\n]", [0, 1], "[ ]"),
    ("[ a b c ]", [1], "[ a c ]"),
    ("[a b]", [1], "[a]"),
    ("[ a b ]", [1], "[ a ]"),
    ("[ [] a ]", [1], "[ [] ]"),
    ("[\n  # of a\n  a\n  # of b\n  b\n]", [0], "[\n  # of b\n  b\n]"),
    ('[\n  "--cap-add" "A"\n  "--cap-add" "B" # b\n  c\n]', [2, 3], '[\n  "--cap-add" "A"\n  c\n]'),
    ('[\n  "--cap-add" "A"\n  c\n]', [1], '[\n  "--cap-add"\n  c\n]'),
    ("[\n  a\n  b ]", [1], "[\n  a ]"),
    ("[\n  (f\n    x)\n  b\n]", [0], "[\n  b\n]"),
]


@pytest.mark.parametrize(("before", "which", "after"), LIST_REMOVED)
def test_remove_elements(before: str, which: list[int], after: str) -> None:
    file = load(before)
    node = first(file, "list_expression")
    elements = items(file, "list_expression")
    assert done(file, remove_elements(file, node, [elements[index] for index in which])) == after


def test_replace_element() -> None:
    file = load("[\n  a # x\n  b\n]")
    element = items(file, "list_expression")[0]
    assert done(file, replace_element(file, element, '"--x" "y"')) == '[\n  "--x" "y" # x\n  b\n]'
    assert (
        done(file, replace_element(file, element, "{\n  q = 1;\n}")) == "[\n  {\n    q = 1;\n  } # x\n  b\n]"
    )
    with pytest.raises(BuildError):
        replace_element(file, element, "a = 1;")


VALUES: list[tuple[str, str, str]] = [
    ("{ a = 1; }", "2", "{ a = 2; }"),
    ("{\n  a = 1; # x\n}", "[\n  1\n]", "{\n  a = [\n    1\n  ]; # x\n}"),
    ("{\n  a =\n    1;\n}", "{\n  b = 1;\n}", "{\n  a =\n    {\n      b = 1;\n    };\n}"),
    ("{\n\ta = 1;\n}", "{\n  b = 1;\n}", "{\n\ta = {\n\t\tb = 1;\n\t};\n}"),
    ("{\r\n  a = 1;\r\n}", "[\n  1\n]", "{\r\n  a = [\r\n    1\r\n  ];\r\n}"),
    ("{ a = f x; }", "lib.mkForce (f x)", "{ a = lib.mkForce (f x); }"),
]


@pytest.mark.parametrize(("before", "new", "after"), VALUES)
def test_replace_value(before: str, new: str, after: str) -> None:
    file = load(before)
    assert done(file, replace_value(file, items(file, *SETS)[0], new)) == after


NESTED: list[tuple[str, int, list[Item], str]] = [
    ("{\n  a.b = 1;\n}", 1, ["n = 2;"], "{\n  a = {\n    b = 1;\n    n = 2;\n  };\n}"),
    ("{\n  a.b.c = 1;\n}", 2, [], "{\n  a.b = {\n    c = 1;\n  };\n}"),
    (
        "{\n  # of a\n  a.b = {\n    s = ''\n      x\n        y\n    '';\n  }; # behind\n  c = 1;\n}",
        1,
        [Snippet("n = 2;", above=("w",), blank=True)],
        "{\n  # of a\n  a = {\n    b = {\n      s = ''\n        x\n          y\n      '';\n    }; # behind\n"
        "\n    # w\n    n = 2;\n  };\n  c = 1;\n}",
    ),
    ("{ a.b = 1; c = 2; }", 1, ["n = 2;"], "{ a = { b = 1; n = 2; }; c = 2; }"),
    ('{\n  a."x.y".${z} = "\n q";\n}', 2, [], '{\n  a."x.y" = {\n    ${z} = "\n q";\n  };\n}'),
]


@pytest.mark.parametrize(("before", "depth", "new", "after"), NESTED)
def test_nest_binding(before: str, depth: int, new: list[Item], after: str) -> None:
    file = load(before)
    assert done(file, nest_binding(file, items(file, *SETS)[0], depth, new)) == after


FORMALS: list[tuple[str, str]] = [
    ("{ lib, ... }", "{ lib, pkgs, ... }"),
    ("{lib,...}", "{lib,pkgs,...}"),
    ("{ lib }", "{ lib, pkgs }"),
    ("{ lib, }", "{ lib, pkgs, }"),
    ("{ ... }", "{ pkgs, ... }"),
    ("{ }", "{ pkgs }"),
    ("{}", "{ pkgs }"),
    ("{ a ? { b = 1; }, ... }", "{ a ? { b = 1; }, pkgs, ... }"),
    ("{ # x\n}", "{ # x\n  pkgs\n}"),
    ("{\n  lib,\n  ...\n}", "{\n  lib,\n  pkgs,\n  ...\n}"),
    ("{\n  lib, # x\n  # rest\n  ...\n}", "{\n  lib, # x\n  pkgs,\n  # rest\n  ...\n}"),
    ("{\n  lib,\n  utils # x\n}", "{\n  lib,\n  utils, # x\n  pkgs\n}"),
    ("{\n  lib,\n  utils, # x\n}", "{\n  lib,\n  utils, # x\n  pkgs,\n}"),
    ("{\n\tlib,\n\ta ? {\n\t\tb = 1;\n\t},\n}", "{\n\tlib,\n\ta ? {\n\t\tb = 1;\n\t},\n\tpkgs,\n}"),
    ("{ lib\n, ...\n}", "{ lib\n, pkgs\n, ...\n}"),
    ("{ lib\n, utils ? 1 # x\n}", "{ lib\n, utils ? 1 # x\n, pkgs\n}"),
    ("{ lib\n}", "{ lib\n, pkgs\n}"),
    ("{ lib\n  # rest\n, ...\n}", "{ lib\n, pkgs\n  # rest\n, ...\n}"),
    ("{ config, lib,\n  utils, ... }", "{ config, lib,\n  utils, pkgs, ... }"),
    ("{ config,\n  lib, utils }", "{ config,\n  lib, utils, pkgs }"),
    ("{\r\n  lib,\r\n  ...\r\n}", "{\r\n  lib,\r\n  pkgs,\r\n  ...\r\n}"),
]


@pytest.mark.parametrize(("before", "after"), FORMALS)
@pytest.mark.parametrize("wrap", ["{}: 1", "args@{}:\nargs", "{}@args: 1\n"])
def test_insert_formal(before: str, after: str, wrap: str) -> None:
    head, tail = wrap.split("{}")
    file = load(head + before + tail)
    assert done(file, insert_formal(file, first(file, "formals"), "pkgs")) == head + after + tail


IMPORTS: list[tuple[str, str]] = [
    ("{ imports = [ ]; }", "{ imports = [ ./n.nix ]; }"),
    ("{\n  imports = [\n    ./a.nix # a\n  ];\n}", "{\n  imports = [\n    ./a.nix # a\n    ./n.nix\n  ];\n}"),
    (
        "{ imports = f x ++ [ ./a.nix ] ++ [ ./b.nix ]; }",
        "{ imports = f x ++ [ ./a.nix ./n.nix ] ++ [ ./b.nix ]; }",
    ),
    ("{ imports = f [ ./a.nix ]; }", "{ imports = f [ ./a.nix ] ++ [ ./n.nix ]; }"),
    ("{ }", "{ imports = [ ./n.nix ]; }"),
    ("{ a = 1; }", "{ imports = [ ./n.nix ]; a = 1; }"),
    ("{\n  a = [1];\n}", "{\n  imports = [./n.nix];\n\n  a = [1];\n}"),
    (
        "{\n  # about this host\n\n  # a\n  a = 1;\n}",
        "{\n  # about this host\n\n  imports = [ ./n.nix ];\n\n  # a\n  a = 1;\n}",
    ),
]


@pytest.mark.parametrize(("before", "after"), IMPORTS)
def test_insert_import(before: str, after: str) -> None:
    file = load("{ lib, ... }:\n" + before)
    assert done(file, insert_import(file, first(file, *SETS), "./n.nix")) == "{ lib, ... }:\n" + after


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("1", b"  "),
        ("{\n    a = {\n        b = 1;\n    };\n}", b"    "),
        ("{\n\ta = 1;\n}", b"\t"),
        ("{\n   a = 1;\n}", b"   "),
        ("{\n  a = 1;\n  s = ''\n        x\n                y\n  '';\n  l = [\n    1\n  ];\n}", b"  "),
        ("let\n    a = 1;\nin\n[\n    a\n]", b"    "),
    ],
)
def test_unit(text: str, step: bytes) -> None:
    assert unit(load(text)) == step


MOVED: list[tuple[str, str, str, str]] = [
    ("{\n  a = 1;\n\n  # x\n}", "", "  ", "{\n    a = 1;\n\n    # x\n  }"),
    ("  a = 1;\n  b = {\n    c = 1;\n  };", "  ", "\t", "\ta = 1;\n\tb = {\n\t  c = 1;\n\t};"),
    ('a = "\n  x";\nb = 1;', "", "  ", 'a = "\n  x";\n  b = 1;'),
    ("s = ''\n  a\n   b\n'';", "", "    ", "s = ''\n      a\n       b\n    '';"),
    ("s = ''\na\n b\n'';\nt = 1;", "", "  ", "s = ''\na\n b\n'';\n  t = 1;"),
    ("s = ''\n\ta\n'';", "", "  ", "s = ''\n\ta\n'';"),
    ("    x\n    (f\n      y)", "    ", "  ", "  x\n  (f\n    y)"),
    ("s = ''a\n  b\n'';", "", "  ", "s = ''a\n  b\n'';"),
    ("[\n  1\n]", "    ", "", "[\n1\n]"),
]


@pytest.mark.parametrize(("before", "old", "new", "after"), MOVED)
def test_reindent(before: str, old: str, new: str, after: str) -> None:
    assert reindent(before.encode(), old.encode(), new.encode()).decode() == after


def test_reindent_refuses_what_is_no_code() -> None:
    with pytest.raises(BuildError, match="no Nix code"):
        reindent(b"a = ", b"", b"  ")


Make = Callable[[ParsedFile], object]
REFUSED: dict[str, tuple[str, Make, str]] = {
    "no items": ("{ }", lambda f: insert_bindings(f, first(f, *SETS), []), "nothing to insert"),
    "no binding": ("{ }", lambda f: insert_bindings(f, first(f, *SETS), ["a = 1"]), "no bindings"),
    "bracket in a binding": (
        "{ }",
        lambda f: insert_bindings(f, first(f, *SETS), ["a = 1; } // {"]),
        "no bindings",
    ),
    "defined twice": ("{ a.b = 1; }", lambda f: insert_bindings(f, first(f, *SETS), ["a.b = 2;"]), "already"),
    "defined twice by inherit": (
        "{ a = 1; }",
        lambda f: insert_bindings(f, first(f, *SETS), ["inherit a;"]),
        "already",
    ),
    "defined as a whole": (
        "{ a = f x; }",
        lambda f: insert_bindings(f, first(f, *SETS), ["a.b = 2;"]),
        "'a.b' is defined here already",
    ),
    "defined in a set": (
        "{ a = { b.c = 1; }; }",
        lambda f: insert_bindings(f, first(f, *SETS), ['a."b" = { c.d = 2; };']),
        "'a.b.c.d' is defined here already",
    ),
    "no box": ("1", lambda f: insert_bindings(f, f.root.named_children[0], ["a = 1;"]), "holds no items"),
    "no list": ("{ }", lambda f: insert_elements(f, first(f, *SETS), ["1"]), "no list"),
    "no elements": (
        "[ ]",
        lambda f: insert_elements(f, first(f, "list_expression"), ["] ++ ["]),
        "no elements",
    ),
    "anchor elsewhere": (
        "{ a = [ 1 ]; }",
        lambda f: insert_elements(f, first(f, "list_expression"), ["2"], after=items(f, *SETS)[0]),
        "is not part of",
    ),
    "nothing to remove": (
        "[ 1 ]",
        lambda f: remove_elements(f, first(f, "list_expression"), []),
        "nothing to remove",
    ),
    "no value": ("{ inherit a; }", lambda f: replace_value(f, items(f, *SETS)[0], "1"), "no value"),
    "no expression": (
        "{ a = 1; }",
        lambda f: replace_value(f, items(f, *SETS)[0], "1; b = 2"),
        "no expression",
    ),
    "comment swallows": (
        "{ a = 1; }",
        lambda f: replace_value(f, items(f, *SETS)[0], "2 # x"),
        "breaks the file",
    ),
    "too deep": ("{ a = 1; }", lambda f: nest_binding(f, items(f, *SETS)[0], 1, []), "no part"),
    "formal twice": ("{ pkgs }: 1", lambda f: insert_formal(f, first(f, "formals"), "pkgs"), "already"),
    "imports inherited": (
        "{ inherit imports; }",
        lambda f: insert_import(f, first(f, *SETS), "./n.nix"),
        "inherited",
    ),
    "imports computed": (
        "{ imports = if a then b else c; }",
        lambda f: insert_import(f, first(f, *SETS), "./n.nix"),
        "nothing can be added",
    ),
    "edit breaks": ("{ a = 1; }", lambda f: check(f, [Edit(Span("t.nix", 0, 1), b"")]), "breaks the file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, make, message = REFUSED[name]
    with pytest.raises(BuildError, match=message):
        make(load(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ a = 1; }", "{ a = 2; b = 3; }"),
        ("{\n  a = 1; # one\n  c = 4;\n}", "{\n  a = 2;\n  b = 3; # one\n  c = 4;\n}"),
        ("{\n\ta = 1 /* one */;\n}", "{\n\ta = 2;\n\tb = 3 /* one */;\n}"),
        ("{\r\n  a = [\r\n  ];\r\n}", "{\r\n  a = 2;\r\n  b = 3;\r\n}"),
        ("{\n  c = 4; a = 1; d = 5;\n}", "{\n  c = 4; a = 2; b = 3; d = 5;\n}"),
    ],
)
def test_value_parting(text: str, expected: str) -> None:
    file = load(text)
    (a,) = (item for item in items(file, *SETS) if file.text(item).startswith(b"a"))
    step = proved(value_parting(file, a, "2", "b = 3"))
    assert done(file, list(step.edits)) == expected
