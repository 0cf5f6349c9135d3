"""Declare a container with the shared module services.hwc.container.

What it does
    Turns each `virtualisation.oci-containers.containers.X` into `services.hwc.container.X`: the image is
    parted into image and tag, flags become network mode, GPU, limits and privileges where the module has
    words for them, PUID and PGID become its user, and whatever else the container is given stays as it is.
    The file of the module is added once, and imported in one place that is sure to reach all containers, or
    in the files of the containers where there is none. What the module adds of itself, limits and
    no-new-privileges, is named in the change; nothing else about the container differs.
Why
    Containers that are each written in their own way differ in what is easily forgotten: limits, privileges,
    pinned versions. One module says it for all of them, and a new container begins with it.
Before
    virtualisation.oci-containers.containers.web = {
      image = "docker.io/library/nginx:1.27.3";
      ports = [ "8080:80" ];
      extraOptions = [ "--network=media-network" "--memory=256m" ];
    };
After
    services.hwc.container.web = {
      enable = true;
      image = "docker.io/library/nginx";
      imageTag = "1.27.3";
      networkMode = "media";
      user = { uid = null; gid = null; };
      timeZone = null;
      ports = [ "8080:80" ];
      resources = {
        memory = "256m";
        memorySwap = null;
      };
    };
When it refuses
    built-by-unknown-function: it is made by a function that also makes something else
    name-not-literal: its name is computed in a way that cannot be followed
    defined-in-several-files: another file sets the same with a priority of its own
    option-not-in-module: it uses an option that the module has no word for
    image-unknown: it has no image in sight
    switched-off: it stands behind a condition that never holds
    shared-definition: it is written in a place that serves other things too
    module-import-unclear: no file is sure to be read wherever the containers are; see --module-import
    module-import-unusable: the file that --module-import names has no list of modules
    module-path-taken: the file of the module cannot be made where it would go
    module-differs: another module declares the same option, or the module does it in another way
What a person must still do
    Look at the limits: the documented defaults are small for a database or a media server. Add the new file
    to git, for a flake sees only what git knows.
Sources
    virtualisation.oci-containers.containers.<name>; podman-run(1), --network, --memory, --memory-swap,
    --security-opt
"""

from __future__ import annotations

from collections.abc import Sequence

from hwc_refactor.codemod import Context, Foundation, Outcome, codemod
from hwc_refactor.model import Severity
from hwc_refactor.nix.build import BuildError
from hwc_refactor.nix.values import Attrs, Call, ListValue, Scalar, Str
from hwc_refactor.nixos.block import (
    AGENIX_SECRET,
    CONTAINER,
    HWC_CONTAINER,
    SOPS_SECRET,
    Block,
    ranked_elsewhere,
)
from hwc_refactor.nixos.bodies import Family, family_of, listed, ties
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.profiles import find_profile
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.secrets.declared import DECLARED, declared_secrets
from hwc_refactor.rewriting.containers.companions import drop_said
from hwc_refactor.rewriting.containers.rewording import Wishes
from hwc_refactor.rewriting.containers.standardizing import standardize
from hwc_refactor.rewriting.groundwork import SharedModule, is_shared
from hwc_refactor.rewriting.module_words import CannotSay
from hwc_refactor.rewriting.placing import NoPlace
from hwc_refactor.rewriting.relocating import is_divisible, relocate

MODULE = SharedModule("services.hwc.container", "modules/services/hwc-container.nix")
TARGET = ("services", "hwc", "container")
TIES = ties(CONTAINER, is_divisible)
WHY = (
    "Written in its own way, it can lack what is easily forgotten: limits, privileges, a pinned version."
    " The shared module says it for all containers."
)


