"""Static resolution: where each piece of a value stands, and under which condition."""

from __future__ import annotations

from resolving import FILES, HEAD, Case

from hwc_refactor.nix.values import Expr, Gap, ListValue, Slot, Str, Text, Unknown


def places(case: Case, text: Str) -> list[tuple[str, str, str]]:
    """The pieces of a string, each with the text and the file of the expression that holds it."""
    return [
        (part.text if isinstance(part, Text) else "?", part.at.text, part.at.span.file) for part in text.parts
    ]


def the(case: Case, name: str) -> Slot:
    (slot,) = case.attrs.slots[name]
    return slot


def test_pieces_of_a_string_know_their_expressions() -> None:
    case = Case(
        'let tag = "2"; base = "repo/" + name; name = "x"; in "${base}:${tag}-${config.t}${part}"',
    )
    assert isinstance(case.value, Str)
    assert places(case, case.value) == [
        ("repo/", '"repo/"', "main.nix"),
        ("x", '"x"', "main.nix"),
        (":", '"${base}:${tag}-${config.t}${part}"', "main.nix"),
        ("2", '"2"', "main.nix"),
        ("-", '"${base}:${tag}-${config.t}${part}"', "main.nix"),
        ("?", "config.t", "main.nix"),
        ("?", "part", "main.nix"),
    ]
    gap = case.value.parts[-1]
    assert isinstance(gap, Gap)
    assert isinstance(gap.value, Unknown)
    assert gap.value.reason == "'part' is not bound where it can be seen"


def test_an_argument_stands_for_the_parameter() -> None:
    body = 'let tag = "9"; in import ./make.nix { name = "x"; image = "i"; inherit tag; }'
    case = Case(body, FILES)
    image = case.resolver.select(case.resolver.select(case.value, "x", case.expr), "image", case.expr)
    assert isinstance(image, Str)
    assert places(case, image) == [
        ("i", '"i"', "main.nix"),
        (":", '"${image}:${tag}"', "make.nix"),
        ("9", '"9"', "main.nix"),
    ]
    assert image.at.span.file == "make.nix"
    assert image.at.line == 2
    (part, _, _) = image.parts
    data = (HEAD + body).encode()
    assert part.at.span.start == data.index(b'"i"')
    assert data[part.at.span.start : part.at.span.end] == b'"i"'


def test_elements_know_their_list() -> None:
    case = Case('let base = [ "a" ]; in base ++ lib.optionals config.c [ "b" ] ++ map (x: x + "!") [ "c" ]')
    assert isinstance(case.value, ListValue)
    holders = [(i.expr.text, i.holder.text if i.holder else None) for i in case.value.items]
    assert holders == [
        ('"a"', '[ "a" ]'),
        ('"b"', '[ "b" ]'),
        ('x + "!"', 'map (x: x + "!") [ "c" ]'),
    ]
    (condition,) = case.value.items[1].conditions
    assert (condition.expr.text, condition.holds) == ("config.c", True)
    assert not case.value.complete


def test_slots_know_binding_holder_and_depth() -> None:
    case = Case("{ a.b = 1; a = { c = lib.mkForce 2; }; inherit lib; } // lib.mkIf config.c { a.d = 3; }")
    slots = case.attrs.slots["a"]
    assert [(s.rest, s.depth, len(s.conditions)) for s in slots] == [
        (("b",), 1, 0),
        ((), 1, 0),
        (("d",), 1, 1),
    ]
    view = case.resolver.step(slots)
    assert view is not None
    (b,), (c,), (d,) = view.slots["b"], view.slots["c"], view.slots["d"]
    assert (b.rest, b.depth, b.binding is slots[0].binding) == ((), 2, True)
    assert (c.rest, c.depth) == ((), 1)
    assert c.holder is not None
    assert c.holder.text == "{ c = lib.mkForce 2; }"
    assert d.conditions[0].text == "config.c"
    assert [s.certain for s in (b, c, d)] == [False, False, False]
    inherited = the(case, "lib")
    assert inherited.binding is not None
    assert inherited.binding.type == "inherit"


def test_modifiers_and_conditions_add_up() -> None:
    case = Case(
        "lib.mkIf config.a (lib.mkForce { x = lib.mkMerge [ { y = 1; } (lib.mkIf config.b { z = 2; }) ]; })"
    )
    view = case.resolver.step(case.attrs.slots["x"])
    assert view is not None
    (y,), (z,) = view.slots["y"], view.slots["z"]
    assert (y.modifiers, [c.text for c in y.conditions]) == (("mkForce",), ["config.a"])
    assert (z.modifiers, [c.text for c in z.conditions]) == (("mkForce",), ["config.a", "config.b"])


def test_an_else_stands_under_the_negation() -> None:
    case = Case("{ a = if config.c then { b = 1; } else if config.d then { b = 2; } else { b = 3; }; }")
    view = case.resolver.step(case.attrs.slots["a"])
    assert view is not None
    assert [[(c.expr.text, c.holds) for c in s.conditions] for s in view.slots["b"]] == [
        [("config.c", True)],
        [("config.c", False), ("config.d", True)],
        [("config.c", False), ("config.d", False)],
    ]


def test_a_parameter_nobody_binds_names_its_function() -> None:
    case = Case("{ f = { image, config, ... }: [ image config.x ]; }")
    function = case.resolver.value(the(case, "f").expr)
    body = case.resolver.child(function.at, "body") if isinstance(function.at, Expr) else None
    assert body is not None
    assert case.shown(case.resolver.value(body)) == ["<image bound>", "<config.x>"]
