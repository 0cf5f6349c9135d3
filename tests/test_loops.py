"""Loops of services: how they are found, what a round carries into the next one, and what is left of them."""

from __future__ import annotations

import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from hwc_refactor.nix.shell import Body, Script, script_of
from hwc_refactor.nix.shell_flow import carried
from hwc_refactor.nix.shell_walk import background, leavings
from hwc_refactor.nix.strings import escape_indented, escape_quoted
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.loops.intervals import interval, span
from hwc_refactor.nixos.loops.loop import Loop
from hwc_refactor.nixos.loops.looping import is_waiting, names, types, waits
from hwc_refactor.nixos.loops.search import service_loop
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.programs import programs
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings


def shell(text: str) -> Script:
    """A script of its own; it stands in a service, for the expression that a script needs."""
    tree = Tree({"a.nix": b'{ systemd.services.a.script = "true"; }'})
    (block,) = objects(tree, SERVICE)
    script = Script(block.get("script")[0].expr, Body(text.encode(), "a.sh"))
    assert script.sound, text
    return script


def loop_of(script: str, rest: str = "") -> Loop | None:
    service = f"systemd.services.a = {{\n    {rest}\n    script = ''\n{script}\n    '';\n  }};"
    text = f"{{ pkgs, ... }}: {{\n  {service}\n}}\n"
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    return service_loop(block)


CARRIED = {
    "n=$((n+1)); echo $n": ["n"],
    "((n++))": ["n"],
    "n=0; ((n++)); n=$((n+1))": [],
    'x=$(a); [ "$x" = "$last" ] || echo; last=$x': ["last"],
    "seq 3 | while read i; do c=$((c+1)); done": [],
    "( c=$((c+1)) )": [],
    "while read i; do c=$((c+1)); done < f": ["c"],
    "if a; then x=1; else x=2; fi; echo $x": [],
    "if a; then x=1; fi; echo $x": ["x"],
    "if a; then x=1; else exit 1; fi; echo $x": [],
    "if [ -f a ]; then x=1; fi; if [ -f a ]; then echo $x; fi": [],
    "if check; then x=1; fi; if check; then echo $x; fi": ["x"],
    "x=$(a) || continue; echo $x": [],
    "cd /x && y=$(a) || continue; echo $y": [],
    "f() { local v=1; v=$((v+1)); echo $v; }; f": [],
    "f() { v=$((v+1)); }; f": ["v"],
    "f() { v=1; }; f; echo $v": [],
    "f() { echo $1; shift; }; f a": [],
    "echo $1; shift": ["@"],
    "declare -A h; h[$a]=1; echo ${h[b]}": [],
    "h[$a]=1; echo ${h[b]}": ["h"],
    "for i in a b; do x=$i; done; echo $x": [],
    "for i in $l; do x=$i; done; echo $x": ["x"],
    "case $a in x) b=1;; *) b=2;; esac; echo $b": [],
    "case $a in x) b=1;; esac; echo $b": ["b"],
    'read -r a b <<< "$(x)"; echo $a': [],
    "[[ $n -gt 3 ]] && n=0; n=$((n + 1))": ["n"],
    "FOO=1 cmd; echo $FOO": [],
    "echo $SECONDS": ["SECONDS"],
    "((x = y + 1)); ((z += 1))": ["z"],
    "x+=1": ["x"],
    'arr=(); arr+=("$x")': [],
    "let i++": ["i"],
    "echo ${x:=5}": ["x"],
    "if x=$(a) && y=$(b); then echo $x $y; fi": [],
    "printf -v t %s a; echo $t": [],
    "unset last; echo $last": [],
}


@pytest.mark.parametrize("text", CARRIED)
def test_what_a_round_carries_into_the_next_one(text: str) -> None:
    script = shell(text)
    assert [found.name for found in carried(script, script.root.named_children)] == CARRIED[text]


LEAVING = {
    "break": ["break"],
    "for i in a; do break; done": [],
    "for i in a; do break 2; done": ["break"],
    "for i in a; do continue; done; continue": ["continue"],
    "( exit 1 )": [],
    "x=$(exit 1)": [],
    "a | exit 1": [],
    "f() { return 1; }; f": [],
    "f() { exit 1; }; f": ["exit"],
    "return 0": ["return"],
    "exec 3>&1": [],
    "exec /bin/app": ["exec"],
}


@pytest.mark.parametrize("text", LEAVING)
def test_what_leaves_a_round(text: str) -> None:
    script = shell(text)
    assert [found.how for found in leavings(script, script.root.named_children)] == LEAVING[text]


@pytest.mark.parametrize(
    ("text", "found"),
    [("a & b", True), ("( a & )", True), ("a && b", False), ("a &> b", False), ("echo $((1 & 2))", False)],
)
def test_jobs_in_the_background(text: str, *, found: bool) -> None:
    script = shell(text)
    assert (background(script, script.root.named_children) is not None) is found


