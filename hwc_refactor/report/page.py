"""A page for a browser: one file that loads nothing, with findings, reasons and diffs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import DiffLexer

from hwc_refactor import __version__
from hwc_refactor.model import Severity
from hwc_refactor.nix.differences import split_lines
from hwc_refactor.report.escape import shown, visible
from hwc_refactor.report.figures import Share
from hwc_refactor.report.sheet import Card, Sheet


def page(sheet: Sheet, title: str) -> bytes:
    """The page, in UTF-8."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        keep_trailing_newline=True,
    )
    environment.filters["diff"] = _diff
    template = files("hwc_refactor.report").joinpath("data/page.html").read_text(encoding="utf-8")
    text = environment.from_string(template).render(
        title=title,
        sheet=sheet,
        version=__version__,
        counts=list(_counts(sheet)),
        shares=list(_shares(sheet)),
        groups=list(_groups(sheet.cards)),
    )
    return text.encode("utf-8", "backslashreplace")


def _harmless(value: Any) -> Any:
    """What is shown, without characters that act instead of showing; markup of our own stays."""
    return value if isinstance(value, (Markup, int)) else visible(str(value))


def _diff(patch: bytes) -> Markup:
    """A diff in colours."""
    text = "\n".join(shown(line.rstrip(b"\r\n")) for line in split_lines(patch))
    marked: str = highlight(text, DiffLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return Markup(marked)


def _counts(sheet: Sheet) -> Iterator[tuple[str, int]]:
    for severity in sorted(Severity, reverse=True):
        yield severity.label, sum(card.finding.severity is severity for card in sheet.cards)
    yield "can be changed", sum(card.finding.action == "change" for card in sheet.cards)
    yield "left with a reason", sum(card.finding.action == "refuse" for card in sheet.cards)
    yield "suppressed", len(sheet.suppressed)
    if sheet.figures is not None:
        yield "services", sheet.figures.services
        yield "containers", sheet.figures.containers


def _shares(sheet: Sheet) -> Iterator[tuple[str, Share]]:
    if sheet.figures is not None:
        for label, share in sheet.figures.shares:
            if share.of:
                yield label, share


def _groups(cards: Sequence[Card]) -> Iterator[tuple[str, list[Card]]]:
    """Cards by severity; those with a patch, of a plan, in the order in which they are made, first."""
    planned = [card for card in cards if card.patch]
    if planned:
        yield "Changes", planned
    rest = [card for card in cards if not card.patch]
    for severity in sorted(Severity, reverse=True):
        group = [card for card in rest if card.finding.severity is severity]
        if group:
            yield severity.label.capitalize(), group
