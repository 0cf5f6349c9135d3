"""Operations that wait for each other give what they give one after another."""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from layouts import load, outer_box, sample
from msgspec.structs import replace

from hwc_refactor.nix import build
from hwc_refactor.nix.build_box import Box, box_of
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.rewriting.working_copy import Find, WorkingCopy

Operation = Callable[[ParsedFile, Find], build.Step]
VALUES = ("1", '"x"', "[\n  1\n  2\n]", "{\n  a = 1;\n}", "[ ]")
BINDINGS = ("new{} = 1;", "new{}.x = [\n  1\n];", "n0.y{} = 2;", "p.q{} = 3;")
SNIPPETS = (
    build.Snippet(""),
    build.Snippet("", above=("because",)),
    build.Snippet("", behind="so"),
    build.Snippet("", blank=True),
    build.Snippet("", blank_below=True),
)


class Operations:
    """Random operations on a file, none of which needs what an earlier one has taken away."""

    def __init__(self, rng: Random, file: ParsedFile) -> None:
        self._rng = rng
        self._file = file
        self._gone: list[Node] = []
        self._made = 0

    def draw(self) -> Operation:
        """An operation on a random place."""
        rng = self._rng
        self._made += 1
        box = rng.choice(self._boxes())
        items = [item for item in box.items if item not in self._gone]
        item = rng.choice(items) if items else None
        kind = rng.choice(("insert", "remove", "remove", "replace", "rename", "part"))
        if item is None or kind == "insert":
            return self._insertion(box, item)
        is_list = box.node.type == "list_expression"
        path = item.child_by_field_name("attrpath")
        if kind == "remove":
            some = [one for one in items if one == item or (is_list and rng.random() < 0.2)]
            self._gone += some
            if is_list:
                return lambda now, at: build.element_removal(now, at(box.node), [at(one) for one in some])
            return lambda now, at: build.binding_removal(now, at(item))
        if is_list:
            self._gone.append(item)
            return lambda now, at: build.element_replacement(now, at(item), '"other"')
        if kind == "part" and item.type == "binding":
            self._gone.append(item)
            further = f"part{self._made} = 1"
            return lambda now, at: build.value_parting(now, at(item), '"x"', further)
        if kind == "replace" or path is None:
            value, text = item.child_by_field_name("expression"), rng.choice(VALUES)
            self._gone += [] if value is None else [value]
            return lambda now, at: build.value_replacement(now, at(item), text)
        name, other = path.children[0], f"other{self._made}"
        return lambda now, at: build.replacement(now, at(name), other)

    def _insertion(self, box: Box, item: Node | None) -> Operation:
        after, before = self._rng.choice(((None, None), (item, None), (None, item)))
        is_list = box.node.type == "list_expression"
        text = f'"new{self._made}"' if is_list else self._rng.choice(BINDINGS).format(self._made)
        snippet = replace(self._rng.choice(SNIPPETS), text=text)
        insertion = build.element_insertion if is_list else build.binding_insertion
        return lambda now, at: insertion(
            now,
            at(box.node),
            [snippet],
            after=None if after is None else at(after),
            before=None if before is None else at(before),
        )

    def _boxes(self) -> list[Box]:
        """The outer set or list, and the sets and lists in it, as far as they are still there."""
        found = [outer_box(self._file)]
        for box in found:
            for item in box.items:
                value = item.child_by_field_name("expression") if item.type == "binding" else item
                if value is None or item in self._gone or value in self._gone:
                    continue
                if value.type in ("attrset_expression", "list_expression"):
                    found.append(box_of(self._file, value))
        return found


def outcome(
    file: ParsedFile, operations: Sequence[Operation], *, at_once: bool
) -> tuple[bytes, list[object], int]:
    """The text that operations give, what each of them said, and how often more than one waited."""
    copy = WorkingCopy(file)
    said: list[object] = []
    together = 0
    for one in operations:
        try:
            said.append(copy.take(one).dropped)
        except build.BuildError as error:
            said.append(str(error))
        if at_once:
            assert copy.current.problem is None
        together += len(copy._waiting) > 1
    return copy.current.source.data, said, together


