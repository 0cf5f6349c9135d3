"""Random small Nix programs that are well-scoped and terminate, with the types they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

NAMES = ("a", "b", "c", "d", "e")
FIELDS = ("a", "b", "c", "x", "y")
WORDS = ("", "on", "two words", "$", "it's", "a.b", "1", "x\\ny", "\\${a}", "$$", "ü")
CONFIG: Mapping[str, object] = {
    "t": True,
    "f": False,
    "n": 3,
    "s": "set",
    "l": ["on", "two"],
    "o": {"a": 7, "b": 8, "x": 9},
    "p": {},
}
"""What `config` holds for nix; resolution sees the bare name."""

LIB = """
rec {
  optional = c: x: if c then [ x ] else [ ];
  optionals = c: x: if c then x else [ ];
  optionalString = c: x: if c then x else "";
  optionalAttrs = c: x: if c then x else { };
  concatLists = builtins.concatLists;
  concatStringsSep = builtins.concatStringsSep;
  flatten = x: if builtins.isList x then builtins.concatMap flatten x else [ x ];
  genAttrs = names: f: builtins.listToAttrs (map (name: nameValuePair name (f name)) names);
  nameValuePair = name: value: { inherit name value; };
  mapAttrs = builtins.mapAttrs;
  mapAttrs' = f: s: builtins.listToAttrs (mapAttrsToList f s);
  mapAttrsToList = f: s: map (n: f n s.${n}) (builtins.attrNames s);
  attrValues = builtins.attrValues;
  listToAttrs = builtins.listToAttrs;
  mergeAttrsList = builtins.foldl' (x: y: x // y) { };
  forEach = xs: f: map f xs;
  id = x: x;
  recursiveUpdate = l: r: l // builtins.mapAttrs (n: v:
    if l ? ${n} && builtins.isAttrs v && builtins.isAttrs l.${n} then recursiveUpdate l.${n} v else v) r;
}
"""


@dataclass(frozen=True)
class Set:
    """The type of a set: its fields, and whether others may be there too."""

    fields: Mapping[str, Type]


@dataclass(frozen=True)
class Many:
    """The type of a list."""

    of: Type


@dataclass(frozen=True)
class Function:
    """The type of a function."""

    takes: Type
    gives: Type


Type = str | Set | Many | Function


@dataclass(frozen=True)
class Scope:
    """What the names at a place are: lexical ones (None: bound, but not to be used here), those of `with`."""

    lexical: Mapping[str, Type | None] = field(default_factory=dict)
    opened: Mapping[str, Type | None] = field(default_factory=dict)

    def bind(self, names: Mapping[str, Type | None]) -> Scope:
        return replace(self, lexical={**self.lexical, **names})

    def open(self, names: Mapping[str, Type]) -> Scope:
        return replace(self, opened={**self.opened, **names})

    def visible(self) -> dict[str, Type]:
        merged = {**self.opened, **self.lexical}
        return {name: kind for name, kind in merged.items() if kind is not None}


class Writer:
    """Writes one program."""

    def __init__(self, rng: Random, *, opaque: bool) -> None:
        """`opaque` programs read `config`, of which resolution sees nothing."""
        self.rng = rng
        self.opaque = opaque
        self.files: dict[str, str] = {}
        self.size = 0
        self.limit = 60

    def program(self) -> str:
        """A program and the files it imports (`files`)."""
        text = self.expr(self.type(2), Scope(), 5)
        return "{ lib, config }:\n" + text + "\n"

    # -- types ---------------------------------------------------------------------------------------

    def type(self, depth: int = 1) -> Type:
        kind = self.rng.randrange(9 if depth else 6)
        if kind < 2:
            return "int"
        if kind < 4:
            return "str"
        if kind < 6:
            return "bool"
        if kind == 6:
            return Many(self.type(depth - 1))
        return self.set_type(depth)

    def set_type(self, depth: int) -> Set:
        return Set({name: self.type(depth - 1) for name in self.some(FIELDS)})

    def some(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if self.rng.random() < 0.4]

    def pick(self, options: list[Callable[[], str]]) -> str:
        return self.rng.choice(options)()

    # -- expressions ---------------------------------------------------------------------------------

    def atom(self, kind: Type, scope: Scope, depth: int) -> str:
        """An expression that can be an argument or a list element."""
        text = self.expr(kind, scope, depth)
        plain = text.isalnum() or (text[0] in '"[' and text.count('"') == 2 and text[-1] == '"')
        return text if plain else f"({text})"

    def expr(self, kind: Type, scope: Scope, depth: int) -> str:
        self.size += 1
        found = self.names_of(kind, scope)
        if depth <= 0 or self.size > self.limit:
            if found and self.rng.random() < 0.7:
                return self.rng.choice(found)
            return self.literal(kind, scope, depth)
        roll = self.rng.random()
        if found and roll < 0.3:
            return self.rng.choice(found)
        if roll < 0.6:
            return self.literal(kind, scope, depth)
        general: list[Callable[[], str]] = [
            lambda: self.let(kind, scope, depth),
            lambda: self.let(kind, scope, depth),
            lambda: self.let(kind, scope, depth),
            lambda: self.with_(kind, scope, depth),
            lambda: self.with_(kind, scope, depth),
            lambda: self.condition(kind, scope, depth),
            lambda: self.call(kind, scope, depth),
            lambda: self.call(kind, scope, depth),
            lambda: self.formals_call(kind, scope, depth),
            lambda: self.formals_call(kind, scope, depth),
            lambda: self.bound_function(kind, scope, depth),
            lambda: self.from_set(kind, scope, depth),
            lambda: self.from_set(kind, scope, depth),
            lambda: self.default(kind, scope, depth),
            lambda: self.imported(kind, depth),
            lambda: f"lib.id {self.atom(kind, scope, depth - 1)}",
            lambda: f"assert true; {self.expr(kind, scope, depth - 1)}",
        ]
        return "(" + self.pick(general) + ")"

    def names_of(self, kind: Type, scope: Scope) -> list[str]:
        """The names in scope, and the attributes of sets in scope, of a type."""
        found: list[str] = []
        for name, known in scope.visible().items():
            if known == kind:
                found.append(name)
            if isinstance(known, Set):
                for attribute, below in known.fields.items():
                    if below == kind:
                        found.append(self.rng.choice((f"{name}.{attribute}", f'{name}."{attribute}"')))
                        if not self.rng.randrange(4):
                            found.append(f"{name}.${{{self.text(attribute)}}}")
        if self.opaque and not self.rng.randrange(3):
            found += self.unseen(kind)
        return found

    def unseen(self, kind: Type) -> list[str]:
        """What `config` has of a type."""
        if kind == "bool":
            return ["config.t", "config.f"]
        if kind == "int":
            return ["config.n", "config.o.a"]
        if kind == "str":
            return ["config.s"]
        if kind == Many("str"):
            return ["config.l"]
        if isinstance(kind, Set) and all(t == "int" for t in kind.fields.values()):
            if not kind.fields:
                return ["config.p"]
            if set(kind.fields) == {"a", "b", "x"}:
                return ["config.o"]
        return []

    def text(self, word: str) -> str:
        """A string literal, written in one of several ways."""
        quoted = f'"{word}"'
        if word in FIELDS and not self.rng.randrange(3):
            return self.rng.choice((f"''{word}''", f'("" + "{word}")', f'"${{"{word}"}}"'))
        return quoted

    def literal(self, kind: Type, scope: Scope, depth: int) -> str:
        if kind == "int":
            return self.number(scope, depth)
        if kind == "str":
            return self.string(scope, depth)
        if kind == "bool":
            return self.boolean(scope, depth)
        if isinstance(kind, Many):
            return self.list_of(kind, scope, depth)
        if isinstance(kind, Function):
            name = self.rng.choice(NAMES)
            return f"({name}: {self.expr(kind.gives, scope.bind({name: kind.takes}), depth - 1)})"
        assert isinstance(kind, Set)
        return self.set_of(kind, scope, depth)

    def number(self, scope: Scope, depth: int) -> str:
        if depth > 0 and not self.rng.randrange(3):
            operator = self.rng.choice(("+", "+", "-", "*"))
            return f"({self.atom('int', scope, depth - 1)} {operator} {self.atom('int', scope, depth - 1)})"
        if depth > 0 and not self.rng.randrange(8):
            return f"(-{self.atom('int', scope, depth - 1)})"
        return str(self.rng.randrange(4))

    def string(self, scope: Scope, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.35:
            return f'"{self.rng.choice(WORDS)}"'

        def part(kind: str) -> str:
            return self.atom(kind, scope, depth - 1)

        def interpolated() -> str:
            return f'"{self.rng.choice(WORDS)}.${{{self.expr("str", scope, depth - 1)}}}x"'

        def indented() -> str:
            hole = self.expr("str", scope, depth - 1)
            return f"''\n    one ''${{x}}\n      ${{{hole}}} $${{y}} ''' ''\\n\n  ''"

        return self.pick(
            [
                interpolated,
                interpolated,
                indented,
                lambda: f"({part('str')} + {part('str')})",
                lambda: f"(toString {self.atom(self.rng.choice(('int', 'str', 'bool')), scope, depth - 1)})",
                lambda: f"(lib.optionalString {part('bool')} {part('str')})",
                lambda: f"(lib.concatStringsSep {part('str')} {self.atom(Many('str'), scope, depth - 1)})",
            ]
        )

    def boolean(self, scope: Scope, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.4:
            return self.rng.choice(("true", "false"))

        def same() -> str:
            kind = self.rng.choice(("int", "str", "bool"))
            other = kind if self.rng.random() < 0.8 else "int"
            left, right = self.atom(kind, scope, depth - 1), self.atom(other, scope, depth - 1)
            return f"({left} {self.rng.choice(('==', '!='))} {right})"

        def logic() -> str:
            left, right = self.atom("bool", scope, depth - 1), self.atom("bool", scope, depth - 1)
            return f"({left} {self.rng.choice(('&&', '||', '->'))} {right})"

        def compare() -> str:
            kind = self.rng.choice(("int", "str"))
            left, right = self.atom(kind, scope, depth - 1), self.atom(kind, scope, depth - 1)
            return f"({left} {self.rng.choice(('<', '<=', '>', '>='))} {right})"

        def has() -> str:
            kind = self.set_type(1)
            return f"({self.atom(kind, scope, depth - 1)} ? {self.rng.choice(FIELDS)})"

        return self.pick(
            [same, same, logic, compare, has, lambda: f"(!{self.atom('bool', scope, depth - 1)})"]
        )

    def list_of(self, kind: Many, scope: Scope, depth: int) -> str:
        of = kind.of
        if depth <= 0 or self.rng.random() < 0.4:
            items = [self.atom(of, scope, depth - 1) for _ in range(self.rng.randrange(4))]
            return f"[ {' '.join(items)} ]"

        def part(inner: Type) -> str:
            return self.atom(inner, scope, depth - 1)

        def mapped() -> str:
            source = self.rng.choice(("int", "str"))
            function, listed = part(Function(source, of)), part(Many(source))
            return self.rng.choice((f"(map {function} {listed})", f"(lib.forEach {listed} {function})"))

        def from_set() -> str:
            given = Set(dict.fromkeys(self.some(FIELDS), "int"))
            function = f"(n: v: {self.expr(of, scope.bind({'n': 'str', 'v': 'int'}), depth - 1)})"
            return f"(lib.mapAttrsToList {function} {part(given)})"

        options: list[Callable[[], str]] = [
            lambda: f"({part(kind)} ++ {part(kind)})",
            lambda: f"({part(kind)} ++ {part(kind)})",
            lambda: f"(lib.optionals {part('bool')} {part(kind)})",
            lambda: f"(lib.optional {part('bool')} {part(of)})",
            lambda: f"(lib.concatLists [ {part(kind)} {part(kind)} ])",
            mapped,
            mapped,
        ]
        if isinstance(of, str):
            options.append(lambda: f"(lib.flatten [ {part(of)} {part(kind)} [ {part(of)} ] ])")
            fields = dict.fromkeys(self.some(FIELDS), of)
            options.append(lambda: f"(lib.attrValues {part(Set(fields))})")
            options.append(from_set)
        return self.pick(options)

    # -- sets ----------------------------------------------------------------------------------------

    def set_of(self, kind: Set, scope: Scope, depth: int) -> str:
        if depth > 0 and self.rng.random() < 0.45:
            return self.made_set(kind, scope, depth)
        recursive = depth > 0 and bool(kind.fields) and self.rng.random() < 0.3
        return (
            ("rec " if recursive else "") + "{ " + self.bindings(kind.fields, scope, depth, recursive) + " }"
        )

    def bindings(self, fields: Mapping[str, Type], scope: Scope, depth: int, recursive: bool) -> str:
        """The bindings of a set or `let` with these names, in random order."""
        lines: list[str] = []
        inside = scope.bind(dict.fromkeys(fields)) if recursive else scope
        inherited: list[str] = []
        for name, kind in fields.items():
            roll = self.rng.random()
            if scope.visible().get(name) == kind and roll < 0.4:
                inherited.append(name if self.rng.random() < 0.8 else f'"{name}"')
            elif depth > 0 and roll > 0.9:
                base = Set({**self.set_type(0).fields, name: kind})
                quoted = name if self.rng.random() < 0.8 else f'"{name}"'
                lines.append(f"inherit ({self.expr(base, inside, depth - 2)}) {quoted};")
            elif isinstance(kind, Set) and kind.fields and not recursive and roll > 0.5:
                for below, type_ in kind.fields.items():
                    lines.append(
                        f"{self.key(name)}.{self.key(below)} = {self.expr(type_, inside, depth - 1)};"
                    )
                if self.rng.random() < 0.3 and len(kind.fields) > 1 and lines[-1].startswith(f"{name}."):
                    last = lines.pop()
                    if last.startswith(
                        (f"{name}.a ", f"{name}.b ", f"{name}.c ", f"{name}.x ", f"{name}.y ")
                    ):
                        lines.append(f"{name} = {{ {last[len(name) + 1 :]} }};")
                    else:
                        lines.append(last)
            else:
                key = self.key(name) if not recursive else name
                lines.append(f"{key} = {self.expr(kind, inside, depth - 1)};")
            if recursive:
                inside = inside.bind({name: kind})
        if inherited:
            lines.append(f"inherit {' '.join(inherited)};")
        self.rng.shuffle(lines)
        return " ".join(lines)

    def key(self, name: str) -> str:
        roll = self.rng.random()
        if roll < 0.8:
            return name
        return f'"{name}"' if roll < 0.9 else f'${{"{name}"}}'

    def made_set(self, kind: Set, scope: Scope, depth: int) -> str:
        """A set that an operator or a function gives."""

        def part(inner: Type) -> str:
            return self.atom(inner, scope, depth - 1)

        def updated() -> str:
            right = Set({name: type_ for name, type_ in kind.fields.items() if self.rng.random() < 0.5})
            left = {name: type_ for name, type_ in kind.fields.items() if name not in right.fields}
            for name in right.fields:
                if self.rng.random() < 0.5:
                    left[name] = self.type(1)
            return f"({part(Set(left))} // {part(right)})"

        def guarded() -> str:
            right = Set({n: type_ for n, type_ in kind.fields.items() if self.rng.random() < 0.7})
            guard = self.rng.choice(("lib.optionalAttrs {} {}", "(if {} then {} else {{ }})"))
            return f"({part(kind)} // {guard.format(part('bool'), part(right))})"

        def deep() -> str:
            right = Set({n: type_ for n, type_ in kind.fields.items() if self.rng.random() < 0.7})
            return f"(lib.recursiveUpdate {part(kind)} {part(right)})"

        options = [updated, updated, guarded, deep, lambda: f"(lib.mergeAttrsList [ {part(kind)} {{ }} ])"]
        types = list(kind.fields.values())
        if types and all(t == types[0] for t in types):
            names = " ".join(self.text(name) for name in kind.fields)
            one = types[0]
            function = part(Function("str", one))
            options += [lambda: f"(lib.genAttrs [ {names} ] {function})"] * 2
            options.append(lambda: self.paired(kind, one, scope, depth))
            given = Set(dict.fromkeys(kind.fields, "int"))
            body = self.expr(one, scope.bind({"n": "str", "v": "int"}), depth - 1)
            options.append(lambda: f"(lib.mapAttrs (n: v: {body}) {part(given)})")
            options.append(lambda: f"(lib.mapAttrs' (n: v: lib.nameValuePair n ({body})) {part(given)})")
        return self.pick(options)

    def paired(self, kind: Set, one: Type, scope: Scope, depth: int) -> str:
        pairs: list[str] = []
        for name in (*kind.fields, *self.some(tuple(kind.fields))):
            value = self.atom(one, scope, depth - 1)
            pairs.append(
                self.rng.choice(
                    (
                        f"(lib.nameValuePair {self.text(name)} {value})",
                        f"{{ name = {self.text(name)}; value = {value}; }}",
                    )
                )
            )
        return f"(lib.listToAttrs [ {' '.join(pairs)} ])"

    # -- scopes --------------------------------------------------------------------------------------

    def let(self, kind: Type, scope: Scope, depth: int) -> str:
        fields: dict[str, Type] = {name: self.type(2) for name in self.some(NAMES)}
        if not fields:
            fields = {"a": self.type(1)}
        inner = self.bindings(fields, scope, depth, True)
        return f"let {inner} in {self.expr(kind, scope.bind(fields), depth - 1)}"

    def with_(self, kind: Type, scope: Scope, depth: int) -> str:
        opened = Set({name: self.type(1) for name in self.some(NAMES)})
        if self.rng.random() < 0.4:
            opened = Set({**opened.fields, self.rng.choice(NAMES): kind})
        environment = self.expr(opened, scope, depth - 1)
        body = self.expr(kind, scope.open(opened.fields), depth - 1)
        extra = "with lib; " if not self.rng.randrange(5) else ""
        return f"{extra}with {environment}; {body}"

    def condition(self, kind: Type, scope: Scope, depth: int) -> str:
        yes, no = self.expr(kind, scope, depth - 1), self.expr(kind, scope, depth - 1)
        return f"if {self.expr('bool', scope, depth - 1)} then {yes} else {no}"

    def call(self, kind: Type, scope: Scope, depth: int) -> str:
        """A function applied at once: of one argument, or of two."""
        takes, name = self.type(1), self.rng.choice(NAMES)
        argument = self.atom(takes, scope, depth - 1)
        if self.rng.random() < 0.5:
            return f"({name}: {self.expr(kind, scope.bind({name: takes}), depth - 1)}) {argument}"
        other, second = self.type(1), self.rng.choice(NAMES)
        inside = scope.bind({name: takes}).bind({second: other})
        more = self.atom(other, scope, depth - 1)
        return f"({name}: {second}: {self.expr(kind, inside, depth - 1)}) {argument} {more}"

    def formals_call(self, kind: Type, scope: Scope, depth: int) -> str:
        """A function with a set pattern applied at once."""
        takes = {name: self.type(1) for name in self.some(NAMES)} or {"a": self.type(1)}
        whole = self.rng.choice(("", "", "all"))
        given = {name: type_ for name, type_ in takes.items() if self.rng.random() < 0.6}
        extra = {"y": self.type(0)} if self.rng.random() < 0.3 else {}
        inside = scope.bind(dict.fromkeys(takes))
        if whole:
            inside = inside.bind({whole: Set({**given, **extra})})
        formals: list[str] = []
        for name, type_ in takes.items():
            optional = name not in given or self.rng.random() < 0.3
            default = f" ? {self.expr(type_, inside, depth - 2)}" if optional else ""
            formals.append(name + default)
            inside = inside.bind({name: type_})
        self.rng.shuffle(formals)
        pattern = "{ " + ", ".join(formals + (["..."] if extra else [])) + " }"
        if whole:
            pattern = self.rng.choice((f"{whole}@{pattern}", f"{pattern}@{whole}"))
        argument = self.atom(Set({**given, **extra}), scope, depth - 1)
        return f"({pattern}: {self.expr(kind, inside, depth - 1)}) {argument}"

    def bound_function(self, kind: Type, scope: Scope, depth: int) -> str:
        """A function in a `let` or a set, called where its own names may mean something else."""
        takes, shadow = self.type(1), self.rng.choice(NAMES)
        hidden: dict[str, Type | None] = {"f": None, "g": None}
        function = self.literal(Function(takes, kind), scope.bind(hidden), depth - 1)
        value = self.atom(takes, scope.bind({**hidden, shadow: "int"}), depth - 1)
        between = f"let {shadow} = {self.rng.randrange(9)}; in"
        if self.rng.random() < 0.5:
            return f"let f = {function}; in {between} f {value}"
        return f"let g = {{ f = {function}; }}; in {between} g.f {value}"

    def from_set(self, kind: Type, scope: Scope, depth: int) -> str:
        """An attribute of a set that is written on the spot."""
        name = self.rng.choice(FIELDS)
        base = Set({**self.set_type(1).fields, name: kind})
        return f"({self.expr(base, scope, depth - 1)}).{self.key(name)}"

    def default(self, kind: Type, scope: Scope, depth: int) -> str:
        """`set.name or default`."""
        name = self.rng.choice(FIELDS)
        fields = {n: t for n, t in self.set_type(1).fields.items() if n != name}
        if self.rng.random() < 0.5:
            fields[name] = kind
        base = self.atom(Set(fields), scope, depth - 1)
        return f"{base}.{name} or {self.atom(kind, scope, depth - 1)}"

    def imported(self, kind: Type, depth: int) -> str:
        """A file: a value, or a function that is called."""
        name = f"part{len(self.files)}.nix"
        self.files[name] = ""
        given = {n: self.type(0) for n in self.some(NAMES)}
        formals = ", ".join(["lib", "config", *given])
        self.files[name] = f"{{ {formals} }}:\n{self.expr(kind, Scope(given), depth - 2)}\n"
        if self.rng.random() < 0.3:
            self.files[f"again-{name}"] = f"# handed on\nimport ./{name}\n"
            name = f"again-{name}"
        argument = self.bindings(given, Scope(), depth - 2, False)
        return f"import ./{name} {{ inherit lib config; {argument} }}"
