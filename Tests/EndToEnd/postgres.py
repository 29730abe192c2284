"""A PostgreSQL of a test's own, on a free port of loopback, run by a normal user."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time


def programs():
    """The folder of the newest PostgreSQL; None where there is none."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="slw-pg-")
        self.process = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def __enter__(self):
        words = {"cwd": self.path, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        if os.getuid() == 0:
            # It refuses to run as root.
            user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
            shutil.chown(self.path, user)
            words["user"] = user
            words["extra_groups"] = []
        data = os.path.join(self.path, "data")
        subprocess.run([programs() + "/initdb", "-D", data, "-A", "trust", "-U", "shop", "--no-sync"], check=True,
                       timeout=120, **words)
        self.process = subprocess.Popen(
            [programs() + "/postgres", "-D", data, "-h", "127.0.0.1", "-p", str(self.port), "-k", self.path,
             "-c", "fsync=off"], **words)
        deadline = time.monotonic() + 60
        while self.ask("select 1", check=False) != "1":
            if time.monotonic() > deadline:
                raise AssertionError("PostgreSQL does not answer")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def env(self):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "shop", "PGDATABASE": "postgres"}

    def ask(self, sql, check=True):
        """What a question answers, bare."""
        answer = subprocess.run(["psql", "-X", "-A", "-t", "-c", sql], env=dict(os.environ, **self.env), text=True,
                                capture_output=True, timeout=30)
        if check and answer.returncode:
            raise AssertionError(f"{sql}: {answer.stderr}")
        return answer.stdout.strip()
