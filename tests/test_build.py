"""Builders for the bindings of a set, before and after, in many layouts."""

import pytest
from building import SETS, done, first, items, load

from hwc_refactor.nix.build import (
    Item,
    Snippet,
    insert_bindings,
    nest_binding,
    remove_binding,
    remove_bindings,
    replace_value,
)

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
