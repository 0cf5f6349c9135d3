"""What parses, what is masked to make it parse, and where an error is said to be."""

import pytest

from hwc_refactor.nix.source import Source
from hwc_refactor.nix.strings import decode
from hwc_refactor.nix.syntax import Node, ParsedFile, parse


def read(text: str) -> ParsedFile:
    return parse(Source("x.nix", text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "{ lib, pkgs, }: 1",
        "{\n  lib,\n  pkgs, # the packages\n  /* all of them */\n}:\n1",
        "{ a ? { b = 1; }, }@args: a",
        "{ inherit (lib); inherit; }",
        "\ufeff{ a = 1; }",
        "{ a = 1; }\r\n",
        "{ x = foldl' f \"}, \" [ ]; y = { a, }: ''\n  ${g { b = \"''\"; }} ''${ ''\\n\n''; }",
        "# a comment alone is followed by\n1",
    ],
)
def test_nix_that_the_grammar_alone_does_not_know(text: str) -> None:
    assert read(text).problem is None


def test_pipes_are_known_by_their_place() -> None:
    file = read('"a |> b" |> f <| x')
    assert file.problem is None
    assert file.pipes == (9, 14)


def test_offsets_stay_true() -> None:
    text = "{ lib, pkgs, }: pkgs.x |> lib.f"
    file = read(text)
    names = [node for node in walk(file.root) if node.type == "identifier"]
    assert [file.text(node).decode() for node in names] == ["lib", "pkgs", "pkgs", "x", "lib", "f"]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("{ a = 1; b = ; }", 1, 13),
        ("{ lib, ... }:\n{\n  a = 1;\n  b = ;\n}\n", 4, 6),
        ("", 1, 1),
        ("# nothing\n", 1, 1),
    ],
)
def test_an_error_has_a_place(text: str, line: int, column: int) -> None:
    problem = read(text).problem
    assert problem is not None
    assert (problem.line, problem.column) == (line, column)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r'"a\n\t\"\${x} $$ \q"', 'a\n\t"${x} $$ q'),
        ("''\n    a\n      b\n  ''", "a\n  b\n"),
        ("''\n  ''${x} ''' ''\\t $${y}\n''", "${x} '' \t $${y}\n"),
        ("''one line''", "one line"),
        ("''\n  a\n\n  b''", "a\n\nb"),
        ("''\n  in\nout\n''", "  in\nout\n"),
    ],
)
def test_strings_decode_as_nix_reads_them(source: str, text: str) -> None:
    file = read(source)
    string = next(node for node in walk(file.root) if node.type.endswith("string_expression"))
    decoded = decode(file, string)
    assert decoded.literal == text
    mapped = decoded.render(lambda index, _: "")
    assert mapped.data.decode() == text


def test_a_range_of_the_text_leads_back_to_the_file() -> None:
    source = "{ s = ''\n    one ${x}\n    two ''$ three\n  ''; }"
    file = read(source)
    string = next(node for node in walk(file.root) if node.type == "indented_string_expression")
    mapped = decode(file, string).render(lambda index, _: "HOLE")
    for word in (b"one", b"two", b"three"):
        at = mapped.data.index(word)
        place = mapped.to_file(at, at + len(word))
        assert place is not None
        assert file.source.data[place[0] : place[1]] == word
    at = mapped.data.index(b"HOLE")
    inside = mapped.to_file(at + 1, at + 2)
    assert inside is not None
    assert file.source.data[inside[0] : inside[1]] == b"${x}"


def walk(node: Node) -> list[Node]:
    return [node, *(below for child in node.children for below in walk(child))]
