"""What the recipes of the documented diffs prescribe for the user of a service and its directories.

Parameters: `static` keeps the user that is there, `wrap` names what goes around it, and `default-group` the group
that comes with it; `heading`, `group` and `supplementary-groups` for a dynamic user; `directories` (directive →
name), `directories-heading`, `working-directory`; `answers` (code of a refusal → what somebody has to look at):
reasons against a user of its own that the documented diff has settled.
"""

from __future__ import annotations

from hwc_refactor.codemod import Context
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.scope import spelled
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Slot
from hwc_refactor.nixos.block import Block
from hwc_refactor.nixos.wrappers import unwrapped
from hwc_refactor.rewriting.directives import add_directives, add_words, plain, replace_directive
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.placing import NoPlace

_CLOSED = frozenset({"select_expression", "variable_expression", "string_expression"})
"""Expressions that can be an argument as they stand."""


def keeps_user(ctx: Context) -> bool:
    """Whether the documented diff keeps the user that is there."""
    return bool(ctx.parameters.get("static"))


def write_static(draft: Draft, block: Block, ctx: Context) -> None:
    """The user that is there as a default, with its group and directories."""
    user = plain(block, "User")
    wrapper = ctx.text("wrap")
    group_item: list[Snippet] = []
    if user is not None and wrapper:
        name = _spelled(wrapper, user)
        if not unwrapped(block.tree, user.expr).modifiers and user.binding is not None:
            text = user.expr.text if user.expr.node.type in _CLOSED else f"({user.expr.text})"
            draft.replace_value(user.expr.file, user.binding, f"{name} {text}")
        group = ctx.text("default-group")
        if group and not block.get("serviceConfig", "Group"):
            group_item = [Snippet(f"Group = {name} {quote(group)};")]
    items = _directories(block, ctx, closed=True)
    if block.get("serviceConfig", "WorkingDirectory"):
        add_directives(draft, block, group_item, after="User")
        add_directives(draft, block, items, after="WorkingDirectory")
    else:
        above = (other for other in ("Group", "User") if block.get("serviceConfig", other))
        add_directives(draft, block, [*group_item, *items], after=next(above, None))


def write_dynamic(draft: Draft, block: Block, ctx: Context) -> None:
    """A dynamic user in the documented groups, with its directories."""
    user, group = plain(block, "User"), ctx.text("group")
    items: list[Snippet] = []
    if group and plain(block, "Group") is not None:
        draft.set(block, ("serviceConfig", "Group"), quote(group))
    elif group:
        items.append(Snippet(f"Group = {quote(group)};"))
    more = add_words(draft, block, "SupplementaryGroups", ctx.texts("supplementary-groups") or ())
    items += [] if more is None else [more]
    items += _directories(block, ctx)
    folder = ctx.text("working-directory")
    if folder and not block.get("serviceConfig", "WorkingDirectory"):
        items.append(Snippet(f"WorkingDirectory = {quote(folder)};", blank=True, blank_below=True))
    heading = ctx.text("heading")
    if user is None:
        above = (heading,) if heading else ()
        items.insert(0, Snippet("DynamicUser = true;", above=above, blank=True))
        add_directives(draft, block, items)
        return
    add_directives(draft, block, items, after="Group" if plain(block, "Group") is not None else "User")
    if heading and user.binding is not None:
        comments = comments_of(user.expr.file, user.binding).leading
        if comments:
            text = comment_text(user.expr.file, comments[0])
            draft.replace_text(user.expr.file, comments[0], f"# {heading}")
            draft.note(f"The comment '{text}' went with what it described.")
        else:
            draft.head(user.expr.file, user.binding, heading, blank=True)
    replace_directive(draft, user, "DynamicUser = true;")


def _directories(block: Block, ctx: Context, *, closed: bool = False) -> list[Snippet]:
    wanted = {
        directive: name
        for directive, name in ctx.table("directories").items()
        if not block.get("serviceConfig", directive)
    }
    heading = ctx.text("directories-heading")
    last = len(wanted) - 1
    return [
        Snippet(
            f"{directive} = {quote(name)};",
            above=(heading,) if heading and not number else (),
            blank=not number,
            blank_below=closed and number == last,
        )
        for number, (directive, name) in enumerate(wanted.items())
    ]


def _spelled(name: str, slot: Slot) -> str:
    found = spelled(name, slot.expr.env)
    if found is None:
        raise NoPlace(f"lib.{name} is not at hand there")
    return found
