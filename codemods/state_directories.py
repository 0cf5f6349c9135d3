"""Let systemd make and own a service's directories, instead of paths that are written out.

What it does
    A directory below /var/lib, /var/cache, /var/log or /run that a service writes to, and that nothing else
    in the tree uses, becomes its `StateDirectory`, `CacheDirectory`, `LogsDirectory` or `RuntimeDirectory`.
    Where the path was written out, `$STATE_DIRECTORY` stands in scripts and `%S/…` in command lines,
    variables and the working directory. A `mkdir` of it that is needless then goes, and so does a rule
    of systemd-tmpfiles that says the same, whose mode is kept. Other paths of the host that
    it writes to are taken from the option that this configuration has for them, where that is certain: one in
    a set called `paths` with that default, which nothing sets, or one named under [paths].
Why
    A path that is written out is made by hand, with whatever owner and mode the script had; systemd makes
    its own directories before the service starts, for its user, and lets them through a read-only file system.
Before
    systemd.services.probe = {
      serviceConfig.User = "probe";
      script = ''
        mkdir -p /var/lib/probe
        date > /var/lib/probe/last
      '';
    };
After
    systemd.services.probe = {
      serviceConfig.User = "probe";
      serviceConfig.StateDirectory = "probe";
      script = ''
        date > "$STATE_DIRECTORY"/last
      '';
    };
When it refuses
    path-of-another: the system or a module of NixOS keeps that directory, or nothing shows whose it is
    path-is-shared: something else in the tree uses that directory
    state-is-mounted-or-persisted: the directory is a mount point, or kept across reboots by name
    made-later: the service does something else where the directory is not there yet, which systemd makes before
    made-for-another: a rule of systemd-tmpfiles makes the directory for somebody else
    path-elsewhere: it writes below /etc, /home, /mnt, /opt, /srv or the like, where systemd keeps nothing, and
        no option of the configuration is certain to stand for the path
    upstream-unit: it replaces what a unit made elsewhere runs, which may declare its directories
    shared-definition: its settings stand in a place that serves other services too
What a person must still do
    Nothing; existing files stay where they are.
Sources
    systemd.exec(5), RuntimeDirectory=, StateDirectory=; systemd.unit(5), specifiers; tmpfiles.d(5)
"""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.codemod import Context, Outcomes, codemod
from hwc_refactor.model import Severity
from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.paths.directories import VARIABLES, Directory
from hwc_refactor.nixos.paths.keeping import EVERYTHING_REACHED, Keeping, keeping
from hwc_refactor.nixos.paths.spellings import Spelling, beside, everywhere, needless, spellings
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.directives import add_directives, keep_directories, remove_rules
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

WHY = "The path is written out: who owns it and with which mode is left to whoever made it first."
_SPECIFIERS = {
    "StateDirectory": "%S",
    "CacheDirectory": "%C",
    "LogsDirectory": "%L",
    "RuntimeDirectory": "%t",
}
_VARIABLE = {directive: name for name, directive in VARIABLES.items()}


@codemod(
    "state-directories",
    kind=SERVICE,
    severity=Severity.LOW,
    applicability="safe or review",
    documented_as="phase 3",
    manual=__doc__,
    surveys=(EVERYTHING_REACHED,),
)
def propose(block: Block, ctx: Context) -> Outcomes:
    """Let systemd keep the directories of one service."""
    if not block.own or block.doubts("serviceConfig"):
        return None
    found = keeping(block, ctx.settings.paths)
    refusals = [ctx.refuse(block, left.code, left.reason, left.path.at) for left in found.obstacles]
    if not found.wanted and not found.options:
        return refusals
    if block.replaces:
        return ctx.refuse(
            block,
            "upstream-unit",
            "It replaces what a unit made elsewhere runs; that unit may declare its directories.",
        )
    draft = ctx.draft(block, _title(block, found), WHY)
    try:
        _write(draft, block, found)
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    change = draft.done()
    return refusals if change is None else [change, *refusals]


def _title(block: Block, found: Keeping) -> str:
    parts = [f"let systemd keep {', '.join(one.path for one in found.wanted)}"] if found.wanted else []
    parts += [f"take {path} from {option}" for path, option in found.options.items()]
    return f"{' and '.join(parts)} for {block.name}"


def _write(draft: Draft, block: Block, found: Keeping) -> None:
    items = keep_directories(draft, block, found)
    add_directives(draft, block, items)
    _by_option(draft, block, found)
    for script, replacements in _replacements(block, found).items():
        emptied = _emptied(block, script, replacements)
        if emptied is not None:
            draft.remove_binding(block, emptied)
        else:
            draft.rewrite_script(script, replacements)
    remove_rules(draft, block, found.rules)


def _emptied(block: Block, script: Script, replacements: Sequence[tuple[int, int, str]]) -> Slot | None:
    """The definition of a script beside the main one of which nothing is left."""
    left = bytearray(script.body.data)
    for start, end, text in sorted(replacements, reverse=True):
        left[start:end] = text.encode()
    return None if left.strip() else beside(block, script)


def _is_alone(block: Block, one: Directory, wanted: Sequence[Directory]) -> bool:
    """Whether the variable names this directory alone; for several, it is a list."""
    others = [other for other in wanted if other.directive == one.directive and other != one]
    return not others and not block.get("serviceConfig", one.directive)


def _by_option(draft: Draft, block: Block, found: Keeping) -> None:
    """Paths that an option stands for are taken from it, wherever a Nix string spells them."""
    for path, option in sorted(found.options.items(), reverse=True):
        for place in sorted(everywhere(block, path), key=lambda one: one.start, reverse=True):
            if placing.not_own(block.tree, block, place.text.at) is None:
                draft.demand_name(place.text.at, "config")
                draft.interpolate(place.text, place.start, place.end, option)


def _replacements(block: Block, found: Keeping) -> dict[Script, list[tuple[int, int, str]]]:
    """What is written in the place of paths that are written out, and of commands that are needless, by text."""
    gone = [place for one in found.wanted for place in needless(block, one.path)]
    texts: dict[tuple[str, int, int], Script] = {}
    replacements: dict[Script, list[tuple[int, int, str]]] = {}
    for place in gone:
        _add(block, replacements, texts, place, "")
    for one in found.wanted:
        alone = _is_alone(block, one, found.wanted)
        for place in spellings(block, one.path):
            text = _text(one, place, alone)
            covered = any(
                g.text.at.node == place.text.at.node and g.start <= place.start < g.end for g in gone
            )
            if text is not None and not covered:
                _add(block, replacements, texts, place, text)
    return replacements


def _add(
    block: Block,
    replacements: dict[Script, list[tuple[int, int, str]]],
    texts: dict[tuple[str, int, int], Script],
    place: Spelling,
    text: str,
) -> None:
    """Texts of one string are one, however often it was read; one that serves others too stays as it is."""
    if placing.not_own(block.tree, block, place.text.at) is None:
        script = texts.setdefault(place.key, place.text)
        replacements.setdefault(script, []).append((place.start, place.end, text))


def _text(one: Directory, place: Spelling, alone: bool) -> str | None:
    variable = f"${_VARIABLE[one.directive]}"
    match place.manner:
        case "unit":
            return f"{_SPECIFIERS[one.directive]}/{one.name}"
        case "word":
            return f'"{variable}"' if alone else None
        case "quoted":
            return variable if alone else None
