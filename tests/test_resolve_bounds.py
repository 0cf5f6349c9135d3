"""Static resolution ends, whatever goes in circles or deep down."""

from __future__ import annotations

import pytest
from resolving import Case

DEEP = 500
BOUNDED: dict[str, str] = {
    "parentheses": "(" * DEEP + "1" + ")" * DEEP,
    "lets": "let a = 1; in " * DEEP + "a",
    "names": f"let a0 = 1; {' '.join(f'a{n} = a{n - 1};' for n in range(1, DEEP))} in a{DEEP - 1}",
    "calls": f"let f0 = x: x; {' '.join(f'f{n} = x: f{n - 1} x;' for n in range(1, DEEP))} in f{DEEP - 1} 1",
    "maps": "map (x: x) (" * DEEP + "[ 1 ]" + ")" * DEEP,
    "pairs": "let l0 = { a = 1; }; "
    + " ".join(
        f"l{n} = lib.listToAttrs (map (n: lib.nameValuePair n 1)"
        f" (lib.attrValues (lib.mapAttrs (k: v: k) l{n - 1})));"
        for n in range(1, DEEP)
    )
    + f" in l{DEEP - 1}",
    "else-if": "".join(f"if config.c{n} then {{ a = [ {n} ]; }} else " for n in range(DEEP)) + "{ }",
    "lists": " ++ ".join(["[ 1 ]"] * DEEP),
    "updates": " // ".join(["{ a = 1; }"] * DEEP),
    "itself-if": "let x = if config.c then x else { }; in x",
    "itself-mkif": "let x = lib.mkIf config.c x; in x",
    "itself-merged": "let x = lib.mkMerge [ x x x ]; in x",
    "itself-called": "let f = x: lib.mkMerge [ (f x) (f x) ]; in f 1",
    "itself-listed": "let f = x: [ (f x) ] ++ f x ++ f x; in f 1",
    "itself-updated": "let x = { a = x; }; in lib.recursiveUpdate x x",
    "itself-mapped": "let x = lib.mapAttrs (n: v: x) x; in x",
    "itself-named": "let x = lib.listToAttrs [ { name = x.a; value = 1; } ]; in x",
    "itself-computed": "let x = { ${x.a} = 1; b = 2; }; in x",
    "itself-flat": "let x = [ x ]; in lib.flatten x",
    "itself-with": "with (with a; b); c",
    "doubled-text": f'let x0 = "a"; {" ".join(f"x{n} = x{n - 1} + x{n - 1};" for n in range(1, 60))} in x59',
    "doubled-list": f"let x0 = [ 1 ]; {' '.join(f'x{n} = x{n - 1} ++ x{n - 1};' for n in range(1, 60))} in x59",
    "doubled-if": "let x0 = { a = [ 1 ]; }; "
    + " ".join(f"x{n} = if config.c then x{n - 1} else x{n - 1};" for n in range(1, 60))
    + " in x59",
    "doubled-update": "let x0 = { a = 1; }; "
    + " ".join(f"x{n} = x{n - 1} // lib.optionalAttrs config.c x{n - 1};" for n in range(1, 60))
    + " in x59",
}


@pytest.mark.parametrize("code", BOUNDED.values(), ids=BOUNDED.keys())
def test_cycles_and_depth_are_bounded(code: str) -> None:
    case = Case(code)
    assert len(case.attrs.slots) < 10
    assert len(case.resolver.items(case.expr)) <= 5_000


def test_what_was_too_deep_once_is_known_from_nearer() -> None:
    case = Case(f"let a0 = 1; {' '.join(f'a{n} = a{n - 1};' for n in range(1, 150))} in [ a149 a75 ]")
    assert case.show() == ["<? it is nested too deeply to follow>", 1]
