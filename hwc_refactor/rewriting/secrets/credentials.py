"""Credentials of systemd in a service's settings: their names, their sources, and where they are added.

The facts: systemd.exec(5), LoadCredential=.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import Bound, Env, Free, Parameter, env_along, inner, lookup, root_env
from hwc_refactor.nix.strings import STRING_TYPES, escape_quoted, identifier_or_quoted
from hwc_refactor.nix.syntax import Node
from hwc_refactor.nix.values import Call, Expr, Gap, ListValue, Ref, Slot, Str, Text
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.secrets.declared import Secret, secret_of
from hwc_refactor.nixos.secrets.uses import Optional
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import Home, NoPlace

OPTION = ("serviceConfig", "LoadCredential")
_UNFIT = re.compile(r"[^\w.@-]+")
_LISTS = frozenset("map forEach mapAttrsToList concatMap optional optionals flatten filter unique".split())
"""Functions of `lib` whose value is a list."""


class Credential(Struct, frozen=True):
    """A credential of a unit: its name, and its source as text within a Nix string."""

    name: str
    source: str

    @property
    def element(self) -> str:
        """An element of `LoadCredential`, as Nix source text."""
        return f'"{self.name}:{self.source}"'


class Layout(Struct, frozen=True):
    """How a new `LoadCredential` looks.

    Attributes:
        heading: a comment above it, with blank lines around; empty for neither.
        before: name of the directive before which it goes, where it stands in the same set.
        mapped: whether the list is computed from a set of secrets, as diff 4 has it.
    """

    heading: str = ""
    before: str | None = None
    mapped: bool = False


def credentials_for(
    draft: Draft, block: Block, secrets: Sequence[Secret]
) -> dict[tuple[str, str], Credential]:
    """A credential for each secret, by its key: the one that loads it already, or a new one.

    Raises:
        NoPlace: when the path of a secret cannot be named in the service's settings.
    """
    known = {secret.key: name for name, secret in loaded(block) if secret is not None}
    taken = {name for name, _ in loaded(block)}
    home = draft.home(block, ("serviceConfig",))
    found: dict[tuple[str, str], Credential] = {}
    for secret in secrets:
        if secret.key in found:
            continue
        name = known.get(secret.key)
        if name is None:
            name = _free(credential_name(secret), taken)
            taken.add(name)
        found[secret.key] = Credential(name, source(block, home, secret))
    return found


def credential_name(secret: Secret) -> str:
    """What a secret is called as a credential: a file name."""
    last = secret.name.rsplit("/", 1)[-1] if secret.scheme == "path" else secret.name
    if secret.scheme == "option":
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", secret.name.rsplit(".", 1)[-1]).lower()
        last = re.sub(r"-(file|path)\Z", "", words)
    return _UNFIT.sub("-", last).strip("-.") or "secret"


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}-{number}" for number in range(2, 1000))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def loaded(block: Block) -> Iterator[tuple[str, Secret | None]]:
    """The credentials that a service loads already, each with its secret as far as that is in sight."""
    for slot in block.get(*OPTION):
        value = block.tree.resolver.value(slot.expr)
        values = [value] if isinstance(value, Str) else []
        if not values:
            values = [
                one
                for item in block.tree.resolver.items(slot.expr)
                if item.unknown is None and isinstance(one := block.tree.resolver.value(item.expr), Str)
            ]
        for one in values:
            first = one.parts[0] if one.parts else None
            if not isinstance(first, Text) or ":" not in first.text:
                continue
            name, _, rest = first.text.partition(":")
            tail = (*((Text(rest, first.at),) if rest else ()), *one.parts[1:])
            yield name, secret_of(Str(tail, one.at))


def add(
    draft: Draft,
    block: Block,
    credentials: Sequence[Credential],
    *,
    layout: Layout | None = None,
) -> None:
    """Load credentials in a service: in the list that is there, else in a new one.

    Args:
        draft: the change.
        block: the service.
        credentials: those that it does not load yet.
        layout: how a new list looks.

    Raises:
        NoPlace: when there is no place for them, or what is there already is not in sight.
    """
    if not credentials:
        return
    elements = [one.element for one in credentials]
    layout = layout or Layout()
    slots = [slot for slot in block.get(*OPTION) if not slot.rest]
    if not slots:
        above = (layout.heading,) if layout.heading else ()
        text = _list(elements, bool(above))
        if layout.mapped and _has_library(block, draft.home(block, ("serviceConfig",))):
            text = _mapped(credentials)
        put(draft, block, Snippet(text, above, blank=bool(above), blank_below=bool(above)), layout.before)
        return
    if len(slots) > 1 or slots[0].binding is None or slots[0].binding.type != "binding":
        raise NoPlace("its LoadCredential is inherited, or defined in several places")
    value = block.tree.resolver.value(slots[0].expr)
    if isinstance(value, Str):
        text = slots[0].expr.text
        draft.set(block, OPTION, f"[ {' '.join((text, *elements))} ]")
    elif isinstance(value, ListValue):
        draft.extend_list_by(block, OPTION, elements)
    elif isinstance(value, Call) and value.name in _LISTS and _whole(slots[0]) and not block.extra(slots[0]):
        placing.demand_own(block.tree, block, slots[0].expr)
        draft.replace_value(
            slots[0].expr.file, slots[0].binding, f"{slots[0].expr.text} ++ [ {' '.join(elements)} ]"
        )
        names = ", ".join(one.name for one in credentials)
        draft.review(f"Its other credentials are computed: none of them may be called {names}.")
    else:
        raise NoPlace("its LoadCredential is given by an expression")


def _whole(slot: Slot) -> bool:
    """Whether what a slot holds is the whole value of its binding, and binds more tightly than `++`."""
    assert slot.binding is not None
    value = slot.binding.child_by_field_name("expression")
    return value == slot.expr.node and value is not None and value.type == "apply_expression"


def add_optional(
    draft: Draft, block: Block, credential: Credential, option: Optional, *, others: bool
) -> None:
    """Load a credential where a condition holds.

    Args:
        draft: the change.
        block: the service.
        credential: the credential.
        option: what stands under the condition and reads it.
        others: whether the draft loads other credentials too.

    Raises:
        NoPlace: when there is no place for it.
    """
    home = draft.home(block, ("serviceConfig",))
    if others or not means_the_same(option.condition, home) or not means_the_same(option.function, home):
        raise NoPlace(f"a list of credentials cannot depend on {option.condition.text} there")
    condition = option.condition.text
    if option.condition.node.type not in (
        "variable_expression",
        "select_expression",
        "parenthesized_expression",
    ):
        condition = f"({condition})"
    text = f"{option.function.text.removesuffix('String')} {condition} {credential.element}"
    slots = [slot for slot in block.get(*OPTION) if not slot.rest]
    if not slots:
        put(draft, block, Snippet(f"LoadCredential = {text};"))
        return
    slot = slots[0]
    if (
        len(slots) > 1
        or slot.binding is None
        or slot.expr.node.type != "list_expression"
        or block.extra(slot)
    ):
        raise NoPlace("its LoadCredential is given by an expression")
    placing.demand_own(block.tree, block, slot.expr)
    draft.replace_value(slot.expr.file, slot.binding, f"{slot.expr.text} ++ {text}")


def put(draft: Draft, block: Block, snippet: Snippet, before: str | None = None) -> None:
    """Put a binding into the settings of a service: before a directive that stands in the same set, else last."""
    home = draft.home(block, ("serviceConfig",))
    if before is not None and not home.lead:
        for slot in block.get("serviceConfig", before):
            if slot.binding is not None and slot.holder is not None and slot.holder.node == home.holder:
                draft.insert(home.file, home.holder, [snippet], before=slot.binding)
                return
    draft.add(block, ("serviceConfig",), [snippet])


def listed(credentials: Sequence[Credential]) -> str:
    """A binding that loads credentials."""
    return _list([one.element for one in credentials], False)


def _list(elements: Sequence[str], spread: bool) -> str:
    if len(elements) == 1 and not spread:
        return f"LoadCredential = [ {elements[0]} ];"
    return "\n".join(("LoadCredential = [", *(f"  {text}" for text in elements), "];"))


def _has_library(block: Block, home: Home) -> bool:
    """Whether `lib` is nixpkgs' library at a place."""
    value = block.tree.resolver.name("lib", Expr(home.file, home.holder, scope_of(home)))
    return isinstance(value, Ref) and value.path == ("lib",)