FORMS = {
    "while true; do a; sleep 5; done": "endless",
    "while :; do a; sleep 5; done": "endless",
    "while [ 1 ]; do a; sleep 5; done": "endless",
    "while [ 1 = 1 ]; do a; sleep 5; done": "endless",
    "while [[ true ]]; do a; sleep 5; done": "endless",
    "while test x; do a; sleep 5; done": "endless",
    "while ((1)); do a; sleep 5; done": "endless",
    "while ! false; do a; sleep 5; done": "endless",
    "until false; do a; sleep 5; done": "endless",
    "until [ 1 = 2 ]; do a; sleep 5; done": "endless",
    "for ((;;)); do a; sleep 5; done": "endless",
    "for (( ; ; )); do a; sleep 5; done": "endless",
    "while sleep 5; do a; done": "sleeping",
    "while [ -e f ]; do a; sleep 5; done": "waiting",
    "until a; do sleep 5; done": "waiting",
    "while [ ]; do a; sleep 5; done": "waiting",
    "for ((i = 0; i < 3; i++)); do a; sleep 5; done": None,
    "while read -r x; do a; sleep 5; done < f": None,
    "while true; do a && break; done": None,
}


@pytest.mark.parametrize("text", FORMS)
def test_forms_of_loops(text: str) -> None:
    loop = loop_of(text)
    assert (None if loop is None else loop.form) == FORMS[text]


SPANS = {
    "60": "1min",
    "1m 30s": "1min 30s",
    "1.5h": "1h 30min",
    ".5m": "30s",
    "2d": "2d",
    "1h30m": None,
    "3.25": "3250ms",
    "$((5 * 60))": "5min",
    "$((x * 60))": None,
    "$x": None,
    "infinity": None,
}


@pytest.mark.parametrize("text", SPANS)
def test_intervals(text: str) -> None:
    loop = loop_of(f"while true; do a; sleep {text}; done")
    assert loop is not None
    (block,) = objects(loop_tree(loop), SERVICE)
    found = interval(block, loop)
    assert (None if found is None else found.shown) == SPANS[text]


def loop_tree(loop: Loop) -> Tree:
    file = loop.script.at.file
    return Tree({file.source.path: file.source.data})


def test_spans_are_written_as_systemd_does() -> None:
    assert [span(Decimal(n)) for n in (0, 59, 3600, 90061)] == ["0s", "59s", "1h", "1d 1h 1min 1s"]


def result(text: str, codemod: str = "loop-to-timer") -> str:
    project = Project(Path("/configuration"), {"a.nix": text.encode()})
    plan = make_plan(project, Selection(codemods=(codemod,)), Settings())
    assert plan.problems == ()
    assert plan.refusals == ()
    return plan.after["a.nix"].decode()


HEREDOC = """\
{ pkgs, ... }:
{
  systemd.services.report = {
    wantedBy = [ "multi-user.target" ];
    script = ''
      while true; do
        # written anew each time
        cat > /var/lib/report/now <<EOF
      host $(hostname)
        up ''${UP:-0} of ${pkgs.hello.name}
      EOF
        awk '
          { print $1 }
        ' /var/lib/report/now
        sleep 600
      done
    '';
  };
}
"""


def test_here_documents_and_strings_keep_their_bytes() -> None:
    after = result(HEREDOC)
    (block,) = objects(Tree({"a.nix": after.encode()}), SERVICE)
    script = script_of(block.get("script")[0].expr)
    assert script is not None
    assert script.body.data.decode() == (
        "# written anew each time\n"
        "cat > /var/lib/report/now <<EOF\n"
        "host $(hostname)\n"
        "  up ${UP:-0} of __nix0__\n"
        "EOF\n"
        "awk '\n"
        "    { print $1 }\n"
        "  ' /var/lib/report/now\n"
    )


