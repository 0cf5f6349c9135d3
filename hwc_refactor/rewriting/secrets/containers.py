"""Secrets of a container come from an environment file that a service of its own writes, from credentials.

The service is that of diff 5 with corrections 6 and 7: it runs as a user of its own, has a runtime directory
for this container alone, and nobody else may read what it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.strings import identifier_or_quoted
from hwc_refactor.nix.values import Expr, Ref
from hwc_refactor.nixos.block import SERVICE, Block
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.secrets.judging import Inline
from hwc_refactor.nixos.secrets.podman import PodmanSecret
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.hostside import module_set
from hwc_refactor.rewriting.placing import Home, NoPlace, in_called_function
from hwc_refactor.rewriting.secrets import credentials
from hwc_refactor.rewriting.secrets.credentials import Credential

_UNIT = """\
systemd.services.{attribute} = {{
  description = "Generate {name} container secrets";
  before = [ "{container}" ];
  wantedBy = [ "{container}" ];

  serviceConfig = {{
    Type = "oneshot";
    RemainAfterExit = true;
    {loaded}

    # Security
    DynamicUser = true;
    NoNewPrivileges = true;
    ProtectSystem = "strict";
    ProtectHome = true;
    PrivateTmp = true;

    # The directory is this container's alone: it goes when this unit stops
    RuntimeDirectory = "{unit}";
    RuntimeDirectoryMode = "0700";
    UMask = "0077";
  }};

  script = ''
    set -euo pipefail

    {{
{lines}
    }} > /run/{unit}/env
  '';
}};"""


def by_podman(
    draft: Draft, block: Block, evaluated: Sequence[Inline], known: Mapping[tuple[str, str], PodmanSecret]
) -> None:
    """Take variables that are read at evaluation from secrets of podman that services of the tree make.

    Raises:
        NoPlace: when a place serves others too.
    """
    flags: list[str] = []
    for one in evaluated:
        assert one.secret is not None
        assert one.slot is not None
        made = known[one.secret.key]
        flags.append(f"--secret={made.name},type=env,target={one.name}")
        draft.remove_binding(block, one.slot)
        draft.review(
            f"{made.maker} makes the secret {made.name} of podman: it has to run on the same host, and before the"
            " container starts. The value is all that the file holds, a last line feed too."
        )
    draft.extend_list(block, ("extraOptions",), flags)


def move(draft: Draft, block: Block, evaluated: Sequence[Inline]) -> None:
    """Take variables that are read at evaluation out of a container's environment.

    Raises:
        NoPlace: when the service has no place beside the container, or could not serve it.
    """
    unit = f"{block.name}-secrets"
    if not block.named or block.assumed:
        raise NoPlace("where it stands in the configuration is not certain")
    if block.get("podman", "user"):
        raise NoPlace("podman runs it as another user, who could not read the file")
    if objects(block.tree, SERVICE, (unit,)):
        raise NoPlace(f"there is a service {unit} already")
    slot = block.slots[0]
    found = module_set(slot.expr.file, slot.expr.node, "virtualisation")
    if found is None or in_called_function(slot.expr.env):
        raise NoPlace("it stands in a function, where a service has no place beside it")
    home = Home(slot.expr.file, found[0])
    value = block.tree.resolver.name("config", Expr(home.file, home.holder, credentials.scope_of(home)))
    if not isinstance(value, Ref) or value.path != ("config",):
        raise NoPlace("its module does not take 'config'")
    loaded: dict[tuple[str, str], Credential] = {}
    lines: list[str] = []
    for one in evaluated:
        assert one.secret is not None
        assert one.slot is not None
        if one.secret.key not in loaded:
            name = credentials.credential_name(one.secret)
            taken = {known.name for known in loaded.values()}
            name = name if name not in taken else f"{name}-{len(taken)}"
            loaded[one.secret.key] = Credential(name, credentials.source(block, home, one.secret))
        path = credentials.quoted_path(loaded[one.secret.key].name)
        lines.append(f"      printf '{one.name}=%s\\n' \"$(cat {path})\"")
        draft.remove_binding(block, one.slot)
    text = _UNIT.format(
        attribute=identifier_or_quoted(unit),
        name=block.name,
        container="${config.virtualisation.oci-containers.backend}-" + f"{block.name}.service",
        loaded=credentials.listed(list(loaded.values())).replace("\n", "\n    "),
        unit=unit,
        lines="\n".join(lines),
    )
    draft.insert(home.file, home.holder, [Snippet(text, blank=True)], after=found[1])
    draft.extend_list(block, ("environmentFiles",), [f"/run/{unit}/env"])
