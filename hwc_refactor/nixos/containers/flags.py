"""The command line flags in a container's `extraOptions`, read from list elements.

A flag may be one element (`"--cap-add=X"`) or two (`"--cap-add" "X"`): podman-run(1), docker-run(1).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from hwc_refactor.nix.resolve import Resolver
from hwc_refactor.nix.values import Condition, Item, Str

SHORT = {
    "-v": "--volume",
    "-e": "--env",
    "-p": "--publish",
    "-m": "--memory",
    "-u": "--user",
    "-h": "--hostname",
}
SWITCHES = frozenset({"--privileged", "--init", "--read-only", "--rm", "--tty", "--interactive", "--detach"})
"""Flags whose value never stands in the next element."""
SAME = {"--net": "--network", "--cap_add": "--cap-add"}


class Flag(Struct, frozen=True):
    """One flag.

    Attributes:
        name: its long name, `--cap-add`.
        value: what follows `=` or stands in the next element; None without one; open pieces as `${…}`.
        literal: whether name and value are fully known.
        items: the list elements it is written in.
    """

    name: str
    value: str | None
    literal: bool
    items: tuple[Item, ...]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What must hold for the flag to count."""
        return self.items[0].conditions

    @property
    def on(self) -> bool:
        """For a switch: whether it is set (`--privileged`, `--privileged=true`)."""
        return self.value is None or self.value.lower() in ("true", "1", "t")


def read_flags(resolver: Resolver, items: Sequence[Item]) -> tuple[list[Flag], list[Item]]:
    """The flags of a list, and the elements that cannot be read."""
    flags: list[Flag] = []
    unread: list[Item] = []
    position = 0
    while position < len(items):
        item = items[position]
        position += 1
        value = None if item.unknown else resolver.value(item.expr)
        if not isinstance(value, Str) or not value.shown.startswith("-"):
            unread.append(item)
            continue
        text, literal = value.shown, value.literal is not None
        used: tuple[Item, ...] = (item,)
        name, equals, rest = text.partition("=")
        argument: str | None = rest if equals else None
        may_follow = not equals and name not in SWITCHES
        if may_follow and position < len(items) and not items[position].unknown:
            following = resolver.value(items[position].expr)
            if isinstance(following, Str) and not following.shown.startswith("-"):
                argument = following.shown
                literal = literal and following.literal is not None
                used = (item, items[position])
                position += 1
        name = SAME.get(SHORT.get(name, name), SHORT.get(name, name))
        flags.append(Flag(name, argument, literal, used))
    return flags, unread


def capability(name: str) -> str:
    """A capability's bare name: `NET_ADMIN` for `cap_net_admin`."""
    return name.strip().upper().removeprefix("CAP_")