ROUNDS = {
    "plain": "while true; do\n  echo a\n  echo b; echo c\n  sleep 60\ndone",
    "one line": "while :; do echo a; echo $((1 + 2)); sleep 60; done",
    "functions": 'f() {\n  local x=$1\n  echo "f $x"\n}\nn=3\nwhile true; do\n  f 1\n  f $n\n  sleep 60\ndone',
    "branches": "while true\ndo\n  if [ -e /nowhere ]; then\n    echo yes\n  else\n    echo no\n  fi\n  sleep 60\ndone",
    "here-document": "while true; do\n  cat <<EOF\n  $((1 + 1)) lines\n    kept\nEOF\n  sleep 60\ndone",
    "tabs in a here-document": "while true; do\n  cat <<-EOF\n\t\tmoved\n\tEOF\n  sleep 60\ndone",
    "strings over lines": "while true; do\n  echo 'a\n    b' \"c\n    d\"\n  sleep 60\ndone",
    "continued lines": "while true; do\n  echo a \\\n    b \\\n    c\n  sleep 60\ndone",
    "inner loops": "while :; do\n  for i in 1 2; do\n    [ $i = 1 ] && continue\n    echo $i\n  done\n  sleep 9\ndone",
    "redirected": "while true; do\n  echo a\n  echo b >&2\n  sleep 60\ndone 2>&1",
    "piped": "while true; do\n  echo a\n  echo b\n  sleep 60\ndone | cat",
    "quotes": "while true; do\n  echo 'it'\\''s' \"$(echo \"in $(echo in)\")\"\n  sleep 60\ndone",
    "arrays": "while true; do\n  a=(1 2 3)\n  a+=(4)\n  echo ${#a[@]} ${a[-1]}\n  sleep 60\ndone",
    "case": "while true; do\n  case $(uname) in\n    Linux) echo l ;;\n    *) echo o ;;\n  esac\n  sleep 60\ndone",
    "comments": "while true; do # for ever\n  # first\n  echo a # behind\n\n  # wait\n  sleep 60 # a minute\ndone",
    "in a function": "main() {\n  while true; do\n    echo a\n    sleep 60\n  done\n}\nmain",
    "answers": "while true; do\n  echo a\n  [ -e /nowhere ] && echo b\n  sleep 60\ndone",
    "end of the text": "echo before\nwhile true; do\n  echo a\n  sleep 60; done",
}
BASH = shutil.which("bash")


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize("quotes", ["''", '"'])
@pytest.mark.parametrize("name", ROUNDS)
def test_what_is_left_does_what_a_round_does(name: str, quotes: str) -> None:
    """The loop up to its first sleep, and what is left of it, run by bash."""
    text = ROUNDS[name]
    nix = escape_indented(text) if quotes == "''" else escape_quoted(text)
    lead = "\n" if quotes == "''" else ""
    after = result(f"{{ systemd.services.a.script = {quotes}{lead}{nix}\n{quotes}; }}\n")
    (block,) = objects(Tree({"a.nix": after.encode()}), SERVICE)
    left = script_of(block.get("script")[0].expr)
    assert left is not None
    assert "while true" not in left.body.data.decode()
    assert said_by(left.body.data.decode()) == said_by("sleep() { exit 0; }\n" + text)


def said_by(script: str) -> tuple[str, int]:
    """What bash prints for a script of our own, and its exit code."""
    assert BASH is not None
    done = subprocess.run(
        [BASH, "-e", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stdout, done.returncode


def test_a_loop_in_a_file_of_its_own_stays() -> None:
    texts = {"a.nix": b"{ systemd.services.a.serviceConfig.ExecStart = ./poll.sh; }\n"}
    loop = b"#!/bin/sh\nwhile true; do\n  date\n  sleep 60\ndone\n"
    project = Project(Path("/configuration"), texts, companions={"poll.sh": loop})
    plan = make_plan(project, Selection(codemods=("loop-to-timer",)), Settings())
    assert [(r.code, r.line) for r in plan.refusals] == [("script-not-in-sight", 1)]
    assert "poll.sh, line 2" in plan.refusals[0].reason


def test_a_loop_in_another_nix_file_is_told_with_its_place() -> None:
    texts = {
        "a.nix": b"{ pkgs, ... }: {\n  systemd.services.a.script = import ./poll.nix;\n}\n",
        "poll.nix": b"''\n  n=0\n  while true; do\n    n=$((n + 1))\n    sleep 60\n  done\n''\n",
    }
    plan = make_plan(
        Project(Path("/configuration"), texts), Selection(codemods=("loop-to-timer",)), Settings()
    )
    (refusal,) = plan.refusals
    assert (refusal.code, refusal.file, refusal.line) == ("loop-carries-state", "a.nix", 2)
    assert "(poll.nix, line 4)" in refusal.reason


def test_commands_that_wait_have_sources() -> None:
    assert all(known.source for entries in waits().values() for known in entries)
    assert is_waiting("inotifywait", ["-e", "create", "/srv"])
    assert is_waiting("journalctl", ["-u", "sshd", "-f"])
    assert not is_waiting("journalctl", ["-u", "sshd", "-n", "5"])
    assert not is_waiting("curl", ["-f", "http://a"])


def test_tables_of_loops_are_read() -> None:
    assert "date" in names("moment")
    assert "Restart" in names("settings", "removed")
    assert {"forking", "notify", "oneshot"} <= set(types())


def test_the_main_loop_is_found_behind_what_starts_it() -> None:
    loop = loop_of(
        "export A=1\nexec ${pkgs.writeShellScript \"w\" ''\n  while true; do a; sleep 9; done\n''}"
    )
    assert loop is not None
    assert (loop.where, [step.script.source(step.node) for step in loop.before]) == ("main", ["export A=1"])
    assert programs(next(iter(objects(loop_tree(loop), SERVICE))))
