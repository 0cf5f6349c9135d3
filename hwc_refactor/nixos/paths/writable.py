"""The places that a service writes to, as the elements that `ReadWritePaths` would need.

A read-only file system is only right when every place that is written is named in the unit: in a
`*Directory=` that systemd makes (systemd.exec(5), RuntimeDirectory=), or in `ReadWritePaths`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from hwc_refactor.nix.scope import same_meaning
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Expr, ListValue, Ref
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.options import settled
from hwc_refactor.nixos.paths.hosted import in_sight, owner
from hwc_refactor.nixos.paths.later import later_mount
from hwc_refactor.nixos.scripts.doings import Use
from hwc_refactor.nixos.scripts.facts import facts

MANAGED = {
    "StateDirectory": ("/var/lib", "STATE_DIRECTORY", "%S"),
    "CacheDirectory": ("/var/cache", "CACHE_DIRECTORY", "%C"),
    "LogsDirectory": ("/var/log", "LOGS_DIRECTORY", "%L"),
    "RuntimeDirectory": ("/run", "RUNTIME_DIRECTORY", "%t"),
}
"""The directories that systemd makes: where, the variable that names them, the specifier of their parent."""

_FREE = ("/tmp/", "/var/tmp/", "/dev/", "/proc/", "/sys/", "$TMPDIR", "%T", "%V")
_OPEN = re.compile(r"[$*?`%[{]")
_INSIDE = re.compile(r'"([^"\\]+)/[\w.+@-]+"')
"""A string with a path whose last part is plain text."""
_ALONE = re.compile(r"\$\{([\w.'-]+)\}")
"""An interpolation of a name, and nothing beside it."""
_READ_ONLY_WHEN_FULL = ("/etc/", "/usr/", "/boot/", "/efi/")
"""systemd.exec(5), ProtectSystem=."""
_ATOMS = frozenset(
    {"variable_expression", "select_expression", "parenthesized_expression", "string_expression"}
)
"""Expressions that are an argument, or an element of a list, as they are (Nix manual, Operators)."""


class Element(Struct, frozen=True):
    """An element of `ReadWritePaths`.

    Attributes:
        text: Nix source text of the path, as an element of a list.
        made: whether the service itself makes it as a directory.
        use: the write that needs it.
    """

    text: str
    made: bool
    use: Use

    @property
    def tolerant(self) -> str:
        """The element for a path that may not be there yet: with `-` it is left out then.

        Without, the unit would not start (systemd.exec(5), ReadWritePaths=).
        """
        if self.made:
            return self.text
        return f'"-{self.within}"'

    @property
    def within(self) -> str:
        """The path as text within a Nix string: `/srv/x`, `${cfg.dir}`."""
        return self.text[1:-1] if self.text.startswith('"') else "${" + _bare(self.text) + "}"


class Writable(Struct, frozen=True):
    """What a service writes.

    Attributes:
        elements: the places that have to be named, without those that systemd makes for it.
        unknown: the first write to a place that cannot be named; None when all are known.
    """

    elements: tuple[Element, ...]
    unknown: Use | None = None


def writable(block: Block) -> Writable:
    """The places that a service writes to."""
    return block.tree.remember(("writable", id(block)), block, lambda: _writable(block))


def _bare(text: str) -> str:
    """An expression without the parentheses around all of it."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return text[1:-1] if sign == ")" and at == len(text) - 1 else text
    return text


def named_already(block: Block, text: str) -> bool:
    """Whether the service's own `ReadWritePaths` hold a path, given as Nix source text, or one above it."""
    path = text.strip('"').removeprefix("-")
    named = [known.lstrip("-+") for known in block.texts("serviceConfig", "ReadWritePaths") if known]
    words = [item.expr.text for item in block.items("serviceConfig", "ReadWritePaths")]
    return text in words or any(path == known or _below(path, {known.rstrip("/")}) for known in named)


def can_be_named(block: Block, others: Sequence[str] = ()) -> bool:
    """Whether what a service writes is in its `ReadWritePaths`, or can be added to them: a list of its own.

    Args:
        block: the service.
        others: paths that it writes beside those that are seen.
    """
    wanted = (*(element.text for element in writable(block).elements), *others)
    return all(named_already(block, path) for path in wanted) or all(
        isinstance(block.tree.resolver.value(slot.expr), ListValue)
        and not slot.conditions
        and not slot.modifiers
        for slot in block.get("serviceConfig", "ReadWritePaths")
    )


def common(blocks: Sequence[Block]) -> tuple[Element, ...] | None:
    """The places that all of some services write, in the same words; None when what has to be named differs."""
    first, *others = [writable(block).elements for block in blocks]
    words = {element.text for element in first}
    same = all({element.text for element in elements} == words for elements in others)
    made = others and any(element.made for elements in (first, *others) for element in elements)
    return first if same and not made else None


def read_only_when_full(block: Block, element: Element) -> bool:
    """Whether `ProtectSystem=full` makes a place read-only, as far as that is known."""
    return _beginning(block, element.use).startswith(_READ_ONLY_WHEN_FULL)


