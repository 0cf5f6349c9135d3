"""Builders for the elements of lists, before and after, in many layouts."""

import pytest
from building import done, first, items, load

from hwc_refactor.nix.build import (
    BuildError,
    Item,
    Snippet,
    insert_elements,
    remove_elements,
    replace_element,
)

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
