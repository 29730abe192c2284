"""A remote machine, played by a second SSH server on loopback: its own keys, port, home and state, as this user."""

import contextlib
import getpass
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from place import eventually, free_port, may_mount, role_pid


class Machine:
    """sshd with a home of its own. The client's configuration calls it `box`."""

    def __init__(self, place):
        self.place = place
        self.path = os.path.join(place.path, "ssh")
        self.home = os.path.join(place.path, "there")
        self.state = os.path.join(self.home, ".local/state/slipway")
        self.port = free_port()
        self.server = None
        for directory in (self.path, self.home, os.path.join(place.path, "r")):
            os.mkdir(directory, 0o700)
        place.environment.update(
            XDG_CONFIG_HOME=os.path.join(place.path, "config"), XDG_CACHE_HOME=os.path.join(place.path, "cache"),
            XDG_RUNTIME_DIR=os.path.join(place.path, "r"))
        for key in ("host", "client", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", self.file(key)], check=True)
        shutil.copy(self.file("client.pub"), self.file("authorized_keys"))
        self.write("sshd_config", f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.file("host")}
AuthorizedKeysFile {self.file("authorized_keys")}
PidFile {self.file("sshd.pid")}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding no
AllowStreamLocalForwarding no
SetEnv HOME={self.home} PATH={self.home}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin
""")
        self.configure(self.port)
        self.know("host")
        self.start()

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self, port):
        self.write("config", f"""Host box
    HostName 127.0.0.1
    Port {port}
    User {getpass.getuser()}
    IdentityFile {self.file("client")}
    IdentitiesOnly yes
    UserKnownHostsFile {self.file("known_hosts")}
    GlobalKnownHostsFile /dev/null
""")

    def know(self, key):
        """Which key the client takes for the machine's; none: it knows none."""
        if not key:
            self.write("known_hosts", "")
            return
        with open(self.file(key + ".pub"), encoding="utf-8") as file:
            self.write("known_hosts", f"[127.0.0.1]:{self.port} {' '.join(file.read().split()[:2])}\n")

    def start(self):
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.server = subprocess.Popen(
            [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", self.file("sshd_config")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(self.file("sshd.log"), "ab"))
        eventually(self.listens, 10, "sshd listens")

    def listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def sessions(self):
        """The processes that serve connections: descendants of the server by two steps at most."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError, ValueError):
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    text = file.read()
                if text[text.index("(") + 1:text.rindex(")")] in ("sshd", "sshd-session"):
                    parents[int(pid)] = int(text[text.rindex(")") + 2:].split()[1])
        children = [pid for pid, parent in parents.items() if parent == self.server.pid]
        return children + [pid for pid, parent in parents.items() if parent in children]

    def cut(self):
        """Ends every connection, as if the network were gone."""
        cut = set(self.sessions())
        for pid in cut:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A client that lives makes another one at once.
        eventually(lambda: not cut & set(self.sessions()), 10, "none of these connections is left")

    def stop(self):
        self.cut()
        self.server.terminate()
        self.server.wait()

    def role(self, role):
        """The pid of a role there."""
        return role_pid(role, self.state)

    def leave(self):
        if self.server.poll() is not None:
            self.start()
        try:
            if self.role("keeper"):
                program = os.path.join(self.home, ".local/bin/slipway")
                subprocess.run([program, "shutdown", "--yes", "--state", self.state], capture_output=True, timeout=120)
                eventually(lambda: not self.role("keeper"), 30, "the keeper there ends")
        finally:
            self.stop()


@contextlib.contextmanager
def machine(place):
    box = Machine(place)
    try:
        yield box
    finally:
        box.leave()


def add(place, box, *more, code=0):
    return place.run("host", "add", "box", "--ssh-config", box.file("config"), *more, code=code)


def shop(place, version, strategy="rolling: {}"):
    """A service from a directory that takes several pieces to send."""
    place.write("app/server.py", f"""import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"version {version}\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
print("version {version} begins", flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
""")
    if not os.path.exists(os.path.join(place.project, "app/ballast")):
        with open(os.path.join(place.project, "app/ballast"), "wb") as file:
            file.write(os.urandom(20 << 20))
    place.write("slipway.yaml", f"""version: 1
project: e2e
services:
  app:
    artifact: {{ path: app }}
    command: [/usr/bin/python3, -u, server.py]
    port: 8080
    routes: [{{ listen: {place.port} }}]
    probes: {{ readiness: {{ http: /, every: 500ms }} }}
    strategy: {{ {strategy} }}
environments:
  production: {{ host: box }}
""")


def there(place):
    return json.loads(place.run("status", "production", "--output", "json", code=None))


def a_deploy_goes_on_when_the_laptop_leaves(place):
    with machine(place) as box:
        output = add(place, box)
        assert "box is ready" in output, output
        assert "is there already" in add(place, box), "the same executable is not sent twice"
        shop(place, 1)
        assert "app" in place.run("plan", "production")
        output = place.run("deploy", "production")
        assert "sending app to box: 20 MiB" in output, output
        assert place.get() == (200, "version 1\n")
        assert not place.pid_of("keeper"), "nothing was started here"
        assert "sending" not in place.run("deploy", "production"), "what is there is not sent again"

        hold = "canary: { steps: [{ weight: 50% }, { hold: 4s }] }"
        shop(place, 2, hold)
        client = place.start("deploy", "production")
        eventually(lambda: (there(place)["services"][0].get("rollout") or {}).get("stage") == 1, 60, "the hold begins")
        client.kill()
        client.wait()
        box.cut()
        eventually(lambda: (there(place).get("last") or {}).get("number") == 2, 60, "the deployment ends by itself")
        assert there(place)["last"]["phase"] == "committed"
        assert place.get() == (200, "version 2\n")

        # A client that lives when the connection is cut finds its way back.
        shop(place, 3, hold)
        client = place.start("deploy", "production")
        eventually(lambda: (there(place)["services"][0].get("rollout") or {}).get("stage") == 1, 60, "the hold begins")
        box.cut()
        output = client.communicate(timeout=60)[0]
        assert client.returncode == 0, output
        assert place.get() == (200, "version 3\n")

        assert "version 3 begins" in place.run("logs", "production", "app")
        assert "#3" in place.run("history", "production")
        place.run("rollback", "production")
        assert place.get() == (200, "version 2\n")
        place.run("verify", "production")
        place.run("down", "production")
        assert there(place)["services"][0]["instances"] == []


def an_approval_is_given_on_another_machine(place):
    with machine(place) as box:
        add(place, box)
        shop(place, 1)
        place.run("deploy", "production")
        shop(place, 2, "canary: { steps: [{ weight: 50% }, { gate: ok }] }")
        with open(os.path.join(place.project, "slipway.yaml"), "a", encoding="utf-8") as file:
            file.write("gates: { ok: { approval: { by: anyone, within: 1h } } }\n")
        output = place.run("deploy", "production", code=4)
        assert "slipway approve production app ok" in output, output
        output = place.run("approve", "production", "app", "ok", "--approvals", "/nowhere/a.sock", code=2)
        assert "the environment is on box" in output, output
        place.run("approve", "production", "app", "ok", "--reason", "seen there")
        eventually(lambda: (there(place).get("last") or {}).get("number") == 2, 60, "the deployment ends")
        assert place.get() == (200, "version 2\n")
        # Who it was is the user whom the other machine's SSH server let in.
        story = place.run("history", "production", "2")
        assert f"by {getpass.getuser()}" in story and "seen there" in story, story
        assert not place.pid_of("keeper"), "nothing was started here"


def a_machine_is_upgraded_while_it_serves(place):
    with machine(place) as box:
        add(place, box)
        shop(place, 1)
        place.run("deploy", "production")
        supervisor, keeper = box.role("supervisor"), box.role("keeper")
        newer = os.path.join(place.path, "newer")
        shutil.copy(place.slipway, newer)
        with open(newer, "ab") as file:
            file.write(b"\n")
        assert "another one than here" in subprocess.run(
            [newer, "host", "check", "box"], env=place.environment, capture_output=True, text=True, timeout=60).stdout
        load = place.load(6)
        output = subprocess.run(
            [newer, "host", "upgrade", "box"], env=place.environment, capture_output=True, text=True, timeout=120)
        assert output.returncode == 0, output.stdout + output.stderr
        assert box.role("keeper") == keeper and box.role("supervisor") not in (None, supervisor)
        with open(os.path.join(box.home, ".local/bin/slipway"), "rb") as file:
            file.seek(-1, os.SEEK_END)
            assert file.read() == b"\n"
        assert os.listdir(os.path.join(box.home, ".local/bin")) == ["slipway"], "nothing half done is left"
        report = json.loads(load.communicate(timeout=60)[0])
        assert report["all"]["failures"] == 0, (report["counts"], report["failures"])
        assert [host["name"] for host in json.loads(place.run("host", "list", "--output", "json"))] == ["box"]
        place.run("host", "remove", "box", "--purge")
        eventually(lambda: not box.role("keeper"), 10, "the keeper is gone")
        assert not os.path.exists(os.path.join(box.home, ".local/bin/slipway"))
        assert "no machine of the name" in place.run("status", "production", code=2)


def a_machine_that_cannot_be_reached_is_explained(place):
    with machine(place) as box:
        add(place, box)
        shop(place, 1)
        # A kept connection would hide what follows.
        for number, (key, words) in enumerate([("", "is not known here"), ("other", "another one than before")]):
            place.environment["XDG_RUNTIME_DIR"] = os.path.join(place.path, f"r{number}")
            os.mkdir(place.environment["XDG_RUNTIME_DIR"], 0o700)
            box.know(key)
            output = place.run("status", "production", code=1, within=30)
            assert words in output and "hint:" in output, output
            assert words in add(place, box, "--name", "again", code=1)
        box.know("host")
        os.rename(box.file("client"), box.file("away"))
        output = place.run("status", "production", code=1, within=30)
        assert "does not let us in" in output, output
        os.rename(box.file("away"), box.file("client"))
        place.run("status", "production", code=None, within=30)
        box.stop()
        started = time.monotonic()
        output = place.run("deploy", "production", code=1, within=30)
        assert "refuses connections" in output and time.monotonic() - started < 20, output
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            box.configure(silent.getsockname()[1])
            started = time.monotonic()
            output = place.run("status", "production", code=1, within=30)
            assert "does not answer in time" in output and time.monotonic() - started < 20, output
        box.configure(box.port)
        assert "cannot name" in place.run("host", "add", "box", "--name", "No Name", code=2)
        assert "names no machine" in place.run("host", "add", "me@-oProxyCommand=x", code=2)


def a_machine_without_room_keeps_nothing_half_done(place):
    with machine(place) as box:
        if not may_mount():
            print("        (skipped: a full disk needs root, to mount one)", flush=True)
            return
        small = os.path.join(place.path, "small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
        try:
            output = add(place, box, "--program", os.path.join(small, "slipway"), code=1)
            assert "No space left" in output and "nothing was changed" in output, output
            assert os.listdir(small) == []
        finally:
            subprocess.run(["umount", small], check=True)
        assert "no machines" in place.run("host", "list")


def a_machine_that_starts_slipway_by_systemd(place):
    """systemd itself is played: a script that takes the words which it is to be asked with, and starts the unit."""
    with machine(place) as box:
        os.mkdir(os.path.join(box.home, "bin"))
        unit = os.path.join(box.home, ".config/systemd/user/slipway.service")
        for name, text in (("loginctl", f'echo "loginctl $*" >>{box.home}/asked'), ("systemctl", f"""
echo "$*" >>{box.home}/asked
case "$*" in
"--user --quiet is-active slipway.service") exit 3 ;;
"--user enable --now slipway.service") setsid $(sed -n s/^ExecStart=//p {unit}) </dev/null >/dev/null 2>&1 & ;;
esac""")):
            path = os.path.join(box.home, "bin", name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
        output = add(place, box, "--systemd")
        assert "box is ready" in output, output
        with open(os.path.join(box.home, "asked"), encoding="utf-8") as file:
            asked = file.read().splitlines()
        assert "--user daemon-reload" in asked and "loginctl enable-linger" in asked, asked
        with open(unit, encoding="utf-8") as file:
            assert f"ExecStart={box.home}/.local/bin/slipway keeper --state {box.state}\n" in file.read()
        place.run("host", "remove", "box", "--purge")
        assert not os.path.exists(unit), "a unit that is left would start it again"
        assert not box.role("keeper")


def a_keeper_unit_is_exported(place):
    path = os.path.join(place.path, "unit", "slipway.service")
    place.run("export", "systemd", "--user", "--state", os.path.join(place.path, "s"), "--write", path)
    with open(path, encoding="utf-8") as file:
        unit = file.read()
    assert "KillMode=process" in unit
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    # What the unit runs is a keeper that works, and whose end by TERM is orderly.
    keeper = subprocess.Popen(line.removeprefix("ExecStart=").split(), env=place.environment)
    place.children.append(keeper)
    eventually(lambda: place.run("doctor", code=None).count("pid") >= 3, 30, "all roles run")
    reload = next(line for line in unit.splitlines() if line.startswith("ExecReload="))
    before = place.pid_of("supervisor")
    subprocess.run(reload.removeprefix("ExecReload=").split(), env=place.environment, check=True, timeout=60)
    assert place.pid_of("supervisor") != before
    keeper.terminate()
    assert keeper.wait(timeout=60) == 0
    assert re.search("RestartPreventExitStatus=0 ", unit)


TESTS = [
    a_deploy_goes_on_when_the_laptop_leaves,
    an_approval_is_given_on_another_machine,
    a_machine_is_upgraded_while_it_serves,
    a_machine_that_cannot_be_reached_is_explained,
    a_machine_without_room_keeps_nothing_half_done,
    a_machine_that_starts_slipway_by_systemd,
    a_keeper_unit_is_exported,
]
