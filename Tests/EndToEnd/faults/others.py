"""Faults that are no single call: a reboot, clocks that jump, a full disk, damaged files, strange servers, another
binary. Each is a function of an open shop and gives a word for what happened, and how many requests failed; it raises
when something that must hold does not."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid

from place import eventually
from shop import REPLICAS
from striking import Broken

DAY = 86_400_000
# Answers as its name says; a server on one thread per connection.
STRANGE = """
import os, socket, sys, threading, time
kind = sys.argv[1]
body = open("index.html").read().encode()
head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)

def serve(peer):
    with peer:
        served = 0
        while True:
            request = b""
            while b"\\r\\n\\r\\n" not in request:
                part = peer.recv(4096)
                if not part:
                    return
                request += part
            probe = b"GET /ready" in request
            served += 1
            if kind == "hangs" and probe:
                time.sleep(60)
            if kind == "slow" and probe:
                time.sleep(0.3)
            if kind == "garbage" and not probe:
                peer.sendall(b"\\x00\\x01 no response at all\\r\\n\\r\\n")
                return
            if kind == "twice" and not probe:
                peer.sendall(head + body + head + body)
                continue
            if kind == "trickles" and not probe:
                for byte in head + body:
                    peer.sendall(bytes([byte]))
                    time.sleep(0.002)
                continue
            peer.sendall(head + body)
            if kind == "closes" and not probe:
                time.sleep(0.005)
                return

listener = socket.create_server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), backlog=64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def finish(shop, child, word, code):
    """Waits until a deployment has ended as it should, and everything is as it must be."""
    child.communicate(timeout=60)
    status = eventually(shop.settled, 60, "everything is at rest")
    shop.client.pass_by()
    if status["last"]["phase"] != word:
        raise Broken(f"the deployment is {status['last']['phase']}, not {word}: {status['last']}")
    if code is not None and child.returncode != code:
        raise Broken(f"exit {child.returncode}, not {code}")
    shop.stands = shop.version if word == "committed" else shop.stands
    if shop.get() != (200, f"version {shop.stands}\n"):
        raise Broken(f"{shop.get()} is served, {shop.stands} should be")
    if "the chain is whole" not in shop.run("journal", "verify"):
        raise Broken("the journal is not whole")
    return word


def failures(shop, since, allowed=0):
    found = shop.client.failures[since:]
    if len(found) > allowed:
        raise Broken(f"{len(found)} requests failed: {found[:3]}")
    return len(found)


