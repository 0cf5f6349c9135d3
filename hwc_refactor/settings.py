"""What a user settles beforehand: `hwc-refactor.toml` at the root, with the command line above it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

__all__ = [
    "FILE_NAME",
    "LEVELS",
    "TIMER_STYLES",
    "Ignore",
    "Settings",
    "SettingsError",
]

#: The name of the file at the root.
FILE_NAME = "hwc-refactor.toml"
LEVELS = ("documented", "strict")
TIMER_STYLES = ("documented", "faithful")


class SettingsError(Exception):
    """A settings file or option cannot be used; the message is for the user and names the place."""


class Ignore(Struct, frozen=True):
    """Findings that the user has decided to leave: an `[[ignore]]` table.

    Attributes:
        codemods: ids, `*` for all.
        object: a glob of names, or of kind and name (`container web`).
        file: a glob of paths, relative to the root.
        reason: why; empty where none is given.
        line: where the table stands.
    """

    codemods: tuple[str, ...] = ("*",)
    object: str = "*"
    file: str = "*"
    reason: str = ""
    line: int = 1


class Settings(Struct, frozen=True):
    """The settings of a run. Plain values only: they go to worker processes.

    Attributes:
        exclude: globs of paths, relative to the root, that are not read.
        level: how far hardening goes, `documented` or `strict`.
        timer_style: the form of a timer made from a loop, `documented` or `faithful`; None for what each diff
            documents, and the faithful form elsewhere.
        disable: ids of codemods that do not run.
        pins: tag by the name of a container or of an image repository.
        limits: limits of every container, by the name of the flag without dashes (`memory-swap`).
        container_limits: those of single containers, by name; they go before `limits`.
        profiles: the user's image profiles, keys as in the catalogue of images.
        module_import: the file that imports new modules, relative to the root.
        keep_limits: whether a container that has no limits is left without.
        paths: for a path of the host the option that this configuration has for it, `config.hwc.paths.media`.
        monitors: globs of the names of services that are health checks.
        ignore: findings that are left as they are.
        file: where all this is written, relative to the root.
    """

    exclude: tuple[str, ...] = ()
    level: str = "documented"
    timer_style: str | None = None
    disable: tuple[str, ...] = ()
    pins: Mapping[str, str] = {}
    limits: Mapping[str, str] = {}
    container_limits: Mapping[str, Mapping[str, str]] = {}
    profiles: tuple[Mapping[str, object], ...] = ()
    module_import: str | None = None
    keep_limits: bool = False
    paths: Mapping[str, str] = {}
    monitors: tuple[str, ...] = ()
    ignore: tuple[Ignore, ...] = ()
    file: str = FILE_NAME

    def limits_for(self, container: str) -> Mapping[str, str]:
        """The limits that the user wants for one container; flags not named here are left to the codemod."""
        return {**self.limits, **self.container_limits.get(container, {})}

    def pin_for(self, *names: str) -> str | None:
        """The tag pinned for the first of the names that has one: the container, then its repository."""
        return next((self.pins[name] for name in names if name in self.pins), None)
