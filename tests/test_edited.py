"""A file that is parsed again after edits is the file that the text gives when it is parsed anew."""

from __future__ import annotations

import random

import pytest
from tree_sitter import Node

from hwc_refactor.nix.edited import edited
from hwc_refactor.nix.edits import Edit, Span
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import ParsedFile, parse

PLAIN = """{ config, lib, pkgs, ... }:
let
  port = 80; # the usual one
in {
  systemd.services.web = {
    script = ''
      echo ${toString port} ''${HOME}
    '';
    serviceConfig = { User = "web"; "Quoted" = [ 1 2 "ä" ]; };
  };
}
"""
TEXTS = {
    "plain": PLAIN,
    "crlf": PLAIN.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PLAIN,
    "trailing comma": PLAIN.replace("pkgs, ...", "pkgs,"),
    "pipe": PLAIN.replace("port = 80", "port = 80 |> toString"),
}


def told(node: Node) -> object:
    """All there is of a tree."""
    points = (node.start_byte, node.end_byte, node.start_point, node.end_point)
    return node.type, points, [told(child) for child in node.children]


def same(after: ParsedFile, data: bytes) -> None:
    anew = parse(Source("x.nix", data))
    assert after.source.data == data
    assert (after.problem, after.pipes) == (anew.problem, anew.pipes)
    assert told(after.root) == told(anew.root)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("seed", range(20))
def test_any_edits_give_the_tree_of_the_text(text: str, seed: int) -> None:
    chance = random.Random(seed)
    file = parse(Source("x.nix", text.encode()))
    for _ in range(6):
        data = file.source.data
        places = sorted(chance.sample(range(len(data) + 1), 4))
        pieces = [
            b"",
            b" ",
            b"\n  ",
            b"x = 1;\n",
            b"# c\n",
            b"''",
            b'"',
            b"[ ]",
            b"{ a = 1; }",
            b"}",
            b"\xc3\xa4,",
        ]
        edits = [
            Edit(Span("x.nix", start, end if chance.random() < 0.5 else start), chance.choice(pieces))
            for start, end in (places[:2], places[2:])
        ]
        after = edited(file, edits)
        same(after, after.source.data)
        if after.problem is None:
            file = after


def test_a_chain_of_edits_that_keep_the_file_whole() -> None:
    file = parse(Source("x.nix", PLAIN.encode()))
    for number in range(20):
        at = file.source.data.index(b"User")
        file = edited(file, [Edit(Span("x.nix", at, at), f"A{number} = true;\n    ".encode())])
        assert file.problem is None
        assert file.tree is not None
        same(file, file.source.data)


def test_the_same_edits_are_parsed_once() -> None:
    file = parse(Source("x.nix", PLAIN.encode()))
    edits = [Edit(Span("x.nix", 0, 0), b"# a\n"), Edit(Span("x.nix", 2, 2), b" ")]
    assert edited(file, edits) is edited(file, tuple(reversed(edits)))
