"""Two things at once, of which one mostly waits for another process."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


def beside(waiting: Callable[[], S], working: Callable[[], T]) -> tuple[S, T]:
    """What two functions give. `waiting` runs in a thread of its own; what either raises is raised here."""
    found: list[S] = []
    faults: list[BaseException] = []

    def wait() -> None:
        try:
            found.append(waiting())
        except BaseException as error:
            faults.append(error)

    thread = Thread(target=wait)
    thread.start()
    try:
        worked = working()
    finally:
        thread.join()
    if faults:
        raise faults[0]
    return found[0], worked
