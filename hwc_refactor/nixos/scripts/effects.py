"""What one command does by what is known of it: what it writes, what it runs, and what of that is not known."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from hwc_refactor.nixos.scripts.commands import Knowledge
from hwc_refactor.nixos.scripts.doings import Doubt, Ran, Use
from hwc_refactor.nixos.scripts.languages import runs_others, writes_files
from hwc_refactor.nixos.scripts.words import Place, after_options, is_option, option_values


def written_by(ran: Ran) -> Iterator[Use | Doubt]:
    """The paths that a command writes; a doubt where these cannot be told."""
    known = ran.effective
    assert known is not None
    places = ran.operands
    if known.writes == "unknown":
        yield ran.doubt(f"it runs {ran.name}, which writes where its options say", place=True)
    if known.runs == "find" and any(word.text == "-delete" for word in ran.words):
        yield from (Use(ran.name, place, ran.program) for place in _roots(ran.words))
    chosen = _chosen(ran, known, places)
    if any(is_option(word.text, option) for word in ran.words for option in known.in_place):
        given = any(word.text.split("=", 1)[0] in known.expression_options for word in ran.words)
        chosen = places if given else places[1:]
    folders = ran.name == "install" and any(word.text in ("-d", "--directory") for word in ran.words)
    chosen = places if folders else chosen
    made, kept = ran.name == "mkdir" or folders, known.writes == "rest"
    kept_paths = [Place(path, None, known=True) for path in known.keeps]
    named = tuple(option_values(ran.words, known.write_options, known.value_options))
    for place in (*chosen, *named, *kept_paths):
        if place.text not in ("-", "") and not place.text.startswith(("/dev/null", "/dev/std")):
            yield Use(ran.name, place, ran.program, made, kept)
    if not folders and any(is_option(w.text, option) for w in ran.words for option in known.makes_folders):
        yield from (_folder_of(ran, place) for place in chosen or named)


def doubted(ran: Ran) -> Iterator[Doubt]:
    """What is not known of a command that is known otherwise, for the words that it is given."""
    known = ran.known
    assert known is not None
    unseen = f"it runs {ran.name} with words that are not in sight"
    if any(word.unseen for word in ran.words):  # they may be options, too
        if known.runs not in ("", "find", "input") or known.open_with:
            yield ran.doubt(unseen)
        elif known.writes or known.write_options or known.in_place or known.makes_folders:
            yield ran.doubt(unseen, place=True)
    if any(word.text.startswith(known.commands_in) for word in ran.words):
        yield ran.doubt(f"it runs another command through {ran.name}")
    if any(runs_others(ran.name, word.text) for word in ran.words):
        yield ran.doubt(f"it runs a program of {ran.name} that starts commands or writes files")
    if any(writes_files(ran.name, word.text) for word in ran.words):
        yield ran.doubt(f"it runs a program of {ran.name} that writes files", place=True)
    if ran.name == "sqlite3" and len(ran.operands) < 2:
        yield ran.doubt("it hands sqlite3 what may write files", place=True)


def handed_on(ran: Ran) -> Iterator[list[Place]]:
    """The commands, with their words, that another one runs: `timeout 5 curl …`."""
    known = ran.known
    assert known is not None
    if known.runs == "find":
        roots = tuple(_roots(ran.words))
        for number, word in enumerate(ran.words):
            if word.text in ("-exec", "-execdir", "-ok", "-okdir"):
                if command := _for_each_found(ran.words[number + 1 :], roots):
                    yield command
        return
    rest = after_options(ran.words, known)
    options = ran.words[: len(ran.words) - len(rest)]
    if known.runs == "input" and rest and not any(is_option(word.text, "-I") for word in options):
        rest = [*rest, Place("{}", None, known=False)]
    if known.runs == "second":
        rest = rest[1:]
    while known.runs == "env" and rest and "=" in rest[0].text:
        rest = rest[1:]
    if rest:
        yield rest


def _chosen(ran: Ran, known: Knowledge, places: tuple[Place, ...]) -> tuple[Place, ...]:
    """The operands that a command writes."""
    match known.writes:
        case "all":
            return places
        case "first":
            numbered = known.runs == "second" and places and places[0].text.isdigit()
            return () if numbered else places[:1]  # flock(1): a number is a file that is open already
        case "second":
            return places[1:2]
        case "rest":
            return places if any(w.text.startswith("--reference") for w in ran.words) else places[1:]
        case "last":
            return places[-1:]
        case "target":
            return tuple(replace(place, text=place.text.rstrip("/") or "/") for place in places[1:][-1:])
        case "dd":
            return tuple(replace(p, text=p.text[3:]) for p in places if p.text.startswith("of="))
    return ()


def _folder_of(ran: Ran, place: Place) -> Use | Doubt:
    """The folder of a file, which a command makes with it: `install -D`."""
    folder = posixpath.dirname(place.text)
    if not folder or (place.lead is not None and len(folder) < place.lead[1]):
        return ran.doubt(f"it makes folders with {ran.name} that cannot be told", place=True)
    return Use(ran.name, replace(place, text=folder), ran.program, made=True)


def _roots(words: Sequence[Place]) -> Iterator[Place]:
    """The folders that find starts from (findutils manual, Invoking find)."""
    for word in words:
        if word.text.startswith(("-", "(", "!", "\\")) and word.text not in ("-H", "-L", "-P"):
            return
        if not word.text.startswith("-"):
            yield word


def _for_each_found(words: Sequence[Place], roots: Sequence[Place]) -> list[Place]:
    """The command of `-exec`, up to its end: `{}` lies below the folders that find starts from, or is one of them."""
    found: list[Place] = []
    for number, word in enumerate(words):
        if word.text in (";", "\\;") or (word.text == "+" and words[number - 1].text == "{}"):
            break
        found += roots if word.text == "{}" and roots else (word,)
    return found
