#!/usr/bin/env python3
"""Rendering: the catalogue's services for three environments, beside `kubectl kustomize` on the overlays made of them.

Both are timed as processes, from fork to exit, one environment after the other, in rounds forth and back; their objects are the
same, which is checked first.

    render.py --slipway ./slipway

Exit code 1 when a goal is missed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bench import figures  # noqa: E402

ENVIRONMENTS = ["dev", "staging", "production"]
CATALOGUE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Examples", "catalogue")


def objects(text):
    return sorted((one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(text) if one)


def timed(commands, directory):
    """Milliseconds, and what was written."""
    began, texts = time.perf_counter(), []
    for command in commands:
        texts.append(subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout)
    return (time.perf_counter() - began) * 1e3, texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", required=True)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    slipway = os.path.abspath(options.slipway)
    verdicts = figures.Verdicts()
    with tempfile.TemporaryDirectory(prefix="slw-render-") as directory:
        for name in ("slipway.yaml", "mail.conf"):
            shutil.copy(os.path.join(CATALOGUE, name), directory)
        subprocess.run([slipway, "render", *ENVIRONMENTS, "--to", "kustomize", "--output-dir", "deploy"], cwd=directory,
                       check=True, capture_output=True)
        ours = [[slipway, "render", name] for name in ENVIRONMENTS]
        theirs = [["kubectl", "kustomize", "deploy/overlays/" + name] for name in ENVIRONMENTS]
        print("## Rendering\n\n" + figures.machine())
        count = 0
        for one, other in zip(timed(ours, directory)[1], timed(theirs, directory)[1]):
            assert objects(one) == objects(other), "they do not render the same"
            count += len(objects(one))
        own, peer, ratios = [], [], []
        for turn in range(options.rounds):
            first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
            times = timed(first, directory)[0], timed(second, directory)[0]
            own.append(times[turn % 2])
            peer.append(times[1 - turn % 2])
            ratios.append(own[-1] / peer[-1])
        print("%d objects in %d environments\n" % (count, len(ENVIRONMENTS)))
        print(figures.table(("Program", "Median of %d, ms" % options.rounds, "95 % interval"), [
            (name, "%.1f" % median, "%.1f to %.1f" % (low, high))
            for name, (median, low, high) in (("slipway render", figures.interval(own)), ("kubectl kustomize", figures.interval(peer)))]))
        median, low, high = figures.interval(own)
        verdicts.check("rendering for three environments", "%.1f ms (%.1f to %.1f)" % (median, low, high), "< 50 ms", high < 50)
        median, low, high = figures.interval(ratios)
        verdicts.check("beside kubectl kustomize", "%.2f (%.2f to %.2f)" % (median, low, high), "< 1", high < 1)
    return verdicts.end()


if __name__ == "__main__":
    sys.exit(main())
