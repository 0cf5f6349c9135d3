"""A container's attributes in the words of the shared module, edited in place.

What the module calls the same stays as it is, expressions and comments included. What is left is the image
with its tag, the flags that have a word of their own, the user and the time zone, and what the module
would add of itself and this container never had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import identifier_or_quoted, quote
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.containers.container import Container
from hwc_refactor.nixos.containers.extensions import declared_options
from hwc_refactor.nixos.containers.operands import operands_of
from hwc_refactor.nixos.containers.plain_values import is_true
from hwc_refactor.nixos.containers.terms import Terms, read_terms
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.rewriting.containers.environment import drop_empty_environment, time_zone, user
from hwc_refactor.rewriting.containers.flags import all_taken, drop_ports, gpu, network, take_flags
from hwc_refactor.rewriting.containers.image import split_image
from hwc_refactor.rewriting.containers.limits import no_new_privileges, resources
from hwc_refactor.rewriting.containers.mounting import pairs
from hwc_refactor.rewriting.containers.rewording import Rewording, Wishes, airy, lead_of, led
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.module_words import CannotSay
from hwc_refactor.rewriting.placing import NoPlace

SAME = frozenset(
    {
        *("image", "imageFile", "pull", "autoStart", "capabilities", "devices", "volumes", "ports"),
        *("environment", "environmentFiles", "cmd", "entrypoint", "workdir", "hostname", "labels"),
        *("dependsOn", "extraOptions"),
    }
)
"""What the module calls as NixOS does."""
PASSED_ON = frozenset(
    {
        *("login", "log-driver", "podman", "preRunExtraOptions", "privileged", "serviceName", "networks"),
        *("imageStream", "autoRemoveOnStop"),
    }
)
"""What the module passes on below `settings`."""
RENAMED = {"user": "runAs", **{name: f"settings.{name}" for name in PASSED_ON}}
CHANGED = frozenset({"autoStart", "environment", "extraOptions", "image", "ports", "volumes"})
"""What of it may say less afterwards, or be gone."""
NEW = frozenset(
    {
        *("enable", "gpu", "imageTag", "networkMode", "noNewPrivileges", "resources", "runAs", "secrets"),
        *("settings", "timeZone", "user", "volumeMounts"),
    }
)
"""What the module has beside that."""


def standardize(draft: Draft, tree: Tree, block: Block, makers: Sequence[Container], wishes: Wishes) -> Terms:
    """Rewrite the attributes of a container, or of the function that makes some, into the module's words.

    Args:
        draft: the change in the making.
        tree: the snapshot.
        block: the container, or the function read once.
        makers: the containers that it comes to.
        wishes: what is wanted beside the rules.

    Returns:
        What its flags come to.

    Raises:
        CannotSay: when an attribute has no word there.
        NoPlace: when a place serves other objects too.
    """
    on = Rewording(draft, tree, block, makers, wishes)
    _check(on)
    options = on.single("extraOptions")
    operands = [] if options is None else operands_of(on.block, options.expr)
    terms = read_terms(on.block, operands, on.makers)
    whole = options is not None and bool(operands) and all(all_taken(terms, one) for one in operands)
    middle = [
        network(on, terms, options if whole else None),
        *gpu(on, terms),
        *user(on),
        *time_zone(on),
    ]
    end = [*no_new_privileges(on, terms), *_secrets(on), *resources(on, terms)]
    drop_ports(on, terms)
    _rename(on)
    _head(on)
    _place(on, middle, end)
    _volumes(on)
    for slot in on.gone:
        on.take(slot)
    drop_empty_environment(on)
    if options is not None:
        take_flags(on, terms, options, operands)
    split_image(on)
    return terms


def _check(on: Rewording) -> None:
    if on.home.holder.type == "rec_attrset_expression" and (name := _read_within(on)) is not None:
        raise NoPlace(f"it is a recursive set that reads its own '{name}'")
    for name, slots in on.block.view.slots.items():
        if name not in SAME and name not in _renamed(on.tree):
            raise CannotSay("option-not-in-module", f"The module has no option '{name}'.", slots[0].expr)
    auto = on.single("autoStart")
    # A module that declares more options may give this one another default
    needless = auto is not None and is_true(on.block, auto.expr) and not on.hides("autoStart")
    if auto is not None and needless and not declared_options(on.tree):
        on.gone.append(auto)


def _read_within(on: Rewording) -> str | None:
    """A name that a recursive set reads and that would mean something else afterwards."""
    file, holder = on.home.file, on.home.holder
    for name in sorted(CHANGED | NEW | set(_renamed(on.tree))):
        for offset in on.tree.words(file.source.path, name.encode()):
            if holder.start_byte <= offset < holder.end_byte:
                around = file.chain(offset, offset + len(name))[-2]
                if around.type == "variable_expression":
                    return name
    return None


def _renamed(tree: Tree) -> Mapping[str, str]:
    """What the module calls otherwise: options that the configuration itself declares are passed on, too."""
    more = (name for name in declared_options(tree) if name and name not in SAME and name not in RENAMED)
    return {**RENAMED, **{name: f"settings.{identifier_or_quoted(name)}" for name in more}}


def _rename(on: Rewording) -> None:
    renamed = _renamed(on.tree)
    for name, slots in on.block.view.slots.items():
        for slot in slots if name in renamed else ():
            written = slot.binding is not None and slot.binding.type == "binding" and on.own(slot.expr)
            if not written or on.hides(name):
                raise CannotSay(
                    "option-not-in-module",
                    f"The module calls '{name}' {renamed[name]}, and it is not written out for this"
                    " container alone.",
                    slot.expr,
                )
            assert slot.binding is not None
            component = attrpath_of(slot.binding)[slot.depth - 1]
            on.draft.replace_text(slot.expr.file, component, renamed[name])


def _place(on: Rewording, middle: list[Snippet], end: list[Snippet]) -> None:
    """Put new bindings in: `enable` at the top, the network behind the image, limits at the end."""
    file, holder, lead = on.home.file, on.home.holder, on.home.lead
    items = [node for node in bindings_of(holder) if not lead or on.ours(node)]
    if not items:
        raise NoPlace("it is made by an expression that cannot be edited for it alone")
    image = on.single("image")
    behind = image.binding if image is not None and image.binding in items else items[0]
    if airy(file, items):
        middle = [replace(middle[0], blank=True), *middle[1:]]
        middle[-1] = replace(middle[-1], blank_below=True)
        end = [replace(snippet, blank=True) for snippet in end]
    if not lead:
        on.draft.spread(file, holder)
    if end:
        on.draft.insert(file, holder, [led(lead, snippet) for snippet in end], after=items[-1])
    on.draft.insert(file, holder, [led(lead, snippet) for snippet in middle], after=behind)
    on.draft.insert(file, holder, [f"{lead}enable = true;"], before=items[0])


def _head(on: Rewording) -> None:
    slot = on.block.slots[0]
    if on.wishes.heading and slot.binding is not None:
        on.draft.head(slot.expr.file, slot.binding, on.wishes.heading)


def _secrets(on: Rewording) -> list[Snippet]:
    if not on.wishes.secrets:
        return []
    names = " ".join(quote(name) for name in on.wishes.secrets)
    on.draft.gain(f"secrets {', '.join(on.wishes.secrets)}")
    return [Snippet(f"secrets = [ {names} ];")]


def _volumes(on: Rewording) -> None:
    """Name the volumes, where their paths give names: pairs say which is which."""
    slot = on.single("volumes")
    found = None if slot is None or not on.alike("volumes", slot) else pairs(on.tree, slot.expr)
    if slot is None or slot.binding is None or found is None:
        return
    lead = lead_of(slot.expr.file, slot.binding)
    holder = on.home.holder if slot.holder is None else slot.holder.node
    mounts = Snippet(f"volumeMounts = {found.mounts};", blank=airy(slot.expr.file, bindings_of(holder)))
    on.draft.insert(slot.expr.file, holder, [led(lead, mounts)], after=slot.binding)
    on.draft.replace_value(slot.expr.file, slot.binding, found.volumes)
