"""Copies of credentials for programs that refuse a file which its group may read.

A credential of a unit with a user has mode 0440 (systemd issues 29096 and 29435), so the unit makes a copy of
mode 0600 in its runtime directory when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from hwc_refactor.nix.shell import Script
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Str
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects_at
from hwc_refactor.nixos.paths.directories import declared, directory_at
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.secrets.env_files import EnvFile
from hwc_refactor.nixos.secrets.private_settings import PrivateSetting
from hwc_refactor.nixos.secrets.uses import Mention
from hwc_refactor.rewriting import placing, script_heads
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.secrets import credentials
from hwc_refactor.rewriting.secrets.credentials import Credential

OPTION = ("serviceConfig", "RuntimeDirectory")

_WITH_COREUTILS = ("coreutils", "busybox", "/run/current-system/sw/bin", "config.system.path")
"""What in a PATH brings the program that makes a copy."""

_Key = tuple[str, str]


class Folder(Struct, frozen=True):
    """Where the copies lie: as text of a script, and as text of a setting."""

    in_script: str
    in_setting: str


def folder_for(draft: Draft, block: Block) -> Folder:
    """The runtime directory of a service: the one it has, or a new one.

    Raises:
        NoPlace: when the one it has cannot be told, or there is no place for a new one.
    """
    if block.get(*OPTION):
        names = [one.name for one in declared(block) if one.directive == OPTION[1]]
        if not names or any(directory_at(f"/run/{name}") is None for name in names):
            raise NoPlace("its RuntimeDirectory is given by an expression")
        if len(names) > 1 and "%" in names[0]:
            raise NoPlace("it has several runtime directories, the first with a name known to systemd alone")
        script = "$RUNTIME_DIRECTORY" if len(names) == 1 else f"/run/{names[0]}"
        return Folder(script, f"%t/{names[0]}")
    name = _free_name(block)
    items = [f"RuntimeDirectory = {quote(name)};"]
    if not block.get("serviceConfig", "RuntimeDirectoryMode"):
        items.append('RuntimeDirectoryMode = "0700";')
    draft.add(block, ("serviceConfig",), items)
    return Folder("$RUNTIME_DIRECTORY", f"%t/{name}")


def _free_name(block: Block) -> str:
    """A name for a runtime directory that nothing else in the tree names."""
    if not block.named or block.assumed or "@" in block.name or "$" in block.name:
        return "%N"
    taken = {
        one.name
        for other in objects_at(block.tree, SERVICE, block.tree.holding(block.name.encode()))
        for one in declared(other)
        if one.directive == OPTION[1]
    }
    for name in (block.name, f"{block.name}-secrets"):
        if (
            directory_at(f"/run/{name}")
            and name not in taken
            and not block.tree.holding(b"/run/" + name.encode())
        ):
            return name
    raise NoPlace(f"/run/{block.name} is used already")


def copy(
    draft: Draft,
    block: Block,
    mentions: Sequence[Mention],
    settings: Sequence[PrivateSetting],
    files: Sequence[EnvFile],
    by_key: Mapping[_Key, Credential],
) -> Folder | None:
    """Let a service make the copies before anything reads them, and let its settings name them.

    Args:
        draft: the change.
        block: the service.
        mentions: the places in its scripts that can read a credential.
        settings: the settings that name the path of such a file.
        files: the environment files that it writes for itself: what writes one may go.
        by_key: the credentials.

    Returns:
        Where the copies lie; None where none are needed.

    Raises:
        NoPlace: when one of the places cannot be changed for the service alone.
    """
    private = [one for one in mentions if one.form == "private"]
    if not private and not settings:
        return None
    if _path_of_its_own(block):
        raise NoPlace("its PATH is its own, and what makes a copy of its secret may not be in it")
    folder = folder_for(draft, block)
    scripts: dict[int, tuple[Script, dict[str, str]]] = {}
    if settings:
        lines = {by_key[one.secret.key].name: "" for one in settings}
        host = _host(block, files)
        if host is None:
            text = "\n".join(f"  {_line(name, folder)}" for name in lines)
            draft.add(block, (), [f"preStart = ''\n{text}\n'';"])
        else:
            scripts[id(host.body)] = (host, lines)
    for one in private:
        known = scripts.setdefault(id(one.script.body), (one.script, {}))[1]
        known[by_key[one.secret.key].name] = ""
    for script, names in scripts.values():
        script_heads.prepend(draft, block, script, [_line(name, folder) for name in names])
    for setting in settings:
        _set(draft, block, setting, f"{folder.in_setting}/{by_key[setting.secret.key].name}")
    takers = dict.fromkeys([one.command for one in private] + [one.taker for one in settings])
    draft.note(
        f"What {', '.join(takers)} takes has to be a file that its user alone may read, which a credential is not"
        " for every user: the unit copies it into its runtime directory when it starts."
    )
    return folder


def _path_of_its_own(block: Block) -> bool:
    """Whether the settings of a service replace the PATH that NixOS gives it, coreutils left out."""
    resolver = block.tree.resolver
    texts = [slot.expr.text for slot in block.get("environment", "PATH") if not slot.rest]
    for slot in block.get("serviceConfig", "Environment"):
        alone = isinstance(resolver.value(slot.expr), Str)
        items = [slot.expr] if alone or slot.rest else [one.expr for one in resolver.items(slot.expr)]
        texts += [one.text for one in items if "PATH=" in one.text]
    return bool(texts) and not any(name in text for text in texts for name in _WITH_COREUTILS)


def _line(name: str, folder: Folder) -> str:
    return f'install -m 0600 {credentials.quoted_path(name)} "{folder.in_script}/{name}"'


def _host(block: Block, files: Sequence[EnvFile]) -> Script | None:
    """The script that runs before anything can read what a setting names; None for a new `preStart`.

    Raises:
        NoPlace: when there is no place for it.
    """
    if block.get("serviceConfig", "PermissionsStartOnly"):
        raise NoPlace("what runs before it starts runs as another user")
    before = [one for one in programs(block) if one.directive in ("ExecCondition", "ExecStartPre")]
    writing = {id(file.program) for file in files}
    if not before:
        main = [one for one in programs(block) if one.directive == "ExecStart"]
        script = main[0].script if len(main) == 1 and main[0].option == ("script",) else None
        return script if script is not None and script.sound and script.body.editable else None
    first = before[0]
    if first.option != ("preStart",) or len(before) > 1 or id(first) in writing:
        raise NoPlace("what runs before it starts leaves no place for a copy of its secret")
    if first.script is None or not first.script.sound or not first.script.body.editable:
        raise NoPlace("its preStart is given by an expression")
    return first.script


def _set(draft: Draft, block: Block, setting: PrivateSetting, path: str) -> None:
    if setting.script is None:
        draft.set(block, ("environment", setting.variable), quote(path))
        return
    placing.demand_own(block.tree, block, setting.at)
    draft.rewrite_script(setting.script, [(setting.start, setting.end, path)])
