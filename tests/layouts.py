"""Random sets and lists in random layouts."""

from dataclasses import dataclass
from random import Random

from hwc_refactor.nix.build_box import Box, box_of
from hwc_refactor.nix.source import Source
from hwc_refactor.nix.syntax import Node, ParsedFile, parse

VALUES = (
    "1",
    '"text"',
    "true",
    "[ 1 2 ]",
    "{ }",
    "{ deep = 1; }",
    '"two\n lines"',
    "[\n  1\n  2 # two\n]",
    "{\n  # inner\n  deep = 1;\n\n  er = [ ];\n}",
    "''\n  echo one\n    echo two\n\n  echo three\n''",
    "''\nleft\n  right\n''",
    "let\n  x = 1; # here\nin\nx",
)
ELEMENTS = ("1", '"a"', "{ a = 1; }", "(1 + 1)", "[ ]", "{\n  a = 1;\n}", '"x y"', "''\n  line\n''")
WORDS = ("why it is so", "see the manual", "---- part ----", "old = 1;", "{ [ (", 'it\'s "quoted" ${here}')


@dataclass(frozen=True)
class Sample:
    """A random file: its text and whether its layout is one that an insertion leaves regular."""

    data: bytes
    regular: bool


def shift(text: str, indent: str, step: str) -> str:
    """A text of two blanks a step, moved; tabs only where no string is in it."""
    if step != "  " and ("''" in text or '"' in text):
        step = "  "
    lines = []
    for number, line in enumerate(text.split("\n")):
        blanks = len(line) - len(line.lstrip(" "))
        keep = number == 0 or '"two' in text or not line or "left" in text
        lines.append(line if keep else indent + step * (blanks // 2) + " " * (blanks % 2) + line.lstrip(" "))
    return "\n".join(lines)


def sample(rng: Random, kind: str) -> Sample:
    """A file with a set (`outer`), whose items or list elements are laid out at random."""
    step = rng.choice(("  ", "  ", "    ", "\t"))
    opening, closing = ("[", "]") if kind == "list" else (rng.choice(("{", "{", "rec {")), "}")
    count = rng.randrange(5)
    layout = rng.choice(("lines", "lines", "lines", "flat", "odd"))
    pool: tuple[str, ...] = ELEMENTS if kind == "list" else VALUES
    if layout == "flat":
        pool = tuple(value for value in pool if "\n" not in value)
    inner, outer = step * 2, step
    texts = []
    for number in range(count):
        value = shift(rng.choice(pool), inner, step)
        texts.append(value if kind == "list" else f"{rng.choice(('n', 'p.q', 'o.'))}{number} = {value};")
    if kind != "list":
        texts = [text.replace("o.", "o.x", 1) if text.startswith("o.") else text for text in texts]
    if layout == "flat":
        body = " ".join(texts)
        middle = f" {body} " if body else rng.choice((" ", ""))
        regular = bool(body) or middle == " "
    elif layout == "lines":
        middle, regular = lines_of(rng, texts, inner, outer)
    else:
        middle, regular = odd_of(rng, texts, inner), False
    text = f"{{\n{outer}first = 1;\n{outer}outer = {opening}{middle}{closing};\n{outer}# end\n}}"
    text += rng.choice(("\n", "\n", ""))
    return Sample((text.replace("\n", "\r\n") if rng.random() < 0.2 else text).encode(), regular)


def lines_of(rng: Random, texts: list[str], inner: str, outer: str) -> tuple[str, bool]:
    """One item a line, with comments and single blank lines."""
    out = rng.choice(("", "", f" # {rng.choice(WORDS)}")) + "\n"
    regular = bool(texts)
    for number, text in enumerate(texts):
        if number and rng.random() < 0.3:
            out += "\n"
            if rng.random() < 0.3:
                out += f"{inner}# {rng.choice(WORDS)}\n\n"
        for _ in range(rng.choice((0, 0, 1, 2))):
            out += inner + rng.choice(("# {}", "#{}", "/* {} */")).format(rng.choice(WORDS)) + "\n"
        out += inner + text
        if rng.random() < 0.3:
            out += rng.choice((f" # {rng.choice(WORDS)}", f" /* {rng.choice(WORDS)} */"))
        out += "\n"
    if rng.random() < 0.2:
        out += f"{inner}# {rng.choice(WORDS)}\n"
        regular = False
    return out + outer, regular


def odd_of(rng: Random, texts: list[str], inner: str) -> str:
    """Anything goes: several on a line, comments between them, blank lines."""

    def gap() -> str:
        pieces = [rng.choice((" ", "\n" + inner, "  ", "\n", "\n\n" + inner))]
        while rng.random() < 0.25:
            word = rng.choice(WORDS)
            pieces.append(rng.choice((f"/* {word} */ ", f"# {word}\n{inner}", f"/* {word}\n  more */\n")))
        return "".join(pieces)

    return gap() + "".join(text + gap() for text in texts)


def load(data: bytes) -> ParsedFile:
    file = parse(Source("sample.nix", data))
    assert file.problem is None, data.decode()
    return file


def find(node: Node, kinds: tuple[str, ...], data: bytes, marker: bytes) -> Node:
    """The value of the binding that a marker begins."""
    start = data.index(marker) + len(marker)
    found = node.descendant_for_byte_range(start, start + 1)
    while found is not None and found.type not in kinds:
        found = found.parent
    assert found is not None
    return found


def outer_box(file: ParsedFile) -> Box:
    data = file.source.data
    kinds = ("attrset_expression", "rec_attrset_expression", "list_expression")
    return box_of(file, find(file.root, kinds, data, b"outer = "))