def _mapped(credentials: Sequence[Credential]) -> str:
    """The list as diff 4 has it: names and secrets as a set, `name:path` made from each."""
    rows: list[str] = []
    for one in credentials:
        secret = one.source.removeprefix("${").removesuffix(".path}")
        if one.source != "${" + secret + ".path}":
            return _list([credential.element for credential in credentials], True)
        rows.append(f"  {identifier_or_quoted(one.name)} = {secret};")
    head = (
        "LoadCredential = lib.mapAttrsToList (name: secret:",
        '  "${name}:${secret.path}"',
        ") {",
    )
    return "\n".join((*head, *rows, "};"))


# -- the source of a credential --------------------------------------------------------------------------


def source(block: Block, home: Home, secret: Secret) -> str:
    """The path of a secret as text within a Nix string at a place.

    It is written as it stands in the tree where its names mean the same there, else by its option path.

    Raises:
        NoPlace: when it can be named in neither way.
    """
    tree = block.tree
    value = tree.resolver.value(secret.at)
    by_name = (
        secret.at.node.type not in STRING_TYPES and isinstance(value, Str) and value.literal == secret.path
    )
    if secret.path is not None and not by_name:
        return escape_quoted(secret.path)
    env = scope_of(home)
    if isinstance(value, Str) and len(value.parts) == 1 and isinstance(value.parts[0], Gap):
        value = value.parts[0].value
    if "\n" not in secret.at.text and means_the_same(secret.at, home):
        return "${" + secret.at.text + "}"
    if isinstance(value, Ref) and value.binder is None and value.path[0] == "config":
        named = tree.resolver.name("config", Expr(home.file, home.holder, env))
        if isinstance(named, Ref) and named.path == ("config",):
            return "${" + ".".join(identifier_or_quoted(name) for name in value.path) + "}"
    if secret.path is not None:
        return escape_quoted(secret.path)
    raise NoPlace(f"the path of {secret.name} has no name where its settings stand")


