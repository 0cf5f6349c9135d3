"""The figures of an audit: how many there are of what, and which share of them is in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from hwc_refactor.findings import Audit
from hwc_refactor.model import Severity
from hwc_refactor.nixos.users.inventory import ROOT, Service

SECRETS = "env-secrets-to-load-credential"
"""The codemod whose findings are secrets in sight."""


class Share(Struct, frozen=True):
    """So many of so many."""

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where there is nothing."""
        return round(self.count / self.of, 4) if self.of else None


class Figures(Struct, frozen=True):
    """The figures of an audit.

    Attributes:
        by_codemod, by_severity: findings; what was asked and found nothing counts 0.
        root, unhardened: system services.
        privileged: containers.
        secrets: services and containers with secrets in sight; of none where nobody looked for secrets.
    """

    services: int
    user_services: int
    containers: int
    files: int
    locked: int
    findings: int
    changes: int
    suppressed: int
    by_codemod: Mapping[str, int]
    by_severity: Mapping[str, int]
    root: Share
    unhardened: Share
    privileged: Share
    secrets: Share

    @property
    def refusals(self) -> int:
        """Findings that stay."""
        return self.findings - self.changes

    @property
    def shares(self) -> tuple[tuple[str, Share], ...]:
        """The shares with their words."""
        return (
            ("services run as root", self.root),
            ("services have no sandbox", self.unhardened),
            ("containers are privileged", self.privileged),
            ("services and containers have secrets in sight", self.secrets),
        )


def figures(audit: Audit) -> Figures:
    """The figures of an audit."""
    there = audit.inventory
    by_codemod = Counter({tally.codemod: 0 for tally in audit.tallies if tally.generic})
    by_codemod.update(finding.codemod for finding in audit.findings)
    by_severity = {severity.label: 0 for severity in sorted(Severity, reverse=True)}
    for finding in audit.findings:
        by_severity[finding.severity.label] += 1
    services, containers = len(there.services), len(there.containers)
    in_sight = {
        (finding.file, finding.subject)
        for finding in (*audit.findings, *(one.finding for one in audit.suppressed))
        if finding.codemod == SECRETS
    }
    asked = any(tally.codemod == SECRETS and tally.generic for tally in audit.tallies)
    return Figures(
        services,
        len(there.user_services),
        containers,
        audit.files,
        audit.locked,
        len(audit.findings),
        sum(finding.action == "change" for finding in audit.findings),
        len(audit.suppressed),
        dict(by_codemod),
        by_severity,
        Share(sum(service.runs_as == ROOT for service in there.services), services),
        Share(sum(service.hardened is False for service in there.services), services),
        Share(sum(container.privileged for container in there.containers), containers),
        Share(len(in_sight), services + len(there.user_services) + containers if asked else 0),
    )


def most_exposed(audit: Audit) -> list[Service]:
    """The services whose exposure is known, the most exposed first."""
    known = (service for service in audit.inventory.services if service.exposure is not None)
    return sorted(known, key=lambda service: (-(service.exposure or 0), service.file, service.line))
