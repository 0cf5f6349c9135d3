"""Small services, each of which does one real thing, for systemd to run under what the tool writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Service:
    """A service.

    Attributes:
        does: the one thing, in words.
        module: a Nix module that defines a service of the name `it`.
        check: shell that succeeds once it has done its thing, and not before.
        prepare: shell that makes what it finds there.
        needs: programs that have to be installed.
        files: files beside the module.
        serves: whether it goes on running.
        breaks: settings that would break it, each of which the tool may not write.
        left_alone: whether the tool refuses to change it.
    """

    does: str
    module: str
    check: str
    prepare: str = ""
    needs: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    serves: bool = False
    breaks: Settings = ()
    left_alone: bool = False


def _script(text: str, settings: str = "", more: str = "") -> str:
    """A module with a service that is a script."""
    return f"""{{ pkgs, ... }}:
{{
  systemd.services.it = {{
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.gnugrep pkgs.gnused pkgs.findutils pkgs.gawk pkgs.util-linux pkgs.iproute2 pkgs.git pkgs.curl ];
    {more}
    serviceConfig = {{
      Type = "exec";
      {settings}
    }};
    script = ''
      {text.strip().replace(chr(10), chr(10) + "      ")}
    '';
  }};
}}
"""


def _python(text: str, settings: str = "", arguments: str = "") -> str:
    """A module with a service that is a Python program in sight."""
    return f"""{{ pkgs, ... }}:
let
  program = pkgs.writers.writePython3 "program" {{ }} ''
    {text.strip().replace(chr(10), chr(10) + "    ")}
  '';
in
{{
  systemd.services.it = {{
    wantedBy = [ "multi-user.target" ];
    serviceConfig = {{
      Type = "exec";
      {settings}
      ExecStart = "${{program}}{arguments}";
    }};
  }};
}}
"""


DYNAMIC = 'DynamicUser = true; StateDirectory = "it";'
FIGURES = 'User = "figures";'
FETCH = "/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen(\"{}\", timeout=2).read())'"
AS_ANYBODY = "setpriv --reuid 1234 --regid 1234 --clear-groups"
SERVER = """
import http.server

PORT = {port}
http.server.HTTPServer(("127.0.0.1", PORT), http.server.SimpleHTTPRequestHandler).serve_forever()
"""

ENGINE = """
cat > /srv/engine.py <<'END'
import http.server
import os
import socketserver

