"""Questions about all objects of a tree, asked in several processes.

Each process is a copy of this one: it holds the snapshot, looks into its part of the files, and sends back
plain values. What comes out is the same, and in the same order, as when everything is asked in one process.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from operator import itemgetter
from typing import IO, Any, NoReturn

from msgspec import Struct

from hwc_refactor.model import Problem
from hwc_refactor.nixos import shares
from hwc_refactor.nixos.block import Block, Kind
from hwc_refactor.nixos.objects import Key, Row, Site, forget, learn_sites, rows_at
from hwc_refactor.nixos.shares import Sighting
from hwc_refactor.nixos.surveys import Survey, learn
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.unread import broken, problems_of

__all__ = ["Progress", "Question", "Workers", "working"]

Progress = Callable[[str, int, int], None]
"""Told what is asked, how many objects are done and how many there are."""

WORTH = 2_500_000
"""Bytes of files to be looked into, times the questions, below which a second process costs more than it does."""


class Question(Struct, frozen=True):
    """Something to ask about every object of a kind.

    Attributes:
        kind: the kind.
        name: what is asked, in a word, to tell how far it is.
        ask: gives a plain value that can be sent, or None, which is left out.
        surveys: what has to be known of all objects of some kind to answer.
    """

    kind: Kind
    name: str
    ask: Callable[[Tree, Key, Block], object | None]
    surveys: tuple[Survey, ...] = ()


class Workers:
    """What answers questions about the objects of a tree."""

    def __init__(self, tree: Tree, questions: Sequence[Question], progress: Progress | None) -> None:
        """Answer in this process."""
        self._tree = tree
        self._questions = questions
        self._progress = progress

    def answers(self, numbers: Sequence[int], meanwhile: Callable[[], None] | None = None) -> list[list[Any]]:
        """The answers to some of the questions, each in the order of the objects.

        Args:
            numbers: which questions.
            meanwhile: something else that has to be done.
        """
        found: list[list[Any]] = []
        for question in (self._questions[number] for number in numbers):
            rows = rows_at(self._tree, question.kind, self._tree.paths)
            found.append([answer for _, answer in _ask(self._tree, question, rows, self._progress)])
        if meanwhile is not None:
            meanwhile()
        return found

    def problems(self, *, everywhere: bool) -> list[Problem]:
        """The syntax errors of the files that were parsed, or of all files."""
        return broken(self._tree, self._tree.paths) if everywhere else problems_of(self._tree.parsed_files)

    def replace(self, texts: Mapping[str, bytes | None], tree: Tree) -> None:
        """Go on with the next snapshot: `tree`, that is the last one with some texts replaced."""
        self._tree = tree


@contextmanager
def working(
    tree: Tree,
    questions: Sequence[Question],
    jobs: int | None,
    progress: Progress | None = None,
    read: dict[str, bytes | None] | None = None,
) -> Iterator[Workers]:
    """Answer questions about the objects of a tree.

    Args:
        tree: the snapshot.
        questions: all that will be asked.
        jobs: how many processes; None for as many as there are processors, where there is work for them.
        progress: told what is asked, how many objects are done and how many there are.
        read: where the reader of other files notes those that it has read.
    """
    number = _worthwhile(tree, questions) if jobs is None else jobs
    alone = number < 2 or not questions or not hasattr(os, "fork") or threading.active_count() > 1
    if not alone:
        tree.index()  # each process would make it
    gc.freeze()  # what is there stays; a collection that touched it would take its time, and copy it
    try:
        if alone:
            yield Workers(tree, questions, progress)
            return
        crew = _Crew(tree, questions, number, progress, {} if read is None else read)
        try:
            yield crew
        finally:
            crew.close()
    finally:
        gc.unfreeze()


def _worthwhile(tree: Tree, questions: Sequence[Question]) -> int:
    """How many processes have enough to do."""
    by_length = sorted(
        questions, key=lambda question: len(question.kind.word)
    )  # `container` narrows `oci-containers`
    size = sum(_telling(tree, question.kind) for question in by_length)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, size // WORTH + 1)


def _telling(tree: Tree, kind: Kind) -> int:
    """The bytes of the files that may hold objects of a kind."""
    found = (tree.data(path) or b"" for path in tree.holding(kind.word.encode()))
    return sum(len(data) for data in found if kind.parent is None or kind.parent.encode() in data)


def _ask(
    tree: Tree, question: Question, rows: Sequence[Row], progress: Progress | None
) -> Iterator[tuple[int, Any]]:
    """The answers that objects give to a question, with their places."""
    for number, (place, key, block) in enumerate(rows):
        if progress is not None:
            progress(question.name, number, len(rows))
        answer = question.ask(tree, key, block)
        if answer is not None:
            yield place, answer
        tree.let_go(_collect)


def _collect() -> None:
    """Remove what is referred to in circles alone; what is left is not looked through again."""
    gc.collect()
    gc.freeze()


# -- several processes ---------------------------------------------------------------------------------

_ANSWER, _FAULT, _PROGRESS = range(3)
"""What a process can send: what an order gave, what it raised, or how far it is."""


class _Crew(Workers):
    """Processes that share the work out among themselves."""

    def __init__(
        self,
        tree: Tree,
        questions: Sequence[Question],
        number: int,
        progress: Progress | None,
        read: dict[str, bytes | None],
    ) -> None:
        super().__init__(tree, questions, progress)
        self._read = read
        self._sited: set[str] = set()
        self._surveyed: set[str] = set()
        self._members: list[_Member] = []
        words = {question.kind.word.encode() for question in questions}
        sys.stdout.flush()
        sys.stderr.flush()
        for part in shares.divide(tree, sorted(words), number):
            worker = _Worker(tree, questions, part, read, first=not self._members)
            self._members.append(_Member(worker, self._members))

    def answers(self, numbers: Sequence[int], meanwhile: Callable[[], None] | None = None) -> list[list[Any]]:
        asked = [self._questions[number] for number in numbers]
        kinds = {question.kind for question in asked}
        surveys = {survey.name: survey for question in asked for survey in question.surveys}
        for kind in {*kinds, *(survey.kind for survey in surveys.values())}:
            if kind.name not in self._sited:
                self._sited.add(kind.name)
                seen: list[list[Sighting]] = self._all("sightings", kind.name)
                self._all("learn_sites", kind.name, shares.sites(self._tree, kind, chain.from_iterable(seen)))
        for survey in surveys.values():
            self._survey(survey)
        found: list[list[list[tuple[int, Any]]]] = self._all("answers", numbers, meanwhile=meanwhile)
        return [
            [answer for _, answer in sorted((row for rows in parts for row in rows), key=itemgetter(0))]
            for parts in zip(*found, strict=True)
        ]

    def _survey(self, survey: Survey) -> None:
        """Let each process ask its own objects, and tell the answers to all."""
        if survey.name in self._surveyed:
            return
        self._surveyed.add(survey.name)
        found: list[list[tuple[int, object]] | None] = self._all("survey", survey.name)
        rows = [row for part in found if part is not None for row in part]
        if None not in found:
            answers = tuple(answer for _, answer in sorted(rows, key=itemgetter(0)))
            learn(self._tree, survey, answers)
            self._all("learn", survey.name, answers)

    def problems(self, *, everywhere: bool) -> list[Problem]:
        found: list[list[Problem]] = self._all("problems", everywhere)
        here = [] if everywhere else problems_of(self._tree.parsed_files)
        return list(dict.fromkeys(problem for part in (here, *found) for problem in part))

    def replace(self, texts: Mapping[str, bytes | None], tree: Tree) -> None:
        super().replace(texts, tree)
        self._sited.clear()
        self._surveyed.clear()
        self._all("replace", dict(texts))

    def close(self) -> None:
        """End the processes, whatever they do."""
        for member in self._members:
            member.close()

    def _all(self, order: str, *arguments: object, meanwhile: Callable[[], None] | None = None) -> list[Any]:
        """Give all the same order; what each of them returns."""
        for member in self._members:
            member.send((order, arguments))
        if meanwhile is not None:
            meanwhile()
        found: list[Any] = []
        for member in self._members:
            answer, read = member.receive(self._progress)
            self._read.update(read)
            found.append(answer)
        return found


class _Worker:
    """One of the processes, from within: its methods are what it can be told to do."""

    def __init__(
        self,
        tree: Tree,
        questions: Sequence[Question],
        paths: Sequence[str],
        read: dict[str, bytes | None],
        *,
        first: bool,
    ) -> None:
        """Take a part of the files; the first process takes those that are added, too."""
        self.tell: Progress | None = None
        self.read = read
        self._tree = tree
        self._questions = questions
        self._surveys = {survey.name: survey for question in questions for survey in question.surveys}
        kinds = [question.kind for question in questions]
        kinds += [survey.kind for survey in self._surveys.values()]
        self._kinds = {kind.name: kind for kind in kinds}
        self._asked = {question.kind for question in questions}
        self._paths = paths
        self._first = first

    def sightings(self, kind: str) -> list[Sighting]:
        return shares.sightings(self._tree, self._kinds[kind], self._paths)

    def learn_sites(self, kind: str, sites: Mapping[str, Site]) -> None:
        learn_sites(self._tree, self._kinds[kind], sites)

    def answers(self, numbers: Sequence[int]) -> list[list[tuple[int, Any]]]:
        found: list[list[tuple[int, Any]]] = []
        for question in (self._questions[number] for number in numbers):
            rows = rows_at(self._tree, question.kind, self._paths)
            found.append(list(_ask(self._tree, question, rows, self.tell)))
        return found

    def survey(self, name: str) -> list[tuple[int, object]] | None:
        """The answers to a survey; None where that fails: whoever needs it meets the fault again, and tells it."""
        survey = self._surveys[name]
        with suppress(Exception):
            found: list[tuple[int, object]] = []
            for place, _, block in rows_at(self._tree, survey.kind, self._paths):
                found.append((place, survey.ask(block)))
                self._tree.let_go(_collect)
            if survey.kind not in self._asked:
                forget(self._tree, survey.kind)
            return found
        return None

    def learn(self, name: str, answers: tuple[object, ...]) -> None:
        learn(self._tree, self._surveys[name], answers)

    def problems(self, everywhere: bool) -> list[Problem]:
        return broken(self._tree, self._paths) if everywhere else problems_of(self._tree.parsed_files)

    def replace(self, texts: Mapping[str, bytes | None]) -> None:
        known = set(self._tree.paths)
        self._tree = self._tree.replaced(texts)
        added = [path for path in self._tree.paths if path not in known] if self._first else []
        self._paths = [*(path for path in self._paths if self._tree.data(path) is not None), *added]


class WorkerLost(RuntimeError):
    """A process ended before it had answered."""


class _Member:
    """One of the processes, from without."""

    def __init__(self, worker: _Worker, others: Sequence[_Member]) -> None:
        """Begin the process; it lets go of the pipes to the others."""
        (far_in, near_out), (near_in, far_out) = os.pipe(), os.pipe()
        self._pid = os.fork()
        if not self._pid:
            for end in (near_in, near_out):
                os.close(end)
            for other in others:
                other.let_go()
            _serve(worker, far_in, far_out)
        os.close(far_in)
        os.close(far_out)
        self._out = os.fdopen(near_out, "wb")
        self._in = os.fdopen(near_in, "rb")

    def send(self, order: tuple[str, tuple[object, ...]]) -> None:
        """Give an order."""
        with suppress(BrokenPipeError):  # it is told when the answer does not come
            pickle.dump(order, self._out, pickle.HIGHEST_PROTOCOL)
            self._out.flush()

    def receive(self, progress: Progress | None) -> Any:
        """What the process returns to the order; what it raises is raised here."""
        while True:
            try:
                kind, answer = pickle.load(self._in)
            except EOFError as error:
                raise WorkerLost("a worker process ended early; --jobs 1 goes without") from error
            if kind == _PROGRESS:
                if progress is not None:
                    progress(*answer)
            elif kind == _FAULT:
                raise answer
            else:
                return answer

    def let_go(self) -> None:
        """Close the pipes."""
        for end in (self._in, self._out):
            with suppress(OSError):
                end.close()

    def close(self) -> None:
        """End the process."""
        self.let_go()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _serve(worker: _Worker, orders: int, answers: int) -> NoReturn:
    """Carry out orders until there are no more; the process ends here."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells when it is over
        with os.fdopen(orders, "rb") as come, os.fdopen(answers, "wb") as go:
            worker.tell = _Telling(go)
            with suppress(EOFError):
                while True:
                    order, arguments = pickle.load(come)
                    _send(go, *_carried_out(worker, order, arguments))
        code = 0
    finally:
        os._exit(code)


def _carried_out(worker: _Worker, order: str, arguments: Sequence[object]) -> tuple[int, object]:
    try:
        return _ANSWER, (getattr(worker, order)(*arguments), worker.read)
    except Exception as error:
        return _FAULT, error


def _send(go: IO[bytes], kind: int, content: object) -> None:
    pickle.dump((kind, content), go, pickle.HIGHEST_PROTOCOL)
    go.flush()


class _Telling:
    """Sends word of how far a process is, now and then."""

    def __init__(self, go: IO[bytes]) -> None:
        self._go = go
        self._next = time.monotonic() + 0.5

    def __call__(self, name: str, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            _send(self._go, _PROGRESS, (name, done, total))
