"""Secrets: how they are told, where they are read, and how a program reads them from credentials."""

from __future__ import annotations

import ast
from itertools import permutations
from pathlib import Path

import pytest

from hwc_refactor.nix.build import BuildError
from hwc_refactor.nix.edits import Edit, Span, apply_edits
from hwc_refactor.nixos.block import SERVICE
from hwc_refactor.nixos.objects import objects
from hwc_refactor.nixos.scripts.python_reads import from_credentials
from hwc_refactor.nixos.secrets.arguments import secret_arguments
from hwc_refactor.nixos.secrets.declared import is_file_option
from hwc_refactor.nixos.secrets.deployed import deployed
from hwc_refactor.nixos.secrets.env_files import env_files
from hwc_refactor.nixos.secrets.inline import inline_secrets
from hwc_refactor.nixos.secrets.programs import FileForm, file_form
from hwc_refactor.nixos.secrets.shapes import is_secret_name
from hwc_refactor.nixos.secrets.uses import mentions, written_scripts
from hwc_refactor.nixos.tree import Tree
from hwc_refactor.plan import make_plan
from hwc_refactor.project import Project, read_project
from hwc_refactor.rewriting.draft import About, Draft
from hwc_refactor.selection import Selection
from hwc_refactor.settings import Settings

ID = "env-secrets-to-load-credential"


@pytest.mark.parametrize(
    "name",
    [
        *("DB_PASSWORD", "PGPASSWORD", "API_KEY", "TUNNEL_TOKEN", "MEILI_MASTER_KEY", "TOKEN"),
        *(
            "GITEA__database__PASSWD",
            "AWS_SECRET_ACCESS_KEY",
            "OTP_SECRET",
            "PASSWORD2",
            "openaiApiKey".upper(),
        ),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("PASSWORD_FILE", "ALLOW_PASSWORD_LOGIN", "SSH_ASKPASS", "PUBLIC_KEY", "KEY", "TOKEN_TTL", "MONKEY"),
        *("SECRETS_PATH", "DISABLE_TOKEN_AUTH", "PASSWORD_STORE_DIR", "SECRET_NAME", ""),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("curl -u admin:hunter2 http://h/", "the option -u of curl"),
        ("curl -fsu admin:hunter2 http://h/", "the option -u of curl"),
        ("curl -uadmin:hunter2 http://h/", "the option -u of curl"),
        ("curl --user admin:hunter2", "the option --user of curl"),
        ("curl --proxy-user=admin:hunter2", "the option --proxy-user of curl"),
        ("curl http://admin:hunter2@h/", "a URL of curl"),
        ("wget --password=hunter2 http://h/", "the option --password of wget"),
        ("app --api-token=hunter2", "the option --api-token of app"),
        ("sshpass -p hunter2 ssh h", "the option -p of sshpass"),
        ("mysql -phunter2 db", "the option -p of mysql"),
        ("redis-cli -a hunter2 ping", "the option -a of redis-cli"),
        ("smbclient -U me%hunter2 //h/s", "the option -U of smbclient"),
        ("docker login -u me -p hunter2", "the option -p of docker"),
        ("curl -u admin http://h/", None),
        ("curl -u admin: http://h/", None),
        ("curl -u admin:? http://h/", None),
        ("curl -o out --url http://h/", None),
        ("curl http://h:80/a@b", None),
        ("mysql -p db", None),
        ("psql --no-password db", None),
        ("app --password-file=/run/x", None),
        ("app --password=/run/x", None),
        ("app --password=?", None),
        ("app --password=", None),
        ("app --token-type=bearer", None),
        ("docker run -p 80:80 web", None),
        ("podman run --secret=db web", None),
        ("redis-cli -a", None),
    ],
)
def test_secrets_among_arguments(line: str, found: str | None) -> None:
    program, *words = line.split()
    known = [None if "?" in word else word for word in words]
    assert [what for _, what in secret_arguments(program, known)] == ([] if found is None else [found])


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        *(("passwordFile", True), ("apiTokenFile", True), ("clientSecretPath", True), ("sshKeyFile", True)),
        *(("token_file", True), ("passwordFilePath", False), ("configFile", False), ("certFile", False)),
        *(("publicKeyFile", False), ("authFile", False), ("hostKeyPath", False), ("password", False)),
    ],
)
def test_options_that_hold_the_path_of_a_secret(name: str, holds: bool) -> None:
    assert is_file_option(name) is holds