class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = b'[{"Id": "1", "Names": ["/first"]}]' if "/containers/json" in self.path else b"OK"
        self.send_response(200)
        self.send_header("API-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else text)

    do_HEAD = do_GET

    def address_string(self):
        return "engine"

with socketserver.UnixStreamServer("/run/docker.sock", Engine) as engine:
    os.chmod("/run/docker.sock", 0o660)
    engine.serve_forever()
END
rm -f /run/docker.sock
/usr/bin/python3 /srv/engine.py >/dev/null 2>&1 &
for number in 1 2 3 4 5 6 7 8 9 10; do test -S /run/docker.sock && break; sleep 0.1; done
"""
"""Makes what answers as a container engine does."""

SERVICES: Mapping[str, Service] = {
    "state": Service(
        "writes to its state directory",
        _script('date > "$STATE_DIRECTORY/today"', DYNAMIC),
        "test -s /var/lib/it/today",
    ),
    "folder-of-a-user": Service(
        "writes to a folder that its user owns",
        _script("date > /srv/figures/today", FIGURES),
        "test -s /srv/figures/today",
        "mkdir /srv/figures; chown figures /srv/figures",
        breaks=(("ReadOnlyPaths", "/srv/figures"),),
    ),
    "folder-of-its-own": Service(
        "makes a folder as root, and writes there",
        _script("mkdir -p /srv/report\ndate > /srv/report/today"),
        "test -s /srv/report/today",
    ),
    "pieces": Service(
        "writes where parts of its script say that functions of nixpkgs put there",
        _script(
            """
${builtins.concatStringsSep "\\n" (map (name: ''
  mkdir -p /srv/pieces
  date > /srv/pieces/${name}
'') [ "first" "second" ])}
${if pkgs ? curl then ''
  date > /srv/others/third
'' else ""}
touch ${builtins.concatStringsSep " " [ "/srv/marks/fourth" "/srv/marks/fifth" ]}
"""
        ),
        "test -s /srv/pieces/second && test -s /srv/others/third && test -e /srv/marks/fifth",
        "mkdir /srv/others /srv/marks",
        breaks=(("ReadOnlyPaths", "/srv/marks"),),
    ),
    "text-for-a-shell": Service(
        "writes where a shell does that is given text",
        _script('flock /srv/lock bash -c "echo \\"asked\\" > /srv/answers/last"', 'User = "root";'),
        "grep -qx asked /srv/answers/last",
        "mkdir /srv/answers",
        breaks=(("ReadOnlyPaths", "/srv/answers"),),
    ),
    "found": Service(
        "changes what find finds, and makes the folder of a file",
        _script(
            """
last=/srv/found/last
mkdir -p "$(dirname "$last")"
find /srv/spool /srv/drafts -type f -exec chmod 0640 {} +
find /srv/old -name '*.old' -exec rm -f {} \\;
date > "$last"
"""
        ),
        "test -s /srv/found/last && test ! -e /srv/old/x.old && test $(stat -c %a /srv/drafts/y) = 640",
        "mkdir /srv/spool /srv/drafts /srv/old; touch /srv/spool/x /srv/drafts/y /srv/old/x.old;"
        "chown figures /srv/drafts/y",
        breaks=(("ReadOnlyPaths", "/srv/drafts"),),
    ),
    "credential": Service(
        "reads a secret that systemd hands over",
        _script(
            'sha256sum < "$CREDENTIALS_DIRECTORY/token" > "$STATE_DIRECTORY/sum"',
            DYNAMIC + 'LoadCredential = [ "token:/srv/secret" ];',
        ),
        'test "$(cat /var/lib/it/sum)" = "$(sha256sum < /srv/secret)"',
        "(umask 077; echo twelve > /srv/secret)",
    ),
    "secret-of-root": Service(
        "reads a secret that root owns",
        _script("mkdir -p /srv/sums\nsha256sum < /run/agenix/token > /srv/sums/token"),
        'test "$(cat /srv/sums/token)" = "$(sha256sum < /run/agenix/token)"',
        "mkdir -p /run/agenix; (umask 077; echo thirteen > /run/agenix/token)",
    ),
    "secret-of-another": Service(
        "reads as root what only another user may",
        _script("mkdir -p /srv/sums\nsha256sum < /srv/private/token > /srv/sums/token"),
        "test -s /srv/sums/token",
        "mkdir /srv/private; echo fourteen > /srv/private/token; chmod 600 /srv/private/token;"
        "chmod 700 /srv/private; chown -R figures /srv/private",
        breaks=(("CapabilityBoundingSet", ""), ("PrivateUsers", "true")),
    ),
    "port": Service(
        "listens on a port",
        _python(SERVER.format(port=8099), DYNAMIC),
        FETCH.format("http://127.0.0.1:8099/"),
        serves=True,
        breaks=(("PrivateNetwork", "true"), ("RestrictAddressFamilies", "AF_UNIX")),
    ),
    "low-port-as-root": Service(
        "listens on a port below 1024 as root",
        _python(SERVER.format(port=80)),
        FETCH.format("http://127.0.0.1:80/"),
        serves=True,
        breaks=(("CapabilityBoundingSet", ""),),
    ),
    "low-port-by-capability": Service(
        "listens on a port below 1024 by a capability that it is given",
        _python(SERVER.format(port=81), DYNAMIC + 'AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" ];'),
        FETCH.format("http://127.0.0.1:81/"),
        serves=True,
        breaks=(("CapabilityBoundingSet", ""), ("PrivateUsers", "true")),
    ),
    "name": Service(
        "resolves a name",
        _script('getent ahostsv4 neighbour.example > "$STATE_DIRECTORY/address"', DYNAMIC),
        "grep -q '^192.0.2.1 ' /var/lib/it/address",
        "echo 'nameserver 127.0.0.1' > /etc/resolv.conf",
        breaks=(("PrivateNetwork", "true"), ("RestrictAddressFamilies", "AF_UNIX")),
    ),
    "fetch": Service(
        "resolves a name and fetches from another host",
        _python(
            """
import os
import urllib.request

with urllib.request.urlopen("http://neighbour.example:7007/") as answer:
    text = answer.read()
with open(os.environ["STATE_DIRECTORY"] + "/answer", "wb") as file:
    file.write(text)
""",
            DYNAMIC,
        ),
        "grep -q hello /var/lib/it/answer",
        "echo 'nameserver 127.0.0.1' > /etc/resolv.conf",
        breaks=(("IPAddressDeny", "any"), ("PrivateNetwork", "true")),
    ),
    "fetch-with-curl": Service(
        "fetches from another host with curl",
        _script('curl -s http://neighbour.example:7007/ -o "$STATE_DIRECTORY/answer"', DYNAMIC),
        "grep -q hello /var/lib/it/answer",
        "echo 'nameserver 127.0.0.1' > /etc/resolv.conf",
        needs=("curl",),
        breaks=(("IPAddressDeny", "any"), ("PrivateNetwork", "true")),
    ),
    "own-host": Service(
        "speaks to its own host alone",
        _script('curl -s http://127.0.0.1:7007/ > "$STATE_DIRECTORY/answer"', DYNAMIC),
        "grep -q hello /var/lib/it/answer",
        needs=("curl",),
        breaks=(("PrivateNetwork", "true"),),
    ),
    "netlink": Service(
        "asks the kernel for its addresses",
        _script('ip -brief address show > "$STATE_DIRECTORY/addresses"', DYNAMIC),
        "grep -q 192.0.2.1 /var/lib/it/addresses",
        needs=("ip",),
        breaks=(("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"), ("PrivateNetwork", "true")),
    ),
    "children": Service(
        "starts children and waits for them",
        _script(
            """
for number in 1 2 3; do
  ( sleep 0.05; echo "$number" > "$STATE_DIRECTORY/child$number" ) &
done
wait
find "$STATE_DIRECTORY/" -name 'child*' | sort | xargs cat > "$STATE_DIRECTORY/all"
""",
            DYNAMIC,
        ),
        'test "$(cat /var/lib/it/all | xargs)" = "1 2 3"',
    ),
    "jit": Service(
        "compiles while it runs, in node",
        _script(
            """
node -e '
  let sum = 0;
  for (let i = 0; i < 1e6; i++) sum += i % 7;
  console.log(sum);
' > "$STATE_DIRECTORY/sum"
""",
            DYNAMIC,
            "environment.HOME = \"/tmp\";",
        ).replace("pkgs.curl ]", "pkgs.nodejs ]"),
        "test -s /var/lib/it/sum",
        needs=("node",),
        breaks=(("MemoryDenyWriteExecute", "true"),),
    ),
    "closure": Service(
        "hands a function of Python to C",
        _python(
            """
import ctypes
import os

compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 3)(3, 1, 2)
sort = ctypes.CDLL(None).qsort
sort(numbers, 3, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
with open(os.environ["STATE_DIRECTORY"] + "/sorted", "w") as file:
    file.write(repr(list(numbers)))
""",
            DYNAMIC,
        ),
        "grep -qF '[1, 2, 3]' /var/lib/it/sorted",
        # Python keeps its closures in a file where it may not make them in memory, if it finds a place for one.
        breaks=(),
    ),
    "executable-memory": Service(
        "writes code into its memory and calls it, in Python",
        _python(
            """
import mmap
import os

memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(bytes([0xC3]))
with open(os.environ["STATE_DIRECTORY"] + "/done", "w") as file:
    file.write("done")
""",
            DYNAMIC,
        ),
        "test -s /var/lib/it/done",
        breaks=(("MemoryDenyWriteExecute", "true"),),
    ),
    "device": Service(
        "reads from a device",
        _script('head -c 16 /dev/meter | od -An -tx1 > "$STATE_DIRECTORY/reading"', DYNAMIC),
        "grep -q '00 00' /var/lib/it/reading",
        breaks=(("PrivateDevices", "true"),),
    ),
    "watch": Service(
        "waits for files and takes them in",
        _script(
            """
while true; do
  for file in /srv/inbox/*; do
    if [ -f "$file" ]; then mv "$file" /srv/archive/; fi
  done
  sleep 0.05
done
"""
        ),
        "[ -n \"$(ls -A /srv/inbox)\" ] || [ -e /srv/archive/letter ] || echo dear > /srv/inbox/letter;"
        "grep -q dear /srv/archive/letter",
        "mkdir /srv/inbox /srv/archive; echo dear > /srv/inbox/letter",
        serves=True,
    ),
    "watch-for-another": Service(
        "moves files that others own from folder to folder",
        _script("mv /srv/inbox/letter /srv/archive/letter"),
        "test \"$(stat -c %U /srv/archive/letter)\" = figures",
        "mkdir /srv/inbox /srv/archive; echo dear > /srv/inbox/letter; chown figures /srv/inbox/letter",
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"),),
    ),
    "edit-in-place": Service(
        "changes a file that another user owns where it is",
        _script("sed -i s/one/two/ /srv/settings/file"),
        "grep -q two /srv/settings/file && test \"$(stat -c %U /srv/settings/file)\" = figures",
        "mkdir /srv/settings; echo one > /srv/settings/file; chown figures /srv/settings/file",
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"),),
    ),
    "owners": Service(
        "gives files to another user",
        _script("mkdir -p /srv/given\ndate > /srv/given/today\nchown figures:figures /srv/given/today"),
        "test \"$(stat -c %U:%G /srv/given/today)\" = figures:figures",
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"), ("SystemCallFilter", "~@chown")),
    ),
    "copy-with-owners": Service(
        "keeps the owners of what it copies",
        _script("cp -a /srv/data/. /srv/copy/"),
        "test \"$(stat -c %U /srv/copy/file)\" = figures",
        "mkdir /srv/data /srv/copy; echo one > /srv/data/file; chown figures /srv/data/file",
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"),),
    ),
    "temporary": Service(
        "works with temporary files",
        _script(
            """
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\\n' b a c > "$work/list"
sort "$work/list" > "$STATE_DIRECTORY/sorted"
""",
            DYNAMIC,
        ),
        'test "$(cat /var/lib/it/sorted | xargs)" = "a b c"',
    ),
    "handed-over": Service(
        "finds in /tmp what another one left there",
        _script(
            'cat /tmp/handed-over/letter > "$STATE_DIRECTORY/letter"', FIGURES + 'StateDirectory = "it";'
        ).replace(
            "systemd.services.it =",
            'systemd.services.writer.script = "echo > /tmp/handed-over/letter";\n  systemd.services.it =',
        ),
        "grep -q dear /var/lib/it/letter",
        "mkdir /tmp/handed-over; echo dear > /tmp/handed-over/letter",
        breaks=(("PrivateTmp", "true"),),
    ),
    "socket": Service(
        "serves a socket in its runtime directory",
        _python(
            """
import os
import socket

path = os.environ["RUNTIME_DIRECTORY"] + "/socket"
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(path)
server.listen()
while True:
    caller, _ = server.accept()
    caller.sendall(b"hello")
    caller.close()
""",
            'DynamicUser = true; RuntimeDirectory = "it";',
        ),
        "/usr/bin/python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/run/it/socket\");"
        " assert s.recv(9) == b\"hello\"'",
        serves=True,
        breaks=(("RestrictAddressFamilies", "AF_INET"),),
    ),
    "processes": Service(
        "looks at the processes of others",
        _script('ps -e -o args > "$STATE_DIRECTORY/processes"', DYNAMIC),
        "grep -q neighbour /var/lib/it/processes",
        needs=("ps",),
        breaks=(("ProtectProc", "invisible"),),
    ),
    "figures": Service(
        "reads figures of the system",
        _script('grep MemTotal /proc/meminfo > "$STATE_DIRECTORY/memory"', DYNAMIC),
        "test -s /var/lib/it/memory",
        breaks=(("ProcSubset", "pid"),),
    ),
    "connections": Service(
        "reads the connections of its host",
        _script('cat /proc/net/tcp > "$STATE_DIRECTORY/connections"', DYNAMIC),
        "grep -q ':1B5F ' /var/lib/it/connections",
        breaks=(("ProcSubset", "pid"), ("PrivateNetwork", "true")),
    ),
    "other-units": Service(
        "restarts another unit",
        _script("systemctl restart bystander.service"),
        "test -e /srv/bystander",
        breaks=(("User", "figures"), ("RestrictAddressFamilies", "AF_INET")),
    ),
    "home": Service(
        "reads a file in a home directory",
        _script("mkdir -p /srv/lists\ncat /home/media/list > /srv/lists/media"),
        "grep -q one /srv/lists/media",
        "mkdir /home/media; echo one > /home/media/list",
        breaks=(("ProtectHome", "true"),),
    ),
    "setgid": Service(
        "makes a folder whose files belong to a group",
        _script("mkdir -p /srv/share\nchmod 2775 /srv/share"),
        "test \"$(stat -c %a /srv/share)\" = 2775",
        breaks=(("RestrictSUIDSGID", "true"),),
    ),
    "keeps-setgid": Service(
        "changes the rights of a setgid folder of a group",
        _script("chmod -R g+w /srv/share"),
        "test \"$(stat -c %a:%G /srv/share)\" = 2775:figures",
        "mkdir /srv/share; chgrp figures /srv/share; chmod 2755 /srv/share",
        breaks=(("RestrictSUIDSGID", "true"), ("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER")),
    ),
    "copies-setgid": Service(
        "copies a setgid folder",
        _script("cp -r /srv/share /srv/copy"),
        "test -e /srv/copy/file",
        "mkdir /srv/share; touch /srv/share/file; chmod 2755 /srv/share",
        breaks=(("RestrictSUIDSGID", "true"),),
    ),
    "program-of-another": Service(
        "looks which program another process runs",
        _script("mkdir -p /srv/out\nreadlink /proc/1/exe > /srv/out/exe"),
        "test -s /srv/out/exe",
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"),),
    ),
    "counts-file-systems": Service(
        "looks at all file systems",
        _script("mkdir -p /srv/out\ndf -P > /srv/out/df"),
        "grep -q ' /home$' /srv/out/df",
        "mount -t tmpfs -o size=1M homes /home",
        breaks=(("ProtectHome", "true"),),
    ),
    "removes-what-is-found": Service(
        "removes what find hands to xargs",
        _script("find /srv/old -type f -print0 | xargs -0 rm -f"),
        "test ! -e /srv/old/file",
        "mkdir /srv/old; touch /srv/old/file",
        breaks=(("ProtectSystem", "strict"),),
    ),
    "options-together": Service(
        "fetches to a file that one of several short options names",
        _script("curl -sSo /srv/feed/answer http://127.0.0.1:7007/"),
        "grep -q hello /srv/feed/answer",
        "mkdir /srv/feed",
        needs=("curl",),
        breaks=(("ReadOnlyPaths", "/srv/feed"),),
    ),
    "writes-by-sed": Service(
        "writes a file that a program of sed names",
        _script("sed -n '/b/w /srv/out/found' /srv/text"),
        "grep -q b /srv/out/found",
        "mkdir /srv/out; echo b > /srv/text",
        breaks=(("ProtectSystem", "strict"),),
    ),
    "realtime": Service(
        "runs a program with real-time priority",
        _script('mkdir -p /srv/out\nchrt -f 1 date > /srv/out/date'),
        "test -s /srv/out/date",
        needs=("chrt",),
        breaks=(("RestrictRealtime", "true"),),
    ),
    "mount": Service(
        "mounts a file system for others",
        _script("mount -t tmpfs tmpfs /srv/ram"),
        "mountpoint -q /srv/ram",
        "mkdir /srv/ram",
        breaks=(("PrivateTmp", "true"), ("SystemCallFilter", "@system-service")),
    ),
    "read-by-others": Service(
        "writes a file that others read",
        _script("mkdir -p /srv/www\ndate > /srv/www/index"),
        f"{AS_ANYBODY} cat /srv/www/index",
        needs=("setpriv",),
        breaks=(("UMask", "0077"),),
    ),
    "another-user": Service(
        "runs a program as another user",
        _script("mkdir -p /srv/out\nsetpriv --reuid figures --clear-groups id -un > /srv/out/who"),
        "grep -q figures /srv/out/who",
        needs=("setpriv",),
        breaks=(("CapabilityBoundingSet", ""),),
        left_alone=True,
    ),
    "namespaces": Service(
        "makes a namespace",
        _script("mkdir -p /srv/out\nunshare --uts hostname elsewhere\nunshare --uts uname -n > /srv/out/name"),
        "test -s /srv/out/name",
        needs=("hostname",),
        breaks=(("RestrictNamespaces", "true"),),
        left_alone=True,
    ),
    "tunables": Service(
        "sets a parameter of the kernel",
        _script("echo 1 > /proc/sys/net/ipv4/ip_forward"),
        "grep -q 1 /proc/sys/net/ipv4/ip_forward",
        "echo 0 > /proc/sys/net/ipv4/ip_forward",
        breaks=(("ProtectKernelTunables", "true"),),
    ),
    "repository": Service(
        "makes a repository and commits to it",
        _script(
            """
cd "$STATE_DIRECTORY"
git init -q kept
cd kept
git -c user.name=it -c user.email=it@example.org commit -q --allow-empty -m first
""",
            DYNAMIC,
            'environment.HOME = "/tmp";',
        ),
        'test "$(git -c safe.directory="*" -C /var/lib/it/kept rev-list --count HEAD)" = 1',
        needs=("git",),
    ),
    "perl-patterns": Service(
        "searches with patterns that grep compiles",
        _script("grep -P '(?<=a)b+' /srv/text > \"$STATE_DIRECTORY/found\"", DYNAMIC),
        "grep -q abbb /var/lib/it/found",
        "echo abbb > /srv/text",
    ),
    "database": Service(
        "keeps a database",
        _script("sqlite3 \"$STATE_DIRECTORY/db\" 'create table t (n); insert into t values (7);'", DYNAMIC)
        .replace("pkgs.curl ]", "pkgs.sqlite ]"),
        "test \"$(sqlite3 /var/lib/it/db 'select n from t')\" = 7",
        needs=("sqlite3",),
    ),
    "lock": Service(
        "takes a lock and works under it",
        _script("flock /run/it/lock -c true\nflock /run/it/lock date > \"$STATE_DIRECTORY/today\"",
                DYNAMIC + 'RuntimeDirectory = "it";'),
        "test -s /var/lib/it/today",
        needs=("flock",),
    ),
    "threads": Service(
        "computes in threads, over TLS settings, in Python",
        _python(
            """
import concurrent.futures
import os
import ssl
import tempfile

ssl.create_default_context()
with concurrent.futures.ThreadPoolExecutor(4) as pool, tempfile.TemporaryFile() as scratch:
    scratch.write(b"scratch")
    total = sum(pool.map(abs, range(100)))
with open(os.environ["STATE_DIRECTORY"] + "/total", "w") as file:
    file.write(str(total))
""",
            DYNAMIC,
        ),
        "grep -qx 4950 /var/lib/it/total",
    ),
    "address": Service(
        "gives a network device an address",
        _script("ip address add 198.51.100.7/32 dev lo\nip route add 198.51.100.0/24 dev lo"),
        "ip -brief address show dev lo | grep -q 198.51.100.7 && ip route | grep -q 198.51.100.0/24",
        "ip route flush 198.51.100.0/24; ip address flush to 198.51.100.7/32",
        needs=("ip",),
        breaks=(
            ("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"),
            ("RestrictAddressFamilies", "AF_UNIX"),
            ("PrivateNetwork", "true"),
        ),
    ),
    "engine": Service(
        "asks a container engine over its socket",
        _script("mkdir -p /srv/out\ndocker ps --format '{{.Names}}' > /srv/out/names").replace(
            "pkgs.curl ]", "pkgs.docker ]"
        ),
        "grep -qx first /srv/out/names",
        ENGINE,
        needs=("docker",),
        breaks=(("User", "figures"), ("RestrictAddressFamilies", "AF_INET")),
    ),
    "stops-another": Service(
        "stops a process of another user",
        _script("kill $(cat /srv/pid)"),
        "! kill -0 $(cat /srv/pid) 2>/dev/null",
        "setpriv --reuid 1234 --regid 1234 --clear-groups sleep 300 >/dev/null 2>&1 & echo $! > /srv/pid; sleep 0.2",
        needs=("setpriv",),
        breaks=(("CapabilityBoundingSet", "CAP_DAC_OVERRIDE CAP_FOWNER"), ("User", "figures")),
    ),
    "asked-and-kept": Service(
        "asks another service as root and keeps the answer, with calls that only root makes forbidden",
        _script(
            """
mkdir -p /srv/out
curl -s http://127.0.0.1:7007/ > /srv/out/answer
cp /srv/out/answer /srv/out/copy
touch /srv/out/mark
ln -sf answer /srv/out/link
rm /srv/out/mark
chmod 600 /srv/out/copy
"""
        ),
        "grep -q hello /srv/out/copy && test -L /srv/out/link",
        needs=("curl",),
    ),
    "folder-of-its-user": Service(
        "makes a folder as a user, in one that the user owns",
        _script("mkdir -p /srv/figures/made\ndate > /srv/figures/made/today", FIGURES),
        "test -s /srv/figures/made/today",
        "mkdir /srv/figures; chown figures /srv/figures",
    ),
    "settings-of-an-unseen-program": Service(
        "writes settings for a program that is not in sight",
        _script("/srv/program", FIGURES, 'preStart = "date > /etc/figures/since";'),
        "test -s /srv/out/since",
        "mkdir -p /etc/figures /srv/out; chown figures /etc/figures /srv/out;"
        "printf '#!/bin/sh\\ncp /etc/figures/since /srv/out/since\\n' > /srv/program; chmod 755 /srv/program",
        breaks=(("ReadWritePaths", "/srv"),),
    ),
    "control-groups": Service(
        "makes a control group",
        _script("mkdir -p /sys/fs/cgroup/apart"),
        "test -e /sys/fs/cgroup/apart/cgroup.procs",
        "if test -d /sys/fs/cgroup/apart; then rmdir /sys/fs/cgroup/apart; fi",
        breaks=(("ProtectControlGroups", "true"),),
    ),
    "reads-as-root": Service(
        "reads with a program that is setuid what only root may",
        _script("/run/wrappers/bin/reader /srv/secret > /srv/figures/copy", FIGURES),
        "grep -q sixteen /srv/figures/copy",
        "mkdir -p /run/wrappers /srv/figures; chown figures /srv/figures;"
        "mountpoint -q /run/wrappers || mount -t tmpfs -o suid,mode=755 tmpfs /run/wrappers;"
        "mkdir -p /run/wrappers/bin; cp /usr/bin/cat /run/wrappers/bin/reader; chmod 4755 /run/wrappers/bin/reader;"
        "mkdir -p /srv/private; echo sixteen > /srv/private/secret; chmod 600 /srv/private/secret;"
        "chown 1234 /srv/private/secret; chmod 755 /srv/private; ln -sf private/secret /srv/secret",
        breaks=(("NoNewPrivileges", "true"), ("PrivateUsers", "true")),
    ),
    "page-for-others": Service(
        "fetches a page into a folder that others read",
        _script("git clone -q /srv/origin /srv/site"),
        f"{AS_ANYBODY} cat /srv/site/page | grep -q hello",
        "git init -q /srv/origin; cd /srv/origin; umask 022; echo hello > page; git add page;"
        "git -c user.name=it -c user.email=it@example.org commit -q -m page",
        needs=("git", "setpriv"),
        breaks=(("UMask", "0077"),),
    ),
    "owners-of-files": Service(
        "looks for files that another user owns",
        _script("find /srv/up -uid 1234 > /srv/figures/list", FIGURES),
        "grep -qx /srv/up/theirs /srv/figures/list",
        "mkdir /srv/up /srv/figures; chown figures /srv/figures; touch /srv/up/theirs; chown 1234 /srv/up/theirs",
        breaks=(("PrivateUsers", "true"),),
    ),
    "host-name": Service(
        "sets the host name",
        _script("hostname box7"),
        'test "$(uname -n)" = box7',
        "hostname elsewhere",
        needs=("hostname",),
        breaks=(("ProtectHostname", "true"), ("SystemCallFilter", "@system-service")),
    ),
    "hard-link": Service(
        "links a file of another folder",
        _script("ln /srv/made/list /srv/site/list"),
        "test /srv/made/list -ef /srv/site/list",
        "mkdir /srv/made /srv/site; touch /srv/made/list",
        breaks=(("ReadWritePaths", "/srv/site"),),
    ),
}  # fmt: skip
"""By name."""
