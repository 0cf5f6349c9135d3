"""What the recipes of the documented diffs prescribe for the credentials of a service.

Parameters: `credentials` (name → secret, also of secrets that nothing reads yet), `heading`, `before` and
`mapped` for the list; `after` and `wants` for its order; `environment-heading` and `behind` for comments;
`declaration` with `file`, `folder`, `settings`, `behind` for a secret that is not declared yet; `fallback`
and `python-quote` for a Python program; `by-hand` where the document has a person change the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwc_refactor.codemod import Context
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.strings import quote
from hwc_refactor.nix.values import Str
from hwc_refactor.nixos.block import Block
from hwc_refactor.rewriting.draft import Draft
from hwc_refactor.rewriting.secrets import credentials, declarations
from hwc_refactor.rewriting.secrets.credentials import Credential, Layout
from hwc_refactor.rewriting.secrets.declarations import Required
from hwc_refactor.rewriting.secrets.variables import Manner


def layout(ctx: Context) -> Layout:
    """How the list of credentials looks."""
    return Layout(ctx.text("heading") or "", ctx.text("before"), bool(ctx.parameters.get("mapped")))


def manner(ctx: Context) -> Manner:
    """How the program comes to read credentials."""
    return Manner(ctx.text("fallback"), ctx.text("python-quote"), bool(ctx.parameters.get("by-hand")))


def missing(block: Block, ctx: Context) -> Mapping[str, str]:
    """The credentials that the recipe wants and the service does not load yet: name and secret."""
    known = {name for name, _ in credentials.loaded(block)}
    return {name: secret for name, secret in ctx.table("credentials").items() if name not in known}


def write(draft: Draft, block: Block, ctx: Context, wanted: Mapping[str, str]) -> None:
    """Add what the recipe prescribes beside what is read already."""
    kind = declarations.scheme(ctx.tree)
    for name, secret in wanted.items():
        draft.demand_name(block.slots[0].expr, "config")
        one = Credential(name, declarations.path_of(kind, secret))
        credentials.add(draft, block, [one], layout=layout(ctx))
        draft.review(
            f"Nothing in the tree reads the credential yet: the program has to read the password from"
            f" '$CREDENTIALS_DIRECTORY/{name}'. The path is no PGPASSFILE: libpq takes a file of mode 0600 only."
        )
        declarations.require(draft, ctx.tree, _required(ctx, secret))
    for option in ("after", "wants"):
        units = ctx.texts(option) or ()
        if units and kind.word == "age":
            _order(draft, block, option, units)
    _comments(draft, block, ctx)


def _required(ctx: Context, secret: str) -> Required:
    given = ctx.parameters.get("declaration")
    table = given if isinstance(given, dict) else {}
    settings, behind = table.get("settings", {}), table.get("behind", {})
    return Required(
        secret,
        str(table.get("file", "")),
        {str(key): quote(str(value)) for key, value in settings.items()},
        {str(key): str(value) for key, value in behind.items()},
        str(table.get("folder", "./secrets")),
    )


def _order(draft: Draft, block: Block, option: str, units: Sequence[str]) -> None:
    present = block.texts(option)
    absent = [unit for unit in units if unit not in present]
    if not absent:
        return
    if block.get(option):
        draft.extend_list(block, (option,), absent)
    else:
        text = f"{option} = [ {' '.join(map(quote, absent))} ];"
        draft.add(block, (), [Snippet(text, blank=True, blank_below=True)], after="after")


def _comments(draft: Draft, block: Block, ctx: Context) -> None:
    """The comments above and in its environment, as documented."""
    slots = [slot for slot in block.get("serviceConfig", "Environment") if not slot.rest]
    headings = ctx.table("environment-heading")
    for slot in slots[:1]:
        if slot.binding is not None:
            for comment in comments_of(slot.expr.file, slot.binding).leading:
                new = headings.get(comment_text(slot.expr.file, comment))
                if new is not None:
                    draft.replace_text(slot.expr.file, comment, f"# {new}")
    for item in block.items("serviceConfig", "Environment"):
        value = block.tree.resolver.value(item.expr)
        name = value.literal.partition("=")[0] if isinstance(value, Str) and value.literal else ""
        behind = ctx.table("behind").get(name)
        if behind is not None:
            draft.behind(item.expr.file, item.expr.node, behind)