def test_together_or_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(file: ParsedFile, steps: Sequence[build.Step]) -> ParsedFile:
        try:
            return prove(file, steps)
        except build.BuildError:
            apart.append(len(steps))
            raise

    prove, apart = build.prove, list[int]()
    monkeypatch.setattr(build, "prove", counted)
    beside = 0
    for seed in range(1500):
        rng = Random(seed)
        file = load(sample(rng, rng.choice(("set", "set", "list"))).data)
        drawn = Operations(rng, file)
        operations = [drawn.draw() for _ in range(rng.randrange(2, 7))]
        data, said, _ = outcome(file, operations, at_once=True)
        gathered, told, together = outcome(file, operations, at_once=False)
        assert (seed, told, gathered.decode()) == (seed, said, data.decode())
        beside += together
    assert beside > 200  # or else nothing was tried
    assert apart == []  # what is built together holds together


LINES = b"""{
  outer = {
    a = 1;
    b = 2;

    c = {
      d = 1;
      e = 2;
    };
  };
}
"""


def test_what_does_not_hold_together_is_done_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(file: ParsedFile, steps: Sequence[build.Step]) -> ParsedFile:
        if len(steps) > 1:
            raise build.BuildError("not together")
        return prove(file, steps)

    prove = build.prove
    monkeypatch.setattr(build, "prove", refused)
    copy = WorkingCopy(load(LINES))
    outer = outer_box(copy.original)
    a, b, _ = outer.items
    copy.take(lambda now, at: build.binding_removal(now, at(a)))
    copy.take(lambda now, at: build.value_replacement(now, at(b), "3"))
    copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["n = 1;"]))
    assert b"outer = {\n    b = 3;\n\n    c = {" in copy.current.source.data
    assert b"n = 1;\n  };" in copy.current.source.data


def test_what_keeps_apart_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []

    def counted(file: ParsedFile, steps: Sequence[build.Step]) -> ParsedFile:
        parsed.append(len(steps))
        return prove(file, steps)

    prove = build.prove
    monkeypatch.setattr(build, "prove", counted)
    file = load(LINES)
    copy = WorkingCopy(file)
    outer = outer_box(file)
    a, b, c = outer.items
    value = c.child_by_field_name("expression")
    assert value is not None
    d, e = box_of(file, value).items
    copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["n = 1;"], before=at(a)))
    copy.take(lambda now, at: build.value_replacement(now, at(b), "3"))
    copy.take(lambda now, at: build.binding_removal(now, at(d)))
    copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["m = 1;"]))
    assert not parsed
    assert b"n = 1;\n    a = 1;\n    b = 3;" in copy.current.source.data
    assert parsed == [4]
    with pytest.raises(build.BuildError, match="'n' is defined here already"):
        copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["n = 2;"], after=at(b)))
    assert copy.node(e).type == "binding"


def test_neighbours_go_together() -> None:
    file = load(LINES)
    copy = WorkingCopy(file)
    a, b, _ = outer_box(file).items
    copy.take(lambda now, at: build.binding_removal(now, at(b)))
    copy.take(lambda now, at: build.binding_removal(now, at(a)))
    assert len(copy._waiting) == 1
    assert copy.current.source.data.startswith(b"{\n  outer = {\n    c = {\n")


def test_a_name_is_not_given_twice_by_what_waits() -> None:
    file = load(LINES)
    copy = WorkingCopy(file)
    outer = outer_box(file)
    a, b, c = outer.items
    copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["n = 1;"], before=at(a)))
    with pytest.raises(build.BuildError, match=r"'n\.x' is defined here already"):
        copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["n.x = 2;"]))
    path = b.child_by_field_name("attrpath")
    assert path is not None
    copy.take(lambda now, at: build.replacement(now, at(path.children[0]), "k"))
    with pytest.raises(build.BuildError, match="'k' is defined here already"):
        copy.take(lambda now, at: build.binding_insertion(now, at(outer.node), ["k = 2;"], after=at(c)))


def test_a_comment_that_goes_on_below_decides_what_is_behind_an_item() -> None:
    file = load(b"{\n  outer = {\n    a = 1; # one\n           # two\n    b = 2;\n  };\n}\n")
    outer = outer_box(file)
    a = outer.items[0]
    operations: list[Operation] = [
        lambda now, at: build.value_replacement(now, at(a), "1000"),
        lambda now, at: build.binding_insertion(now, at(outer.node), ["n = 1;"], after=at(a)),
    ]
    data, _, _ = outcome(file, operations, at_once=True)
    assert b"# one\n    n = 1;\n           # two\n" in data
    assert outcome(file, operations, at_once=False)[0] == data
