"""Secrets in the arguments of commands, where everybody who may list processes can read them.

Which programs take one as an argument: `data/secrets.toml`, `secret-options`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hwc_refactor.nixos.secrets.programs import SecretOptions, secret_options, sending_options
from hwc_refactor.nixos.secrets.shapes import has_password, is_secret_name, secret_fields, telling

_NAMES = frozenset({"--secret"})
"""Options that are called so and take the name of a secret: podman-run(1), docker-build(1)."""

_VARIABLE = re.compile(r"(?s)(?:-e|--env=)?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.+)")
"""A variable that a program is to set for another one: env(1), podman-run(1), --env."""

_SWITCHES = ("--no-", "--without-", "--use-", "--skip-", "--ask-")
"""What an option is called that takes no value."""

_HEADER = re.compile(
    r"(?i)(?P<name>authorization|(?:x-)?(?:[\w-]*-)?(?:api-?key|token|secret))\s*:"
    r"\s*(?:(?:bearer|basic|token)\s+)?[^\s$%{\"'\\<_]"
)


def secret_arguments(program: str, words: Sequence[str | None]) -> Iterator[tuple[int, str]]:
    """The arguments of a command that hold a secret as text.

    Args:
        program: the name of its file.
        words: its arguments; None for one that is not fully known.

    Returns:
        The number of each, with what it is: `the option -u of curl`.
    """
    known = secret_options(program)
    if known is not None and known.behind_word and known.behind_word not in words:
        known = None
    sending = sending_options(program)
    for number, word in enumerate(words):
        if word is None:
            continue
        header = _HEADER.match(word)
        variable = _VARIABLE.fullmatch(word)
        name, equals, value = word.partition("=")
        if name.startswith("--") and equals and name not in _NAMES and is_secret_name(name):
            if telling(value):
                yield number, f"the option {name} of {program}"
        elif _takes_secret(word) and _told(words, number + 1):
            yield number, f"the option {word} of {program}"
        elif variable is not None and is_secret_name(variable["name"]) and telling(variable["value"]):
            yield number, f"the variable {variable['name']} of {program}"
        elif header is not None:
            yield number, f"the header {header['name']}"
        elif has_password(word):
            yield number, f"a URL of {program}"
        elif sending and any(_sent(sending, word, words[number - 1] if number else None)):
            yield number, f"what {program} sends"
        elif known is not None:
            following = words[number + 1] if number + 1 < len(words) else None
            for option, held in _held(known, word, following):
                if telling(held):
                    yield number, f"the option {option} of {program}"


def _takes_secret(word: str) -> bool:
    """Whether an argument is an option that by its name takes a secret as the next one."""
    return (
        word.startswith("--")
        and word not in _NAMES
        and not word.startswith(_SWITCHES)
        and "=" not in word
        and is_secret_name(word)
    )


def _told(words: Sequence[str | None], number: int) -> bool:
    """Whether an argument may be a secret: text that is no option and no path."""
    word = words[number] if number < len(words) else None
    return word is not None and not word.startswith(("-", ".")) and telling(word)


def _sent(options: frozenset[str], word: str, before: str | None) -> Iterator[str]:
    """The fields with a secret in an argument that is sent."""
    option, equals, value = word.partition("=")
    if before in options:
        yield from secret_fields(word)
    elif equals and option in options:
        yield from secret_fields(value)


def _held(known: SecretOptions, word: str, following: str | None) -> Iterator[tuple[str, str]]:
    """An option and the secret that it takes, in an argument and the next one."""
    for option in known.options:
        if option.startswith("--"):
            value = following if word == option else word.removeprefix(f"{option}=")
            value = None if word != option and value == word else value
        elif word.startswith(option) and word != option:
            value = word.removeprefix(option)
        else:
            joined = word == option or re.fullmatch(f"-[A-Za-z]*{option[1:]}", word) is not None
            value = following if joined and not known.attached else None
        if value is None:
            continue
        _, mark, behind = value.partition(known.behind) if known.behind else ("", "", value)
        if behind and (mark or not known.behind):
            yield option, behind
            return
