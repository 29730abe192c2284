"""What a person at the keyboard meets: words, places, terminals, other users, other versions, a full disk."""

import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import shutil
import signal
import socketserver
import struct
import subprocess
import termios
import threading
import time

from place import eventually, may_mount


def ask(place, *words, directory=None, user=None):
    """Code, standard output and standard error, apart."""
    answer = subprocess.run(
        [place.slipway, *words], cwd=directory or place.project, env=place.environment, capture_output=True, text=True,
        timeout=120, stdin=subprocess.DEVNULL, user=user)
    return answer.returncode, answer.stdout, answer.stderr


# Words and places


def the_manifest_is_found_from_below(place):
    place.nginx(1)
    below = os.path.join(place.project, "a", "b")
    os.makedirs(below)
    code, out, errors = ask(place, "check", directory=below)
    assert (code, "../../slipway.yaml is right" in out) == (0, True), (code, out, errors)
    place.write("slipway.yaml", "version: 1\nproject: x\nservices:\n  a: { comand: [/bin/true] }\n")
    for verb, wanted in (("check", 1), ("deploy", 2)):
        code, out, errors = ask(place, verb, directory=below)
        assert code == wanted and "../../slipway.yaml:4:8: error: `comand`" in out + errors, (code, out, errors)
    code, out, errors = ask(place, "check", directory=place.path)
    assert code == 2 and "there is no slipway.yaml here or above" in errors and "hint: " in errors, (code, errors)


def a_program_that_is_not_packed_is_noticed(place):
    place.write("app.py", "print('hello')\n")
    place.program(["/usr/bin/python3", "app.py"])
    code, _, errors = ask(place, "deploy")
    assert code == 3 and "app has no `artifact:`, so app.py beside the manifest is not packed" in errors, errors


def words_that_are_wrong_get_the_right_ones(place):
    place.nginx(1, extra="environments: { dev: , production: }\n")
    for words, wanted in (
            (["deplyo"], "did you mean `deploy`?"), (["deploy", "producton"], "did you mean `production`?"),
            (["quarantine", "add", "web", "--reason", "x"], "one is like api@14"),
            (["notify", "test", "--channel", "ops"], "`notify:` names channels")):
        code, _, errors = ask(place, *words)
        assert code == 2 and wanted in errors, (words, code, errors)
    # Nothing to do is no failure.
    code, out, errors = ask(place, "shutdown", "--yes")
    assert code == 0 and "nothing to stop" in out, (code, out, errors)


def programs_get_one_document_whatever_happens(place):
    place.nginx(1)
    failing = 0

    def look(*words):
        nonlocal failing
        code, out, errors = ask(place, *words, "--output", "json")
        try:
            document = json.loads(out)
        except ValueError as error:
            raise AssertionError(f"{words}: {error}: {out!r}\n{errors}") from error
        if code and isinstance(document, dict) and document.get("outcome") == "failed":
            assert document["message"] and document["code"], document
            failing += 1

    everywhere = [
        ["status"], ["plan"], ["history"], ["history", "99"], ["verify"], ["quarantine"], ["doctor"], ["check"],
        ["quarantine", "add", "web@9", "--reason", "x"], ["quarantine", "lift", "web@9", "--reason", "x"],
        ["pause"], ["resume"], ["promote"], ["abort"], ["retry"], ["rollback"], ["rollback", "--dry-run"],
        ["approve", "web", "ok"], ["reject", "web", "ok"], ["scale", "web", "3"], ["scale", "web", "auto"],
        ["migrate", "--done", "--reason", "x"], ["notify", "test"], ["status", "nowhere"], ["logs", "nobody"],
        ["deploy", "nowhere"], ["deploy", "--release", "web@99"], ["journal", "verify"], ["host", "list"]]
    for words in everywhere:
        if words[0] not in ("plan", "logs"):
            look(*words)
    place.run("up")
    for words in [*everywhere, ["deploy"], ["up"], ["down"]]:
        look(*words)
    assert failing > 10, failing