def test_programs_with_a_variable_for_a_file() -> None:
    assert file_form("restic", "RESTIC_PASSWORD") == FileForm("RESTIC_PASSWORD_FILE")
    assert file_form("restic", "AWS_SECRET_ACCESS_KEY") is None
    assert file_form("vaultwarden", "ADMIN_TOKEN") == FileForm("ADMIN_TOKEN_FILE")
    assert file_form("borg", "BORG_PASSPHRASE") == FileForm("BORG_PASSCOMMAND", "cat ")
    assert file_form("authelia", "AUTHELIA_SESSION_SECRET") == FileForm("AUTHELIA_SESSION_SECRET_FILE")
    assert file_form("authelia", "SMTP_PASSWORD") is None
    assert file_form("unheard-of", "ADMIN_TOKEN") is None


# -- places in scripts -----------------------------------------------------------------------------------


def forms(script: str) -> list[tuple[str, str]]:
    text = (
        "{ config, pkgs, ... }: {\n  systemd.services.a.script = ''\n"
        + "".join(f"    {line}\n" for line in script.splitlines())
        + "  '';\n}\n"
    )
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    return [(one.form, one.command) for one in mentions(block)]


P = "${config.age.secrets.a.path}"
SHAPES = {
    f"x=$(cat {P})": ("read", "cat"),
    f'x="$(cat "{P}")"': ("read", "cat"),
    f"x=`cat {P}`": ("read", "cat"),
    f"x=$(${{pkgs.coreutils}}/bin/cat '{P}')": ("read", "cat"),
    f"x=$(<{P})": ("read", ""),
    f'x="$(< {P})"': ("read", ""),
    f"x=$(tr -d '\\n' < {P})": ("read", "tr"),
    f"x=$(head -n1 {P} | tr -d x)": ("read", "head"),
    f"read -r x < {P}": ("read", "read"),
    f"prog < {P}": ("stdin", "prog"),
    f"cat {P} | prog": ("stdin", "cat"),
    f"while read -r l; do echo; done < {P}": ("stdin", ""),
    f". {P}": ("source", "."),
    f"source {P}": ("source", "source"),
    f"[ -f {P} ]": ("test", ""),
    f"if [[ -r {P} ]]; then true; fi": ("test", ""),
    f"test -s {P}": ("test", "test"),
    f"stat {P}": ("test", "stat"),
    f"echo missing {P}": ("text", "echo"),
    f"install -m 0600 {P} /run/x": ("copied", "install"),
    f"chown me {P}": ("made", "chown"),
    f"date > {P}": ("made", ""),
    f"prog --password-file {P}": ("argument", "prog"),
    f"prog --password-file={P}": ("argument", "prog"),
    f"F={P}; cat $F | prog": ("stdin", "cat"),
    f'F="{P}"; x=$(cat "$F")': ("read", "cat"),
    f"for f in {P}; do cat $f; done": ("handed", ""),
    f"for f in {P}; do echo $f; done": ("unknown", ""),
    "x=$(cat /run/agenix/a)": ("read", "cat"),
    "x=$(cat /run/secrets/a/b)": ("read", "cat"),
    "x=$(cat /var/lib/a/token)": ("read", "cat"),
    "x=$(cat /run/secrets/$name)": ("read", "cat"),
    'x=$(cat "$token_file")': ("read", "cat"),
}


@pytest.mark.parametrize("script", SHAPES)
def test_what_is_done_with_a_path(script: str) -> None:
    assert forms(script) == [SHAPES[script]]


@pytest.mark.parametrize(
    "script",
    [
        f"# cat {P}",
        "x=$(cat /run/secrets/)",
        "x=$(cat /var/lib/a/state)",
        'x=$(cat "$CREDENTIALS_DIRECTORY/a")',
        "x=$(cat ${config.services.a.configFile})",
    ],
)
def test_what_names_no_secret(script: str) -> None:
    assert forms(script) == []


# -- environment files -----------------------------------------------------------------------------------


def env_lines(script: str) -> list[list[tuple[str, str]]]:
    text = (
        '{ config, pkgs, ... }: {\n  systemd.services.a.serviceConfig.EnvironmentFile = [ "-/run/a.env" ];\n'
        "  systemd.services.a.script = \"true\";\n  systemd.services.a.preStart = ''\n"
        + "".join(f"    {line}\n" for line in script.splitlines())
        + "  '';\n}\n"
    )
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    return [
        [(one.name, one.text if one.secret is None else one.secret.secret.name) for one in file.variables]
        for file in env_files(block)
    ]


