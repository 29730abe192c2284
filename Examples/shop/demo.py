#!/usr/bin/env python3
"""The main job, start to end, on this machine: deploy the shop, put load on it, ship a good release, ship a bad one that
goes back by itself, roll back by command. Prints what happened and what the clients saw, and leaves nothing behind.

    make demo                the seed is drawn and printed
    make demo SEED=42        the same faults again
    demo.py --without-gate   what happens when nobody looks: it must fail
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROUTES = ["/items", "/search", "/orders"]
RATE = 60
# Many of them: a user stays on a side, so that the judge learns from new ones.
USERS = 3000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    def __init__(self, slipway, seed, without_gate, keep):
        self.slipway = os.path.abspath(slipway)
        self.random = random.Random(seed)
        self.seed = seed
        self.without_gate = without_gate
        self.keep = keep
        self.scratch = tempfile.mkdtemp(prefix="slipway-demo-")
        self.shop = os.path.join(self.scratch, "shop")
        self.port = free_port()
        self.environment = dict(os.environ, SLIPWAY_STATE=os.path.join(self.scratch, "s"), NO_COLOR="1")
        self.loads = []
        self.checks = []

    # What a person would type.

    def run(self, *words, accept=(0,), quiet=False):
        print(f"\n$ slipway {' '.join(words)}", flush=True)
        started = time.monotonic()
        process = subprocess.Popen(
            [self.slipway, *words], cwd=self.shop, env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        output = []
        for line in process.stdout:
            output.append(line)
            if not quiet:
                print("  " + line, end="", flush=True)
        code = process.wait(timeout=300)
        took = time.monotonic() - started
        if code not in accept:
            raise SystemExit(f"slipway {' '.join(words)} ended with {code}, not {' or '.join(map(str, accept))}")
        return code, "".join(output), took

    def ask(self, *words):
        answer = subprocess.run(
            [self.slipway, *words, "--output", "json"], cwd=self.shop, env=self.environment, capture_output=True,
            text=True, timeout=60)
        return json.loads(answer.stdout)

    def edit(self, **values):
        path = os.path.join(self.shop, "api", "app.py")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name, value in values.items():
            text = re.sub(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    # The steps.

    def prepare(self):
        source = os.path.dirname(os.path.abspath(__file__))
        shutil.copytree(source, self.shop, ignore=shutil.ignore_patterns("demo.py", "__pycache__"))
        path = os.path.join(self.shop, "slipway.yaml")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("listen: 8080", f"listen: {self.port}")
        if self.without_gate:
            text = text.replace("        background: [judge]\n", "").replace("          - gate: smoke\n", "")
            text = text.replace("          - gate: judge\n", "          - hold: 3s\n")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def start_load(self):
        for route in ROUTES:
            url = f"http://127.0.0.1:{self.port}/api{route}"
            self.loads.append(subprocess.Popen(
                [self.slipway, "load", url, "--rate", str(RATE), "--users", str(USERS), "--for", "900s", "--group-by",
                 "x-slipway-release", "--output", "json", "--quiet"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True))
        print(f"\nload: {len(ROUTES)} × {RATE} requests a second from {len(ROUTES) * USERS} users")

    def stop_load(self):
        reports = []
        for load in self.loads:
            load.send_signal(signal.SIGINT)
        for load in self.loads:
            output, _ = load.communicate(timeout=30)
            reports.append(json.loads(output))
        self.loads = []
        return reports

    def check(self, text, holds):
        self.checks.append((text, bool(holds)))

    def number(self, phase):
        for deployment in self.ask("history")["deployments"]:
            if deployment["phase"] == phase:
                return deployment
        return None

    def verdict(self, deployment):
        """The judge's sentence, the canary's requests until then, and how many of them failed; None: another's."""
        found = re.search(r"the canary is worse than tolerated: .*; after (\d+) requests? of the canary, (\d+) of them"
                          r" failed", (deployment or {}).get("failure") or "")
        return found and (found.group(0), int(found.group(1)), int(found.group(2)))

    def play(self):
        self.prepare()
        print(f"seed {self.seed}   (again: make demo SEED={self.seed})")
        self.run("up")
        self.start_load()
        time.sleep(2)

        self.edit(VERSION=2)
        self.run("deploy", "--reason", "a good release")

        route = self.random.choice(ROUTES)
        rate = round(self.random.uniform(0.2, 0.6), 2)
        print(f"\nthe next release fails {rate:.0%} of the requests for {route}")
        self.edit(VERSION=3, FAULT_ROUTE=route, FAULT_RATE=rate)
        code, _, _ = self.run("deploy", "--reason", "a bad release", accept=(0, 3))
        self.check("the bad release was caught and reverted by itself", code == 3)
        bad = self.number("reverted")
        self.check("the sequential judge caught it", self.verdict(bad) is not None)
        events = self.ask("history", "--of", str(bad["number"]))["events"] if bad else []

        time.sleep(2)
        self.edit(VERSION=2, FAULT_ROUTE="", FAULT_RATE=0.0)
        _, _, took = self.run("rollback", "--reason", "as a person would")
        status = self.ask("status")
        api = next(service for service in status["services"] if service["name"] == "api")
        self.check("the rollback by command brought the release before back", api["stable"] == (2 if code == 0 else 1))
        time.sleep(1)
        reports = self.stop_load()
        self.summarise(reports, events, took, bad)

    # What came of it.

    def summarise(self, reports, events, rollback_took, bad):
        print("\n" + "─" * 78)
        self.tell_story()
        verdict = self.verdict(bad)
        if verdict:
            sentence, requests, failed = verdict
            print(f"\nThe judge stopped the bad release after {requests} of its requests, {failed} of which had failed")
            print(f"  it said: {sentence}")
        bad_release = "api@3"
        print("\nWhat the clients saw")
        print(f"  {'users':<34}{'requests':>10}{'failed':>9}{'p50':>9}{'p99':>9}")
        stable_failed = trial_failed = 0
        for name, key, users in [
            (f"never on the bad release ({bad_release})", "never", "usersNever"),
            (f"at least once on {bad_release}", "ever", "usersEver"),
        ]:
            requests = failed = people = 0
            p50 = p99 = 0
            for report in reports:
                split = next((s for s in report["usersByGroup"] if s["group"] == bad_release), None)
                part = split[key] if split else (report["all"] if key == "never" else None)
                if part is None:
                    continue
                people += split[users] if split else USERS
                requests += part["count"]
                failed += part["failures"]
                latency = part.get("latency") or {}
                p50 = max(p50, latency.get("p50", 0))
                p99 = max(p99, latency.get("p99", 0))
            if key == "never":
                stable_failed, stable_requests = failed, requests
            else:
                trial_failed = failed
            label = f"{people} {name}"
            print(f"  {label:<34}{requests:>10}{failed:>9}{p50 / 1000:>7.1f}ms{p99 / 1000:>7.1f}ms")
        groups = {}
        for report in reports:
            for group in report["groups"]:
                count, failures = groups.get(group["name"], (0, 0))
                groups[group["name"]] = (
                    count + group["statistics"]["count"], failures + group["statistics"]["failures"])
        print("\n  by release: " + ", ".join(
            f"{name} {count} requests, {failures} failed" for name, (count, failures) in sorted(groups.items())))
        failed_at = next((e["event"]["at"] for e in events if e["kind"] == "gateFailed"), None)
        back_at = next((e["event"]["at"] for e in events if e["kind"] == "reverted"), None)
        if failed_at and back_at:
            print(f"\n  the switch back took {back_at - failed_at} ms from the gate's verdict to all traffic on stable")
            self.check("the switch back took less than a second", back_at - failed_at < 1000)
        print(f"  the rollback by command took {rollback_took:.1f} s, the start of the earlier release included")
        self.check(f"stable's users saw 0 failed requests of {stable_requests}",
                   stable_failed == 0 and stable_requests > 0)
        self.check("the canary's users were the only ones who saw the bad release", trial_failed > 0)
        unanswered = sum(
            sum(report["counts"][kind] for kind in ("refused", "reset", "closedEarly", "timeout", "malformed",
                                                   "connectFailed", "staleConnection"))
            for report in reports)
        self.check("no request of anybody's stayed without an answer", unanswered == 0)

    def tell_story(self):
        print("What happened")
        for deployment in reversed(self.ask("history")["deployments"]):
            number = deployment["number"]
            took = (deployment["ended"] - deployment["started"]) / 1000
            items = ", ".join(
                f"{item['service']} " + (f"@{item['from']}→" if item.get("from") else "") + f"@{item['to']}"
                for item in deployment["items"])
            print(f"  #{number} {deployment['phase']:<10} after {took:5.1f}s  {deployment['reason']}: {items}")
            if deployment.get("failure"):
                print(f"       why: {deployment['failure']}")

    def leave(self):
        for load in self.loads:
            load.kill()
            load.wait()
        if os.path.exists(self.environment["SLIPWAY_STATE"]):
            subprocess.run(
                [self.slipway, "shutdown", "--yes"], env=self.environment, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=120)
        left = self.processes()
        self.check("nothing is left running", not left)
        for pid in left:
            print(f"  left running: {pid}")
        if self.keep:
            print(f"kept: {self.scratch}")
        else:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.check("nothing is left on disk", not os.path.exists(self.scratch))

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) == os.getpid():
                continue
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if self.scratch.encode() in file.read():
                        found.append(int(pid))
            except OSError:
                continue
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", default="slipway", help="the executable")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--without-gate", action="store_true", help="take the gates out of the manifest")
    parser.add_argument("--keep", action="store_true", help="keep the scratch directory")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 1_000_000)
    demo = Demo(options.slipway, seed, options.without_gate, options.keep)
    try:
        demo.play()
    finally:
        demo.leave()
    print()
    for text, holds in demo.checks:
        print(f"  {'✓' if holds else '✗'} {text}")
    sys.exit(0 if all(holds for _, holds in demo.checks) else 1)


if __name__ == "__main__":
    main()
