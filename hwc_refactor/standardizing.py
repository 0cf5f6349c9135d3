"""A container's attributes in the words of the shared module, edited in place.

What the module calls the same stays as it is, expressions and comments included. What is left is the image
with its tag, the flags that have a word of their own, the user and the time zone, and what the module
would add of itself and this container never had.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hwc_refactor import placing
from hwc_refactor.draft import Draft
from hwc_refactor.module_words import CannotSay
from hwc_refactor.mounting import pairs
from hwc_refactor.nix.build import Snippet
from hwc_refactor.nix.comments import comment_text, comments_of
from hwc_refactor.nix.scope import attrpath_of, bindings_of
from hwc_refactor.nix.strings import STRING_TYPES, quote
from hwc_refactor.nix.syntax import Node, ParsedFile
from hwc_refactor.nix.values import Expr, Slot
from hwc_refactor.nixos.containers import Container
from hwc_refactor.nixos.images import split_source
from hwc_refactor.nixos.objects import Block
from hwc_refactor.nixos.operands import Operand, operands_of
from hwc_refactor.nixos.plain_values import is_host_zone, is_true, number_text
from hwc_refactor.nixos.profiles import Profile
from hwc_refactor.nixos.terms import RESOURCES, Terms, read_terms
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.placing import NoPlace

SAME = frozenset(
    {
        *("image", "imageFile", "pull", "autoStart", "capabilities", "devices", "volumes", "ports"),
        *("environment", "environmentFiles", "cmd", "entrypoint", "workdir", "hostname", "labels"),
        *("dependsOn", "extraOptions"),
    }
)
"""What the module calls as NixOS does."""
PASSED_ON = frozenset(
    {
        *("login", "log-driver", "podman", "preRunExtraOptions", "privileged", "serviceName", "networks"),
        *("imageStream", "autoRemoveOnStop"),
    }
)
"""What the module passes on below `settings`."""
RENAMED = {"user": "runAs", **{name: f"settings.{name}" for name in PASSED_ON}}
CHANGED = frozenset({"autoStart", "environment", "extraOptions", "image", "ports", "volumes"})
"""What of it may say less afterwards, or be gone."""
NEW = frozenset(
    {
        *("enable", "gpu", "imageTag", "networkMode", "noNewPrivileges", "resources", "runAs", "secrets"),
        *("settings", "timeZone", "user", "volumeMounts"),
    }
)
"""What the module has beside that."""
GAINS = {
    "memory": "memory 2g",
    "memorySwap": "memory and swap 4g",
    "cpus": "cpus 1.0",
    "pidsLimit": "pids 200",
}
"""The documented limits, in the words of the table."""
NO_NEW_PRIVILEGES = "no new privileges"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user or a documented diff wants beside the rules.

    Attributes:
        pin: the tag that the image gets instead of a floating one.
        keep_limits: whether what was not limited stays so.
        limits: limits by the name of their flag, in place of the documented ones.
        profile: what is known of the image.
        secrets: names of secrets that it gets.
        heading: a comment above it.
    """

    pin: str | None = None
    keep_limits: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)
    profile: Profile | None = None
    secrets: tuple[str, ...] = ()
    heading: str = ""


def standardize(draft: Draft, tree: Tree, block: Block, makers: Sequence[Container], wishes: Wishes) -> Terms:
    """Rewrite the attributes of a container, or of the function that makes some, into the module's words.

    Args:
        draft: the change in the making.
        tree: the snapshot.
        block: the container, or the function read once.
        makers: the containers that it comes to.
        wishes: what is wanted beside the rules.

    Returns:
        What its flags come to.

    Raises:
        CannotSay: when an attribute has no word there.
        NoPlace: when a place serves other objects too.
    """
    return _Writer(draft, tree, block, makers, wishes).write()