ENV_FILES = {
    f"cat > /run/a.env <<EOF\n# keys\n\nA=$(cat {P})\nB='two words'\nEOF": [("A", "a"), ("B", "two words")],
    f'k=$(cat {P})\ncat > /run/a.env <<EOF\nA="$k"\nEOF\nchmod 600 /run/a.env': [("A", "a")],
    f'echo "A=$(cat {P})" > /run/a.env\necho B=c >> /run/a.env': [("A", "a"), ("B", "c")],
    f"{{\n  echo \"A=$(<{P})\"\n  echo 'B=c'\n}} > /run/a.env": [("A", "a"), ("B", "c")],
    f"printf 'A=%s\\n' \"$(cat {P})\" > /run/a.env": [("A", "a")],
}


@pytest.mark.parametrize("script", ENV_FILES)
def test_environment_file_is_understood(script: str) -> None:
    assert env_lines(script) == [ENV_FILES[script]]


@pytest.mark.parametrize(
    "script",
    [
        f"cat > /run/a.env <<'EOF'\nA=$(cat {P})\nEOF",
        f"cat > /run/a.env <<EOF\nA=postgres://u:$(cat {P})@h\nEOF",
        f"cat > /run/a.env <<EOF\nA=$(cat {P})\nB=$HOME\nEOF",
        f"cat > /run/a.env <<EOF\nA=$(cat {P} | base64)\nEOF",
        f"if true; then\n  echo A=$(cat {P}) > /run/a.env\nfi",
        f"k=$(cat {P})\necho A=$k > /run/a.env\nlogin $k",
        f"echo A=$(cat {P}) > /run/a.env\nsource /run/a.env",
        f"echo A=$(cat {P}) > /run/b.env",
        "echo A=b > /run/a.env",
    ],
)
def test_environment_file_that_is_not_understood(script: str) -> None:
    assert env_lines(script) == []


# -- programs --------------------------------------------------------------------------------------------


def rewritten(program: str, quote: str | None = None) -> str | None:
    data = program.encode()
    found = from_credentials(data, {"A_KEY": "a-key"}, "/run/credentials/a.service", quote)
    if found is None:
        return None
    text = apply_edits(data, [Edit(Span("a.py", start, end), new) for start, end, new in found]).decode()
    ast.parse(text)
    return text


def test_a_program_reads_a_credential_where_it_has_read_a_variable() -> None:
    assert rewritten('import os\n\nkey = os.environ["A_KEY"]\n') == (
        "import os\nfrom pathlib import Path\n\n# Read credentials from systemd LoadCredential\n"
        'creds_dir = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials/a.service"))\n\n'
        'key = (creds_dir / "a-key").read_text().strip()\n'
    )


@pytest.mark.parametrize(
    "program",
    [
        'import os\nfrom pathlib import Path\nX = 1\nk = os.environ.get("A_KEY", "")\n',
        "from os import environ\nk = environ['A_KEY']\n",
        "#!/usr/bin/env python3\n'''Words.'''\nfrom os import getenv\ndef f():\n    return getenv('A_KEY')\n",
        'import os\r\nk = os.environ["A_KEY"]\r\n',
        'import os, sys\nclass A:\n    k = os.getenv("A_KEY")\n',
    ],
)
def test_readings_in_every_form(program: str) -> None:
    text = rewritten(program)
    assert text is not None
    assert "A_KEY" not in text
    assert text.count("CREDENTIALS_DIRECTORY") == 1
    assert ("\r\n" in text) == ("\r\n" in program)
    assert text.count("\n") == text.count("\r\n") or "\r\n" not in program


@pytest.mark.parametrize(
    "program",
    [
        "import os\nfor name in ('A_KEY', 'B'):\n    print(os.environ[name])\n",
        'import os\nos.environ["A_KEY"] = "x"\n',
        'import os\nk = os.environ["A_KEY"]\nsubprocess.run(x, env={"A_KEY": k})\n',
        'import os\nk = os.environ["B_KEY"]\n',
        "import os\nk = os.environ[\n",
        'k = Settings(A_KEY="x")\nimport os\nj = os.environ["A_KEY"]\n',
    ],
)
def test_a_program_that_is_not_understood_is_left_alone(program: str) -> None:
    assert rewritten(program) is None


def test_the_programs_quotes_are_kept() -> None:
    assert "(creds_dir / 'a-key')" in (rewritten("import os\nk = os.environ['A_KEY']\nx = 'y'\n") or "")
    assert "(creds_dir / 'a-key')" in (rewritten('import os\nk = os.environ["A_KEY"]\n', "'") or "")


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    assert "creds_dir_ = Path" in (rewritten('import os\ncreds_dir = 1\nk = os.environ["A_KEY"]\n') or "")


