"""Run a service as a user of its own instead of root or a person's account.

What it does
    Gives a service that runs as root, said or by default, or as the account of somebody who logs in, a
    user that exists as long as the service runs: `DynamicUser`. It does so where everything the service
    does is in sight and known to need no more: what it writes becomes directories that systemd keeps for it
    (`StateDirectory` and its kin; a link in the old place leads there, and gets a slash behind it where `find` or
    `du` would not follow it), devices and the journal become supplementary groups, a port below 1024
    an ambient capability. Lines behind a `+` keep running as root. A function that makes several services is
    changed itself, where all of them bear the same; also one that makes a service for each element of something
    that is not in sight, where that is so whatever an element gives.
Why
    Whoever breaks a program that runs as root owns the system; as a person's account, all that is theirs.
Before
    systemd.services.probe = {
      serviceConfig.User = "root";
      script = "curl --fail http://localhost:8080 > /var/lib/probe/last";
    };
After
    systemd.services.probe = {
      serviceConfig.DynamicUser = true;
      serviceConfig.StateDirectory = "probe";
      script = "curl --fail http://localhost:8080 > /var/lib/probe/last";
    };
When it refuses
    root-is-meant: mkForce, a DynamicUser that is written out, a comment, that it asks whether it is root, or that
        it may be started before the system is set up
    upstream-unit: a module made elsewhere defines the unit, too, and may rely on its user
    user-not-in-sight: as whom it runs is decided by something that is not in sight
    user-exists: a static user of the unit's name would be taken instead
    capabilities-given: it is given capabilities that it holds as root alone
    dbus-name: it owns a name on D-Bus or asks services there, which decide by user
    runs-containers: it runs a container engine, or talks to one
    manages-units: it starts, stops or changes units or the system
    needs-root-command: it runs a command that needs root
    needs-device: it opens a device file
    needs-home: it keeps something in the home directory of its user
    peer-authentication: it logs in to a database by the name of its user
    script-not-in-sight: what it runs is not written in the tree, or cannot be followed
    unknown-command: it runs a program of which it is not known what it needs
    secret-owned-by-user: it reads a secret itself; that has to become a credential first
    state-is-mounted-or-persisted: its directory is a mount point, kept across reboots, or made by tmpfiles
    path-becomes-link: a command does not follow links, and systemd puts one in the place of its directory
    made-later: it does something else where its directory is not there yet, which systemd makes before
    state-owned-by-user: its files belong to another user, or to the person that it runs as
    state-is-shared: something else in the tree uses its directory
    writes-foreign-path: it writes to a place that is not its own
    reads-foreign-path: it reads a place of which it is not known that everybody may
    shared-definition: its settings stand in a place that serves other services too
What a person must still do
    Watch the first start: systemd moves existing files of its directories to /var/lib/private and gives
    them to the new user. Point backups at the new place. Where a service is made for each element of something that
    is not in sight, look at what is given to it.
Sources
    systemd.exec(5), DynamicUser=, StateDirectory=, AmbientCapabilities=; capabilities(7);
    what commands need stands in the table of commands, what everybody may read in the table of places
"""

from __future__ import annotations

from collections.abc import Iterator

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Change, Refusal, Severity
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.bodies import Family, listed
from hwc_refactor.nixos.obstacles import Obstacle
from hwc_refactor.nixos.paths.keeping import EVERYTHING_REACHED
from hwc_refactor.nixos.users.accounts import ACCOUNTS
from hwc_refactor.nixos.users.candidate import PERSON, Candidate, candidate, obstacles
from hwc_refactor.nixos.users.directories import Files, private
from hwc_refactor.nixos.users.files import FILES, names_home
from hwc_refactor.nixos.users.links import led_by_slash
from hwc_refactor.nixos.users.rights import Rights, rights_of
from hwc_refactor.nixos.users.run import RUN
from hwc_refactor.nixos.users.said import MEANT
from hwc_refactor.rewriting import user_recipe
from hwc_refactor.rewriting.alike import SETTINGS, TIES, made_alike, tell_together
from hwc_refactor.rewriting.directives import (
    add_directives,
    add_words,
    drop_needless,
    keep_directories,
    plain,
    remove_rules,
    replace_directive,
)
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace, not_own

WHY = {
    "root": "It runs as root: whoever breaks it owns the system.",
    PERSON: "It runs as the account of somebody who logs in: whoever breaks it has all that is theirs.",
}

KEPT = "Its user is fixed, and where it keeps its own files is nowhere said."


