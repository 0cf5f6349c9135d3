"""Static resolution: every form of the language, scopes, calls, the library, files, and where each piece stands."""

from __future__ import annotations

import pytest
from resolving import HEAD, Case

from hwc_refactor.nix.values import Attrs, Expr, Gap, ListValue, Slot, Str, Text, Unknown

FORMS: tuple[tuple[str, object], ...] = (
    ("1.5", 1.5),
    ("-3", -3),
    (".5", 0.5),
    ("007", 7),
    ("null", None),
    ('"a\\n\\${b}"', "a\n${b}"),
    ("''  a''", "a"),
    ("''${\"x\"}''$y''", "x$y"),
    ("http://a.b/c", "http://a.b/c"),
    ("./x.nix", "<path ./x.nix>"),
    ("<nixpkgs>", "<<nixpkgs>>"),
    ('./a + "/b"', "<path ./a/b>"),
    ('"${./a}"', "<text ${./a}>"),
    ('"a${config.b}c"', "<text a${config.b}c>"),
    ('config.b + "a"', "<text ${config.b}a>"),
    ('"${"a"}${toString 1}"', "a1"),
    ("let true = 1; in true", 1),
    ("let a = b; b = 2; in a", 2),
    ("let a.b = 1; a.c = 2; in a", {"b": 1, "c": 2}),
    ("let a = 1; in let b = a; a = 2; in b", 2),
    ("let a = 1; in let inherit a; in a", 1),
    ("rec { a = b; b = 1; }", {"a": 1, "b": 1}),
    ("rec { a = 1; b = { a = 2; c = a; }; }", {"a": 1, "b": {"a": 2, "c": 1}}),
    ("let a = 1; in { a = 2; b = a; }", {"a": 2, "b": 1}),
    ("let a = 1; in rec { inherit a; b = a; }", {"a": 1, "b": 1}),
    ('rec { ${"a"} = 1; b = a; }', {"a": 1, "b": 1}),
    ("let x = { a = 1; }; in { inherit (x) a; }", {"a": 1}),
    ('let x = { "a b" = 1; }; in { inherit (x) "a b"; }', {"a b": 1}),
    ('let a = 1; in { inherit "a"; }', {"a": 1}),
    ('let x = { a = 1; }; in { inherit (x) ${"a"}; }', {"a": 1}),
    ("{ inherit (config.x) a; inherit pkgs; }", {"a": "<config.x.a>", "pkgs": "<pkgs>"}),
    ("{ a.b = 1; a = { c = 2; }; }", {"a": {"b": 1, "c": 2}}),
    ("{ a.b.c = 1; a.b.d = 2; a.e = 3; }", {"a": {"b": {"c": 1, "d": 2}, "e": 3}}),
    ('{ "${config.n}-x".y = 1; b = 2; }', {"b": 2, '${"${config.n}-x"}': {"y": 1}}),
    ("{ ${config.n} = 1; ${config.m} = 2; }", {"${config.n}": 1, "${config.m}": 2}),
    ("{ a = { b = 1; }; }.a.b", 1),
    ("{ a.b = 1; }.a /* the first */ .b", 1),
    ("{ a.b = 1; }.a. /* the first */ b", 1),
    ("{ a = 1; }.b or 2", 2),
    ("{ a = null; }.a or 2", None),
    ("{ }.a.b or 2", 2),
    ("config.x or 2", "<? it is config.x where that exists, else the default>"),
    ("config.x.y", "<config.x.y>"),
    ('config.${"x"}."y"', "<config.x.y>"),
    ("config.${config.n}", "<? an attribute with a computed name is selected>"),
    ("{ a = 1; }.b", "<? the set has no attribute 'b'>"),
    ("(config.x // { a = 1; }).b or 2", "<? it is config.x, which is set elsewhere>"),
    ("{ a.b = 1; } ? a.b", True),
    ("{ a.b = 1; } ? a.c", False),
    ("{ a = 1; } ? a.b", False),
    ('{ a = 1; } ? ${"a"}', True),
    ("{ a = 1; } ? /* no */ b", False),
    ("config ? a", "<? whether the attribute exists is not known>"),
    ("(config.x // { a = 1; }) ? a", True),
    ("({ a = 1; } // config.x) ? a", "<? whether the attribute exists is not known>"),
    ("({ } // lib.optionalAttrs config.c { a = 1; }) ? a", "<? whether the attribute exists is not known>"),
    ("if true then 1 else 2", 1),
    ("if { } ? a then 1 else 2", 2),
    ("if config.c then 1 else 2", {"if config.c": 1, "else": 2}),
    ("(if config.c then { a = 1; } else { a = 2; }).a", "<? it is defined in several places>"),
    ("(if config.c then { a = 1; } else { }).a", "<? it counts only under the condition config.c>"),
    ("assert config.c; 1", 1),
    ("!true", False),
    ("!config.c", "<? its operand is not known>"),
    ("true && config.c", "<? the condition is not known>"),
    ("false && config.c", False),
    ("config.c && false", False),
    ("config.c || true", True),
    ("config.c -> true", True),
    ("false -> config.c", True),
    ("true -> config.c", "<? the condition is not known>"),
    ("1 == 1.0", True),
    ("true == 1", False),
    ("null == false", False),
    ('"a" == "a"', True),
    ('"a" != 1', True),
    ('config.a == "a"', "<? '==' is not computed>"),
    ("[ 1 ] == [ 1 ]", "<? '==' is not computed>"),
    ("[ ] == { }", False),
    ("{ } == config.x // { }", "<? '==' is not computed>"),
    ("1 + 2 * 3", 7),
    ("7 / 2", 3),
    ("(-7) / 2", -3),
    ("1 / 0", "<? the result of '/' is not known>"),
    ("1 - 2.5", -1.5),
    ("9223372036854775807 + 1", "<? the number is too large>"),
    ('"a" < "b"', True),
    ('"b" <= "a"', False),
    ("2 >= 3", False),
    ("3 > 2", True),
    ("1 < config.n", "<? the result of '<' is not known>"),
    ("true + 1", "<? the result of '+' is not known>"),
    ('[ 1 config.x "a" ]', [1, "<config.x>", "a"]),
    ("[ 1 ] ++ config.x ++ [ 2 ]", [1, "<? it is config.x, which is set elsewhere>", 2]),
    (
        "[ 1 ] ++ (if config.c then [ 2 ] else [ 3 4 ])",
        [1, "2 if config.c", "3 if !(config.c)", "4 if !(config.c)"],
    ),
    ("{ a = 1; } // { a = 2; b = 3; }", {"a": 2, "b": 3}),
    ("{ a.b = 1; } // { a.c = 2; }", {"a": {"c": 2}}),
    (
        "{ a = 1; b = 2; } // lib.optionalAttrs config.c { a = 3; }",
        {"a": ("perhaps 1", "3 if config.c"), "b": 2},
    ),
    ("{ a = 1; } // config.x", {"a": "perhaps 1", "...": "it is config.x, which is set elsewhere"}),
    ("config.x // { a = 1; }", {"a": 1, "...": "it is config.x, which is set elsewhere"}),
    ("{ a = 1; } // { ${config.n} = 2; }", {"a": "perhaps 1", "${config.n}": 2}),
    ("({ a = 1; } // config.x).a", "<? it is config.x, which is set elsewhere>"),
    ("({ a.b = 1; } // config.x).a", "<? it is config.x, which is set elsewhere>"),
    ("(config.x // { a = 1; }).a", 1),
    (
        "({ a = { x = 1; }; } // lib.optionalAttrs config.c { a = { }; }).a.x",
        "<? something else replaces it where config.c holds>",
    ),
    (
        "{ a = 1; } // (if config.c then { a = 2; } else { a = 3; })",
        {"a": ("perhaps 1", "2 if config.c", "3 if !(config.c)")},
    ),
    ("{ __functor = self: x: x; } 1", "<? something that is no function is called>"),
    ("config.f 1", "<config.f of 1>"),
    ("lib.foo 1 2", "<lib.foo of 2>"),
    ("1 2", "<? something that is no function is called>"),
    ("x", "<? 'x' is not bound where it can be seen>"),
    ('"a" |> lib.id', "<? it is built with a pipe operator>"),
)
SCOPES: tuple[tuple[str, object], ...] = (
    ("let a = 1; in with { a = 2; }; a", 1),
    ("with { a = 1; }; with { a = 2; }; a", 2),
    ("with { a = 1; b = 3; }; with { a = 2; }; b", 3),
    ("with { a = 1; }; let a = 2; in a", 2),
    ("with { a = 1; }; (a: a) 2", 2),
    ("with { a = 1; }; rec { b = a; }", {"b": 1}),
    ("with { map = 1; }; map", "<builtins.map>"),
    ("with rec { a = b; b = 1; }; a", 1),
    ("let x = { a = 1; }; in with x; { inherit a; }", {"a": 1}),
    ("with config.x; a", "<config.x.a>"),
    ("with config.x; with { a = 1; }; a", 1),
    ("with { a = 1; }; with config.x; a", "<? 'a' may come from more than one 'with'>"),
    ("with { a = 1; }; with lib; a", "<? 'a' may come from more than one 'with'>"),
    ("with { optionals = 1; }; with pkgs; optionals", "<? 'optionals' may come from more than one 'with'>"),
    ("with { optionals = 1; }; with lib; optionals true [ 1 ]", [1]),
    ("with lib; with { a = 1; }; a", 1),
    ("with lib; with pkgs; optionals true [ hello ]", ["<pkgs.hello>"]),
    ("with pkgs; with lib; [ hello (optional true 1) ]", ["<pkgs.hello>", [1]]),
    ("with pkgs; with inputs; x", "<? 'x' may come from more than one 'with'>"),
    ("with { a = 1; } // config.x; a", "<? it is config.x, which is set elsewhere>"),
    ("with { a = 1; } // config.x; b", "<? 'b' may come from a set that is not fully in sight>"),
    ("with config.x // { a = 1; }; a", 1),
    ("with { ${config.n} = 1; }; a", "<? 'a' may come from a set that is not fully in sight>"),
    (
        "with (if config.c then { a = 1; } else { a = 1; }); a",
        "<? 'a' may come from a 'with' that is not followed>",
    ),
    ("let x = with x; { a = 1; b = a; }; in x.b", 1),
)
CALLS: tuple[tuple[str, object], ...] = (
    ("(x: x) 1", 1),
    ("(x: y: x + y) 1 2", 3),
    ("(x: y: x) 1", "<function>"),
    ("let add = x: y: x + y; one = add 1; in one 2", 3),
    ("(x: (x: x) 2) 1", 2),
    ("({ a, b ? a }: b) { a = 1; }", 1),
    ("({ a, b ? c, c ? a }: b) { a = 1; }", 1),
    ("({ a ? 1 }: a) { a = 2; }", 2),
    ("({ a ? 1, ... }@all: all.b) { b = 2; }", 2),
    ("(all@{ a ? 1 }: all.a or 3) { }", 3),
    ("(all@{ a ? 1, ... }: all ? a) { b = 2; }", False),
    ("({ a, ... }: a) { a = 1; b = 2; }", 1),
    ("({ a }: a.b) { a.b = 1; }", 1),
    ("({ a }: a) config.x", "<config.x.a>"),
    ("({ a ? 1 }: a) config.x", "<? it is config.x.a where that exists, else the default>"),
    ("({ lib, a ? 1, ... }: lib) config.x", "<lib>"),
    (
        "({ a ? 1, b ? 2 }: [ a b ]) (config.x // { b = 3; })",
        ["<? it is not certain what 'a' is called with>", 3],
    ),
    (
        "({ a ? 1, b ? 2 }: [ a b ]) ({ b = 3; } // config.x)",
        ["<? it is not certain what 'a' is called with>", "<? it is config.x, which is set elsewhere>"],
    ),
    ("({ a }: a) { }", "<? it is not certain what 'a' is called with>"),
    (
        "({ a ? 1 }: a) (lib.optionalAttrs config.c { a = 2; })",
        "<? it counts only under the condition config.c>",
    ),
    ("let a = 1; f = x: x + a; in let a = 10; in f a", 11),
    ("let f = x: let a = 2; in [ x a ]; a = 1; in f a", [1, 2]),
    ("let f = { x, a ? 5 }: [ x a ]; a = 1; in f { x = a; }", [1, 5]),
    ("let f = a: g a; g = b: [ b a ]; a = 1; in f 2", [2, 1]),
    ("let f = x: { y = x; }; y = 3; in f y", {"y": 3}),
    ("let lib = { f = x: x; }; in lib.f 2", 2),
    ("let s = rec { f = x: x + n; n = 1; }; in s.f 2", 3),
    ("let mk = n: { value = n; double = mk2 n; }; mk2 = n: n + n; in (mk 2).double", 4),
    ("let s = { f = x: x; }; inherit (s) f; in f 1", 1),
    ("let f = n: { inherit n; }; in map f [ 1 2 ]", [{"n": 1}, {"n": 2}]),
    ("let compose = f: g: x: f (g x); in compose (x: x + 1) (x: x * 2) 3", 7),
    ("({ config, ... }@args: (x: x.config.y) args) { inherit config; }", "<config.y>"),
    ("let fix = f: let x = f x; in x; in (fix (self: { a = 1; b = self.a; })).b", 1),
    ("let f = x: f x; in f 1", "<? it is nested too deeply to follow>"),
    ("let a = a; in a", "<? it is defined by itself>"),
    ("let a = b; b = a; in [ a b ]", ["<? it is defined by itself>", "<? it is defined by itself>"]),
    ("rec { a = a; }", {"a": "<? it is defined by itself>"}),
    (
        "let x = { a = x.b; b = x.a; }; in x",
        {"a": "<? it is defined by itself>", "b": "<? it is defined by itself>"},
    ),
    ("(x: x x) (x: x x)", "<? it is nested too deeply to follow>"),
)
LIBRARY: tuple[tuple[str, object], ...] = (
    ("toString 1", "1"),
    ("toString true", "1"),
    ("toString false", ""),
    ("toString null", ""),
    ('toString "a"', "a"),
    ("toString 1.5", "<builtins.toString of 1>"),
    ("toString config.n", "<builtins.toString of 1>"),
    ("toString [ 1 ]", "<builtins.toString of 1>"),
    ("lib.optional true 1", [1]),
    ("lib.optional config.c 1", ["1 if config.c"]),
    ("lib.optionals false [ 1 ]", []),
    ("lib.optionals (config.a && true) config.l", ["<? it is config.l, which is set elsewhere>"]),
    ("lib.lists.optionals true [ 1 ]", [1]),
    ("pkgs.lib.optionals true [ 1 ]", [1]),
    ("inputs.nixpkgs.lib.optionals true [ 1 ]", [1]),
    ("let inherit (lib) optionals; in optionals true [ 1 ]", [1]),
    ("with lib; optionals true [ 1 ]", [1]),
    ("let l = lib; in l.optionals true [ 1 ]", [1]),
    ("let o = lib.optionals true; in o [ 1 ]", [1]),
    ("config.lib.optionals true [ 1 ]", "<config.lib.optionals of 2>"),
    ("lib.mine.optionals true [ 1 ]", "<lib.mine.optionals of 2>"),
    ('lib.optionalString true "a"', "a"),
    ('lib.optionalString config.c "a"', "<lib.optionalString of 2>"),
    ("lib.optionalAttrs true { a = 1; }", {"a": 1}),
    ("lib.optionalAttrs config.c { a = 1; }", "<lib.optionalAttrs of 2>"),
    ("lib.concatLists [ [ 1 ] config.l [ 2 ] ]", [1, "<? it is config.l, which is set elsewhere>", 2]),
    (
        "lib.flatten [ 1 [ 2 [ 3 ] ] config.l (if config.c then [ 4 ] else 5) ]",
        [1, 2, 3, "<? it may be a list>", "4 if config.c", "<? it is of another kind>"],
    ),
    ('lib.concatStringsSep "," [ "a" "b${config.x}" config.y ]', "<text a,b${config.x},${config.y}>"),
    ('lib.concatStringsSep "," (lib.optional config.c "a")', "<lib.concatStringsSep of 2>"),
    ('lib.concatStringsSep config.s [ "a" ]', "<lib.concatStringsSep of 2>"),
    ('lib.genAttrs [ "a" "b" ] (n: n + "x")', {"a": "ax", "b": "bx"}),
    ('lib.genAttrs ([ "a" ] ++ lib.optional config.c "b") (n: n)', {"a": "a", "b": "b if config.c"}),
    ("lib.genAttrs config.l (n: n)", "<lib.genAttrs of 2>"),
    ('lib.genAttrs [ "a" ] config.f', "<lib.genAttrs of 2>"),
    ('lib.mapAttrs (n: v: "${n}${toString v}") { a = 1; b = 2; }', {"a": "a1", "b": "b2"}),
    (
        "lib.mapAttrs (n: v: v) ({ a = 1; } // lib.optionalAttrs config.c { b = 2; })",
        {"a": 1, "b": "2 if config.c"},
    ),
    ("lib.mapAttrs (n: v: v) ({ a = 1; } // config.x)", "<lib.mapAttrs of 2>"),
    ('lib.mapAttrs (n: { image, ... }: image) { a.image = "x"; a.port = 1; }', {"a": "x"}),
    ('lib.mapAttrs\' (n: v: lib.nameValuePair "p-${n}" v) { a = 1; }', {"p-a": 1}),
    (
        'lib.mapAttrs\' (n: v: { name = "p-${n}"; value.x = v; value.y = 2; }) { a = 1; }',
        {"p-a": {"x": 1, "y": 2}},
    ),
    ("lib.mapAttrsToList (n: v: n) { b = 1; a = 2; }", ["a", "b"]),
    (
        'lib.listToAttrs [ { name = "a"; value = 1; } (lib.nameValuePair "b" 2) { name = "a"; value = 3; } ]',
        {"a": 1, "b": 2},
    ),
    (
        'builtins.listToAttrs (map (n: { name = n; value = { inherit n; }; }) [ "a" "b" ])',
        {"a": {"n": "a"}, "b": {"n": "b"}},
    ),
    ("lib.listToAttrs [ (lib.nameValuePair config.n 1) ]", "<lib.listToAttrs of 1>"),
    (
        'lib.listToAttrs ((lib.optional config.c (lib.nameValuePair "a" 1)) ++ [ (lib.nameValuePair "a" 2) ])',
        {"a": ("1 if config.c", "perhaps 2")},
    ),
    (
        'lib.listToAttrs [ ({ name = "a"; value = 1; } // lib.optionalAttrs config.c { name = "b"; }) ]',
        "<lib.listToAttrs of 1>",
    ),
    ("lib.attrValues { b = 1; a = 2; }", [2, 1]),
    ("lib.attrValues ({ a = 1; } // config.x)", "<lib.attrValues of 1>"),
    ("map (x: x + 1) [ 1 2 ]", [2, 3]),
    ("map (x: x) (lib.optional config.c 1)", ["1 if config.c"]),
    ("map config.f [ 1 ]", "<builtins.map of 2>"),
    ("lib.forEach [ 1 2 ] (x: x)", [1, 2]),
    ("lib.concatMap (x: [ x x ]) [ 1 2 ]", [1, 1, 2, 2]),
    ("lib.mergeAttrsList [ { a = 1; } { a = 2; b = 3; } ]", {"a": 2, "b": 3}),
    (
        "lib.mergeAttrsList ([ { a = 1; } ] ++ lib.optional config.c { a = 2; })",
        {"a": ("perhaps 1", "2 if config.c")},
    ),
    (
        "lib.mergeAttrsList [ { a = 1; } config.x ]",
        {"a": "perhaps 1", "...": "it is config.x, which is set elsewhere"},
    ),
    ('removeAttrs { a = 1; b = 2; } [ "a" ]', {"b": 2}),
    ('removeAttrs ({ a = 1; } // config.x) [ "a" ]', {"...": "it is config.x, which is set elsewhere"}),
    ("builtins.removeAttrs { a = 1; } config.l", "<builtins.removeAttrs of 2>"),
    ("lib.id 1", 1),
    ("lib.foldl' (a: b: a) 1 [ ]", "<lib.foldl' of 3>"),
    ("import ./x.nix", "<builtins.import of 1>"),
    ("callPackage ./x.nix { }", "<? 'callPackage' is not bound where it can be seen>"),
    ("(lib.mkMerge [ { a = 1; } (lib.mkIf config.c { b = 2; }) ]).a", 1),
    ("(lib.mkIf config.c { a = 1; }).a", "<? it counts only under the condition config.c>"),
)
VIEWS: tuple[tuple[str, object], ...] = (
    ("lib.mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("lib.mkIf true { a = 1; }", {"a": 1}),
    ("lib.mkIf false { a = 1; }", {}),
    (
        "lib.mkMerge [ { a = 1; } (lib.mkIf config.c { a = 2; b = 3; }) ]",
        {"a": (1, "2 if config.c"), "b": "3 if config.c"},
    ),
    (
        "lib.mkMerge ([ { a.x = 1; } ] ++ lib.optional config.c { a.y = 2; })",
        {"a": {"x": 1, "y": "2 if config.c"}},
    ),
    ("lib.mkMerge [ { a.x = 1; } { a.y = 2; } ]", {"a": {"x": 1, "y": 2}}),
    ("lib.mkMerge [ { a = 1; } config.x ]", {"a": 1, "...": "it is config.x, which is set elsewhere"}),
    ("lib.mkIf config.c (lib.mkIf config.d { a = 1; })", {"a": "1 if config.c and config.d"}),
    ("lib.mkForce { a = 1; }", {"a": "mkForce 1"}),
    ("lib.mkOverride 10 (lib.mkDefault { a = 1; })", {"a": "mkOverride mkDefault 1"}),
    ("if config.c then { a = 1; } else { b = 2; }", {"a": "1 if config.c", "b": "2 if !(config.c)"}),
    ("lib.optionalAttrs config.c { a = 1; }", {"a": "1 if config.c"}),
    (
        "lib.recursiveUpdate { a.b = 1; a.c = 2; d = 1; } { a.e = 3; d = 2; }",
        {"a": {"b": 1, "c": 2, "e": 3}, "d": 2},
    ),
    (
        "lib.recursiveUpdate { a.b = 1; a.c = 2; } { a.c = 3; }",
        {"a": {"b": "perhaps 1", "c": ("perhaps 2", 3)}},
    ),
    (
        "lib.recursiveUpdate { a.b = 1; } config.x",
        {"a": {"b": "perhaps 1"}, "...": "it is config.x, which is set elsewhere"},
    ),
    (
        "lib.recursiveUpdate config.x { a.b = 1; }",
        {"a": {"b": 1}, "...": "it is config.x, which is set elsewhere"},
    ),
    (
        "lib.recursiveUpdate { a.b = 1; } (lib.optionalAttrs config.c { a.c = 2; })",
        {"a": {"b": "perhaps 1", "c": "2 if config.c"}},
    ),
    ("lib.modules.mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("pkgs.lib.mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("with lib; mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("let inherit (lib) mkIf; in mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("inputs.nixpkgs.lib.mkIf config.c { a = 1; }", {"a": "1 if config.c"}),
    ("config.lib.mkIf config.c { a = 1; }", {"...": "it is built by config.lib.mkIf, which is not followed"}),
    ("config.x", {"...": "it is config.x, which is set elsewhere"}),
    ("config.f { a = 1; }", {"...": "it is built by config.f, which is not followed"}),
    ("1", {"...": "it is of another kind"}),
)
SPELLINGS = (
    "lib.{}",
    "with lib; {}",
    "let inherit (lib) {0}; in {0}",
    "pkgs.lib.{}",
    "inputs.nixpkgs.lib.{}",
    "let l = lib; in l.{}",
    "(if true then lib else pkgs).{}",
    "({{ lib, ... }}: lib.{}) {{ inherit lib; }}",
)


@pytest.mark.parametrize(("code", "expected"), [*FORMS, *SCOPES, *CALLS, *LIBRARY])
def test_value(code: str, expected: object) -> None:
    shown = Case(code).show()
    assert shown == expected
    assert type(shown) is type(expected)


@pytest.mark.parametrize(("code", "expected"), VIEWS)
def test_set_of_definitions(code: str, expected: object) -> None:
    case = Case(code)
    assert case.shown(case.attrs) == expected


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_library_is_known_by_every_spelling(spelling: str) -> None:
    case = Case(spelling.format("optionals") + " config.c [ 1 ]")
    assert case.show() == ["1 if config.c"]
    case = Case(spelling.format("mkIf") + " config.c { a = 1; }")
    assert case.shown(case.attrs) == {"a": "1 if config.c"}


# -- files -----------------------------------------------------------------------------------------------

MAKER = (
    '{ name, image, tag ? "1", extra ? [ ] }:\n{ ${name} = { image = "${image}:${tag}"; inherit extra; }; }\n'
)
FILES = {
    "make.nix": MAKER,
    "lib/default.nix": "{ lib, pkgs }:\nlet i = import ./inner.nix { inherit lib; };\nin { inherit (i) twice; }\n",
    "lib/inner.nix": "{ lib }:\n{ twice = x: [ x x ]; only = lib.optional false; }\n",
    "again.nix": "# handed on\nimport ./more/again.nix\n",
    "more/again.nix": "import ../make.nix\n",
    "loop.nix": "import ./loop2.nix",
    "loop2.nix": "import ./loop.nix",
    "package.nix": '{ lib, hello, image, tag ? "2" }:\n{ a = "${image}:${tag}"; inherit hello lib; }\n',
    "plain.nix": "{ a = { b = ./other.nix; }; }\n",
    "sub/user.nix": "{ path = ../plain.nix; value = import ../plain.nix; }\n",
    "empty.nix": "/* nothing */ { }\n",
}
IMPORTS: tuple[tuple[str, object], ...] = (
    ("import ./plain.nix", {"a": {"b": "<path ./other.nix>"}}),
    ("(import ./plain.nix).a.b", "<path ./other.nix>"),
    ('import ./make.nix { name = "x"; image = "i"; }', {"x": {"image": "i:1", "extra": []}}),
    (
        'import ./make.nix { name = "x"; image = config.i; tag = "2"; extra = [ 1 ]; }',
        {"x": {"image": "<text ${image}:2>", "extra": [1]}},
    ),
    (
        'let make = import ./again.nix; in make { name = "x"; image = "i"; }',
        {"x": {"image": "i:1", "extra": []}},
    ),
    ("(import ./lib { inherit lib pkgs; }).twice 1", [1, 1]),
    ("let l = import ./lib { inherit lib pkgs; }; in with l; twice (twice 1)", [[1, 1], [1, 1]]),
    ("(import ./lib/default.nix { inherit lib pkgs; }).only", "<? the set has no attribute 'only'>"),
    ("import ./loop.nix", "<builtins.import of 1>"),
    ("import ./absent.nix", "<builtins.import of 1>"),
    ('import (./. + "/plain.nix")', {"a": {"b": "<path ./other.nix>"}}),
    ("import config.path", "<builtins.import of 1>"),
    ("import (if true then ./plain.nix else ./make.nix)", {"a": {"b": "<path ./other.nix>"}}),
    ("map import [ ./empty.nix ]", "<builtins.map of 2>"),
    ("(import ./sub/user.nix).value", {"a": {"b": "<path ./other.nix>"}}),
    ("import (import ./sub/user.nix).path", {"a": {"b": "<path ./other.nix>"}}),
    (
        'pkgs.callPackage ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": "<pkgs.hello>", "lib": "<lib>"},
    ),
    ("pkgs.callPackage config.path { }", "<pkgs.callPackage of 2>"),
    (
        'pkgs.callPackage ./package.nix ({ image = "i"; } // config.more)',
        {
            "a": "<text ${image}:${tag}>",
            "hello": "<? it is not certain what 'hello' is called with>",
            "lib": "<? it is not certain what 'lib' is called with>",
        },
    ),
    (
        'lib.callPackageWith { hello = 1; tag = "3"; } ./package.nix { image = "i"; }',
        {"a": "i:3", "hello": 1, "lib": "<lib>"},
    ),
    (
        'lib.callPackageWith { hello = 1; image = "j"; } ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": 1, "lib": "<lib>"},
    ),
    (
        'lib.callPackageWith pkgs ./package.nix { image = "i"; }',
        {
            "a": "<text i:${tag}>",
            "hello": "<? it is not certain what 'hello' is called with>",
            "lib": "<lib>",
        },
    ),
    (
        'lib.callPackageWith { } ./package.nix { image = "i"; }',
        {"a": "i:2", "hello": "<? 'hello' is not passed to the function>", "lib": "<lib>"},
    ),
    ("lib.callPackageWith { } config.path { }", "<lib.callPackageWith of 3>"),
    ("builtins.readFile ./make.nix", "<builtins.readFile of 1>"),
)


@pytest.mark.parametrize(("code", "expected"), IMPORTS)
def test_other_files(code: str, expected: object) -> None:
    assert Case(code, FILES).show() == expected


def test_a_path_belongs_to_the_file_it_stands_in() -> None:
    case = Case("let p = import ./sub/user.nix; in import p.path", FILES)
    assert case.show() == {"a": {"b": "<path ./other.nix>"}}
    assert isinstance(case.value, Attrs)
    assert case.value.at.file.source.path == "plain.nix"


# -- where each piece stands -----------------------------------------------------------------------------


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


# -- bounds ----------------------------------------------------------------------------------------------

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