def place(text: str, others: dict[str, bytes]) -> tuple[str, str] | None:
    names = {f"**/{path.rpartition('/')[2]}": path.encode() for path in others}
    tree = Tree({"a.nix": text.encode()}, companions=lambda path: {**others, **names}.get(path))
    block = next(block for block in objects(tree, SERVICE) if block.name == "a")
    found = deployed(block)
    return None if found is None else (found.path, found.how)


def test_where_a_program_stands() -> None:
    python = "${pkgs.python3}/bin/python"
    program = {"bin/x.py": b"print()"}
    head = "{ pkgs, ... }: {\n"
    run = f'systemd.services.a.serviceConfig.ExecStart = "{python} -u /opt/x.py --now";\n'
    assert place(head + run + "}", program) == ("bin/x.py", "by-name")
    assert place(head + run + "}", {}) is None
    assert place(head + run.replace("/opt/x.py", "${./bin/x.py}") + "}", program) == ("bin/x.py", "itself")
    install = 'systemd.services.i.script = "install -m 755 ${./bin/x.py} /opt/y.py";\n'
    assert place(head + install + run.replace("x.py", "y.py") + "}", program) == ("bin/x.py", "installed")
    assert place(head + run + run.replace("services.a", "services.b") + "}", program) is None
    assert place(head + run.replace("-u /opt/x.py", "-m x") + "}", program) is None


def test_files_of_a_name_are_found_below_the_root(tmp_path: Path) -> None:
    for path in ("a.nix", "bin/x.py", "deep/er/x.py", "bin/y.py", ".git/x.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    project = read_project(tmp_path, [], Settings())
    tree = Tree(project.texts, companions=project.companion)
    assert tree.named("x.py") == ("bin/x.py", "deep/er/x.py")
    assert tree.named("z.py") == ()


# -- what is never told ----------------------------------------------------------------------------------


def test_a_secret_itself_is_never_told() -> None:
    value = "S3cr3t-v4lu3"
    text = f"""{{ pkgs, ... }}: {{
  systemd.services.a = {{
    environment.A_TOKEN = "{value}";
    serviceConfig.Environment = [ "B_URL=http://me:{value}@localhost" ];
    script = ''
      C_PASSWORD={value}
      curl -H "X-Api-Key: {value}" http://localhost
    '';
  }};
}}
"""
    (block,) = objects(Tree({"a.nix": text.encode()}), SERVICE)
    found = inline_secrets(block)
    assert [one.name for one in found] == ["A_TOKEN", "B_URL", "C_PASSWORD", "the header X-Api-Key"]
    assert not any(value in part for one in found for part in (one.name, one.kind, one.option))
    plan = make_plan(
        Project(Path("/configuration"), {"a.nix": text.encode()}),
        Selection(codemods=(ID,)),
        Settings(),
        verify=False,
    )
    (refusal,) = plan.refusals
    assert value not in repr(refusal)
    assert refusal.code == "inline-secret"


# -- several changes of one script -----------------------------------------------------------------------

WORDS = """\
{ a, b, ... }: {
  systemd.services.x.script = ''
    one ''$two ${a}
      three''\\tfour \'\'\'five ${b} six
  '';
}
"""


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_changes_of_one_script_in_any_order_give_what_they_give_at_once(order: tuple[int, ...]) -> None:
    tree = Tree({"a.nix": WORDS.encode()})
    (block,) = objects(tree, SERVICE)
    ((_, script),) = written_scripts(block)
    data = script.body.data
    wanted = [(b"one", "$ONE and ${more}"), (b"__nix0__", "a"), (b"three\tfour", "3''4"), (b"six", "")]
    ranges = [(data.index(old), data.index(old) + len(old), new) for old, new in wanted]
    together, apart = (Draft(tree, ID, About.block(block), "change x", "why") for _ in range(2))
    together.rewrite_script(script, ranges)
    for number in order:
        apart.rewrite_script(script, [ranges[number]])
    assert apart.now(script.at.file).source.data == together.now(script.at.file).source.data


def test_a_range_that_is_gone_is_no_place() -> None:
    tree = Tree({"a.nix": WORDS.encode()})
    (block,) = objects(tree, SERVICE)
    ((_, script),) = written_scripts(block)
    draft = Draft(tree, ID, About.block(block), "change x", "why")
    start = script.body.data.index(b"three")
    draft.rewrite_script(script, [(start, start + 5, "3")])
    with pytest.raises(BuildError):
        draft.rewrite_script(script, [(start, start + 5, "III")])
