"""The flags of a container in the terms of the shared module: network, GPU, limits, privileges.

What cannot be said in those terms, or not for certain, stays a flag: it is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.flags import Flag
from hwc_refactor.nixos.containers.images import bare
from hwc_refactor.nixos.containers.needs import LIMITS
from hwc_refactor.nixos.containers.network_terms import network_term
from hwc_refactor.nixos.containers.operands import Movable, Operand, condition_at, in_scope

RESOURCES = {"memory": "memory", "memory-swap": "memorySwap", "cpus": "cpus", "pids-limit": "pidsLimit"}
_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?\Z")
_DEFAULT_GPU = {"nvidia": ["nvidia.com/gpu=all"], "intel": ["/dev/dri:/dev/dri:rw"]}
_NO_NEW = re.compile(r"no-new-privileges(?:[:=]true)?\Z")


class Terms(Struct):
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
    limits: dict[str, str] = {}
    no_new_privileges: bool | None = None
    taken: list[tuple[Flag, str]] = []
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
    network = network_term(block, makers, movable, stuck)
    if network is not None:
        terms.network, flags = network
        terms.taken += [(flag, "network") for flag in flags]
    _gpu(terms, movable, stuck)
    _limits(terms, movable, stuck)
    _privileges(terms, movable, stuck)
    return terms


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
        said = condition_at(conditions[0], found[0][1])
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
    return all(item.holder is not None and in_scope(item.expr, operand.expr) for item in flag.items)


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
    return limit_source(name, flag.value)


def limit_source(name: str, value: str) -> str:
    """A limit as Nix source, by the name of its flag: numbers are written as such where the module takes them."""
    number = _NUMBER if name == "cpus" else re.compile(r"(?:0|[1-9]\d*)\Z") if name == "pids-limit" else None
    return value if number is not None and number.match(value) else quote(value)


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
