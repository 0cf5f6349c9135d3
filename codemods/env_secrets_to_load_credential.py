"""Hand secrets to a service as systemd credentials instead of through its environment.

What it does
    A secret of agenix or sops-nix, or one whose path an option holds, is loaded by the manager
    (`LoadCredential`), and the script reads the copy below `$CREDENTIALS_DIRECTORY`. An environment file
    that a service writes from secrets for itself, or for another one, goes: its plain lines become
    `environment`, and its secrets are read by the script, by a Python program of the tree, or by a variable
    such as RESTIC_PASSWORD_FILE. A program that takes only a file which its user alone may read, such as ssh
    or libpq, is given a copy of mode 0600 in the unit's `RuntimeDirectory`. What reads a secret when the unit
    stops stays as it is. A container cannot load credentials: what it gets from a secret's file at evaluation
    comes from an environment file, written by a service that does, or from a secret of podman where a service of
    the tree makes one of the same file.
Why
    What a script reads into a variable is handed on to every program it starts, what it writes into a file
    stays there, and the user of the service has to be able to read the secret's own file. A credential is
    readable for this one unit alone, whatever user it runs as.
What it finds
    read-by-script, high: A script takes a secret out of its file, into its environment or a command line.
    inline, high: A secret stands in the configuration, and so in the Nix store, for everybody to read: in a script,
        among settings, or in a file of settings that a program or a container is given, or that lies below /etc.
    file, low: A secret is read from its file and goes nowhere else.
Before
    systemd.services.sync = {
      script = ''
        export TOKEN=$(cat /run/secrets/sync-token)
        exec sync-server
      '';
      serviceConfig.User = "sync";
    };
After
    systemd.services.sync = {
      script = ''
        export TOKEN=$(cat "$CREDENTIALS_DIRECTORY/sync-token")
        exec sync-server
      '';
      serviceConfig.User = "sync";
      serviceConfig.LoadCredential = [ "sync-token:/run/secrets/sync-token" ];
    };
When it refuses
    inline-secret: the secret itself stands in the configuration; it has to be changed and declared first
    option-holds-secret: an option holds the secret as text, where it would have to hold the path of a file
    read-at-evaluation: the value is read from a file when the configuration is evaluated
    secret-used-on-stop: it is read when the unit stops or reloads, where credentials may be gone
    environment-file-works: the manager reads the file itself, as root, whatever user the unit runs as
    already-a-file: the secret goes from its file to the input of a program, and nowhere else
    writes-secret-to-file: the script writes it into another file, where it stays as readable as before
    makes-its-secret: the script writes or changes the secret's file itself
    copes-without-secret: the script does something else where the file is not there; a credential has to be
    secret-by-hand: a file that no secrets scheme delivers
    secret-not-in-sight: which file holds it is not in sight, or what delivers it is no scheme that is known
    read-elsewhere: a shell that another command starts reads it, as another user or on another machine
    secret-by-condition: the place that reads it is there only under a condition, or put together by Nix
    use-not-understood: what the script does with the path is not understood
    program-has-credentials: a program that it runs loads credentials of its own in a unit that has none
    full-privileges: it is read by a command with `+`, outside of the unit's user and sandbox
    upstream-unit: the unit is made elsewhere and only added to here
    user-unit: it is a unit of a user's own manager
    shared-definition: what would have to change stands in a place that serves other services too
What a person must still do
    Restart the service after a secret has changed: a credential keeps the value of the start. Read the notes
    of a change that needs a look; where the consumer is not in sight, they say what has to read the credential.
Sources
    systemd.exec(5), LoadCredential= and EnvironmentFile=; systemd.unit(5), specifier %d;
    systemd issues 34805 (credentials in ExecStop) and 29096 (mode 0440); agenix and sops-nix, module options
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwc_refactor.codemod import Context, Outcomes, codemod
from hwc_refactor.model import Refusal, Severity
from hwc_refactor.nixos.block import CONTAINER, ETC_FILE, HWC_CONTAINER, SERVICE, USER_SERVICE, Block
from hwc_refactor.nixos.secrets.declared import DECLARED
from hwc_refactor.nixos.secrets.env_files import env_files, secrets_read
from hwc_refactor.nixos.secrets.env_writers import written_elsewhere
from hwc_refactor.nixos.secrets.inline import inline_secrets
from hwc_refactor.nixos.secrets.judging import Inline
from hwc_refactor.nixos.secrets.moves import Moves, moves
from hwc_refactor.nixos.secrets.podman import podman_secrets
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.secrets import containers, moving, recipe, variables
from hwc_refactor.rewriting.secrets.declarations import scheme

WHY = (
    "What a script reads into a variable, a command line or a file is handed on to all that it starts, and the"
    " user of the service has to be able to read the secret's own file."
)


@codemod(
    "env-secrets-to-load-credential",
    kind=SERVICE,
    also=(CONTAINER, HWC_CONTAINER, USER_SERVICE, ETC_FILE),
    severity=Severity.HIGH,
    applicability="safe or review",
    documented_as="diff 2, diff 4",
    manual=__doc__,
    surveys=DECLARED,
)
def propose(block: Block, ctx: Context) -> Outcomes:
    """Load the secrets of one service as credentials."""
    inline = inline_secrets(block)
    if block.kind == CONTAINER:
        return _container(block, ctx, inline)
    if block.kind in (HWC_CONTAINER, ETC_FILE):
        return list(_inline(block, ctx, inline))
    manner = recipe.manner(ctx)
    files = env_files(block, by_program=manner.by_hand)
    found = moves(block, frozenset(word for file in files for word in file.words))
    if block.kind == USER_SERVICE or not block.own:
        return [*_elsewhere(block, ctx, found), *_inline(block, ctx, inline)]
    extra = recipe.missing(block, ctx)
    evaluated = _evaluated(block, ctx, inline)
    given = {one.key for one in moving.given_away(block, found, manner)}
    stays = [
        *(
            ctx.finding("read-by-script" if one.exposed else "file").refuse(
                block, one.code, one.reason, one.at
            )
            for one in found.obstacles
            if one.code != "writes-secret-to-file" or one.secret.key not in given
        ),
        *_inline(block, ctx, [one for one in inline if one not in evaluated]),
        *_environment_files(block, ctx),
    ]
    private = found.settings or any(mention.form == "private" for mention in found.mentions)
    written = [one for one in written_elsewhere(block) if moving.can_move(block, one, manner)]
    moved = found.mentions or found.settings or found.variables
    if not moved and not extra and not evaluated and not written:
        return stays
    rule = "read-by-script" if found.exposing or not evaluated else "inline"
    if private and not found.exposing and not evaluated and not extra and not written:
        rule = "file"
    draft = ctx.finding(rule).draft(block, f"load the secrets of {block.name} as credentials", WHY)
    try:
        moving.move(draft, block, found, files, evaluated, written, recipe.layout(ctx), manner)
        recipe.write(draft, block, ctx, extra)
    except NoPlace as obstacle:
        reason = f"It cannot be changed for it alone: {obstacle}."
        return ctx.finding(rule).refuse(block, "shared-definition", reason)
    change = draft.done()
    return stays if change is None else [change, *stays]


def _container(block: Block, ctx: Context, inline: Sequence[Inline]) -> Outcomes:
    """Secrets in the environment of a container: those that are files already come from a service beside it."""
    read = [one for one in inline if one.secret is not None and one.slot is not None and block.own]
    stays = list(_inline(block, ctx, [one for one in inline if one not in read]))
    if not read:
        return stays
    known = podman_secrets(block.tree) if not block.get("podman", "user") else {}
    podman = all(one.secret is not None and one.secret.key in known for one in read)
    how = "as secrets of podman" if podman else "in a file that a service of its own writes"
    title = f"hand the secrets of {block.name} over {how}"
    draft = ctx.finding("inline", "", read[0].at).draft(block, title, WHY)
    try:
        if podman:
            containers.by_podman(draft, block, read, known)
        else:
            containers.move(draft, block, read)
    except NoPlace as obstacle:
        reason = f"It cannot be changed for it alone: {obstacle}."
        return [ctx.finding("inline").refuse(block, "shared-definition", reason, read[0].at), *stays]
    draft.note(moving.IN_STORE)
    change = draft.done()
    return stays if change is None else [change, *stays]


def _elsewhere(block: Block, ctx: Context, found: Moves) -> Iterator[Refusal]:
    """A unit that is not the configuration's own, or not the system's."""
    exposed = [*found.mentions, *found.variables, *(one for one in found.obstacles if one.exposed)]
    if not exposed:
        return
    if block.kind == USER_SERVICE:
        reason = "It is a unit of a user's own manager, which cannot load what only root may read."
        yield ctx.finding("read-by-script").refuse(block, "user-unit", reason)
    else:
        reason = "The unit is made elsewhere, so what else it does with its secrets is not in sight."
        yield ctx.finding("read-by-script").refuse(block, "upstream-unit", reason)


def _evaluated(block: Block, ctx: Context, inline: Sequence[Inline]) -> list[Inline]:
    """The variables whose value is read from a secret's file at evaluation, where a credential can do."""
    read = [
        one for one in inline if one.secret is not None and one.slot is not None and not one.slot.conditions
    ]
    names = {one.name: "x" for one in read}
    manner = recipe.manner(ctx)
    return read if names and variables.wiring(block, names, manner) is not None else []


