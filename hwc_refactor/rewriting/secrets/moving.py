"""Secrets of a service become credentials: the list that loads them, and all that reads them from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects_at
from hwc_refactor.nixos.options import declarations
from hwc_refactor.nixos.secrets.declared import Secret
from hwc_refactor.nixos.secrets.deployed import deployed
from hwc_refactor.nixos.secrets.env_files import EnvFile
from hwc_refactor.nixos.secrets.env_writers import Written, written_elsewhere
from hwc_refactor.nixos.secrets.exports import export_at
from hwc_refactor.nixos.secrets.judging import Inline
from hwc_refactor.nixos.secrets.moves import Moves, condition_of
from hwc_refactor.nixos.secrets.uses import Mention, Optional
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.secrets import credentials, env_files, private_copies, variables
from hwc_refactor.rewriting.secrets.credentials import Credential, Layout
from hwc_refactor.rewriting.secrets.private_copies import Folder
from hwc_refactor.rewriting.secrets.variables import Manner

IN_STORE = "What was read at evaluation is in the Nix store for everybody to read: change it at its source."

_Key = tuple[str, str]


def move(
    draft: Draft,
    block: Block,
    found: Moves,
    files: Sequence[EnvFile],
    evaluated: Sequence[Inline],
    written: Sequence[Written],
    layout: Layout,
    manner: Manner,
) -> None:
    """Let a service read its secrets from credentials.

    Args:
        draft: the change.
        block: the service.
        found: the places in its scripts that can read a credential.
        files: the environment files that it writes for itself.
        evaluated: variables whose value is read when the configuration is evaluated, from the file of a secret.
        written: the environment files that other services write for it, and that can go.
        layout: how a new list of credentials looks.
        manner: how a Python program looks that reads them.

    Raises:
        NoPlace: when one of the places cannot be changed for the service alone.
    """
    secrets = [
        *(one.secret for one in found.mentions),
        *(one.secret for one in found.settings),
        *(one.secret for one in found.variables),
        *(one.secret for one in evaluated if one.secret is not None),
        *(one.secret.secret for each in written for one in each.file.secrets if one.secret is not None),
    ]
    by_key = credentials.credentials_for(draft, block, secrets)
    known = {name for name, _ in credentials.loaded(block)}
    new = {key: one for key, one in by_key.items() if one.name not in known}
    optional = {key: option for key in new if (option := _option(found, key)) is not None}
    always = [one for key, one in new.items() if key not in optional]
    credentials.add(draft, block, always, layout=layout)
    for key, option in optional.items():
        others = bool(always) or len(optional) > 1
        credentials.add_optional(draft, block, new[key], option, others=others)
    copies = private_copies.copy(draft, block, found.mentions, found.settings, files, by_key)
    for variable in found.variables:
        path = f"%d/{by_key[variable.secret.key].name}"
        draft.set(block, ("environment", variable.name), quote(path))
    gone: set[int] = set()
    for file in files:
        if _file(draft, block, file, by_key, manner):
            gone |= {id(one.secret) for one in file.secrets}
    for other in written:
        _written(draft, block, other, by_key, manner)
    _variables(draft, block, evaluated, by_key, manner)
    _scripts(draft, block, [one for one in found.mentions if id(one) not in gone], by_key, copies)
    _tell(draft, block, found, secrets)


def _option(found: Moves, key: _Key) -> Optional | None:
    """The condition under which alone a secret is read."""
    named = key in {
        *(one.secret.key for one in found.settings),
        *(one.secret.key for one in found.variables),
    }
    return None if named else condition_of([one for one in found.mentions if one.secret.key == key])


def _file(
    draft: Draft, block: Block, file: EnvFile, by_key: Mapping[_Key, Credential], manner: Manner
) -> bool:
    """Take an environment file out where all that it held can move; whether it is gone."""
    names = _names(file, by_key)
    alone = len(names) == len(file.secrets) and not env_files.read_elsewhere(block, file)
    how = variables.wiring(block, names, manner) if alone else None
    listed = ", ".join(f"{name} in '$CREDENTIALS_DIRECTORY/{value}'" for name, value in names.items())
    if how is None and alone and manner.by_hand:
        env_files.remove(draft, block, file)
        program = deployed(block)
        why = "it is not in sight" if program is None else f"how {program.path} does it now is not understood"
        draft.review(
            f"The program has to be changed by hand before the service is started again, for {why}: it has to"
            f" read {listed}."
        )
        return True
    if how is None:
        draft.review(
            f"What reads {file.reading.path} is not in sight or serves others, so the file stays; the program"
            f" could read {listed}."
        )
        return False
    env_files.remove(draft, block, file)
    variables.wire(draft, block, how)
    if file.reading.slot is None:
        draft.review(f"Where the program itself opens {file.reading.path}, that has to go by hand.")
    return True


def _names(file: EnvFile, by_key: Mapping[_Key, Credential]) -> dict[str, str]:
    """The variables of an environment file that hold secrets, and their credentials."""
    secrets = [one for one in file.secrets if one.secret is not None and one.secret.secret.key in by_key]
    return {one.name: by_key[one.secret.secret.key].name for one in secrets if one.secret is not None}


def can_move(block: Block, written: Written, manner: Manner) -> bool:
    """Whether what reads an environment file of another service can read credentials instead."""
    names = {one.name: "x" for one in written.file.secrets}
    alone = not env_files.read_elsewhere(block, written.file)
    return alone and variables.wiring(block, names, manner) is not None


def given_away(block: Block, found: Moves, manner: Manner) -> list[Secret]:
    """The secrets that a service writes into environment files of others, who can read credentials instead."""
    if not any(one.code == "writes-secret-to-file" for one in found.obstacles):
        return []
    return [
        one.secret.secret
        for other in objects_at(block.tree, SERVICE, (block.file,))
        if other.own and other.name != block.name
        for written in written_elsewhere(other)
        if written.file.writer is block and can_move(other, written, manner)
        for one in written.file.secrets
        if one.secret is not None
    ]


def _written(
    draft: Draft, block: Block, written: Written, by_key: Mapping[_Key, Credential], manner: Manner
) -> None:
    how = variables.wiring(block, _names(written.file, by_key), manner)
    assert how is not None
    if written.file.rest:
        env_files.remove(draft, block, written.file)
    else:
        env_files.remove_service(draft, block, written)
    variables.wire(draft, block, how)


def _variables(
    draft: Draft,
    block: Block,
    evaluated: Sequence[Inline],
    by_key: Mapping[_Key, Credential],
    manner: Manner,
) -> None:
    names = {one.name: by_key[one.secret.key].name for one in evaluated if one.secret is not None}
    how = variables.wiring(block, names, manner) if names else None
    if how is None:
        return
    variables.wire(draft, block, how)
    for one in evaluated:
        assert one.slot is not None
        draft.remove_binding(block, one.slot)
    draft.note(IN_STORE)


def _scripts(
    draft: Draft,
    block: Block,
    mentions: Sequence[Mention],
    by_key: Mapping[_Key, Credential],
    copies: Folder | None,
) -> None:
    scripts: dict[int, tuple[Script, list[Mention]]] = {}
    for mention in mentions:
        scripts.setdefault(id(mention.script.body), (mention.script, []))[1].append(mention)
    for script, inside in scripts.values():
        placing.demand_own(block.tree, block, script.at)
        ranges: dict[tuple[int, int], str] = {}
        for one in sorted(inside, key=lambda one: one.form == "private"):
            name = by_key[one.secret.key].name
            path = credentials.quoted_path(name)
            if one.form == "private" and copies is not None:
                path = f'"{copies.in_script}/{name}"'
            export = export_at(block, one)
            if export is None:
                ranges[one.start, one.end] = path[1:-1] if one.quoted else path
                continue
            ranges[export.name.start_byte, export.name.end_byte] = export.form.variable
            ranges[export.value.start_byte, export.value.end_byte] = f'"{export.form.lead}{path[1:-1]}"'
        draft.rewrite_script(script, [(start, end, text) for (start, end), text in ranges.items()])
        named = deployed(block)
        if named is not None and named.how != "itself" and named.path == script.body.path:
            variables.tell(draft, named)


def _tell(draft: Draft, block: Block, found: Moves, secrets: Sequence[Secret]) -> None:
    kept = list(dict.fromkeys(one.secret.name for one in found.obstacles if one.exposed))
    if kept:
        draft.review(
            f"{' and '.join(kept)} {'is' if len(kept) == 1 else 'are'} read as before, for reasons that are given"
            " apart: the user of the service has to be able to read that as well."
        )
    for mention in found.staying:
        draft.note(
            f"The path of {mention.secret.name} is still given to {mention.command} as it is; the user of the"
            " service has to be able to read that file."
        )
    if any(mention.repeated for mention in found.mentions):
        draft.note(
            "A credential keeps the value of the start: a secret that changes is seen after a restart."
        )
    for secret in {one.key: one for one in secrets}.values():
        if secret.scheme == "option":
            draft.review(
                f"The file that {secret.name} names has to be there when the unit starts, or the unit does not"
                " start."
            )
            if _may_be_copied(block, secret):
                draft.note(
                    f"The type of {secret.name} is path: where it is set to a path of Nix and not to a string,"
                    " the file is copied into the store, here as before."
                )
        elif secret.path is not None:
            draft.review(f"The path {secret.path} is taken to be that of the secret {secret.name}.")
    for doubt in block.doubts("serviceConfig")[:1]:
        del doubt
        draft.note(
            "A part of its serviceConfig is not in sight: should that hold a LoadCredential, both have to be"
            " joined."
        )


def _may_be_copied(block: Block, secret: Secret) -> bool:
    """Whether an option takes a path of Nix, which an interpolation copies into the store."""
    path = secret.name.split(".")[1:]
    return any(
        b"types.path" in one.file.text(one.binding) or b"type = path" in one.file.text(one.binding)
        for one in declarations(block.tree, path)
    )