def completion_knows_the_project(place):
    if not shutil.which("bash"):
        return
    place.nginx(1, extra="environments: { dev: , production: }\n")
    script = os.path.join(place.path, "completion")
    with open(script, "w", encoding="utf-8") as file:
        subprocess.run([place.slipway, "--generate-completion-script", "bash"], stdout=file, check=True)
    for name in ("zsh", "fish"):
        text = subprocess.run(
            [place.slipway, "--generate-completion-script", name], capture_output=True, text=True, check=True).stdout
        assert "rollback" in text and len(text) > 1000, name
    os.symlink(place.slipway, os.path.join(place.path, "slipway"))

    def complete(*words):
        line = " ".join(words)
        program = f"""
source {script}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
COMP_LINE='{line}'; COMP_POINT={len(line)}; COMP_TYPE=9
_slipway slipway '{words[-1]}' '{words[-2]}'
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        environment = dict(place.environment, PATH=place.path + ":" + os.environ["PATH"])
        answer = subprocess.run(
            ["bash", "-c", program], cwd=place.project, env=environment, capture_output=True, text=True, timeout=20)
        return answer.stdout.split(), answer.stderr

    for words, wanted in (
            (["slipway", "dep"], "deploy"), (["slipway", "deploy", "prod"], "production"),
            (["slipway", "logs", "w"], "web"), (["slipway", "deploy", "--service", ""], "web"),
            (["slipway", "deploy", "--on-failure", ""], "hold")):
        found, errors = complete(*words)
        assert wanted in found, (words, found, errors)


# Others: users and versions


def another_users_state_is_private(place):
    if os.geteuid() != 0:
        return
    place.nginx(1)
    place.run("up")
    os.chmod(place.path, 0o755)
    os.chmod(place.project, 0o755)
    program = os.path.join(place.path, "slipway")
    shutil.copy(place.slipway, program)
    place.slipway, own = program, place.slipway
    try:
        for words in (["status"], ["logs"], ["deploy"], ["up"], ["shutdown", "--yes"], ["doctor"]):
            code, out, errors = ask(place, *words, user=65534)
            assert code == 1 and "is private and belongs to root" in out + errors, (words, code, out, errors)
    finally:
        place.slipway = own
    assert place.get() == (200, "version 1\n")


class FakeSupervisor(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps(self.server.report).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "client"

    def log_message(self, *words):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def it_says_which_version_is_the_older_one(place):
    place.nginx(1)
    run = os.path.join(place.environment["SLIPWAY_STATE"], "run")
    os.makedirs(run, 0o700)
    own = place.run("--version").strip()
    with UnixServer(os.path.join(run, "supervisor.sock"), FakeSupervisor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            for version, api, wanted, advice in (
                    ("99.0.0", 1, f"this slipway is older: {own}", "use the newer slipway"),
                    ("0.0.1", 1, f"this slipway is newer: {own}", "`slipway restart` goes on with this one"),
                    ("99.0.0", 2, "do not understand each other", "use the newer slipway")):
                server.report = {"version": version, "api": api, "pid": os.getpid(), "state": "x", "startedAt": 0}
                code, _, errors = ask(place, "history")
                assert code == 1 and wanted in errors and advice in errors, (version, errors)
        finally:
            server.shutdown()


# Terminals


def on_a_terminal(place, words, columns, environment, until, keys):
    """Runs it on a terminal of its own, types `keys` once `until` has been shown, and gives code and bytes."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place.project)
        os.execve(place.slipway, [place.slipway, *words], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    os.set_blocking(terminal, False)
    seen, typed, deadline = b"", False, time.monotonic() + 60
    while True:
        with contextlib.suppress(BlockingIOError):
            try:
                part = os.read(terminal, 65536)
            except OSError as error:
                if error.errno == 5:
                    break
                raise
            if not part:
                break
            seen += part
        if not typed and until in seen:
            os.write(terminal, keys)
            typed = True
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise AssertionError(f"nothing ended: {seen[-2000:]!r}")
        time.sleep(0.01)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen


def the_live_view_fits_and_detaches(place):
    place.nginx(1)
    place.run("up")
    base = {name: value for name, value in place.environment.items() if name not in ("NO_COLOR", "TERM")}
    forms = ((80, {"TERM": "xterm-256color"}), (120, {"TERM": "xterm-256color", "NO_COLOR": "1"}), (80, {"TERM": "dumb"}))
    for number, (columns, more) in enumerate(forms, start=2):
        place.nginx(number, strategy="canary: { steps: [{ weight: 50% }, { hold: 50s }] }")
        until = b"hold 50s"
        code, seen = on_a_terminal(place, ["deploy"], columns, dict(base, **more), until, b"\x03")
        text = seen.decode()
        assert code == 130 and "Come back with: slipway status dev --follow" in text, (code, text[-500:])
        assert ("\x1b[3" in text) == (columns == 80 and more["TERM"] != "dumb"), more
        if more["TERM"] == "dumb":
            assert "\x1b" not in text, text[-500:]
        else:
            for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split("\n"):
                assert len(line.rstrip("\r")) <= columns, (columns, line)
        # The deployment went on without anybody who watches.
        assert place.status()["deployment"]["phase"] == "advancing"
        place.run("promote")
        eventually(lambda: place.status()["last"]["number"] == number, 30, "it is committed")
        assert place.get() == (200, f"version {number}\n")


# A full disk


def a_full_disk_loses_nothing_and_recovers(place):
    if not may_mount():
        print("skipped: a full disk needs root, to mount one", flush=True)
        return
    small = os.path.join(place.path, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=180m", "tmpfs", small], check=True)
    place.environment["SLIPWAY_STATE"] = os.path.join(small, "s")
    filler = os.path.join(small, "filler")

    def fill():
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 16)):
                pass

    def write(version, strategy):
        place.nginx(version, strategy=strategy)
        place.write("app/version", f"{version}\n")
        with open(os.path.join(place.project, "slipway.yaml"), encoding="utf-8") as file:
            text = file.read()
        place.write("slipway.yaml", text.replace("    command:", "    artifact: { path: app }\n    command:", 1))

    try:
        write(1, "rolling: {}")
        place.run("up")
        load = place.load(20, rate=100)
        steps = "canary: { steps: [{ weight: 50% }, { hold: 6s }] }"
        write(2, steps)
        fill()
        # Nothing is begun for which there is no room.
        output = place.run("deploy", code=1)
        assert "No space left on device" in output and "free some space" in output, output
        assert "✗ disk" in place.run("doctor", code=1)
        assert place.get() == (200, "version 1\n")
        os.remove(filler)
        # It fills while a rollout is under way: nothing is decided that could not be written down.
        place.run("deploy", "--detach")
        fill()
        eventually(lambda: "cannot write the journal" in place.run("status", code=None), 20, "status says so")
        assert place.status()["deployment"]["phase"] == "advancing"
        output = place.run("pause", code=1)
        assert "cannot write the journal" in output and "Free some space" in output, output
        os.remove(filler)
        eventually(lambda: (place.status().get("last") or {}).get("number") == 2, 40, "it goes on by itself")
        assert place.status()["last"]["phase"] == "committed"
        assert place.get() == (200, "version 2\n")
        assert "the chain is whole" in place.run("journal", "verify")
        assert not place.status()["troubles"], place.status()["troubles"]
        report = json.loads(load.communicate(timeout=60)[0])
        assert report["all"]["failures"] == 0, (report["counts"], report["failures"])
    finally:
        place.run("shutdown", "--yes", code=None)
        eventually(lambda: not place.pid_of("keeper"), 30, "the keeper ends")
        subprocess.run(["umount", "-l", small], check=True)


TESTS = [
    the_manifest_is_found_from_below,
    a_program_that_is_not_packed_is_noticed,
    words_that_are_wrong_get_the_right_ones,
    programs_get_one_document_whatever_happens,
    completion_knows_the_project,
    another_users_state_is_private,
    it_says_which_version_is_the_older_one,
    the_live_view_fits_and_detaches,
    a_full_disk_loses_nothing_and_recovers,
]