def scope_of(home: Home) -> Env:
    """The scope inside the set that a home names."""
    chain = home.file.chain(home.holder.start_byte, home.holder.end_byte)
    chain = chain[: chain.index(home.holder) + 1]
    *_, (node, env) = env_along(home.file, chain, root_env(home.file))
    child = home.holder.named_children[0] if home.holder.named_children else home.holder
    return inner(env, home.file, node, child)


def means_the_same(expr: Expr, home: Home) -> bool:
    """Whether every name that an expression takes from its scope means the same in another place."""
    env = scope_of(home)
    pending: list[Node] = [expr.node]
    while pending:
        node = pending.pop()
        if node.type in (
            "let_expression",
            "function_expression",
            "with_expression",
            "rec_attrset_expression",
        ):
            return False
        if node.type == "variable_expression":
            name = expr.file.text(node).decode(errors="replace")
            here, there = lookup(name, expr.env), lookup(name, env)
            match here, there:
                case (Bound() | Parameter(), Bound() | Parameter()) if type(here) is type(there):
                    if here.frame.file is not env.file or here.frame.node != there.frame.node:
                        return False
                case Free(withs=opened), Free(withs=others):
                    if [one.node for one in opened] != [one.node for one in others]:
                        return False
                case _:
                    return False
            continue
        pending += node.named_children
    return True


def quoted_path(name: str) -> str:
    """The path of a credential as a word of a shell."""
    return f'"$CREDENTIALS_DIRECTORY/{name}"'
