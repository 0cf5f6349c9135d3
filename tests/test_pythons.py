"""What a Python program does, as far as its imports and calls show."""

from __future__ import annotations

import pytest

from hwc_refactor.nixos.scripts.pythons import Named, python_facts, runs_module

PLAIN = {
    "nothing": "",
    "modules that are known": "import os, sys\nfrom urllib.request import urlopen\nimport json as j\n",
    "questions to os": "import os\nfrom os import path, environ\nos.listdir('.')\n",
    "a pattern": "import re\nre.compile('a')\n",
    "reading": "open(name)\nopen(name, 'rb')\nopen(name, mode='r')\n",
    "a temporary file": "import tempfile\ntempfile.mkstemp()\n",
    "another replace": "'a'.replace('a', 'b')\n",
    "another getattr": "getattr(thing, 'run')()\n",
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_plain_programs_raise_no_doubt(text: str) -> None:
    assert python_facts(text.encode()).doubts == ()


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("def f(:", "it does not parse as Python"),
        ("x = 1\n__nix0__\n", "a part of it is not in sight"),
        ("import subprocess", "it imports subprocess, of which it is not known what it does"),
        ("from . import x", "it imports a module beside it, of which it is not known what it does"),
        ("import torch.nn as nn", "it imports torch, of which it is not known what it does"),
        ("import os as system", "it gives os another name"),
        ("from os import *", "it imports all names of a module"),
        ("from os import fork", "it uses os.fork"),
        ("from os import fork as f", "it uses os.fork as f"),
        ("import os\nos.system('ls')", "it uses os.system"),
        ("import os\ngetattr(os, name)()", "it calls functions of os by name"),
        ("eval(text)", "it calls eval, which runs what it is given"),
        ("compile(text)", "it calls compile, which runs what it is given"),
        ("open(name, 'w')", "it calls open, which changes a file whose path is only known when it runs"),
        ("open(name, mode)", "it calls open, which changes a file whose path is only known when it runs"),
        ("open(name, mode='a')", "it calls open, which changes a file whose path is only known when it runs"),
        ("path.open('x')", "it calls open, which changes a file whose path is only known when it runs"),
        (
            "gzip.open(name, 'wt')",
            "it calls open, which changes a file whose path is only known when it runs",
        ),
        ("path.unlink()", "it calls unlink, which changes a file whose path is only known when it runs"),
        (
            "path.replace(other)",
            "it calls replace, which changes a file whose path is only known when it runs",
        ),
        ("path.mkdir()", "it makes a directory whose path is only known when it runs"),
        ("Path(f'/srv/{x}').mkdir()", "it makes a directory whose path is only known when it runs"),
        ("Path.home()", "it looks into the home directory of its user"),
        ("mkstemp(dir=here)", "it calls mkstemp with a directory of its own"),
        ("logging.basicConfig(filename='x')", "it writes its log to a file"),
        ("socket.socket(socket.AF_PACKET)", "it opens sockets of the kind AF_PACKET"),
    ],
)
def test_what_is_not_known_is_a_doubt(text: str, doubt: str) -> None:
    line = text.count("\n") + 1 if not text.startswith("x = 1") else 2
    assert (doubt, line) in python_facts(text.encode()).doubts


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("open('/srv/a', 'w')", {Named("/srv/a", 1, writes=True)}),
        ("open('/srv/a')", {Named("/srv/a", 1)}),
        ("gzip.open('/srv/a', 'w')", {Named("/srv/a", 1, writes=True)}),
        ("Path('/srv/a').open('w')", {Named("/srv/a", 1), Named("/srv/a", 1, writes=True)}),
        ("Path('/srv/a').write_text(x)", {Named("/srv/a", 1), Named("/srv/a", 1, writes=True)}),
        ("Path('/srv/a').mkdir(parents=True)", {Named("/srv/a", 1), Named("/srv/a", 1, writes=True)}),
        ("Path('a').read_text()", {Named("a", 1)}),
        ("\nx = '/var/lib/x'", {Named("/var/lib/x", 2)}),
        ("x = f'/var/lib/{name}'", {Named("/var/lib/{name}", 1)}),
        ("x = '/variable'", set()),
        ("x = 'see /var/lib'", set()),
        ('"""\n/var/lib\n"""', set()),
    ],
)
def test_paths_that_stand_in_it(text: str, paths: set[Named]) -> None:
    assert set(python_facts(text.encode()).paths) == paths


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("HTTPServer(('', 8080), Handler)", ("8080",)),
        ("serve(app, port=__nix0__)", ("__nix0__",)),
        ("PORT = 9000\nstart_http_server(PORT)", ("9000",)),
        ("PORT = 9000\nPORT = 9001\nstart_http_server(PORT)", ("?",)),
        ("start_http_server(int(argument))", ("?",)),
        ("start_http_server(int('__nix0__'))", ("int('__nix0__')",)),
        ("listen(8080)", ()),
    ],
)
def test_ports_that_it_listens_on(text: str, ports: tuple[str, ...]) -> None:
    assert python_facts(text.encode()).ports == ports


def test_modules_that_run_as_programs() -> None:
    assert runs_module("http.server")
    assert runs_module("wyoming.server")
    assert not runs_module("http")
    assert not runs_module("pip")
