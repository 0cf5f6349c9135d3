"""Commands that set the owners and rights of files, or keep those that they had (coreutils, rsync manuals)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence

from hwc_refactor.nixos.scripts.doings import Facts, Ran
from hwc_refactor.nixos.scripts.words import TEMPLATED, Place, is_option

_SPECIAL = re.compile(r"(?:\A|[,=])[ugo]*[+=][rwxX]*s|(?:\A|=|-[A-Za-z]*m)0*[2-7]\d\d\d\Z")
"""A mode that makes files setuid or setgid: `g+s`, `u=rws`, `2775`."""


def may_make_special(ran: Ran, known: Facts) -> bool:
    """Whether a command may make something setuid or setgid, or keep it so.

    Whoever sets the rights of a folder keeps its setgid bit, which it may have from the folder it lies in
    (coreutils manual, Directories and the set-user-ID and set-group-ID bits), and asks for it with that.
    """
    options = _options(ran)
    letters = _letters(options)
    if ran.name in ("chmod", "mkdir", "install") and any(_SPECIAL.search(word.text) for word in ran.words):
        return True
    match ran.name:
        case "chmod":
            copied = any(text.startswith("--reference") for text in options)
            return copied or any(not _is_own_file(place, known) for place in ran.operands[1:])
        case "mkdir":
            return "m" in letters or any(text.startswith("--mode") for text in options)
        case "install":
            return "d" in letters or "--directory" in options
        case "cp":
            return bool(set("raR") & set(letters)) or "--recursive" in options or "--archive" in options
        case "rsync":
            return bool(set("ap") & set(letters)) or any(
                text.startswith(("--archive", "--perms", "--chmod")) for text in options
            )
        case "mv":
            *sources, target = [place.text for place in ran.operands] or [""]
            return any(
                posixpath.dirname(place.text) != posixpath.dirname(target) and not _is_own_file(place, known)
                for place in ran.operands[: len(sources)]
            )
    return False


def _is_own_file(place: Place, known: Facts) -> bool:
    """Whether a path is a file that the service writes itself, or its own in /tmp."""
    written = {use.place.text for use in known.writes if use.how in (">", "tee", "touch", "curl", "wget")}
    return TEMPLATED in place.text or place.text in written


def hard_links(ran: Ran) -> Sequence[str]:
    """The files or folders that a command links, and what they are to be (link(2): not from one mount to another)."""
    operands = [place.text for place in ran.operands]
    options = _options(ran)
    letters = _letters(options)
    match ran.name:
        case "ln" if len(operands) > 1 and "s" not in letters and "--symbolic" not in options:
            return operands
        case "cp" if len(operands) > 1 and ("l" in letters or "--link" in options):
            return operands
        case "rsync" if operands:
            others = [text.split("=", 1)[1] for text in options if text.startswith("--link-dest=")]
            return [posixpath.normpath(posixpath.join(operands[-1], one)) for one in others] + operands[-1:]
    return ()


_OF_AN_OWNER = re.compile(r"-(?:user|group|uid|gid|nouser|nogroup)\Z|.*%[0-9.-]*[ugUG]")
"""What find and stat say or ask of owners: `-user`, `-printf %u`, `-c %U` (findutils, coreutils manuals)."""


def asks_for_owners(ran: Ran) -> bool:
    """Whether a command tells who owns files: in a user namespace of its own all strangers are nobody."""
    texts = [word.text for word in ran.words]
    match ran.name:
        case "find" | "stat":
            return any(map(_OF_AN_OWNER.match, texts))
        case "ls":
            return bool(set("lgon") & set(_letters(_options(ran))))
        case "test" | "[" | "[[":
            return "-O" in texts or "-G" in texts
    return False


def keeps_owners(ran: Ran) -> bool:
    """Whether a command sets the owners of files, or keeps those that they had."""
    options = _options(ran)
    letters = _letters(options)
    if ran.name == "cp":
        return bool(set("ap") & set(letters)) or any(
            text.startswith(("--pres", "--arch")) for text in options
        )
    if ran.name == "install":
        return bool(set("og") & set(letters)) or any(
            text.startswith(("--owner", "--group")) for text in options
        )
    return ran.name == "rsync" and (bool(set("aog") & set(letters)) or "--archive" in options)


def keeps_foreign_owners(ran: Ran) -> bool:
    """Whether a command of root gives what it writes the owner that the file has.

    mv does where it has to copy, as between the mounts of two `ReadWritePaths`, and within one folder never has
    to (rename(2)); a change in place makes a new file (sed manual, -i); SQLite gives its journal the owner of the
    database (sqlite3's os_unix.c).
    """
    known = ran.effective
    in_place = known.in_place if known is not None else ()
    if ran.name == "mv":
        return not _within_a_folder(ran)
    return ran.name == "sqlite3" or any(
        is_option(word.text, option) for word in ran.words for option in in_place
    )


def _within_a_folder(ran: Ran) -> bool:
    """Whether mv gives a file another name in its folder, `mv "$file.new" "$file"`, and does nothing else."""
    operands = [place.text for place in ran.operands]
    if len(operands) != 2 or any(place.unseen for place in ran.words):
        return False
    if any(text.startswith(("-t", "--target-directory")) for text in _options(ran)):
        return False
    source, target = operands
    short, long = sorted((source, target), key=len)
    if short and not short.endswith("/") and long.startswith(short) and _ENDING.match(long[len(short) :]):
        return True
    folder = posixpath.dirname(source)
    names = (posixpath.basename(source), posixpath.basename(target))
    return bool(folder) and folder == posixpath.dirname(target) and not any(map(_OPEN_NAME.search, names))


_ENDING = re.compile(r"[.~+-][\w.~+-]*\Z")
"""What follows the name of a file in the name of another one beside it, whatever variable the name is in."""

_OPEN_NAME = re.compile(r"[/$*?`{}\[\]]")
"""What may stand for more than a name, or for one that lies elsewhere."""


def _options(ran: Ran) -> Collection[str]:
    return [word.text for word in ran.words if word.text.startswith("-")]


def _letters(options: Collection[str]) -> str:
    return "".join(text[1:] for text in options if not text.startswith("--"))
