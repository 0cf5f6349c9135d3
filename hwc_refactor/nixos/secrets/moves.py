"""Which secrets of a service could be credentials, and what stands in the way of the others."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.edits import Span
from hwc_refactor.nix.values import Expr
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.secrets.declared import Secret
from hwc_refactor.nixos.secrets.flows import written_around, written_to
from hwc_refactor.nixos.secrets.keepers import keeper
from hwc_refactor.nixos.secrets.path_variables import PathVariable, loaded_variables, path_variables
from hwc_refactor.nixos.secrets.private_settings import PrivateSetting, private_settings
from hwc_refactor.nixos.secrets.uses import TAKEN_OUT, Hidden, Mention, Optional, hidden, mentions

TAKEN = frozenset({"read", "stdin", "source", "private"})
"""What needs the file of a secret."""

MOVABLE = TAKEN | {"demand"}
"""What can be done with the file of a credential just as well."""


class Obstacle(Struct, frozen=True, eq=False):
    """Why a secret stays where it is read.

    Attributes:
        code: a stable word.
        reason: one sentence for the user.
        secret: the secret it is about.
        at: the place: a span of a Nix file, or the expression that leads to it.
        exposed: whether what the secret holds leaves its file; else it is only read where it is.
    """

    code: str
    reason: str
    secret: Secret
    at: Span | Expr
    exposed: bool = True


class Moves(Struct, frozen=True, eq=False):
    """What can be done for the secrets of a service.

    Attributes:
        mentions: the places that can read a credential instead, in order.
        staying: places that go on naming the path of a secret that is moved elsewhere in the unit.
        obstacles: why other secrets stay.
        settings: the settings that can name a private copy of a credential instead.
        variables: the variables of the unit that can hold the path of a credential instead.
    """

    mentions: tuple[Mention, ...]
    staying: tuple[Mention, ...]
    obstacles: tuple[Obstacle, ...]
    settings: tuple[PrivateSetting, ...] = ()
    variables: tuple[PathVariable, ...] = ()

    @property
    def exposing(self) -> bool:
        """Whether one of the places takes a secret out of its file."""
        return bool(self.variables) or any(mention.form in TAKEN_OUT for mention in self.mentions)


def moves(block: Block, allowed: frozenset[str] = frozenset()) -> Moves:
    """What can be done for the secrets that the scripts of a service read.

    Args:
        block: the service.
        allowed: files into which its scripts may write what a secret holds: paths as they stand there.
    """
    held = tuple(path_variables(block))
    known = {*(one.name for one in held), *loaded_variables(block)}
    spelled = {text for name in known for text in (f"${name}", f"${{{name}}}")}
    groups: dict[tuple[str, str], list[Mention]] = {}
    for mention in mentions(block):
        if mention.secret.scheme != "unseen" or mention.secret.name not in spelled:
            groups.setdefault(mention.secret.key, []).append(mention)
    moving: list[Mention] = []
    staying: list[Mention] = []
    obstacles: list[Obstacle] = []
    program = keeper(block) if groups or held else ""
    variables = tuple(one for one in held if _may_hold(block, one, allowed, program, obstacles))
    for group in groups.values():
        obstacle = _obstacle(block, group, allowed)
        if obstacle is None and program and any(mention.form in TAKEN for mention in group):
            obstacle = _missed(group[0], program)
        if obstacle is not None:
            obstacles.append(obstacle)
            continue
        start = [mention for mention in group if not mention.on_stop]
        if any(mention.form in TAKEN for mention in start):
            moving += [mention for mention in start if mention.form in MOVABLE]
        staying += [mention for mention in start if mention.form == "argument"]
        obstacles += [_stops(mention) for mention in group if mention.on_stop and mention.form in TAKEN][:1]
    obstacles += [_concealed(one) for one in hidden(block)]
    settings = _settings(block, obstacles)
    if (
        not settings
        and not variables
        and not any(mention.form in (*TAKEN_OUT, "private") for mention in moving)
    ):
        obstacles += [_as_file(mention) for mention in _firsts(moving)]
        moving = []
    return Moves(tuple(moving), tuple(staying), tuple(obstacles), settings, variables)


def _may_hold(
    block: Block, one: PathVariable, allowed: frozenset[str], program: str, obstacles: list[Obstacle]
) -> bool:
    """Whether a variable can hold the path of a credential; adds what stands in the way to the obstacles."""
    stop = next((mention for mention in one.mentions if mention.on_stop), None)
    obstacle = _obstacle(block, one.mentions, allowed) if stop is None else _stops(stop)
    if obstacle is None and block.extra(one.slot):
        reason = f"{one.name} only holds the path of {one.secret.name} where {block.extra(one.slot)[0].text} holds."
        obstacle = Obstacle("secret-by-condition", reason, one.secret, one.slot.expr)
    if obstacle is None and program:
        obstacle = _missed(one.mentions[0], program)
    if obstacle is not None:
        obstacles.append(obstacle)
    return obstacle is None


def _settings(block: Block, obstacles: list[Obstacle]) -> tuple[PrivateSetting, ...]:
    """The settings that can name a copy; adds what stands in the way of others to the obstacles."""
    kept = {one.secret.key for one in obstacles}
    found: list[PrivateSetting] = []
    for one in private_settings(block):
        extra = block.extra(one.slot)
        if extra or one.built:
            reason = (
                f"What {one.taker} is given of {one.secret.name} depends on a condition, or is made by Nix."
            )
            obstacles.append(Obstacle("secret-by-condition", reason, one.secret, one.at, exposed=False))
        elif one.secret.key not in kept:
            found.append(one)
    return tuple(found)


def _firsts(found: Sequence[Mention]) -> list[Mention]:
    return list({mention.secret.key: mention for mention in reversed(found)}.values())


def _obstacle(block: Block, group: Sequence[Mention], allowed: frozenset[str]) -> Obstacle | None:
    """What keeps the places that name one secret from reading a credential."""
    exposed = any(mention.form in TAKEN_OUT for mention in group)
    start = [mention for mention in group if not mention.on_stop]
    if not any(mention.form in (*TAKEN, "copied", "handed") for mention in start):
        stop = next((mention for mention in group if mention.form in (*TAKEN, "copied", "handed")), None)
        return None if stop is None else _stops(stop)
    if _by_condition(start):
        where = start[0].option
        assert where is not None
        reason = f"{start[0].secret.name} is only read where {where.condition.text} holds."
        return Obstacle("secret-by-condition", reason, start[0].secret, place(start[0]), exposed)
    for mention in start:
        found = _at(block, mention, allowed)
        if found is not None:
            code, reason = found
            return Obstacle(code, reason, mention.secret, place(mention), exposed)
    return None


def condition_of(group: Sequence[Mention]) -> Optional | None:
    """What all places that name one secret stand in; None when one of them is always there."""
    options = [mention.option for mention in group]
    return None if None in options or not options else options[0]


def _by_condition(start: Sequence[Mention]) -> bool:
    """Whether a secret is read under conditions that a list of credentials cannot have."""
    options = [mention.option for mention in start if mention.option is not None]
    private = any(mention.form == "private" for mention in start)
    return bool(options) and (
        private or (condition_of(start) is not None and len({one.condition.text for one in options}) > 1)
    )


def _at(block: Block, mention: Mention, allowed: frozenset[str]) -> tuple[str, str] | None:
    name = mention.secret.name
    if mention.form == "made":
        return (
            "makes-its-secret",
            f"Its own script writes or changes the file of {name}: where it is not there yet, a unit that"
            " loads it as a credential would not start.",
        )
    if mention.form == "test":
        return (
            "copes-without-secret",
            f"Its script looks at the file of {name} before it reads it; as a credential it would have to be"
            " there, or the unit would not start.",
        )
    if mention.copes:
        return (
            "copes-without-secret",
            f"Its script takes something else where the file of {name} cannot be read; as a credential it would"
            " have to be there, or the unit would not start.",
        )
    if mention.form == "handed":
        what = (
            f"The function '{mention.command}' of its script" if mention.command else "A loop of its script"
        )
        return "use-not-understood", f"{what} is given the path of {name} among others, and reads the file."
    if mention.form == "unknown":
        return "use-not-understood", f"What its script does with the path of {name} is not understood."
    if mention.elsewhere:
        return (
            "read-elsewhere",
            f"A shell that {mention.elsewhere} starts reads {name}, maybe as another user, who may not read the"
            " credentials of the unit.",
        )
    if mention.secret.scheme == "unseen":
        return (
            "secret-not-in-sight",
            f"By its name {name} leads to a secret; which file that is, or what delivers it, is not in sight.",
        )
    if mention.secret.scheme == "path":
        return (
            "secret-by-hand",
            f"{name} is put there by hand and known to no secrets scheme, so nobody can say when it is there.",
        )
    if "+" in mention.program.prefixes:
        return (
            "full-privileges",
            f"{name} is read by a command with '+', which runs outside of the unit's user and sandbox;"
            " whether credentials are there is not certain.",
        )
    extra = block.extra(mention.program.slot)
    if extra:
        return "secret-by-condition", f"{name} is only read where {extra[0].text} holds."
    targets = [mention.script.source(node) for node in written_to(mention)]
    if mention.option is not None:
        targets += [mention.option.around.source(node) for node in written_around(mention)]
    targets = [text for text in targets if text not in allowed]
    if targets:
        return (
            "writes-secret-to-file",
            f"Its script writes {name} into the file {shown(mention, targets[0])}, where it stays as readable"
            " as before.",
        )
    return None


def shown(mention: Mention, text: str) -> str:
    """A word of a script with the Nix source of its interpolations."""
    return mention.script.as_written(text).strip("\"'")


def _stops(mention: Mention) -> Obstacle:
    reason = (
        f"{mention.secret.name} is read when the unit stops or reloads ({mention.program.option[-1]}), where"
        " credentials may be gone already."
    )
    return Obstacle("secret-used-on-stop", reason, mention.secret, place(mention))


def _as_file(mention: Mention) -> Obstacle:
    reason = (
        f"{mention.secret.name} goes from its file straight to the input of {mention.command or 'a command'}:"
        " it is in no environment and no command line, and nothing is gained."
    )
    return Obstacle("already-a-file", reason, mention.secret, place(mention), exposed=False)


def _missed(mention: Mention, program: str) -> Obstacle:
    reason = (
        f"{program}, which it runs, loads credentials of its own only in a unit that has none: with"
        f" {mention.secret.name} as a credential, it would look for them in vain."
    )
    return Obstacle("program-has-credentials", reason, mention.secret, place(mention))


def _concealed(found: Hidden) -> Obstacle:
    if not found.sound:
        reason = f"Its script does not parse, so what it does with {found.secret.name} is not understood."
        return Obstacle("use-not-understood", reason, found.secret, found.at)
    reason = (
        f"The path of {found.secret.name} stands in a part of its script that Nix puts together or leaves out by"
        " condition."
    )
    return Obstacle("secret-by-condition", reason, found.secret, found.at)


def place(mention: Mention) -> Span | Expr:
    """Where a mention stands, as far as that is in a Nix file."""
    body = mention.script.body
    where = body.to_file(mention.start, mention.end) if body.mapped is not None else None
    return mention.script.at if where is None else Span(body.path, *where)
