"""A baseline: the findings of a configuration that are known, so that only new ones are told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hwc_refactor.findings import Audit, Finding, Suppressed
from hwc_refactor.settings import SettingsError

VERSION = 1
KIND = "baseline"


class Entry(Struct, frozen=True):
    """One known finding; all but the fingerprint is there for people.

    Attributes:
        line: where the entry stands in its file.
    """

    fingerprint: str
    rule: str
    file: str
    object: str
    line: int


def dumps(findings: Iterable[Finding]) -> bytes:
    """The baseline of some findings: JSON with one entry a line, sorted, so that a diff of it can be read."""
    entries = sorted(
        {
            (finding.file, str(finding.subject), finding.rule, finding.fingerprint): {
                "fingerprint": finding.fingerprint,
                "rule": finding.rule,
                "file": finding.file,
                "object": str(finding.subject),
            }
            for finding in findings
        }.items()
    )
    lines = ",\n".join(f"    {json.dumps(entry)}" for _, entry in entries)
    body = f"\n{lines}\n  " if lines else ""
    return f'{{\n  "version": {VERSION},\n  "findings": [{body}]\n}}\n'.encode("ascii")


def loads(data: bytes, name: str) -> tuple[Entry, ...]:
    """The entries of a baseline.

    Args:
        data: what stands in the file.
        name: what to call it in complaints.

    Raises:
        SettingsError: when it is none.
    """
    try:
        value = json.loads(data)
        version, entries = value["version"], value["findings"]
        if version != VERSION:
            raise SettingsError(f"{name}: this baseline is of version {version}, and {VERSION} is understood")
        return tuple(_entry(entry, data) for entry in entries)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"{name}: this is no baseline; 'hwc-refactor scan --write-baseline FILE' makes one"
        ) from error


def fingerprints(path: Path | None) -> frozenset[str]:
    """What a baseline file knows; nothing without one. Raises SettingsError, OSError."""
    if path is None:
        return frozenset()
    return frozenset(entry.fingerprint for entry in loads(path.read_bytes(), str(path)))


def _entry(entry: Mapping[str, object], data: bytes) -> Entry:
    fingerprint, rule, file, subject = (entry[key] for key in ("fingerprint", "rule", "file", "object"))
    if not all(isinstance(text, str) for text in (fingerprint, rule, file, subject)):
        raise ValueError("not a text")
    offset = max(data.find(json.dumps(fingerprint).encode()), 0)
    return Entry(str(fingerprint), str(rule), str(file), str(subject), data.count(b"\n", 0, offset) + 1)


def without_known(audit: Audit, entries: Iterable[Entry]) -> tuple[Audit, tuple[Entry, ...]]:
    """The audit without what a baseline knows, and the entries that nothing was found for."""
    known = {entry.fingerprint: entry for entry in entries}
    hidden = [finding for finding in audit.findings if finding.fingerprint in known]
    met = {finding.fingerprint for finding in (*hidden, *(one.finding for one in audit.suppressed))}
    return (
        replace(
            audit,
            findings=tuple(finding for finding in audit.findings if finding.fingerprint not in known),
            suppressed=(*audit.suppressed, *(Suppressed(finding, KIND, "") for finding in hidden)),
        ),
        tuple(entry for fingerprint, entry in known.items() if fingerprint not in met),
    )
