"""The flags of a container in the terms of the shared module: network, GPU, limits, privileges.

What cannot be said in those terms, or not for certain, stays a flag: it is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Condition, Expr, Ref, Scalar, Str
from hwc_refactor.nixos.bodies import called_with
from hwc_refactor.nixos.containers import Container
from hwc_refactor.nixos.flags import Flag, read_flags
from hwc_refactor.nixos.images import bare
from hwc_refactor.nixos.needs import LIMITS
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.options import choices

MODES = {"media-network": "media", "container:gluetun": "vpn"}
"""What the network words of the module stand for, by its documented defaults."""
RESERVED = frozenset({"media", "vpn", "bridge"})
"""Words that do not mean a network of this name."""
RESOURCES = {"memory": "memory", "memory-swap": "memorySwap", "cpus": "cpus", "pids-limit": "pidsLimit"}
_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?\Z")
_DEFAULT_GPU = {"nvidia": ["nvidia.com/gpu=all"], "intel": ["/dev/dri:/dev/dri:rw"]}
_NO_NEW = re.compile(r"no-new-privileges(?:[:=]true)?\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """A part of the `++` that `extraOptions` is.

    Attributes:
        expr: the expression.
        flags: what it adds, as far as it can be read.
        complete: whether that is all.
    """

    expr: Expr
    flags: tuple[Flag, ...]
    complete: bool

    @property
    def literal(self) -> bool:
        """Whether it is a list that is written out."""
        return self.expr.node.type == "list_expression"


@dataclass(slots=True)
class Terms:
    """What the flags of a container come to.

    Attributes:
        network: the value of `networkMode`, as Nix source; None where no flag names one.
        gpu: bindings below `gpu`; empty where no GPU is passed, or not in these terms.
        limits: value of a resource by its name in the module, as Nix source.
        no_new_privileges: whether the flag is said by the module's option now; False where it stays a
            flag, None where there is none.
        taken: flags that are said by these terms now, with the name of the term.
        present: the names of all flags, whoever writes them.
        complete: whether those are all.
    """

    network: str | None = None
    gpu: tuple[str, ...] = ()
    limits: dict[str, str] = field(default_factory=dict)
    no_new_privileges: bool | None = None
    taken: list[tuple[Flag, str]] = field(default_factory=list)
    present: frozenset[str] = frozenset()
    complete: bool = True

    def term_of(self, flag: Flag) -> str | None:
        """The term that says a flag now."""
        return next((term for taken, term in self.taken if taken is flag), None)


def read_terms(block: Block, operands: Sequence[Operand], makers: Sequence[Container]) -> Terms:
    """The terms of a container's flags.

    Args:
        block: the container, or the function that makes some.
        operands: the parts of its `extraOptions` that may be edited; none where it is defined otherwise.
        makers: the containers that it comes to, for what is not said in its own place.
    """
    fixed: set[int] = set()
    flags = [flag for one in makers for flag in one.flags]
    loose = [] if operands else flags
    while True:
        terms = _decide(block, makers, operands, loose, fixed)
        terms.present = frozenset(flag.name for flag in flags)
        terms.complete = not any(one.unread for one in makers)
        mixed = {
            number
            for number, operand in enumerate(operands)
            if number not in fixed
            and not operand.literal
            and any(terms.term_of(flag) for flag in operand.flags)
            and not (operand.complete and all(terms.term_of(flag) for flag in operand.flags))
        }
        if not mixed:
            return terms
        fixed |= mixed


def operands_of(block: Block, expr: Expr) -> list[Operand]:
    """The parts of an `extraOptions` expression."""
    resolver = block.tree.resolver
    found: list[Operand] = []
    for part in _parts(block, expr):
        flags, unread = read_flags(resolver, resolver.items(part))
        found.append(Operand(part, tuple(flags), not unread))
    return found


def _parts(block: Block, expr: Expr) -> Iterator[Expr]:
    operator = expr.node.child_by_field_name("operator")
    if expr.node.type == "binary_expression" and operator is not None and operator.type == "++":
        for side in ("left", "right"):
            child = block.tree.resolver.child(expr, side)
            if child is not None:
                yield from _parts(block, child)
        return
    yield expr


def _decide(
    block: Block,
    makers: Sequence[Container],
    operands: Sequence[Operand],
    loose: Sequence[Flag],
    fixed: set[int],
) -> Terms:
    terms = Terms()
    movable = [
        (flag, operand) for n, operand in enumerate(operands) if n not in fixed for flag in operand.flags
    ]
    stuck = [*loose, *(flag for n in sorted(fixed) for flag in operands[n].flags)]
    _network(block, makers, terms, movable, stuck)
    _gpu(terms, movable, stuck)
    _limits(terms, movable, stuck)
    _privileges(terms, movable, stuck)
    return terms


Movable = Sequence[tuple[Flag, Operand]]


def _network(
    block: Block, makers: Sequence[Container], terms: Terms, movable: Movable, stuck: Sequence[Flag]
) -> None:
    found = [(flag, operand) for flag, operand in movable if flag.name == "--network"]
    if any(flag.name == "--network" for flag in stuck) or not found:
        return
    words = [_word(flag) for flag, _ in found]
    if any(word is None for word in words):
        return
    known = [word for word in words if word is not None]
    conditions = [flag.conditions for flag, _ in found]
    if len(found) == 1 and not conditions[0]:
        terms.network = quote(known[0])
    elif len(found) == 1 and len(conditions[0]) == 1:
        text = _said(conditions[0][0], found[0][1])
        terms.network = None if text is None else f'if {text} then {quote(known[0])} else "bridge"'
    elif len(found) == 2 and all(len(each) == 1 for each in conditions):
        yes, no = sorted((conditions[0][0], conditions[1][0]), key=lambda c: not c.holds)
        if yes.expr.node == no.expr.node and yes.holds and not no.holds:
            first = conditions[0][0].holds
            then, otherwise = known if first else reversed(known)
            terms.network = _choice(block, makers, yes, found[0][1], then, otherwise)
    if terms.network is not None:
        terms.taken += [(flag, "network") for flag, _ in found]


def _word(flag: Flag) -> str | None:
    """The network word that a flag comes to; None where the module has none for it."""
    if flag.value is None or not flag.literal or flag.value in RESERVED:
        return None
    return MODES.get(flag.value, flag.value)


def _choice(
    block: Block,
    makers: Sequence[Container],
    condition: Condition,
    operand: Operand,
    then: str,
    otherwise: str,
) -> str | None:
    """The network by a condition: the value that decides, where it is the very word, else an `if`."""
    compared = _compared(block, condition.expr)
    if compared is not None:
        subject, text = compared
        others = [word for word in (then, otherwise) if word != text]
        words = _values(block, subject, makers)
        same = text == then and then != otherwise and bool(words) and words <= {then, *others}
        if same and _in_scope(subject, operand.expr):
            return subject.text
    said = _said(condition, operand)
    if said is None and compared is not None and _in_scope(compared[0], operand.expr):
        said = f"{compared[0].text} == {quote(compared[1])}"
    return None if said is None else f"if {said} then {quote(then)} else {quote(otherwise)}"


def _compared(block: Block, expr: Expr) -> tuple[Expr, str] | None:
    """The expression that a condition `x == "word"` is about, where it is read from, and the word."""
    operator = expr.node.child_by_field_name("operator")
    if operator is None or operator.type != "==":
        return None
    resolver = block.tree.resolver
    left, right = resolver.child(expr, "left"), resolver.child(expr, "right")
    text = resolver.literal(right)
    if left is None or text is None:
        return None
    value = resolver.value(left)
    if not isinstance(value, Ref):
        return None
    return (value.at if left.node.type == "variable_expression" else left), text


def _values(block: Block, expr: Expr, makers: Sequence[Container]) -> frozenset[str]:
    """The words that an expression may come to: of the option that it reads, or of what calls give.

    Empty where they are not all known.
    """
    value = block.tree.resolver.value(expr)
    if not isinstance(value, Ref):
        return frozenset()
    if value.path[0] == "config":
        return frozenset(choices(block.tree, value.path[1:]))
    if value.binder is None or len(value.path) > 1:
        return frozenset()
    words: set[str] = set()
    for maker in makers:
        given = called_with(maker.block, value.binder, value.path[0])
        found = None if given is None else block.tree.resolver.value(given)
        if isinstance(found, Str) and found.literal is not None:
            words.add(found.literal)
        elif isinstance(found, Ref) and found.path[0] == "config" and choices(block.tree, found.path[1:]):
            words |= set(choices(block.tree, found.path[1:]))
        else:
            return frozenset()
    return frozenset(words)


def _said(condition: Condition, operand: Operand) -> str | None:
    """A condition as it can be written where the operand stands; None when it stands elsewhere."""
    return condition.text if _in_scope(condition.expr, operand.expr) else None


def _in_scope(expr: Expr, place: Expr) -> bool:
    """Whether an expression stands within the place, so that its names mean the same there."""
    return (
        expr.file is place.file
        and place.node.start_byte <= expr.node.start_byte
        and expr.node.end_byte <= place.node.end_byte
    )


def _gpu(terms: Terms, movable: Movable, stuck: Sequence[Flag]) -> None:
    found = [(flag, operand) for flag, operand in movable if _is_gpu(flag)]
    if not found or any(_is_gpu(flag) for flag in stuck):
        return
    if not all(flag.literal and _written(flag, operand) for flag, operand in found):
        return
    conditions = found[0][0].conditions
    if any(len(f.conditions) != len(conditions) for f, _ in found) or len(conditions) > 1:
        return
    enable = "true"
    if conditions:
        said = _said(conditions[0], found[0][1])
        same = all(f.conditions[0].expr.node == conditions[0].expr.node for f, _ in found)
        if said is None or not same or len({f.conditions[0].holds for f, _ in found}) > 1:
            return
        enable = said
    devices = [flag.value or "" for flag, _ in found]
    kind = "nvidia" if any("nvidia" in device for device in devices) else "intel"
    bindings = [f"enable = {enable};"]
    bindings += ['type = "nvidia";'] if kind == "nvidia" else []
    if devices != _DEFAULT_GPU[kind]:
        bindings.append(f"devices = [ {' '.join(quote(device) for device in devices)} ];")
    terms.gpu = tuple(bindings)
    terms.taken += [(flag, "gpu") for flag, _ in found]


def _is_gpu(flag: Flag) -> bool:
    heads = ("/dev/dri", "/dev/nvidia", "/dev/kfd", "nvidia.com/gpu", "amd.com/gpu")
    return flag.name == "--device" and (flag.value or "").startswith(heads)


def _written(flag: Flag, operand: Operand) -> bool:
    """Whether a flag is written out within its operand, not by a name for a list elsewhere."""
    return all(item.holder is not None and _in_scope(item.expr, operand.expr) for item in flag.items)


def _limits(terms: Terms, movable: Movable, stuck: Sequence[Flag]) -> None:
    for name in LIMITS:
        flag_name = f"--{name}"
        found = [(flag, operand) for flag, operand in movable if flag.name == flag_name]
        if len(found) != 1 or any(flag.name == flag_name for flag in stuck):
            continue
        resource = RESOURCES[name]
        flag, operand = found[0]
        text = None if flag.value is None else _limit(name, flag)
        if text is not None and operand.literal and not flag.conditions:
            terms.limits[resource] = text
            terms.taken.append((flag, resource))
    if "memory" not in terms.limits and "memorySwap" in terms.limits:
        del terms.limits["memorySwap"]  # the module has no swap limit without one of memory
        terms.taken = [(flag, term) for flag, term in terms.taken if term != "memorySwap"]


def _limit(name: str, flag: Flag) -> str | None:
    """The value of a limit as Nix source: an expression stays one, whatever it comes to."""
    element = flag.items[-1].expr
    if len(flag.items) == 1 and element.node.type == "string_expression" and "${" in element.text:
        head, equals, rest = element.text.partition("=")
        return bare(f'"{rest}') if equals and "${" not in head and "\\" not in rest else None
    if not flag.literal or flag.value is None:
        return None
    number = _NUMBER if name == "cpus" else re.compile(r"(?:0|[1-9]\d*)\Z") if name == "pids-limit" else None
    return flag.value if number is not None and number.match(flag.value) else quote(flag.value)


def _privileges(terms: Terms, movable: Movable, stuck: Sequence[Flag]) -> None:
    def about(flag: Flag) -> bool:
        return flag.name == "--security-opt" and (flag.value or "").startswith("no-new-privileges")

    found = [(flag, operand) for flag, operand in movable if about(flag)]
    others = [flag for flag in stuck if about(flag)]
    if not found and not others:
        return
    terms.no_new_privileges = False  # said by a flag that stays
    if len(found) == 1 and not others:
        flag, operand = found[0]
        if flag.literal and _NO_NEW.match(flag.value or "") and operand.literal and not flag.conditions:
            terms.no_new_privileges = True
            terms.taken.append((flag, "noNewPrivileges"))


# -- environment -----------------------------------------------------------------------------------------


def is_host_zone(block: Block, expr: Expr) -> bool:
    """Whether an expression is the host's time zone, which the module passes of itself."""
    value = block.tree.resolver.value(expr)
    if isinstance(value, Ref):
        return value.path == ("config", "time", "timeZone")
    node = expr.node
    if node.type == "select_expression" and node.child_by_field_name("default") is not None:
        base = block.tree.resolver.child(expr, "expression")
        path = node.child_by_field_name("attrpath")
        names = () if path is None else tuple(expr.file.text(path).decode(errors="replace").split("."))
        root = None if base is None else block.tree.resolver.value(base)
        return isinstance(root, Ref) and (*root.path, *names) == ("config", "time", "timeZone")
    return False


def number_text(block: Block, expr: Expr) -> str | None:
    """The number that a string stands for, as it is written; None when it is none."""
    value = block.tree.resolver.value(expr)
    text = value.literal if isinstance(value, Str) else None
    return text if text is not None and re.fullmatch(r"0|[1-9]\d{0,9}", text) else None


def is_true(block: Block, expr: Expr) -> bool:
    """Whether an expression is plainly true."""
    value = block.tree.resolver.value(expr)
    return isinstance(value, Scalar) and value.value is True
