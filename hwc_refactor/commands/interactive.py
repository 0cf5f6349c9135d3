"""`--interactive`: each change is shown, and the user says yes, no, all, quit, or asks why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum

from hwc_refactor.model import Plan, PlannedChange

_KEYS = """\
y  make this change
n  leave it out
a  make this change and all that follow
q  leave out this change and all that follow
w  tell more of why
?  tell what these keys do
"""


class Answer(StrEnum):
    """What a user says to a change."""

    YES = "y"
    NO = "n"
    ALL = "a"
    QUIT = "q"


Ask = Callable[[PlannedChange, int, int], Answer]
Replan = Callable[[frozenset[str]], Plan]


def choose(plan: Plan, replan: Replan, ask: Ask) -> Plan:
    """The plan with the changes that the user wants.

    A change that is left out is planned away at once, so that the next one is shown as it will be made.
    """
    wanted: set[str] = set()
    without: frozenset[str] = frozenset()
    while waiting := [planned for planned in plan.changes if planned.id not in wanted]:
        first = waiting[0]
        answered = len(wanted) + len(without)
        answer = ask(first, answered + 1, answered + len(waiting))
        if answer is Answer.YES:
            wanted.add(first.id)
        elif answer is Answer.ALL:
            break
        elif answer is Answer.NO:
            without |= {first.id}
            plan = replan(without)
        else:
            # What comes only because others are gone was not asked for either.
            while refused := frozenset(planned.id for planned in plan.changes) - wanted:
                without |= refused
                plan = replan(without)
    return plan


class Asker:
    """Asks on standard error, reads from standard input."""

    def __call__(self, planned: PlannedChange, number: int, total: int) -> Answer:
        """Show a change and wait for an answer; the end of input means quit."""
        from hwc_refactor.commands.shared import colour, columns
        from hwc_refactor.registry import codemods
        from hwc_refactor.report import text

        out = text.console(sys.stderr, colour=colour(sys.stderr), width=columns(sys.stderr))
        known = codemods().get(planned.change.codemod)
        text.print_change(out, planned, f"{number}/{total}", None if known is None else known.severity)
        while True:
            sys.stderr.write("Make this change [y,n,a,q,w,?]? ")
            sys.stderr.flush()
            line = sys.stdin.readline()
            word = line.strip().lower()[:1]
            if not line:
                sys.stderr.write("\n")
                return Answer.QUIT
            if word in ("y", "n", "a", "q"):
                return Answer(word)
            if word == "w":
                why = "" if known is None else known.manual.sections.get("Why", "")
                sys.stderr.write(f"{why or planned.change.why}\n")
            else:
                sys.stderr.write(_KEYS)
