"""What a service does with files, and the directories it gets with a user of its own.

Directories that systemd keeps for a dynamic user move below `private`, out of the reach of others (systemd.exec(5),
DynamicUser=).
"""

from __future__ import annotations

import re
from functools import cached_property

from msgspec import Struct

from hwc_refactor.nix.values import Scalar
from hwc_refactor.nixos.paths.directories import Directory, declared, holding, normal
from hwc_refactor.nixos.paths.keeping import Keeping, keeping
from hwc_refactor.nixos.paths.mentions import Mention, mentions
from hwc_refactor.nixos.paths.reach import Reached, reached
from hwc_refactor.nixos.paths.tmpfiles import NOBODY_ELSES, rules_over
from hwc_refactor.nixos.users.candidate import Candidate

OPEN = re.compile(r"[$*?\[{`%]")
"""Where the known part of a path ends: a variable, a glob, a substitution or a specifier begins."""


_AS_GOOD_AS_ROOT = frozenset(
    {"wheel", "sudo", "docker", "podman", "libvirtd", "lxd", "incus-admin", "disk", "kmem", "shadow"}
)
"""Groups whose members can become root, or read all of a disk: being one of them is no less than being root.

NixOS, security.sudo and security.polkit.adminIdentities (wheel), virtualisation.{docker,podman,libvirtd,lxd,incus};
Debian's SystemGroups (disk, kmem, shadow).
"""


class Shared(Struct, frozen=True):
    """A place elsewhere that a group may write to: the path, and the group."""

    path: str
    group: str


class Files(Struct, frozen=True, eq=False, dict=True):
    """What a service does with files.

    Attributes:
        one: the service.
    """

    one: Candidate

    @cached_property
    def reached(self) -> tuple[Reached, ...]:
        """All paths it reaches for."""
        return reached(self.one.block)

    @cached_property
    def declared(self) -> tuple[Directory, ...]:
        """The directories that it declares already."""
        return declared(self.one.block)

    @cached_property
    def kept(self) -> Keeping:
        """What systemd could keep for it, beside what it declares, and what is in the way."""
        return keeping(self.one.block, {})

    @property
    def wanted(self) -> tuple[Directory, ...]:
        """The directories that it writes to and that systemd can keep for it, beside those declared."""
        return self.kept.wanted

    @cached_property
    def shared(self) -> tuple[Shared, ...]:
        """The places elsewhere that it writes to as a member of a group."""
        found: dict[Shared, None] = {}
        for path in self.reached:
            if (
                path.writes
                and not self.is_managed(path.text)
                and (place := self.shared_place(path)) is not None
            ):
                found[place] = None
        return tuple(found)

    def is_managed(self, path: str) -> bool:
        """Whether a path lies in a directory that systemd keeps for the service."""
        if holding((*self.declared, *self.wanted), path) is not None:
            return True
        return not path.startswith(("/", "$", "~", "%")) and self._works_in_own()

    def _works_in_own(self) -> bool:
        """Whether relative paths lie in a directory of its own."""
        text = self.one.block.text("serviceConfig", "WorkingDirectory")
        return text is not None and holding((*self.declared, *self.wanted), text.lstrip("-")) is not None

    def moves(self, directory: Directory) -> bool:
        """Whether a directory lies below `private` for a dynamic user: one in /run where the unit keeps it.

        systemd's source, exec_directory_is_private.
        """
        block = self.one.block
        kept = [
            block.tree.resolver.value(s.expr) for s in block.get("serviceConfig", "RuntimeDirectoryPreserve")
        ]
        return directory.moves or not all(
            value.value is False if isinstance(value, Scalar) else getattr(value, "literal", None) == "no"
            for value in kept
        )

    def others(self, directory: Directory) -> tuple[Mention, ...]:
        """Who else names a directory that it declares."""
        return mentions(self.one.block, directory.path)

    def shared_place(self, path: Reached) -> Shared | None:
        """The place with a group that may write there which holds a path, by a rule of systemd-tmpfiles."""
        for rule in rules_over(self.one.block.tree, normal(path.text)):
            if rule.type in "dDvqQ" and rule.group_writes:
                if (
                    rule.group not in NOBODY_ELSES | _AS_GOOD_AS_ROOT
                    and not rule.group.startswith("$")
                    and not OPEN.search(rule.path)
                ):
                    return Shared(rule.path, rule.group)
        return None


def private(directory: Directory) -> str:
    """Where a directory of a dynamic user really lies."""
    return f"{directory.base}/private/{directory.name}"