@codemod(
    "container-module",
    kind=CONTAINER,
    severity=Severity.LOW,
    applicability="safe or review",
    documented_as="diff 5",
    manual=__doc__,
    surveys=(*DECLARED, TIES),
    ground=Foundation(
        MODULE,
        why="The containers of this configuration are declared with it.",
        needs=lambda block, _: block.own,
    ),
    in_turn=True,
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Declare one container with the module."""
    if is_shared(ctx.tree, MODULE, block.file):
        return None
    family = family_of(block, TIES)
    names = [one.name for one in family.blocks]
    if block.many or not block.own or family.stranger is not None or family.overlaid is not None:
        return _obstacle(block, family, ctx)
    if (at := ranked_elsewhere(block)) is not None:
        return ctx.refuse(
            block,
            "defined-in-several-files",
            f"{at.file.source.path} sets the same with a priority of its own, which would count otherwise here.",
            at,
        )
    draft = ctx.draft(block, f"declare {listed(names)} with {MODULE.option}", WHY)
    try:
        for body in family.bodies:
            makers = (
                [Container(one) for one in family.blocks] if body not in family.blocks else [Container(body)]
            )
            terms = standardize(draft, ctx.tree, body, makers, _wishes(makers, ctx))
            drop_said(draft, ctx.tree, makers, terms)
        for one in family.blocks:
            relocate(draft, one, TARGET, whole=one in family.whole)
    except CannotSay as error:
        return ctx.refuse(block, error.code, str(error), error.at)
    except (NoPlace, BuildError) as error:
        return ctx.refuse(block, "shared-definition", f"It cannot be moved for it alone: {error}.")
    draft.together(one for one in family.blocks if one is not block and one.name != block.name)
    others = [name for name in names if name != block.name]
    if others:
        draft.note(f"It is made together with {listed(others)}, so they go together.")
    for one in family.blocks:
        for path in {slot.expr.file.source.path for slot in one.elsewhere}:
            draft.note(f"What {path} adds to it stays there, and still counts.")
    return draft.done()


def _obstacle(block: Block, family: Family, ctx: Context) -> Outcome | None:
    if block.many or (not block.named and not block.own):
        return ctx.refuse(
            block,
            "name-not-literal",
            f"What '{block.name}' makes cannot be followed, so neither can the containers in it.",
        )
    if not block.own and _is_off(block):
        return ctx.refuse(block, "switched-off", "It stands behind a condition that never holds.")
    if not block.own and _is_no_set(block):
        return ctx.refuse(
            block, "image-unknown", "It is no set of attributes, and so no container: it belongs elsewhere."
        )
    if not block.own and _is_call(block):
        return ctx.refuse(
            block, "built-by-unknown-function", "It is made by a function that is not in sight."
        )
    if not block.own and objects(ctx.tree, HWC_CONTAINER, (block.name,)):
        return None
    if not block.own:
        return ctx.refuse(
            block,
            "image-unknown",
            "No image of it is in sight: it is made elsewhere, and this only adds to it.",
        )
    if family.stranger is not None:
        return ctx.refuse(
            block,
            "built-by-unknown-function",
            "It is made by a function that is also used for something else.",
            family.stranger,
        )
    if family.overlaid is not None:
        return ctx.refuse(
            block,
            "shared-definition",
            f"'{family.overlaid.text.splitlines()[0]}' stands in place of what its function gives.",
            family.overlaid,
        )
    return None


def _is_off(block: Block) -> bool:
    """Whether all that makes it is behind a `mkIf` that is known to be false."""
    values = [block.tree.resolver.value(slot.expr) for slot in block.slots if not slot.rest]
    return (
        bool(values)
        and not block.view.slots
        and all(isinstance(value, Call) and value.name == "mkIf" for value in values)
    )


def _is_no_set(block: Block) -> bool:
    """Whether a list, a text or a number stands in the place of a container."""
    value = block.tree.resolver.value(block.slots[0].expr)
    return not block.slots[0].rest and isinstance(value, ListValue | Str | Scalar)


def _is_call(block: Block) -> bool:
    """Whether something that cannot be looked into makes it."""
    value = block.tree.resolver.value(block.slots[0].expr)
    return not block.slots[0].rest and not isinstance(value, Attrs)


def _wishes(makers: Sequence[Container], ctx: Context) -> Wishes:
    first = makers[0]
    image = first.image
    documented = ctx.parameters.get(first.block.name)
    wanted = documented if isinstance(documented, dict) else {}
    kinds = (AGENIX_SECRET, SOPS_SECRET) if wanted else ()
    declared = {name for kind in kinds for name in declared_secrets(ctx.tree, kind)}
    return Wishes(
        None if image is None else ctx.settings.pin_for(first.block.name, image.repository, image.plain),
        ctx.settings.keep_limits,
        ctx.settings.limits_for(first.block.name),
        None if image is None else find_profile(image, ctx.settings.profiles),
        tuple(name for name in _listed_in(wanted.get("secrets")) if name in declared),
        str(wanted.get("heading", "")),
    )


def _listed_in(value: object) -> Sequence[str]:
    return [str(name) for name in value] if isinstance(value, list) else ()
