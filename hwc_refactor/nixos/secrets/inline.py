"""Secrets that stand in the configuration itself, or get into it when it is evaluated.

Found by the name of the variable and the shape of its value. Nothing here holds what a secret is: only its
name and its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import dropwhile, takewhile

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.shell import Script, script_of
from hwc_refactor.nix.values import Expr, Gap, Str, Text
from hwc_refactor.nixos.block import CONTAINER, ETC_FILE, HWC_CONTAINER, Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.secrets.arguments import secret_arguments
from hwc_refactor.nixos.secrets.config_texts import in_text, in_value
from hwc_refactor.nixos.secrets.declared import by_hand
from hwc_refactor.nixos.secrets.judging import Inline, judged, judged_value
from hwc_refactor.nixos.secrets.programs import commands
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, telling
from hwc_refactor.nixos.secrets.stored import STORED, secret_lines, stored_files, stored_secrets
from hwc_refactor.nixos.secrets.uses import written_scripts

_INTERPRETERS = ("python", "node", "perl", "ruby", "php", "lua", "deno", "bun", "awk", "gawk")
"""Programs whose first file is one in their own language."""


def inline_secrets(block: Block) -> tuple[Inline, ...]:
    """The secrets in the settings and scripts of a service or container, or in the text of a file in /etc."""
    if block.kind == ETC_FILE:
        return tuple(_etc(block))
    found = [*_environment(block), *_stored(block), *_files(block)]
    if block.kind in (CONTAINER, HWC_CONTAINER):
        found += [*_flags(block), *_command(block)]
    else:
        found += [*_environment_lists(block), *_credentials(block), *_lines(block)]
        for _, script in written_scripts(block):
            if script.sound:
                found += _in_script(script)
    return tuple(found)


def _stored(block: Block) -> Iterator[Inline]:
    """Secrets in environment files of the tree; an interpolation in one counts by what it is."""
    for name, at in stored_secrets(block):
        yield Inline(name, "text", at)
    for option in STORED:
        for at in stored_files(block, option):
            found = in_value(block.tree, block.tree.resolver.value(at), at)
            yield from (one for one in found if one.kind != "text")


def _files(block: Block) -> Iterator[Inline]:
    """Secrets in files of settings that its programs are given."""
    exprs = [slot.expr for name in block.names("environment") for slot in block.get("environment", name)]
    if block.kind in (CONTAINER, HWC_CONTAINER):
        for item in block.items("volumes"):
            value = block.tree.resolver.value(item.expr)
            exprs += (
                [part.at for part in value.parts if isinstance(part, Gap)] if isinstance(value, Str) else []
            )
    else:
        for program in programs(block):
            name = program.executable.name or ""
            if (
                program.line is not None
                and not program.executable.is_shell
                and not name.startswith(_INTERPRETERS)
            ):
                exprs += program.line.body.holes
    for expr in exprs:
        yield from in_value(block.tree, block.tree.resolver.value(expr), expr)


def _etc(block: Block) -> Iterator[Inline]:
    """Secrets in a file that everybody may read below /etc: NixOS, environment.etc.<name>.{text,source}."""
    for slot in block.get("text"):
        script = script_of(slot.expr) if not slot.rest else None
        if script is not None and script.body.data.lstrip().startswith(b"#!"):
            yield from _in_script(script) if script.sound else ()
        elif not slot.rest:
            read = judged_value(block.name, block.tree, block.tree.resolver.value(slot.expr), slot.expr)
            yield from (read,) if read is not None and read.kind == "evaluation" else ()
            yield from in_text(block.tree, block.name, slot.expr)
    for slot in block.get("source"):
        if not slot.rest:
            yield from in_value(block.tree, block.tree.resolver.value(slot.expr), slot.expr)


def _environment(block: Block) -> Iterator[Inline]:
    for name in block.names("environment"):
        for slot in block.get("environment", name):
            if not slot.rest:
                found = judged(name, block.tree, slot.expr)
                if found is not None:
                    yield Inline(found.name, found.kind, found.at, found.secret, slot, found.option)


def _environment_lists(block: Block) -> Iterator[Inline]:
    for slot in block.get("serviceConfig", "Environment"):
        value = block.tree.resolver.value(slot.expr)
        exprs = [slot.expr] if isinstance(value, Str) else []
        exprs = exprs or [item.expr for item in block.tree.resolver.items(slot.expr) if item.unknown is None]
        for expr in exprs:
            text = block.tree.resolver.value(expr)
            lead, behind = _lead(text) if isinstance(text, Str) else ("", ())
            name, equals, rest = lead.partition("=")
            if equals:
                tail = (*((Text(rest, expr),) if rest else ()), *behind)
                found = judged_value(name.strip(), block.tree, Str(tail, expr), expr)
                if found is not None:
                    yield found


def _credentials(block: Block) -> Iterator[Inline]:
    """Credentials whose value stands in the unit file: systemd.exec(5), SetCredential=."""
    for item in block.items("serviceConfig", "SetCredential"):
        name, colon, value = (block.tree.resolver.literal(item.expr) or "").partition(":")
        if colon and (has_password(value) or (is_secret_name(name) and telling(value))):
            yield Inline(f"the credential {name}", "text", item.expr)


def _lead(text: Str) -> tuple[str, tuple[Text | Gap, ...]]:
    """The text that a string begins with, and the parts behind it."""
    lead = "".join(part.text for part in takewhile(_is_text, text.parts) if isinstance(part, Text))
    return lead, tuple(dropwhile(_is_text, text.parts))


def _is_text(part: Text | Gap) -> bool:
    return isinstance(part, Text)


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
    for number, word in enumerate(words[:-1]):
        script = script_of(items[number + 1].expr) if word in ("-c", "-ec", "-lc") else None
        if script is not None and script.sound:
            yield from _in_script(script)


def _lines(block: Block) -> Iterator[Inline]:
    """Secrets among the arguments of command lines of the unit itself."""
    for program in programs(block):
        name, words = program.executable.name, [argument.text for argument in program.arguments]
        known = [None if "$" in word or "%" in word or "__nix" in word else word for word in words]
        for _, what in secret_arguments(name or "its program", known):
            yield Inline(what, "text", program.at)


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


def _span(script: Script, start: int, end: int) -> Expr | Span:
    where = script.body.to_file(start, end) if script.body.mapped is not None else None
    return script.at if where is None else Span(script.body.path, *where)