def _environment_files(block: Block, ctx: Context) -> Iterator[Refusal]:
    for secret, at in secrets_read(block):
        reason = (
            f"{secret.name} is read by the manager itself, as root: it works with any user of the unit, and the"
            " program wants variables."
        )
        yield ctx.finding("file").refuse(block, "environment-file-works", reason, at)


def _inline(block: Block, ctx: Context, inline: Sequence[Inline]) -> Iterator[Refusal]:
    """Secrets in the configuration, by their names; those of one kind in one sentence."""
    where = "environmentFiles" if block.kind in (CONTAINER, HWC_CONTAINER) else "LoadCredential"
    where = "the path of its file" if block.kind == ETC_FILE else where
    set_ = f"{scheme(ctx.tree).word}.secrets"
    ways = {
        "text": ("inline-secret", "as text in the configuration", "Change the secret at its source"),
        "given": ("inline-secret", "as a value that it is given", "Change the secret at its source"),
        "option": (
            "option-holds-secret",
            "as the text of an option",
            "Let the option hold the path of a file",
        ),
        "evaluation": (
            "read-at-evaluation",
            "as what is read at evaluation",
            "Keep the file out of the tree",
        ),
    }
    for kind, (code, how, first) in ways.items():
        same = [one for one in inline if one.kind == kind]
        if same:
            names = list(dict.fromkeys(one.name for one in same))
            what = f"value of {names[0]} stands" if len(names) == 1 else f"values of {', '.join(names)} stand"
            reason = (
                f"The {what} in the Nix store {how}, readable for everybody. {first}, declare"
                f" it below {set_} and hand it on by {where}."
            )
            yield ctx.finding("inline", "", same[0].at).refuse(block, code, reason, same[0].at)