@codemod(
    "root-to-dynamic-user",
    kind=SERVICE,
    severity=Severity.HIGH,
    applicability="safe or review",
    documented_as="diff 2, 4",
    manual=__doc__,
    surveys=(ACCOUNTS, EVERYTHING_REACHED, SETTINGS, TIES),
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Give one service a user of its own."""
    if user_recipe.keeps_user(ctx):
        return _keep(block, ctx)
    one = candidate(block, whoever=ctx.diff is not None) if block.own else None
    if one is None:
        return None
    family = None if ctx.diff is not None else made_alike(block, for_each=True)
    together = None if family is None else _together(one, family, ctx)
    if isinstance(together, Change):
        return together
    files = Files(one)
    answers = ctx.table("answers")
    looked: list[str] = []
    if answers and (hidden := names_home(files)) is not None:
        return ctx.refuse(block, hidden.code, hidden.reason, hidden.at)
    for found in _obstacles(one, files):
        if found.code not in answers:
            return ctx.refuse(block, found.code, found.reason, found.at)
        looked.append(f"{answers[found.code]} {found.reason}")
    draft = ctx.draft(block, f"run {block.name} as a user of its own", WHY[one.runs_as])
    rights = rights_of(one)
    try:
        if ctx.diff is None:
            _write(draft, block, one, files, rights)
        else:
            user_recipe.write_dynamic(draft, block, ctx)
    except NoPlace as obstacle:
        why = f"It cannot be changed for it alone: {obstacle}."
        return together or ctx.refuse(block, "shared-definition", why)
    for note in looked:
        draft.review(note)
    _annotate(draft, one, files, rights)
    return draft.done()


def _obstacles(one: Candidate, files: Files) -> Iterator[Obstacle]:
    """What keeps a service from a user of its own."""
    yield from obstacles(one, MEANT)
    yield from obstacles(one, RUN)
    yield from obstacles(files, FILES)


def _together(one: Candidate, family: Family, ctx: Context) -> Change | Refusal | None:
    """Give services that one expression makes users of their own there, where all of them bear the same."""
    block, rights, body = one.block, rights_of(one), family.bodies[0]
    for other in family.blocks:
        where = "" if other is block else f"{other.name} is made with it: "
        also = candidate(other)
        if also is None or also.runs_as != one.runs_as:
            return ctx.refuse(block, "shared-definition", f"{where}it runs as another user.")
        files = Files(also)
        if (found := next(_obstacles(also, files), None)) is not None:
            return ctx.refuse(block, found.code, where + found.reason)
        kept = also.block.many and any(files.moves(directory) for directory in files.declared)
        if kept or files.kept.wanted or files.kept.rules or files.shared or any(led_by_slash(files)):
            why = "What it writes is not the same for all that the function makes."
            return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {where}{why}")
        if rights_of(also) != rights:
            why = "Not all that the function makes need the same rights."
            return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {where}{why}")
    names = listed([other.name for other in family.blocks])
    draft = ctx.draft(block, f"run {names} as users of their own", WHY[one.runs_as])
    try:
        _write(draft, body, one, Files(one), rights)
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    tell_together(draft, block, family)
    _annotate(draft, one, Files(one), rights)
    return draft.done()


def _keep(block: Block, ctx: Context) -> Outcome | None:
    """The user stays, as a default, with directories that systemd keeps."""
    draft = ctx.draft(block, f"let systemd keep the directories of {block.name}", KEPT)
    try:
        user_recipe.write_static(draft, block, ctx)
    except NoPlace as obstacle:
        return ctx.refuse(block, "shared-definition", f"It cannot be changed for it alone: {obstacle}.")
    return draft.done()


def _write(draft: Draft, block: Block, one: Candidate, files: Files, rights: Rights) -> None:
    user, group = plain(block, "User"), plain(block, "Group")
    items = [] if user is not None else [Snippet("DynamicUser = true;")]
    groups = tuple(dict.fromkeys((*rights.groups, *(place.group for place in files.shared))))
    if groups and (new := add_words(draft, block, "SupplementaryGroups", groups)) is not None:
        items.append(new)
    items += keep_directories(draft, block, files.kept)
    writable = [place.path for place in files.shared]
    if writable and (new := add_words(draft, block, "ReadWritePaths", writable)) is not None:
        items.append(new)
    if rights.capabilities:
        new = add_words(draft, block, "AmbientCapabilities", rights.capabilities)
        items += [] if new is None else [new]
    add_directives(draft, block, items, after="User" if user is not None else None)
    drop_needless(draft, block, files.wanted)
    for script, end in led_by_slash(files):
        if (shared := not_own(block.tree, block, script.at)) is not None:
            raise NoPlace(shared)
        draft.rewrite_script(script, [(end, end, "/")])
    remove_rules(draft, block, files.kept.rules)
    if user is not None:
        replace_directive(draft, user, "DynamicUser = true;")
    if group is not None and (one.runs_as == PERSON or block.text("serviceConfig", "Group") in ("root", "0")):
        draft.remove_binding(block, group)


def _annotate(draft: Draft, one: Candidate, files: Files, rights: Rights) -> None:
    moved = [directory for directory in (*files.declared, *files.wanted) if files.moves(directory)]
    for directory in moved:
        draft.review(
            f"systemd moves {directory.path} to {private(directory)} at the first start and gives its files to"
            " the new user; backups and other readers have to follow."
        )
    for place in files.shared:
        draft.review(
            f"Files in {place.path} that belong to root have to be writable for the group {place.group}."
        )
    if any(one.is_enclosed(ran) and (ran.known is None or "code" in ran.needs) for ran in one.ran):
        draft.review(
            "What it runs is not in sight; its sandbox leaves it nothing of root but to read files that only"
            " root may read: look whether it does."
        )
    for note in rights.notes:
        draft.review(note)
    if any(ran.script is None and ran.known is not None and not ran.known.plain for ran in one.ran):
        draft.review("Watch it after the switch: what it runs is taken to do what its manual says.")