class _Writer:
    def __init__(
        self, draft: Draft, tree: Tree, block: Block, makers: Sequence[Container], wishes: Wishes
    ) -> None:
        self.draft, self.tree, self.block, self.makers, self.wishes = draft, tree, block, makers, wishes
        self.home = placing.home(tree, block, ())
        self.moved: list[str] = []
        """The texts of comments that stand elsewhere now."""
        self.gone: list[Slot] = []
        """Definitions that are said otherwise now."""

    def write(self) -> Terms:
        self._check()
        options = self._single("extraOptions")
        operands = [] if options is None else operands_of(self.block, options.expr)
        terms = read_terms(self.block, operands, self.makers)
        whole = options is not None and bool(operands) and all(_all_taken(terms, one) for one in operands)
        middle = [
            self._network(terms, options if whole else None),
            *self._gpu(terms),
            *self._user(),
            *self._time_zone(),
        ]
        end = [*self._no_new_privileges(terms), *self._secrets(), *self._resources(terms)]
        self._ports(terms)
        self._rename()
        self._head()
        self._place(middle, end)
        self._volumes()
        for slot in self.gone:
            self._take(slot)
        self._empty_environment()
        if options is not None:
            self._take_flags(terms, options, operands)
        self._image()
        return terms

    # -- what has no word ------------------------------------------------------------------------------

    def _check(self) -> None:
        if self.home.holder.type == "rec_attrset_expression" and (name := self._read_within()) is not None:
            raise NoPlace(f"it is a recursive set that reads its own '{name}'")
        for name, slots in self.block.view.slots.items():
            if name not in SAME and name not in RENAMED:
                raise CannotSay("option-not-in-module", f"The module has no option '{name}'.", slots[0].expr)
        auto = self._single("autoStart")
        if auto is not None and is_true(self.block, auto.expr):
            self.gone.append(auto)

    def _read_within(self) -> str | None:
        """A name that a recursive set reads and that would mean something else afterwards."""
        file, holder = self.home.file, self.home.holder
        for name in sorted(CHANGED | NEW | set(RENAMED)):
            for offset in self.tree.words(file.source.path, name.encode()):
                if holder.start_byte <= offset < holder.end_byte:
                    around = file.chain(offset, offset + len(name))[-2]
                    if around.type == "variable_expression":
                        return name
        return None

    def _rename(self) -> None:
        for name, slots in self.block.view.slots.items():
            for slot in slots if name in RENAMED else ():
                if slot.binding is None or slot.binding.type != "binding" or not self._own(slot.expr):
                    raise CannotSay(
                        "option-not-in-module",
                        f"The module calls '{name}' {RENAMED[name]}, and it is not written out for this"
                        " container alone.",
                        slot.expr,
                    )
                component = attrpath_of(slot.binding)[slot.depth - 1]
                self.draft.replace_text(slot.expr.file, component, RENAMED[name])

    # -- places ----------------------------------------------------------------------------------------

    def _own(self, expr: Expr) -> bool:
        return placing.not_own(self.tree, self.block, expr) is None

    def _single(self, *path: str) -> Slot | None:
        """The one definition of an attribute, where it is written out for this container alone."""
        slots = self.block.get(*path)
        if len(slots) != 1 or slots[0].rest or not slots[0].certain or slots[0].modifiers:
            return None
        slot = slots[0]
        written = slot.binding is not None and slot.binding.type == "binding"
        return slot if written and self._own(slot.expr) else None

    def _place(self, middle: list[Snippet], end: list[Snippet]) -> None:
        """Put new bindings in: `enable` at the top, the network behind the image, limits at the end."""
        file, holder, lead = self.home.file, self.home.holder, self.home.lead
        items = [node for node in bindings_of(holder) if not lead or self._ours(node)]
        image = self._single("image")
        behind = image.binding if image is not None and image.binding in items else items[0]
        if _airy(file, items):
            middle = [replace(middle[0], blank=True), *middle[1:]]
            middle[-1] = replace(middle[-1], blank_below=True)
            end = [replace(snippet, blank=True) for snippet in end]
        if not lead:
            self.draft.spread(file, holder)
        if end:
            self.draft.insert(file, holder, [_led(lead, snippet) for snippet in end], after=items[-1])
        self.draft.insert(file, holder, [_led(lead, snippet) for snippet in middle], after=behind)
        self.draft.insert(file, holder, [f"{lead}enable = true;"], before=items[0])

    def _ours(self, binding: Node) -> bool:
        return any(slot.binding == binding for slot in self.block.slots)

    def _head(self) -> None:
        slot = self.block.slots[0]
        if self.wishes.heading and slot.binding is not None:
            self.draft.head(slot.expr.file, slot.binding, self.wishes.heading)

    def _secrets(self) -> list[Snippet]:
        if not self.wishes.secrets:
            return []
        names = " ".join(quote(name) for name in self.wishes.secrets)
        self.draft.gain(f"secrets {', '.join(self.wishes.secrets)}")
        return [Snippet(f"secrets = [ {names} ];")]

    def _volumes(self) -> None:
        """Name the volumes, where their paths give names: pairs say which is which."""
        slot = self._single("volumes")
        found = None if slot is None else pairs(self.tree, slot.expr)
        if slot is None or slot.binding is None or found is None:
            return
        lead = _lead_of(slot.expr.file, slot.binding)
        holder = self.home.holder if slot.holder is None else slot.holder.node
        mounts = Snippet(f"volumeMounts = {found.mounts};", blank=_airy(slot.expr.file, bindings_of(holder)))
        self.draft.insert(slot.expr.file, holder, [_led(lead, mounts)], after=slot.binding)
        self.draft.replace_value(slot.expr.file, slot.binding, found.volumes)

    # -- flags -----------------------------------------------------------------------------------------

    def _network(self, terms: Terms, options: Slot | None) -> Snippet:
        lead: list[str] = []
        if options is not None and options.binding is not None:
            own = comments_of(options.expr.file, options.binding)
            lead = [comment_text(options.expr.file, comment) for comment in own.all]
        word = terms.network or '"bridge"'
        return self._snippet(f"networkMode = {word};", terms, "network", lead)

    def _gpu(self, terms: Terms) -> list[Snippet]:
        if not terms.gpu:
            return []
        if len(terms.gpu) == 1:
            return [self._snippet(f"gpu.{terms.gpu[0]}", terms, "gpu")]
        body = "\n".join(f"  {line}" for line in terms.gpu)
        return [self._snippet(f"gpu = {{\n{body}\n}};", terms, "gpu")]

    def _snippet(self, text: str, terms: Terms, term: str, lead: Sequence[str] = ()) -> Snippet:
        """A binding with the comments of the flags that it says."""
        above, behind = list(lead), list[str]()
        for flag in (flag for flag, said in terms.taken if said == term):
            for item in flag.items:
                if item.holder is None or not self._own(item.expr):
                    continue
                file = item.expr.file
                comments = comments_of(file, item.expr.node)
                above += [comment_text(file, node) for node in comments.leading]
                tail = () if comments.trailing is None else (comments.trailing, *comments.continued)
                behind += [comment_text(file, node) for node in tail]
        if len(behind) > 1:
            above, behind = [*above, *behind], []
        self.moved += [*above, *behind]
        return Snippet(text, tuple(above), behind[0] if behind else "")

    def _take_flags(self, terms: Terms, options: Slot, operands: Sequence[Operand]) -> None:
        """Take out the flags that are said otherwise now."""
        gone = [operand for operand in operands if _all_taken(terms, operand)]
        if operands and len(gone) == len(operands):
            self._take(options)
            return
        for operand in operands:
            taken = [flag for flag in operand.flags if terms.term_of(flag) is not None]
            if taken and operand not in gone:
                nodes = [item.expr.node for flag in taken for item in flag.items]
                self._lose(self.draft.take_elements(operand.expr.file, operand.expr.node, nodes))
        for operand in gone:
            self._lose(self.draft.take_operand(operand.expr.file, operand.expr.node))

    def _take(self, slot: Slot) -> None:
        assert slot.binding is not None
        self._lose(self.draft.take_binding(slot.expr.file, slot.binding))

    def _lose(self, comments: Sequence[str]) -> None:
        for text in comments:
            plain = text.strip("#/* \n")
            if not any(plain == moved.strip("#/* \n") for moved in self.moved):
                self.draft.note(f"The comment '{text.lstrip('# ')}' went with what it described.")

    # -- privileges and limits -------------------------------------------------------------------------

    def _no_new_privileges(self, terms: Terms) -> list[Snippet]:
        if terms.no_new_privileges:
            return []
        off = [Snippet("noNewPrivileges = false;")]
        if terms.no_new_privileges is False or ("--security-opt" in terms.present and not terms.complete):
            return off
        profile = self.wishes.profile
        if profile is not None and not profile.no_new_privileges:
            why = profile.no_new_privileges_why or profile.undecidable
            self.draft.note(f"no-new-privileges is left off: {why.rstrip('.')}." if why else _UNKNOWN_NEEDS)
            return off
        if any(maker.privileged for maker in self.makers):
            self.draft.note("no-new-privileges is left off, for it is privileged: see to that first.")
            return off
        if not terms.complete:
            self.draft.note(
                "Not all of its flags are in sight, so it gains neither limits nor no-new-privileges."
            )
            return off
        self.draft.gain(NO_NEW_PRIVILEGES)
        return []

    def _resources(self, terms: Terms) -> list[Snippet]:
        values: dict[str, str] = {}
        gained: list[str] = []
        flag_of = {resource: flag for flag, resource in RESOURCES.items()}
        for resource in RESOURCES.values():
            name = flag_of[resource]
            if resource in terms.limits:
                values[resource] = terms.limits[resource]
            elif f"--{name}" in terms.present or not terms.complete or self.wishes.keep_limits:
                values[resource] = "null"
            elif name in self.wishes.limits:
                values[resource] = quote(self.wishes.limits[name])
                gained.append(f"{name} {self.wishes.limits[name]}")
            elif resource == "memorySwap" and "memory" in values:
                values[resource] = "null"
            else:
                gained.append(GAINS[resource])
        if values.get("memory") == "null" and values.get("memorySwap") == "null":
            del values["memorySwap"]
        self._gains(gained)
        if not values:
            return []
        lines = [f"{name} = {value};" for name, value in values.items()]
        if len(lines) == 1:
            name = next(iter(values))
            return [self._snippet(f"resources.{lines[0]}", terms, name)]
        if set(values.values()) == {"null"} and not any(
            term in RESOURCES.values() for _, term in terms.taken
        ):
            return [Snippet(f"resources = {{ {' '.join(lines)} }};")]
        return [self._limits(terms, lines)]

    def _limits(self, terms: Terms, lines: Sequence[str]) -> Snippet:
        """The limits with the comments of their flags."""
        body: list[str] = []
        for line in lines:
            said = self._snippet(line, terms, line.partition(" ")[0])
            body += [f"  # {text}" for text in said.above]
            body.append(f"  {line}" + (f" # {said.behind}" if said.behind else ""))
        return Snippet("\n".join(("resources = {", *body, "};")))

    def _gains(self, gained: Sequence[str]) -> None:
        if not gained:
            return
        for text in gained:
            self.draft.gain(text)
        self.draft.review(
            f"It gains limits that it did not have: {', '.join(gained)}. Raise them where it needs more, or"
            " leave it unlimited with --keep-limits."
        )

    def _ports(self, terms: Terms) -> None:
        """Take ports away that podman refuses, because the container lives in another one's network."""
        slot = self._single("ports")
        word = terms.network or ""
        if slot is None or not (word == '"vpn"' or word.startswith('"container:')):
            return
        items = self.block.items("ports")
        if not items:
            return
        other = "gluetun" if word == '"vpn"' else word.strip('"').removeprefix("container:")
        shown = ", ".join(item.expr.text for item in items)
        self.draft.note(
            f"It lives in the network of '{other}', where its own ports {shown} cannot be published: podman"
            " refuses them. Publish them there."
        )
        self.gone.append(slot)

    # -- environment -----------------------------------------------------------------------------------

    def _user(self) -> list[Snippet]:
        """The user that the image is told, as `user`; null where it is told none."""
        found = {name: self._variable(name) for name in ("PUID", "PGID")}
        texts = {
            name: None if slot is None else number_text(self.block, slot.expr) for name, slot in found.items()
        }
        uid, gid = texts["PUID"], texts["PGID"]
        if uid is not None and gid is not None:
            self.gone += [slot for slot in found.values() if slot is not None]
            return (
                []
                if (uid, gid) == ("1000", "1000")
                else [Snippet(f"user = {{ uid = {uid}; gid = {gid}; }};")]
            )
        lines = [
            f"{word} = null;" for name, word in (("PUID", "uid"), ("PGID", "gid")) if not self._is_set(name)
        ]
        return [Snippet(f"user = {{ {' '.join(lines)} }};")] if lines else []

    def _time_zone(self) -> list[Snippet]:
        slot = self._variable("TZ")
        if slot is not None and is_host_zone(self.block, slot.expr):
            self.gone.append(slot)
            return []
        return [] if self._is_set("TZ") else [Snippet("timeZone = null;")]

    def _empty_environment(self) -> None:
        """Take the environment away where nothing is left in it."""
        slot = self._single("environment")
        if slot is None or slot.expr.node.type != "attrset_expression":
            return
        now = self.draft.here(slot.expr.file, slot.expr.node)
        if not now.named_child_count:
            self._take(slot)

    def _variable(self, name: str) -> Slot | None:
        return self._single("environment", name)

    def _is_set(self, name: str) -> bool:
        """Whether the environment is sure to hold a variable, which then wins over the module's."""
        return any(slot.certain for slot in self.block.get("environment", name))

    # -- image -----------------------------------------------------------------------------------------

    def _image(self) -> None:
        slot = self._single("image")
        source = self.makers[0].image_source
        image = None if source is None else source.image
        floats = image is not None and image.floating and not self.block.get("imageFile")
        if slot is None or slot.expr.node.type not in STRING_TYPES:
            if floats and image is not None:
                self.draft.note(_floating(self.block.name, image.repository))
            return
        split = split_source(slot.expr)
        if split is None:
            return
        repository, tag = split
        if floats and self.wishes.pin is not None:
            tag = quote(self.wishes.pin)
        elif floats and image is not None:
            self.draft.note(_floating(self.block.name, image.repository))
        if tag is None:
            return
        file = slot.expr.file
        assert slot.binding is not None
        source_now = self.draft.now(file).source
        start = self.draft.here(file, slot.binding).start_byte
        gap = " "
        if source_now.starts_line(start):
            gap = (source_now.newline + source_now.indent(start)).decode()
        lead = _lead_of(file, slot.binding)
        # What stands behind the image, such as a comment on its version, is behind the tag now.
        self.draft.replace_text(file, slot.expr.node, f"{repository};{gap}{lead}imageTag = {tag}")


_UNKNOWN_NEEDS = "no-new-privileges is left off: what the image needs depends on how it is used."


def _floating(name: str, repository: str) -> str:
    return (
        f"{repository} follows its latest version, of which the module warns: name the one you want with"
        f" --pin {name}=TAG."
    )


def _all_taken(terms: Terms, operand: Operand) -> bool:
    """Whether every flag of an operand is said otherwise now, and nothing else is in it."""
    return operand.complete and all(terms.term_of(flag) is not None for flag in operand.flags)


def _airy(file: ParsedFile, items: Sequence[Node]) -> bool:
    """Whether blank lines part the bindings of a set."""
    data = file.source.data
    gaps = (data[upper.end_byte : lower.start_byte] for upper, lower in itertools.pairwise(items))
    return any(
        line.count(b"\n") > 1 and b"\n\n" in line.replace(b"\r", b"").replace(b" ", b"") for line in gaps
    )


def _lead_of(file: ParsedFile, binding: Node) -> str:
    path = attrpath_of(binding)
    return file.source.data[path[0].start_byte : path[-1].start_byte].decode(errors="replace")


def _led(lead: str, snippet: Snippet) -> Snippet:
    return replace(snippet, text=lead + snippet.text) if lead else snippet
