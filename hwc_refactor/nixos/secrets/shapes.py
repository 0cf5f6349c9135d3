"""By its name and by its looks: what holds a secret, and what may be one."""

from __future__ import annotations

import re

_LAST = frozenset("PASSWORD PASSWD PASS PASSPHRASE PASSCODE SECRET TOKEN APIKEY AUTHKEY PASSKEY".split())
_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY")
_KEYS = frozenset(
    "API SECRET MASTER ENCRYPTION PRIVATE APP AUTH SIGNING ACCESS JWT LICENSE WEBHOOK BOT SERVICE".split()
)
_HARMLESS = frozenset(
    "true false yes no on off 0 1 none null nil enabled disabled auto default - stdin ask prompt".split()
)
_REFERENCE = re.compile(r"[/$%<~]|file:|env:|op://|vault:|ref\+|\{\{|__|https?://[^@]*\Z|@")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@$%]*:(?P<password>[^@/\s$%{]+)@")


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, and not its length, file or switch."""
    words = [word.rstrip("0123456789") for word in re.split(r"[\W_]+", name.upper()) if word]
    if not words or "PUBLIC" in words:
        return False
    last = words[-1]
    if last in _LAST or last.endswith(_ENDINGS):
        return True
    return last == "KEY" and len(words) > 1 and bool(_KEYS & set(words[:-1]))


def telling(text: str) -> bool:
    """Whether a text may be a secret: no switch, no path, no reference to something else."""
    return bool(text.strip()) and text.strip().lower() not in _HARMLESS and not _REFERENCE.match(text.strip())


def has_password(text: str) -> bool:
    """Whether a text holds a URL with a password in it."""
    return _URL.search(text) is not None
