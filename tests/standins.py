"""Evaluates the containers of one file by itself, with stand-ins for all that it reads from elsewhere.

    alone = StandIns(Tree(…), "hosts/server/radarr.nix")
    before = alone.evaluate(root, lib)     # one value for each of two sets of stand-ins
    now = alone.evaluate(after, lib)       # the same stand-ins

Which stand-ins there have to be is read from the file: `config.app.enable` behind `mkIf` is a truth value, what an
option is declared as counts first. Where Nix then says that a value is missing or of another kind, that is learned
and tried again. In the second set, conditions are false where they do not decide whether there is a container at all.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from containereval import shared_modules
from nixeval import NIX, EvaluationError, Facts
from outside import Names, compared_with, formals, nodes, paths, used_as, within

from hwc_refactor.nix.scope import Env, env_along, root_env
from hwc_refactor.nix.strings import attr_name
from hwc_refactor.nix.syntax import Node, ParsedFile, text_of
from hwc_refactor.nixos.options import declarations
from hwc_refactor.nixos.tree import Tree

ALONE = Path(__file__).with_name("nix") / "alone.nix"
ROUNDS = 25

BY_TYPE = (
    (r"listOf", "list"),
    (r"attrsOf|attrs\b|submodule", "set"),
    (r"bool", "bool"),
    (r"\b(int|port|ints|number|float)\b", "int"),
    (r"\b(str|path|lines|package|nonEmptyStr|singleLineStr)\b", "str"),
)
EXPECTED = {"a Boolean": "bool", "a list": "list", "a set": "set", "an integer": "int", "a string": "str"}


class StandIns:
    """The stand-ins of one file, as far as they are known; each evaluation may add to them."""

    def __init__(self, tree: Tree, file: str) -> None:
        self.tree, self.file = tree, file
        # The one option of NixOS that the shared module reads itself
        self.kinds: dict[Names, str] = {("config", "time", "timeZone"): "str"}
        self.words: dict[Names, list[str]] = {}
        parsed = tree.file(file)
        for node, env in nodes(parsed, parsed.root, root_env(parsed)):
            self._read(parsed, node, env)

    def evaluate(self, root: Path, lib: str | None) -> list[Facts]:
        """What the file comes to below a folder, under both sets of stand-ins.

        Raises:
            EvaluationError: when it cannot be evaluated by itself.
        """
        changed = {
            name: data
            for name in self.tree.paths
            if (root / name).is_file() and (data := (root / name).read_bytes()) != self.tree.data(name)
        }
        if changed:
            # What is learned is learned from the file as it stands below this folder
            self.tree = self.tree.replaced(changed)
        for _ in range(ROUNDS):
            done = self._run(root, lib)
            if not done.returncode:
                found: list[Facts] = json.loads(done.stdout)
                return found
            if not self._learn(root, done.stderr):
                break
        raise EvaluationError(done.stderr)

    # -- what the file reads ---------------------------------------------------------------------------

    def _read(self, file: ParsedFile, node: Node, env: Env) -> None:
        for path in paths(self.tree, file, node, env):
            self._add(path, file, node)

    def _add(self, path: Names, file: ParsedFile, node: Node) -> None:
        if path[0] in ("lib", "builtins", "options") or len(path) < 2:
            return
        kind = "package" if path[0] == "pkgs" else self._declared(path) or used_as(file, node, path)
        if self.kinds.get(path, "str") == "str":
            self.kinds[path] = kind
        word = compared_with(file, node)
        if word is not None and word not in self.words.setdefault(path, []):
            self.words[path].append(word)

    def _declared(self, path: Names) -> str | None:
        if path[0] != "config":
            return None
        for found in declarations(self.tree, path[1:])[:1]:
            text = text_of(found.file, found.binding)
            if "mkEnableOption" in text:
                return "bool"
            kind = re.search(r"\btype\s*=([^;]*);", text)
            if kind is None:
                return None
            if words := re.findall(r'"([^"]*)"', kind[1]) if "enum" in kind[1] else []:
                self.words[path] = words
                return "str"
            for pattern, name in BY_TYPE:
                if re.search(pattern, kind[1]):
                    return name
        return None

    # -- one evaluation --------------------------------------------------------------------------------

    def _run(self, root: Path, lib: str | None) -> subprocess.CompletedProcess[str]:
        assert NIX is not None
        more = shared_modules(root)
        command = [NIX, "--store", "dummy://", "--eval", "--strict", "--json", str(ALONE)]
        command += ["--argstr", "file", str((root / self.file).resolve())]
        sets = " ".join(f"({{ lib, package }}: {self._set(number)})" for number in (0, 1))
        command += ["--arg", "arguments", f"[ {sets} ]"]
        command += ["--arg", "more", json.dumps(more).replace(",", " ")]
        if lib is not None:
            command += ["--arg", "lib", f'import (/. + "{Path(lib).resolve()}/lib")']
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def _set(self, number: int) -> str:
        """The arguments of the module in one of the two sets."""
        root: dict[str, Any] = {}
        for path in sorted(self.kinds):
            holder = root
            for name in path[:-1]:
                below = holder.get(name)
                if not isinstance(below, dict):
                    # A package may have others below it; anything else that has is a set
                    below = holder[name] = {"": below} if below and path[0] == "pkgs" else {}
                holder = below
            holder[path[-1]] = self._value(path, number)
        for name in (*formals(self.tree.file(self.file)), "config", "pkgs"):
            root.setdefault(name, {})
        root["lib"], root["options"] = "lib", {}
        return _nix(root)

    def _value(self, path: Names, number: int) -> str:
        name = "/".join(path)
        match self.kinds[path]:
            case "bool":
                return "true" if not number or self._switches(path) else "false"
            case "int":
                return str(1000 + sum(name.encode()) % 900)
            case "list":
                return f'[ "/stand-in/{name}:/{path[-1]}" ]'
            case "set":
                return f'{{ STAND_IN = "{name}"; }}'
            case "image":
                return f'"stand-in.example/{name.lower()}:1.0"'
            case "package":
                return f'(package "{"-".join(path[1:])}")'
        words = self.words.get(path, [])
        if words:
            return _quoted([*words, "media"][number % (len(words) + 1)])
        return _quoted(f"/stand-in/{name}")

    def _switches(self, path: Names) -> bool:
        """Whether a truth value decides whether there is anything at all."""
        above = path[:-1]
        return path[-1].startswith("enable") and not any(
            other[-1].startswith("enable")
            and len(other) < len(path)
            and other[:-1] == above[: len(other) - 1]
            for other in self.kinds
        )

    # -- learning from an error --------------------------------------------------------------------------

    def _learn(self, root: Path, error: str) -> bool:
        """Take from what Nix says which value is missing or wrong; whether anything new came of it."""
        before = dict(self.kinds)
        place = re.search(r"at (/\S+?):(\d+):(\d+):", error)
        if found := re.search(r"attribute '([^']+)' missing", error):
            if place and (at := self._at(root, place)):
                self._miss(*at, found[1])
        elif found := re.search(r"undefined variable '([^']+)'", error):
            # It came by a `with`, of packages most often
            self.kinds.setdefault(("pkgs", found[1]), "package")
        elif "attempt to call something which is not a function" in error:
            if place and (at := self._at(root, place)):
                self._correct(*at, "package")
        elif found := re.search(r"value is .*? while (a \w+|an \w+) was expected", error):
            kind = EXPECTED.get(found[1])
            if kind and place and (at := self._at(root, place)):
                self._correct(*at, kind)
        elif found := re.search(r"option `[^']*?([\w-]+)' is not of type `([^']*)'", error):
            kind = next((kind for pattern, kind in BY_TYPE if re.search(pattern, _plain(found[2]))), "str")
            self._correct_field(root, found[1], kind)
        return self.kinds != before

    def _at(self, root: Path, place: re.Match[str]) -> tuple[ParsedFile, list[tuple[Node, Env]]] | None:
        try:
            name = Path(place[1]).relative_to(root.resolve()).as_posix()
        except ValueError:
            return None
        file = self.tree.sound(name)
        if file is None:
            return None
        lines = file.source.data.splitlines(keepends=True)
        offset = sum(map(len, lines[: int(place[2]) - 1])) + int(place[3]) - 1
        return file, list(env_along(file, file.chain(offset, offset + 1), root_env(file)))

    def _miss(self, file: ParsedFile, chain: list[tuple[Node, Env]], name: str) -> None:
        """Add what is missing; where a name is computed, the error says what it came to."""
        for node, env in reversed(chain):
            for path in paths(self.tree, file, node, env, computed=name):
                if name in path and path not in self.kinds:
                    self._add(path, file, node)
                    return

    def _correct(self, file: ParsedFile, chain: list[tuple[Node, Env]], kind: str) -> None:
        for node, env in reversed(chain):
            known = [path for path in within(self.tree, file, node, env) if path in self.kinds]
            wrong = [path for path in known if self.kinds[path] != kind]
            if wrong:
                self.kinds[wrong[0]] = kind
                return

    def _correct_field(self, root: Path, field: str, kind: str) -> None:
        file = self.tree.file(self.file)
        for node, env in nodes(file, file.root, root_env(file)):
            name = node.child_by_field_name("attrpath") if node.type == "binding" else None
            if name is not None and attr_name(file, name.named_children[-1]) == field:
                for path in within(self.tree, file, node, env):
                    # What stands below a package may be its version, say, and not another package
                    if self.kinds.get(path) in ("str", "package"):
                        self.kinds[path] = kind


def _plain(kind: str) -> str:
    """A type's description in the words of its declaration."""
    return kind.replace("list of", "listOf").replace("attribute set", "attrsOf").replace("boolean", "bool")


def _quoted(text: str) -> str:
    return json.dumps(text).replace("${", "\\${")


def _nix(value: Any) -> str:
    if isinstance(value, str):
        return value
    bindings = " ".join(f"{_quoted(name)} = {_nix(below)};" for name, below in value.items() if name)
    return f"({value['']} // {{ {bindings} }})" if "" in value else f"{{ {bindings} }}"
