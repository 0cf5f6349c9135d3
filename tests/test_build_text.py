"""What all builders rest on: indentation, the move of a text to another depth, and what is refused."""

from collections.abc import Callable

import pytest
from building import SETS, done, first, items, load

from hwc_refactor.nix.build import (
    BuildError,
    check,
    insert_bindings,
    insert_elements,
    insert_formal,
    insert_import,
    nest_binding,
    proved,
    reindent,
    remove_elements,
    replace_value,
    unit,
    value_parting,
)
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.syntax import ParsedFile


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