def deploy(shop):
    child = subprocess.Popen([shop.slipway, "deploy"], cwd=shop.project, env=shop.environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    shop.children.append(child)
    return child


def paused(shop, point="journal.append", number=3):
    """Begins a deployment whose supervisor stands still in the midst of it, until it is continued."""
    supervisor = shop.pid_of("supervisor")
    shop.arm("supervisor", point, "after", number, "signal", 0, int(signal.SIGSTOP))
    child = deploy(shop)
    eventually(shop.fired, 20, f"{point} {number} is reached")
    shop.disarm()
    return child, supervisor


def reboot(shop):
    """Everything ends at once, and the kernel is another one."""
    shop.new_version()
    child, _ = paused(shop)
    child.kill()

    def power_off():
        # The keeper first, so that nothing is started meanwhile.
        for pid in [shop.pid_of(role) for role in ("keeper", "supervisor", "proxy")] + shop.processes():
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(pid, signal.SIGKILL)
        return not shop.processes() and not shop.has_keeper()

    eventually(power_off, 20, "nothing runs")
    with open(shop.fault_file("boot_id"), "w", encoding="utf-8") as file:
        file.write(f"{uuid.uuid4()}\n")
    shop.ensure_keeper()
    # A gate may lose its patience with instances that the reboot took away.
    status = eventually(shop.settled, 60, "all have started anew")
    return finish(shop, child, status["last"]["phase"], None), None


def clock(shop, ahead):
    shop.new_version()
    since = len(shop.client.failures)
    child, supervisor = paused(shop)
    shop.set_clock(wall=ahead)
    os.kill(supervisor, signal.SIGCONT)
    word = finish(shop, child, "committed", 0)
    # And what begins under the new time.
    shop.new_version()
    finish(shop, deploy(shop), "committed", 0)
    return word, failures(shop, since)


def clock_forward(shop):
    return clock(shop, DAY)


def clock_back(shop):
    return clock(shop, -DAY)


def another_binary(shop):
    """Supervisor and proxy are replaced by another executable in the midst of a deployment."""
    shop.new_version()
    since = len(shop.client.failures)
    newer = os.path.join(shop.path, "newer", "slipway")
    os.makedirs(os.path.dirname(newer), exist_ok=True)
    shutil.copy(shop.slipway, newer)
    before = shop.pid_of("supervisor")
    child, supervisor = paused(shop)
    os.kill(supervisor, signal.SIGCONT)
    answer = subprocess.run([newer, "restart"], cwd=shop.project, env=shop.environment, capture_output=True, text=True,
                            timeout=60)
    if answer.returncode != 0:
        raise Broken(f"restart: {answer.stdout}{answer.stderr}")
    word = finish(shop, child, "committed", 0)
    if shop.pid_of("supervisor") == before:
        raise Broken("the supervisor was not replaced")
    return word, failures(shop, since)


def strange(kind, word, code):
    def case(shop):
        shop.new_version(command=["/usr/bin/python3", "strange.py", kind], files={"app/strange.py": STRANGE},
                         probe="{ http: /ready, every: 200ms, timeout: 500ms }", deadline="3s")
        since = len(shop.client.failures)
        return finish(shop, deploy(shop), word, code), failures(shop, since)
    return case


def damaged_journal(shop):
    """Bytes in the midst of the journal are others: it is refused, what runs goes on, and a copy of before goes on."""
    path = os.path.join(shop.state, "journal", "journal.db")
    shop.run("shutdown", "--yes")
    shop.client.stop()
    kept = path + ".kept"
    shutil.copy(path, kept)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE entries SET body = x'00' WHERE seq = (SELECT max(seq) FROM latest)")
        database.commit()
    said = shop.run("up", code=1)
    if "damaged" not in said or "journal" not in said:
        raise Broken(f"what is damaged is not said: {said}")
    eventually(lambda: not shop.has_keeper(), 20, "nothing is left trying")
    os.replace(kept, path)
    for name in ("journal.db-wal", "journal.db-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(shop.state, "journal", name))
    shop.run("up")
    eventually(shop.settled, 30, "it stands again")
    shop.restart_client()
    return "refused, with what to do; went on with a copy", None


def torn_route_table(shop):
    """Half of the route table is gone, and the proxy is killed: it does not start empty."""
    path = os.path.join(shop.state, "proxy", "routes.json")
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) // 2)
    os.kill(shop.pid_of("proxy"), signal.SIGKILL)
    status = eventually(lambda: (shop.status() or {}).get("troubles"), 20, "it is told")
    log = os.path.join(shop.state, "keeper", "logs", "proxy.log")

    def said():
        with open(log, encoding="utf-8") as file:
            return "is damaged" in file.read()

    eventually(said, 20, "the proxy says why it does not start")
    os.remove(path)
    eventually(shop.settled, 40, "the supervisor sends the routes anew")
    if not status or shop.get() != (200, f"version {shop.stands}\n"):
        raise Broken(f"{shop.get()} is served")
    shop.client.pass_by()
    return "refused, with what to do; routes came back with the file out of the way", None


def full_disk(shop):
    """The state's file system is full in the midst of a deployment, and has room again later."""
    shop.new_version()
    since = len(shop.client.failures)
    child, supervisor = paused(shop, number=2)
    filler = os.path.join(shop.state, "filler")
    with open(filler, "wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
            file.flush()
    os.kill(supervisor, signal.SIGCONT)
    words = ("free some space", "no space left", "disk is full")
    eventually(lambda: any(word in str(shop.status()).lower() for word in words), 20, "it is told")
    os.remove(filler)
    status = eventually(shop.settled, 60, "it goes on")
    return finish(shop, child, status["last"]["phase"], None), failures(shop, since)


# Name, where, what; in which strategies (nothing: one is enough, since the strategy has no part in it).
CASES = [
    ("reboot", "all", reboot, True),
    ("clock a day forward", "supervisor", clock_forward, True),
    ("clock a day back", "supervisor", clock_back, True),
    ("another binary takes over", "supervisor and proxy", another_binary, True),
    ("full disk", "state directory", full_disk, True),
    ("damaged", "journal", damaged_journal, False),
    ("damaged", "route table", torn_route_table, False),
    ("probe hangs", "new release", strange("hangs", "reverted", 3), True),
    ("probe is slow", "new release", strange("slow", "committed", 0), True),
    ("closes idle connections", "new release", strange("closes", "committed", 0), True),
    ("trickles its answers", "new release", strange("trickles", "committed", 0), True),
    ("answers twice", "new release", strange("twice", "committed", 0), False),
    ("answers with garbage", "new release", strange("garbage", "reverted", 3), False),
]
assert REPLICAS > 1
