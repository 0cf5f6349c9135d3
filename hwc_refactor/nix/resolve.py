"""Static resolution: what an expression amounts to, as far as that is certain.

Nothing is evaluated that the tree does not show. What depends on options, on packages or on code outside
the root stays symbolic (`Ref`, `Call`, `Branch`) or is `Unknown` with a reason. Work is memoised by
expression and scope; cycles, depth and the number of steps are bounded.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.nix import calling, library, merging, names, naming, views
from hwc_refactor.nix.forms import HANDLERS
from hwc_refactor.nix.scope import (
    Env,
    attrpath_of,
    bindings_of,
    inherited_names,
    inner,
)
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import (
    Attrs,
    Branch,
    Call,
    Closure,
    Expr,
    Item,
    ListValue,
    PathValue,
    Ref,
    Scalar,
    Slot,
    Str,
    Unknown,
    Value,
)

Load = Callable[[str, str], ParsedFile | None]
"""Finds the file that a path literal means: (path of the file it stands in, literal) → file or None."""

Handed = Callable[[Ref], Closure | None]
"""Tells which function of the root a name from outside is, of those that modules are handed."""

MAX_DEPTH = 90
MAX_STEPS = 10_000
ITSELF = "it is defined by itself"
TOO_DEEP = "it is nested too deeply to follow"


class _Budget(Struct):
    depth: int = 0
    steps: int = 0
    cut: bool = False  # whether something was too deep since the outermost question


_Key = tuple[int, Env]
"""An expression in its scope: the id of its node, and the scope."""


class _Known(Struct, frozen=True, eq=False):
    """What has been worked out about the expressions of one file."""

    values: dict[_Key, Value] = {}
    views: dict[_Key, Attrs] = {}
    lists: dict[_Key, tuple[Item, ...]] = {}


class Resolver:
    """Resolves expressions over one unchanging set of files."""

    def __init__(self, load: Load, handed: Handed | None = None) -> None:
        """A resolver that reads files, and may ask what modules are given.

        Args:
            load: gives the files that `import` reaches; it must not change while the resolver lives.
            handed: the function that a module takes under a name which nothing in its file binds.
        """
        self.load = load
        self.handed = handed
        self._active: set[_Key] = set()
        self._viewed: set[_Key] = set()
        self._budget = _Budget()

    def _about(self, file: ParsedFile) -> _Known:
        """What is known of a file lies with it: it lasts as long as the tree, for all who read the same with it."""
        known = file.cache.get("known")
        if not isinstance(known, _Known):
            known = file.cache["known"] = _Known()
        return known

    # -- expressions ---------------------------------------------------------------------------------

    def value(self, expr: Expr) -> Value:
        """What an expression is, down to its outermost constructor."""
        key = (expr.node.id, expr.env)
        values = self._about(expr.file).values
        known = values.get(key)
        if known is not None:
            return known
        if key in self._active:
            return Unknown(ITSELF, expr)
        budget = self._budget
        try:
            if not self._deeper():
                return Unknown(TOO_DEEP, expr)
            self._active.add(key)
            result = self._value(expr)
        finally:
            budget.depth -= 1
            self._active.discard(key)
        if budget.depth == 0 or not budget.cut:
            values[key] = result
        return result

    def _deeper(self) -> bool:
        """Go one level down; whether depth and steps are still within bounds. The caller comes back up."""
        budget = self._budget
        if budget.depth == 0:
            budget.steps, budget.cut = 0, False
        budget.steps += 1
        fits = budget.depth < MAX_DEPTH and budget.steps <= MAX_STEPS
        budget.cut = budget.cut or not fits
        budget.depth += 1
        return fits

    def _value(self, expr: Expr) -> Value:
        handler = HANDLERS.get(expr.node.type)
        if handler is None:
            return Unknown(f"a {expr.node.type.replace('_', ' ')} is not followed", expr)
        if expr.file.pipes and expr.node.type == "binary_expression" and expr.file.piped(expr.node):
            return Unknown("it is built with a pipe operator", expr)
        return handler(self, expr)

    def child(self, expr: Expr, field: str) -> Expr | None:
        """The expression in a field of a node, with its scope."""
        node = expr.node.child_by_field_name(field)
        if node is None:
            return None
        return Expr(expr.file, node, inner(expr.env, expr.file, expr.node, node))

    def literal(self, expr: Expr | None) -> str | None:
        """The text of an expression when all of it is known."""
        value = None if expr is None else self.value(expr)
        return value.literal if isinstance(value, Str) else None

    def content(self, expr: Expr) -> tuple[Value, tuple[str, ...]]:
        """What an expression is behind `mkForce`, `mkDefault` and the like, and these, outermost first."""
        value, around = self.value(expr), list[str]()
        while (
            isinstance(value, Call)
            and names.is_library(value.function)
            and len(value.args) == names.MODIFIERS.get(value.name)
        ):
            around.append(value.name)
            value = self.value(value.args[-1])
        return value, tuple(around)

    def truth(self, expr: Expr) -> bool | None:
        """The truth of a condition when it is known."""
        value = self.value(expr)
        return value.value if isinstance(value, Scalar) and isinstance(value.value, bool) else None

    def name(self, name: str, expr: Expr) -> Value:
        """What a name means in the scope of `expr`."""
        return naming.meaning(self, name, expr)

    # -- sets ----------------------------------------------------------------------------------------

    def bindings(self, expr: Expr, inside: Env) -> Attrs:
        """The attributes of a set or `let`, whose values live in the scope `inside`."""
        key = (expr.node.id, inside)
        memo = expr.file.cache.setdefault("sets", {})
        assert isinstance(memo, dict)
        known = memo.get(key)
        if isinstance(known, Attrs):
            return known
        slots: dict[str, tuple[Slot, ...]] = {}
        dynamic: list[tuple[Expr, Slot]] = []
        computed: list[tuple[Node, list[Node]]] = []
        for binding in bindings_of(expr.node):
            if binding.type == "binding":
                path = attrpath_of(binding)
                name = attr_name(expr.file, path[0])
                if name is None:
                    computed.append((binding, path))
                    continue
                slot = self._slot(expr, inside, binding, path)
                slots[name] = (*slots.get(name, ()), slot)
                continue
            scope = inside if binding.type == "inherit_from" else expr.env
            for name, node in inherited_names(expr.file, binding):
                slot = Slot((), Expr(expr.file, node, scope), binding, expr)
                slots[name] = (*slots.get(name, ()), slot)
        partial = Attrs(slots, expr, literal=True)
        if not computed:
            memo[key] = partial
            return partial
        memo[key] = partial
        for binding, path in computed:
            slot = self._slot(expr, inside, binding, path)
            shown = self.name_of(Expr(expr.file, path[0], inside))
            if isinstance(shown, str):
                slots[shown] = (*slots.get(shown, ()), slot)
            else:
                dynamic.append((shown, slot))
        result = Attrs(slots, expr, tuple(dynamic), literal=True)
        memo[key] = result
        return result

    def _slot(self, holder: Expr, inside: Env, binding: Node, path: list[Node]) -> Slot:
        value = binding.child_by_field_name("expression")
        assert value is not None
        rest = tuple(self.component(holder.file, node, inside) for node in path[1:])
        return Slot(rest, Expr(holder.file, value, inside), binding, holder)

    def component(self, file: ParsedFile, node: Node, env: Env) -> str | Expr:
        """A component of an attribute path: its name, or its expression when it is computed."""
        name = attr_name(file, node)
        return name if name is not None else Expr(file, node, env)

    def name_of(self, component: str | Expr) -> str | Expr:
        """The name that a component of an attribute path stands for, or the component when it is open."""
        if isinstance(component, str):
            return component
        node: Node | None = component.node
        if component.node.type == "interpolation":
            node = component.node.child_by_field_name("expression")
        if node is None:
            return component
        text = self.literal(Expr(component.file, node, component.env))
        return component if text is None else text

    def step(self, slots: tuple[Slot, ...]) -> Attrs | None:
        """The set that several slots define together, one level down; None when one is no set."""
        slot_map: dict[str, tuple[Slot, ...]] = {}
        dynamic: list[tuple[Expr, Slot]] = []
        opened: list[Unknown] = []
        at = slots[0].expr
        for slot in slots:
            if slot.rest:
                name = self.name_of(slot.rest[0])
                below = replace(slot, rest=slot.rest[1:], depth=slot.depth + 1)
                if isinstance(name, str):
                    slot_map[name] = (*slot_map.get(name, ()), below)
                else:
                    dynamic.append((name, below))
                continue
            view = self.attrs(slot.expr)
            for name, definitions in view.slots.items():
                slot_map[name] = (*slot_map.get(name, ()), *(merging.under(d, slot) for d in definitions))
            dynamic += [(name, merging.under(definition, slot)) for name, definition in view.dynamic]
            opened += view.open
        return Attrs(slot_map, at, tuple(dynamic), tuple(opened))

    def defined(self, slots: tuple[Slot, ...], expr: Expr) -> Value:
        """What the definitions of an attribute, or of a name, amount to; `expr` is the place that asks."""
        if not slots:
            return Unknown("the attribute is not there", expr)
        doubts = [slot.doubt for slot in slots if slot.doubt is not None]
        if len(doubts) == len(slots):
            return replace(doubts[0], at=expr)
        if len(slots) == 1 and not slots[0].rest:
            slot = slots[0]
            if slot.conditions and any(self.truth(c.expr) is not c.holds for c in slot.conditions):
                return Unknown(f"it counts only under the condition {slot.conditions[0].text}", expr)
            return self.value(slot.expr)
        plain = (Scalar, Str, PathValue, ListValue, Closure)
        if any(not slot.rest and isinstance(self.value(slot.expr), plain) for slot in slots):
            return Unknown("it is defined in several places", expr)
        return self.step(slots) or Unknown("it is defined in several places", expr)

    def select(self, base: Value, name: str, expr: Expr) -> Value:
        """The attribute `name` of a value; `expr` is the place that asks."""
        match base:
            case Ref():
                return Ref((*base.path, name), expr, base.binder)
            case Unknown():
                return base
            case Branch() | Call():
                view = self.view(base)
            case Attrs():
                view = base
            case _:
                return Unknown("attributes are selected from something that is no set", expr)
        if name in view.slots:
            slots = view.slots[name]
            return self.defined(slots, expr)
        if view.open:
            return replace(view.open[0], at=expr)
        if view.dynamic:
            return Unknown("the set has attributes with computed names", expr)
        if isinstance(base, Call):
            return Unknown(f"'{'.'.join(base.function)}' is outside", expr)
        return Unknown(f"the set has no attribute '{name}'", expr)

    # -- merged views --------------------------------------------------------------------------------

    def attrs(self, expr: Expr) -> Attrs:
        """An expression as a set of definitions, seen through `mkIf`, `mkMerge`, `//`, `if` and the like."""
        value = self.value(expr)
        if isinstance(value, Attrs):
            return value
        key = (expr.node.id, expr.env)
        store = self._about(expr.file).views
        known = store.get(key)
        if known is None:
            if key in self._viewed:
                return Attrs({}, expr, open=(Unknown(ITSELF, expr),))
            self._viewed.add(key)
            try:
                known = self.view(value, expr)
            finally:
                self._viewed.discard(key)
            if self._budget.depth == 0 or not self._budget.cut:
                store[key] = known
        return known

    def view(self, value: Value, at: Expr | None = None) -> Attrs:
        """The same for a value."""
        if isinstance(value, Attrs):
            return value
        try:
            return views.view(self, value if self._deeper() else Unknown(TOO_DEEP, at or value.at), at)
        finally:
            self._budget.depth -= 1

    def item_view(self, item: Item) -> Attrs:
        """An element of a list as a set of definitions, under the element's conditions."""
        return views.item_view(self, item)

    def items(self, expr: Expr) -> tuple[Item, ...]:
        """An expression as list elements, seen through `++`, `optionals`, `if`, `mkIf` and the like."""
        value = self.value(expr)
        if isinstance(value, ListValue):
            return value.items
        key = (expr.node.id, expr.env)
        store = self._about(expr.file).lists
        known = store.get(key)
        if known is None:
            if key in self._viewed:
                return (Item(expr, None, unknown=Unknown(ITSELF, expr)),)
            self._viewed.add(key)
            try:
                known = self.list_items(value, expr)
            finally:
                self._viewed.discard(key)
            if self._budget.depth == 0 or not self._budget.cut:
                store[key] = known
        return known

    def list_items(self, value: Value, expr: Expr) -> tuple[Item, ...]:
        """The same for a value that `expr` gave."""
        if isinstance(value, ListValue):
            return value.items
        try:
            return views.list_items(self, value if self._deeper() else Unknown(TOO_DEEP, expr), expr)
        finally:
            self._budget.depth -= 1

    # -- applications --------------------------------------------------------------------------------

    def apply(self, function: Value, argument: Expr, at: Expr) -> Value:
        """The application of a function value to an argument."""
        match function:
            case Closure():
                return calling.enter(self, function, argument)
            case Ref():
                given = self.given(function)
                if given is not None:
                    return calling.enter(self, given, argument)
                return library.result(self, Call(function.path, (argument,), at))
            case Call():
                return library.result(self, Call(function.function, (*function.args, argument), at))
            case Unknown():
                return function
        return Unknown("something that is no function is called", at)

    def given(self, function: Ref) -> Closure | None:
        """The function that a name from outside stands for, where a module is handed it; None if not in sight."""
        return None if self.handed is None or function.binder is None else self.handed(function)
