"""One deploy during which one fault strikes at one point, and the judgement of what came of it."""

import dataclasses
import os
import signal
import subprocess
import threading
import time

# A deployment that met a fault has to have ended, one way or the other, by then.
DEADLINE = 90
# How long a stopped proxy stands still.
PAUSE = 1.5


@dataclasses.dataclass(frozen=True)
class Strike:
    """Where, when and with what."""
    fault: str
    component: str
    role: str
    point: str
    number: int
    when: str = "before"
    action: str = "signal"
    # 0: who passes the point; else the role whose process is meant.
    target: str = ""
    value: int = int(signal.SIGKILL)

    @property
    def victim(self):
        """Whose process ends by it."""
        if self.action == "torn" or self.action == "signal" and self.value == signal.SIGKILL:
            return self.target or self.role
        return None

    def __str__(self):
        return f"{self.fault} {self.component}, {self.when} {self.role} {self.point} {self.number}"


@dataclasses.dataclass
class Outcome:
    """What came of a strike."""
    strike: Strike
    word: str
    # Requests that the client counts as failed, all within what the fault may cost.
    cost: int = 0
    said: str = ""


class Broken(AssertionError):
    """A guarantee did not hold."""


def begin(shop, strike):
    pid = shop.pid_of(strike.target) if strike.target else 0
    if pid is None:
        raise Broken(f"there is no {strike.target}")
    a, b = (pid, strike.value) if strike.action == "signal" else (strike.value, 0)
    shop.arm(strike.role, strike.point, strike.when, strike.number, strike.action, a, b)
    return pid


def run(shop, strike):
    """Deploys the next version, and judges. Raises `Broken` when something that must hold does not."""
    before = shop.status()["last"]["number"]
    old = shop.stands
    failures = len(shop.client.failures)
    shop.new_version()
    target = begin(shop, strike)
    child = subprocess.Popen(
        [shop.slipway, "deploy"], cwd=shop.project, env=shop.environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, start_new_session=True)
    shop.children.append(child)
    is_stop = strike.action == "signal" and strike.value == signal.SIGSTOP
    deadline = time.monotonic() + DEADLINE
    continued = back = status = None
    is_mended = False
    while True:
        fired = shop.fired()
        if fired and is_stop and continued is None:
            continued = threading.Timer(PAUSE, os.kill, (target, signal.SIGCONT))
            continued.start()
        if fired and shop.ensure_keeper():
            back = time.time()
        # Nothing may be judged before the fault is over.
        if child.poll() is not None and not (continued and continued.is_alive()):
            status = shop.settled()
            if status:
                shop.disarm()
                shop.client.pass_by()
                # It may strike at the last moment.
                if shop.fired() == fired:
                    break
        if not is_mended and "restart the supervisor" in str((shop.status() or {}).get("troubles")):
            # It says that it waits for a person, and what to do.
            shop.run("restart", code=None)
            is_mended = True
        if time.monotonic() > deadline:
            child.kill()
            raise Broken(f"not at rest after {DEADLINE}s: fired={bool(fired)} cli={child.poll()} {shop.status()}")
        time.sleep(0.08)
    said = child.communicate()[0]
    shop.children.remove(child)
    word = judge(shop, strike, status, before, old, child.returncode, said)
    cost = count(shop, strike, failures, fired, back)
    if is_mended:
        word += " once a person had restarted the supervisor, as it asked"
    if not fired:
        word = "not reached"
    return Outcome(strike, word, cost, said)


def judge(shop, strike, status, before, old, code, said):
    last = status["last"]
    if last["number"] > before:
        word = last["phase"]
        if word not in ("committed", "reverted"):
            raise Broken(f"the deployment ended as {word}")
    else:
        word = "refused"
        if strike.victim != "deploy" and (code == 0 or len(said.strip()) < 20):
            raise Broken(f"nothing was deployed, and nobody says so: exit {code}, {said!r}")
    # Whoever asked was told the truth, unless the way to it was what was struck.
    is_cut = strike.role == "deploy" or strike.victim == "keeper" or "is not known" in said
    wanted = {"committed": (0,), "reverted": (3,), "refused": (1,)}[word]
    if code not in wanted and not (is_cut and code not in (0, 3)):
        raise Broken(f"exit {code}, but the deployment is {word}: {said}")
    shop.stands = shop.version if word == "committed" else old
    text = shop.get()
    if text != (200, f"version {shop.stands}\n"):
        raise Broken(f"{text} is served, {shop.stands} should be; {word}: {said}")
    verified = shop.run("journal", "verify", code=None)
    if "the chain is whole" not in verified:
        raise Broken(f"the journal: {verified}")
    return word


def count(shop, strike, since, fired, back):
    """How many requests failed; only those that the fault may cost."""
    cost = 0
    for began, ended, opened, text in shop.client.failures[since:]:
        is_proxy = strike.victim == "proxy" and opened <= (fired or 0) + 0.05
        is_keeper = strike.victim == "keeper" and back and fired and ended >= fired - 0.05 and began < back + 3
        if not is_proxy and not is_keeper:
            after = f"{began - fired:.3f}s after it struck" if fired else "although nothing struck"
            raise Broken(f"a request failed, {after}, took {ended - began:.3f}s: {text}")
        cost += 1
    return cost
