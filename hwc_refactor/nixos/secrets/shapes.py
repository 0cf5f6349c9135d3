"""By its name and by its looks: what holds a secret, and what may be one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hwc_refactor.nixos.secrets.programs import secret_addresses

_LAST = frozenset("PASSWORD PASSWD PASS PASSPHRASE PASSCODE SECRET TOKEN APIKEY AUTHKEY PASSKEY".split())
_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY")
_KEYS = frozenset(
    "API SECRET MASTER ENCRYPTION PRIVATE APP AUTH SIGNING ACCESS JWT LICENSE WEBHOOK BOT SERVICE".split()
)
_HARMLESS = frozenset(
    "true false yes no on off 0 1 none null nil enabled disabled auto default - stdin ask prompt"
    " files compat required optional string".split()
)
_REFERENCE = re.compile(r"[/$%<~]|!!|file:|env:|op://|vault:|ref\+|\{\{|__|https?://[^@]*\Z|@")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARAMETER = re.compile(r"[?&,;]")
_FIELD = re.compile(r"(?:\A|[?&,;])(?P<name>[A-Za-z][\w.-]*)=(?P<value>[^&,;\s\"']+)")
_MEMBER = re.compile(r"[\"'](?P<name>[A-Za-z][\w.-]*)[\"']\s*:\s*[\"'](?P<value>[^\"']+)[\"']")
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
    """Whether a text holds a URL with a secret in it: a password, a token among its parameters or in its path."""
    if _URL.search(text) is not None:
        return True
    if "://" not in text:
        return False
    return secret_addresses().search(text) is not None or any(
        _PARAMETER.search(word) is not None and any(secret_fields(word))
        for word in text.split()
        if "://" in word
    )


def secret_fields(text: str) -> Iterator[str]:
    """The names of fields in a text that hold a secret: `a=b&token=…`, `{"password": "…"}`."""
    for match in (*_FIELD.finditer(text), *_MEMBER.finditer(text)):
        if is_secret_name(plain_name(match["name"])) and telling(match["value"]):
            yield match["name"]


def plain_name(name: str) -> str:
    """A name of a setting in words: `bot-token` for `botToken`."""
    return "-".join(_CAMEL.split(name))
