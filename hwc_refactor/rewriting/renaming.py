"""A unit gets another name, and what names it follows: other units, and their scripts."""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.nix.scope import attrpath_of
from hwc_refactor.nix.shell import Script, Word
from hwc_refactor.nix.strings import attr_name, identifier_or_quoted, quote
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.loops.unit import mentions_of
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.facts import facts
from hwc_refactor.nixos.units.naming import references
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

HELD = frozenset({"bindsTo", "requisite", "upholds", "BindsTo", "Requisite", "Upholds"})
"""Relations that count on a unit's being active all the time: those go to its timer (systemd.unit(5))."""


def rename_service(draft: Draft, block: Block, new: str) -> None:
    """Give a service that a timer starts another name, and carry it to what names the service.

    Raises:
        NoPlace: when its own name is not written as a plain attribute of its own.
    """
    _own_name(draft, block, new)
    told = set(_relations(draft, block, new)) | set(_scripts(draft, block, new))
    for mention in mentions_of(block):
        if (mention.path, mention.line) not in told:
            draft.review(
                f"{mention.path} (line {mention.line}) names {block.name} in a text: write {new} there by hand"
                " where it is meant."
            )


def _own_name(draft: Draft, block: Block, new: str) -> None:
    for slot in block.slots:
        if slot.binding is None or slot.binding.type != "binding":
            raise NoPlace("its name is computed or inherited")
        placing.demand_own(block.tree, block, slot.expr)
        file = slot.expr.file
        named = [part for part in attrpath_of(slot.binding) if attr_name(file, part) == block.name]
        if len(named) != 1:
            raise NoPlace("its name stands in no attribute path of its own")
        draft.replace_text(file, named[0], identifier_or_quoted(new))


def _relations(draft: Draft, block: Block, new: str) -> Iterator[tuple[str, int]]:
    for reference in references(block.tree, f"{block.name}.service"):
        suffix = "timer" if reference.relation in HELD else "service"
        draft.replace_text(reference.at.file, reference.at.node, quote(f"{new}.{suffix}"))
        draft.note(
            f"{reference.at.file.source.path} (line {reference.at.line}) names it as {new}.{suffix} now."
        )
        yield reference.at.file.source.path, reference.at.line


def _scripts(draft: Draft, block: Block, new: str) -> Iterator[tuple[str, int]]:
    """Commands of systemctl in scripts of other services."""
    holding = set(block.tree.holding(block.name.encode()))
    for other in objects(block.tree, SERVICE):
        if not other.own or other.name == block.name or not other.files & holding:
            continue
        for _, script in facts(other).scripts:
            found = list(_told(script, block.name))
            if found and placing.not_own(block.tree, other, script.at) is None:
                draft.rewrite_script(
                    script, [(at.start, at.end, at.text.replace(block.name, new)) for at in found]
                )
                for at in found:
                    draft.note(f"The script of {other.name} (line {script.line(at)}) names it as {new} now.")
                    yield script.body.path, script.line(at)


def _told(script: Script, name: str) -> Iterator[Word]:
    for command in script.commands if script.sound else ():
        if command.program == "systemctl":
            yield from (word for word in command.arguments if word.literal in (name, f"{name}.service"))
