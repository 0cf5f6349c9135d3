"""A container's image, as image and tag."""

from __future__ import annotations

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.strings import STRING_TYPES, quote
from hwc_refactor.nix.values import Scalar
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import ImageSource
from hwc_refactor.nixos.containers.images import retagged, split_source
from hwc_refactor.rewriting import placing
from hwc_refactor.rewriting.containers.rewording import Rewording, lead_of
from hwc_refactor.rewriting.draft import Draft


def split_image(on: Rewording) -> None:
    """Name the tag of the image apart, and the wanted one where it floats."""
    slot = on.single("image")
    source = on.makers[0].image_source
    image = None if source is None else source.image
    floats = image is not None and image.floating and not on.block.get("imageFile")
    if slot is None or slot.expr.node.type not in STRING_TYPES:
        if floats and image is not None:
            on.draft.note(_floating(on.block.name, image.repository))
        return
    split = split_source(slot.expr)
    if split is None:
        return
    repository, tag = split
    if floats and on.wishes.pin is not None:
        tag = quote(on.wishes.pin)
    elif floats and image is not None:
        on.draft.note(_floating(on.block.name, image.repository))
    if tag is None:
        return
    file = slot.expr.file
    assert slot.binding is not None
    # What stands behind the image, such as a comment on its version, is behind the tag now.
    on.draft.part_value(file, slot.binding, repository, f"{lead_of(file, slot.binding)}imageTag = {tag}")


def set_tag(draft: Draft, block: Block, source: ImageSource, tag: str, behind: str = "") -> bool:
    """Name the tag of a container of the shared module beside its image, and take it from the image.

    Returns:
        Whether that could be done: not where an option or the call of a function gives the image with its tag.
    """
    said = block.value("imageTag")
    beside = said is not None and not (isinstance(said, Scalar) and said.value is None)
    if beside:
        draft.set(block, ("imageTag",), quote(tag))
        return True
    untagged = None if source.option is not None or source.value is None else retagged(source.value, None)
    if untagged is None or placing.not_own(block.tree, block, untagged[0]) is not None:
        return False
    literal, text = untagged
    if said is not None:
        draft.set(block, ("imageTag",), quote(tag))
    else:
        item = Snippet(f"imageTag = {quote(tag)};", behind=behind)
        try:
            draft.add(block, (), [item], after="image")
        except placing.NoPlace:
            return False
    draft.replace_text(literal.file, literal.node, text)
    return True


def _floating(name: str, repository: str) -> str:
    return (
        f"{repository} follows its latest version, of which the module warns: name the one you want with"
        f" --pin {name}=TAG."
    )