def on_one_mount(block: Block, paths: Sequence[str]) -> bool:
    """Whether paths lie on one of the mounts that a read-only file system with places to write is made of."""
    folders = [*(element.within.removeprefix("-") for element in writable(block).elements), *_managed(block)]
    return any(all(path == f or _below(path, {f.rstrip("/")}) for path in paths) for f in folders)


def _beginning(block: Block, use: Use) -> str:
    """What a path begins with: its text, or the default of the option that stands there."""
    if use.place.lead is None or use.place.text.startswith("/"):
        return use.place.text
    value = block.tree.resolver.value(use.place.lead[0])
    default = (
        settled(block.tree, value.path[1:]) if isinstance(value, Ref) and value.path[0] == "config" else None
    )
    return (block.tree.resolver.literal(default) or "") if default is not None else ""


def _writable(block: Block) -> Writable:
    uses = [use for use in facts(block).writes if "+" not in use.program.prefixes]
    managed = tuple(_managed(block))
    folders = {use.place.lead[0].text for use in uses if use.place.lead and (use.made or _has_more(use))}
    found: dict[str, Element] = {}
    for use in uses:
        text = _resolved(block, use.place.text)
        if text.startswith(_FREE) or any(text == own or text.startswith(own + "/") for own in managed):
            continue
        element = _element(block, use, text, folders)
        if element is None:
            return Writable(tuple(found.values()), use)
        known = found.get(element.text)
        found[element.text] = Element(element.text, element.made or (known is not None and known.made), use)
    named = {element.within for element in found.values()}
    return Writable(tuple(e for e in found.values() if e.made or not _below(e.within, named)))


def _folder(path: str) -> str:
    """Where a path leads to, given as Nix source text: `"${cfg.dir}/x"` stands in `cfg.dir`."""
    inside = _INSIDE.fullmatch(path)
    if inside is None:
        return f"(dirOf {path})"
    alone = _ALONE.fullmatch(inside[1])
    return f'"{inside[1]}"' if alone is None else alone[1]


def _below(path: str, others: set[str]) -> bool:
    return any(path.startswith(other + "/") for other in others)


def _element(block: Block, use: Use, text: str, folders: set[str]) -> Element | None:
    if use.made and owner(block) is None:
        return None
    if use.place.lead is not None and text == use.place.text:
        made_here = use.made and not _has_more(use)
        expr, length = use.place.lead
        if _visible(block, expr):
            if any(map(str.isspace, block.tree.resolver.literal(expr) or "")):
                return None
            if not text.startswith(("/", "${")) or (_OPEN.search(text[length:]) and not _has_more(use)):
                return None
            if made_here and not in_sight(block, expr):
                return None
            path = expr.text if expr.node.type in _ATOMS else f"({expr.text})"
            name = path if use.kept or expr.text in folders else _folder(path)
            return Element(name, made_here, use)
    if not text.startswith("/") or "${" in text:
        return None
    made, opening = use.made, _OPEN.search(text)
    if opening is not None and made and opening[0] == "{":
        return None  # several are made, and perhaps the folder that they stand in
    if opening is not None:
        text, made = text[: text.rfind("/", 0, opening.start()) + 1] + "x", False
    folder = text if made or use.kept else posixpath.dirname(text)
    if made and (mounted := later_mount(block, folder)) is not None:
        folder, made = mounted, False
    if folder in ("", "/") or any(map(str.isspace, folder)):
        return None  # a path with a blank is several to systemd
    return Element(quote(folder), made, use)


def _resolved(block: Block, text: str) -> str:
    """A path with what the unit settles filled in: its working directory, its own specifiers."""
    if text.startswith("./") or (text and text[0] not in "/$%~"):
        directory = block.text("serviceConfig", "WorkingDirectory")
        directory = None if directory is None else directory.removeprefix("-")
        if directory is not None and directory.startswith(("/", "%")):
            return posixpath.join(directory, text.removeprefix("./"))
    return text


def _managed(block: Block) -> Iterator[str]:
    """The paths that systemd makes for the service, in every spelling."""
    for directive, (parent, variable, specifier) in MANAGED.items():
        single = block.text("serviceConfig", directive)
        known = [name for name in block.texts("serviceConfig", directive) if name] or (
            single.split() if single else []
        )
        for name in known:
            for base in (parent, specifier):
                yield f"{base}/{name.split(':')[0]}"
        if known:
            yield "$" + variable
            yield "${" + variable + "}"


def _has_more(use: Use) -> bool:
    """Whether more follows behind the interpolation that a path begins with: then that is a folder."""
    return use.place.lead is not None and len(use.place.text) > use.place.lead[1]


def _visible(block: Block, root: Expr) -> bool:
    """Whether an expression means the same among the service's settings as where it stands."""
    slot = block.slots[0]
    return root.file is slot.expr.file and same_meaning(root, slot.expr.env)
