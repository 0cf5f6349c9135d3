"""Pin a container's image to a version instead of `:latest` or no tag.

What it does
    Gives an image without a version the tag that a documented diff, the configuration file or
    `--pin NAME=TAG` names. Where the image comes from an option, its declaration is split: the tag leaves
    the option's default and becomes the default of a new option beside it, and every place in the tree
    that sets or reads the option follows. Where the tag has an option of its own already, its default
    becomes the version. It never makes a version up.
Why
    A floating tag means another program after the next pull: a switch that changes nothing can break the
    service, and a rollback does not bring the old version back.
Before
    virtualisation.oci-containers.containers.gluetun.image = "qmcgaw/gluetun:latest";
After
    virtualisation.oci-containers.containers.gluetun.image = "qmcgaw/gluetun:v3.39.1";
When it refuses
    version-unknown: no version is named for it; give one with --pin NAME=TAG or under [pins]
    image-not-in-sight: the image is put together from parts that are not in sight
    image-file: the image is a file that the configuration builds or names
    autoupdate: a label asks podman to update the image by its tag
    option-declaration-not-found: the image is an option whose declaration is not in the tree
    option-default-not-literal: the default of that option is computed
    option-set-elsewhere: another place sets that option to something that is no plain string
    option-set-to-digest: another place sets that option to an image by digest
    option-read-otherwise: another place reads that option in a way that cannot be followed
    shared-image: the image is written in a place that serves other containers too
What a person must still do
    Choose the version: look it up in the registry, and raise it from time to time.
Sources
    virtualisation.oci-containers.containers.<name>.image; podman-auto-update(1);
    distribution's reference grammar, https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

from hwc_refactor.codemod import Context, Outcome, codemod
from hwc_refactor.model import Refusal, Severity
from hwc_refactor.nix.strings import quote
from hwc_refactor.nixos.block import CONTAINER, HWC_CONTAINER, Block
from hwc_refactor.nixos.containers.container import Container, ImageSource
from hwc_refactor.nixos.containers.declared import container_of
from hwc_refactor.nixos.containers.images import Image, image_of, retagged
from hwc_refactor.nixos.options import declarations, readers, settings
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.containers.image import set_tag
from hwc_refactor.rewriting.containers.splitting import CannotSplit, Split, split_option
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

WHY = "A floating tag means another program after the next pull, and no way back by a rollback."


@codemod(
    "pin-image",
    kind=CONTAINER,
    also=(HWC_CONTAINER,),
    severity=Severity.MEDIUM,
    applicability="review",
    documented_as="diff 3, 5",
    manual=__doc__,
)
def propose(block: Block, ctx: Context) -> Outcome | None:
    """Pin the image of one container."""
    if not block.get("image"):
        return None
    container = container_of(block)
    source = container.image_source
    if source is None or source.value is None:
        return _unseen(block, source, ctx)
    image = image_of(source.value)
    by_option = _floating_by_option(container)
    if by_option is not None:
        image = by_option
    elif not image.floating:
        return None
    repositories = ctx.texts("repositories")
    if repositories is not None and image.repository not in repositories:
        return None
    named = ctx.settings.pin_for(block.name, image.repository, image.plain)
    if named is None and ctx.parameters.get("named-only"):
        return None
    if obstacle := _obstacle(block, image, ctx):
        return obstacle
    tag = named or ctx.text("tag")
    if tag is None:
        return ctx.refuse(
            block,
            "version-unknown",
            f"{image.repository} follows {'its latest version' if image.tag is None else ':' + image.tag};"
            f" name the version you want with --pin {block.name}=TAG or under [pins] in hwc-refactor.toml.",
            source.slot.expr,
        )
    draft = ctx.draft(block, f"pin {image.repository} to {tag}", WHY)
    try:
        if by_option is not None:
            _set_default(draft, container, tag)
        else:
            _write(draft, block, ctx, source, tag)
    except CannotSplit as error:
        return ctx.refuse(block, error.code, str(error), error.at)
    except NoPlace as error:
        return ctx.refuse(
            block, "shared-image", f"The image cannot be changed for it alone: {error}.", source.slot.expr
        )
    draft.review(f"Compare {tag} with the version that runs today: an older program may not read newer data.")
    return draft.done()


def _unseen(block: Block, source: ImageSource | None, ctx: Context) -> Refusal | None:
    if block.get("imageFile") or block.get("imageStream"):
        return None
    at = None if source is None else source.slot.expr
    if source is not None and source.option is not None:
        option = f"Its image is the option {'.'.join(source.option)}"
        if len(source.declared) != 1:
            where = "in the tree more than once" if source.declared else "not in the tree"
            return ctx.refuse(
                block, "option-declaration-not-found", f"{option}, whose declaration is {where}.", at
            )
        return ctx.refuse(
            block, "image-not-in-sight", f"{option}, which has no default that can be read.", at
        )
    return ctx.refuse(
        block, "image-not-in-sight", "Its image is put together from parts that are not in sight.", at
    )


def _obstacle(block: Block, image: Image, ctx: Context) -> Refusal | None:
    if not image.known:
        return ctx.refuse(
            block, "image-not-in-sight", "The name of its image is put together from open parts."
        )
    for name in ("imageFile", "imageStream"):
        if block.get(name):
            return ctx.refuse(
                block, "image-file", f"Its image comes from {name}; the tag has to be the one in that file."
            )
    labels = " ".join(
        (*block.names("labels"), *(f.value or "" for f in container_of(block).flags_named("--label")))
    )
    if "io.containers.autoupdate" in labels:
        return ctx.refuse(
            block,
            "autoupdate",
            "A label asks podman to keep it up to date by its tag; pinning would end that.",
        )
    return None


def _floating_by_option(container: Container) -> Image | None:
    """The image where its tag is an option that says `latest` by default; None for any other."""
    image = None if container.tag_option is None else container.image
    return image if image is not None and image.floating else None


def _set_default(draft: Draft, container: Container, tag: str) -> None:
    """Make a version the default of the option that is the tag.

    Raises:
        CannotSplit: when another place sets the option, or it is declared in a way that cannot be followed.
        NoPlace: when something else reads it as well.
    """
    option, tree = container.tag_option, container.block.tree
    assert option is not None
    name = ".".join(option)
    (declaration,) = declarations(tree, option)
    default = declaration.default
    if default is None or default.node.type != "string_expression":
        raise CannotSplit("option-default-not-literal", f"The default of {name} is not written out.", default)
    for place in settings(tree, option):
        raise CannotSplit("option-set-elsewhere", f"Another place sets {name}.", place.expr)
    if len(readers(tree, option)) != 1:
        raise NoPlace(f"its tag is the option {name}, which is read elsewhere, too")
    draft.replace_text(default.file, default.node, quote(tag))


def _write(draft: Draft, block: Block, ctx: Context, source: ImageSource, tag: str) -> None:
    behind = ctx.text("behind") or ""
    if block.kind is HWC_CONTAINER and set_tag(draft, block, source, tag, behind):
        return
    if source.option is not None:
        split = Split(tag, ctx.text("option-description") or "", ctx.text("option-behind") or "")
        if block.kind is HWC_CONTAINER:
            split_option(draft, ctx.tree, source, split, apart=behind)
            return
        split_option(draft, ctx.tree, source, split)
    else:
        assert source.value is not None
        pinned = retagged(source.value, tag)
        if pinned is None:
            raise NoPlace("it is put together from parts")
        literal, text = pinned
        placing.demand_own(ctx.tree, block, literal)
        draft.replace_text(literal.file, literal.node, text)
    if source.slot.binding is not None and behind:
        draft.behind(source.slot.expr.file, source.slot.binding, behind)
