"""Secrets that stand in the configuration itself, or get into it when it is evaluated.

Found by the name of the variable and the shape of its value. Nothing here holds what a secret is: only its
name and its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.values import Branch, Call, Expr, Gap, Ref, Slot, Str, Text, Value
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.secrets.arguments import secret_arguments
from hwc_refactor.nixos.secrets.declared import Secret, by_hand, secret_of
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, telling
from hwc_refactor.nixos.secrets.stored import secret_lines, stored_secrets
from hwc_refactor.nixos.secrets.uses import written_scripts
from hwc_refactor.nixos.wrappers import unwrapped

Kind = Literal["text", "option", "evaluation"]

_HEADER = re.compile(
    r"(?i)(?:authorization|(?:x-)?(?:[\w-]*-)?(?:api-?key|token|secret))\s*:\s*(?:bearer\s+)?[^\s$%{\"'\\\\<]"
)
_OPTION = re.compile(r"(?i)(?:.*(?:password|passwd|passphrase|secret|token|apikey|secretkey|privatekey))\Z")
_READERS = frozenset({"readFile", "fileContents"})


class Inline(Struct, frozen=True, eq=False):
    """A secret in the configuration.

    Attributes:
        name: the variable it stands in, or what stands for it.
        kind: `text`, known text; `option`, the text of an option; `evaluation`, read from a file then.
        at: its place: an expression, or a span of a Nix file.
        secret: the secret of a scheme whose file is read at evaluation; None for others.
        slot: the definition of the variable, where it is an attribute of `environment`.
        option: the option that holds it.
    """

    name: str
    kind: Kind
    at: Expr | Span
    secret: Secret | None = None
    slot: Slot | None = None
    option: str = ""


def inline_secrets(block: Block) -> tuple[Inline, ...]:
    """The secrets in the settings and scripts of a service or container."""
    found = [*_environment(block), *(Inline(name, "text", at) for name, at in stored_secrets(block))]
    if block.kind in (CONTAINER, HWC_CONTAINER):
        found += [*_flags(block), *_command(block)]
    else:
        found += [*_environment_lists(block), *_credentials(block), *_lines(block)]
        for _, script in written_scripts(block):
            if script.sound:
                found += _in_script(script)
    return tuple(found)


def _environment(block: Block) -> Iterator[Inline]:
    for name in block.names("environment"):
        for slot in block.get("environment", name):
            if not slot.rest:
                found = _judged(name, block, slot.expr)
                if found is not None:
                    yield Inline(found.name, found.kind, found.at, found.secret, slot, found.option)


def _environment_lists(block: Block) -> Iterator[Inline]:
    for slot in block.get("serviceConfig", "Environment"):
        value = block.tree.resolver.value(slot.expr)
        exprs = [slot.expr] if isinstance(value, Str) else []
        exprs = exprs or [item.expr for item in block.tree.resolver.items(slot.expr) if item.unknown is None]
        for expr in exprs:
            text = block.tree.resolver.value(expr)
            if not isinstance(text, Str) or not text.parts or not isinstance(text.parts[0], Text):
                continue
            name, equals, rest = text.parts[0].text.partition("=")
            if equals:
                tail = (*((Text(rest, text.parts[0].at),) if rest else ()), *text.parts[1:])
                found = _value(name.strip(), Str(tail, text.at), expr, block)
                if found is not None:
                    yield found


def _credentials(block: Block) -> Iterator[Inline]:
    """Credentials whose value stands in the unit file: systemd.exec(5), SetCredential=."""
    for item in block.items("serviceConfig", "SetCredential"):
        name, colon, value = (block.tree.resolver.literal(item.expr) or "").partition(":")
        if colon and (has_password(value) or (is_secret_name(name) and telling(value))):
            yield Inline(f"the credential {name}", "text", item.expr)


def _flags(block: Block) -> Iterator[Inline]:
    """Variables that a container is given by flags."""
    for flag in Container(block).flags_named("--env"):
        name, _, value = (flag.value or "").partition("=")
        if flag.literal and (has_password(value) or (is_secret_name(name) and telling(value))):
            yield Inline(name, "text", flag.items[-1].expr)


def _command(block: Block) -> Iterator[Inline]:
    """Secrets among the arguments of what a container runs."""
    items = [item for item in block.items("cmd") if item.unknown is None]
    words = [block.tree.resolver.literal(item.expr) for item in items]
    for number, what in secret_arguments("its command", words):
        yield Inline(what, "text", items[number].expr)


def _lines(block: Block) -> Iterator[Inline]:
    """Secrets among the arguments of command lines of the unit itself."""
    for program in programs(block):
        name, words = program.executable.name, [argument.text for argument in program.arguments]
        known = [None if "$" in word or "%" in word or "__nix" in word else word for word in words]
        for _, what in secret_arguments(name or "its program", known):
            yield Inline(what, "text", program.at)


def _judged(name: str, block: Block, expr: Expr) -> Inline | None:
    """What a variable is, if it is a secret in the configuration; in one case only, or by `mkForce`, too."""
    direct = _value(name, block.tree.resolver.value(expr), expr, block)
    if direct is not None:
        return direct
    waiting = [expr]
    while waiting:
        inner = unwrapped(block.tree, waiting.pop()).expr
        value = block.tree.resolver.value(inner)
        if isinstance(value, Branch):
            waiting += [value.otherwise, value.then]
        elif inner is not expr and (found := _value(name, value, inner, block)) is not None:
            return None if found.kind == "evaluation" else found
    return None


def _value(name: str, value: Value, at: Expr, block: Block) -> Inline | None:
    """What a value is, if it is a secret in the configuration."""
    read = _read(block, value)
    if read is not None:
        secret, shown = read
        if secret is not None or is_secret_name(name) or re.search(r"(?i)secret|token|passw", shown):
            return Inline(name, "evaluation", at, secret)
        return None
    if isinstance(value, Str):
        text = value.literal
        if text is None:
            gaps = [part for part in value.parts if isinstance(part, Gap)]
            if len(value.parts) == 1 and is_secret_name(name):
                return _option(name, gaps[0].value, at)
            return Inline(name, "text", at) if has_password("\0".join(_texts(value))) else None
        if has_password(text) or (is_secret_name(name) and telling(text)):
            return Inline(name, "text", at)
        return None
    return _option(name, value, at) if is_secret_name(name) else None


def _texts(value: Str) -> list[str]:
    return [part.text for part in value.parts if isinstance(part, Text)]


def _option(name: str, value: Value, at: Expr) -> Inline | None:
    if isinstance(value, Ref) and value.path[0] == "config" and _OPTION.match(value.path[-1]):
        return Inline(name, "option", at, None, None, ".".join(value.path))
    return None


def _read(block: Block, value: Value) -> tuple[Secret | None, str] | None:
    """The file that is read when the configuration is evaluated: its secret, and its text in the source."""
    match value:
        case Call(args=(*_, last)) if value.name in _READERS:
            return secret_of(block.tree.resolver.value(last)), last.text
        case Call(args=args) if value.name in ("removeSuffix", "trim", "replaceStrings", "removeSuffix'"):
            return _read(block, block.tree.resolver.value(args[-1]))
        case Str(parts=(Gap(value=inner), *_)):
            return _read(block, inner)
    return None


def _in_script(script: Script) -> list[Inline]:
    found = sorted(_found_in(script), key=lambda pair: pair[0])
    return [inline for _, inline in found]


def _found_in(script: Script) -> Iterator[tuple[int, Inline]]:
    for node in script.nodes("variable_assignment"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None or not is_secret_name(script.source(name)):
            continue
        text = script.word(value).literal
        if text is not None and telling(text) and not by_hand(text):
            at = _span(script, value.start_byte, value.end_byte)
            yield value.start_byte, Inline(script.source(name), "text", at)
    for node in script.nodes("heredoc_redirect"):
        for variable in secret_lines(script.source(node)):
            yield node.start_byte, Inline(variable, "text", _span(script, node.start_byte, node.end_byte))
    for command in script.commands:
        if command.program in commands("speakers"):
            for word in command.arguments:
                for variable in secret_lines(word.literal or ""):
                    yield word.start, Inline(variable, "text", _span(script, word.start, word.end))
            continue
        for number, what in secret_arguments(command.program, [word.literal for word in command.arguments]):
            word = command.arguments[number]
            yield word.start, Inline(what, "text", _span(script, word.start, word.end))
        for word in command.arguments:
            text = word.literal
            if text is not None and _HEADER.match(text):
                head = text.partition(":")[0]
                at = _span(script, word.start, word.end)
                yield word.start, Inline(f"the header {head}", "text", at)


def _span(script: Script, start: int, end: int) -> Expr | Span:
    where = script.body.to_file(start, end) if script.body.mapped is not None else None
    return script.at if where is None else Span(script.body.path, *where)
