#!/usr/bin/env python3
"""Rendering: the catalogue's services for three environments, beside `kubectl kustomize` on the overlays made of them.

All are timed as processes, from fork to exit, writing files, in rounds whose order turns: `slipway render dev staging production`
in one process, one process for each environment, and `kubectl kustomize`, which takes one directory at a time. Their objects are the
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
    """Milliseconds of all of them, one after the other."""
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, cwd=directory, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1e3


def written(directory):
    """What the files say: of one file, or of all in a directory."""
    paths = [directory] if os.path.isfile(directory) else [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    texts = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    return "\n---\n".join(texts)


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
        def programs(turn):
            """Into places of their own in each round: what is there already would cost less."""
            return {
                "slipway render, one process": [[slipway, "render", *ENVIRONMENTS, "--output-dir", "ours-%d" % turn]],
                "slipway render, three processes": [
                    [slipway, "render", name, "--output-dir", "each-%d/%s" % (turn, name)] for name in ENVIRONMENTS],
                "kubectl kustomize, three processes": [
                    ["kubectl", "kustomize", "deploy/overlays/" + name, "--output", "theirs-%d-%s" % (turn, name)]
                    for name in ENVIRONMENTS],
            }

        print("## Rendering\n\n" + figures.machine())
        for commands in programs(0).values():
            timed(commands, directory)
        count = 0
        for name in ENVIRONMENTS:
            ours = objects(written(os.path.join(directory, "ours-0", name)))
            assert ours == objects(written(os.path.join(directory, "each-0", name))), "one process renders something else than three"
            assert ours == objects(written(os.path.join(directory, "theirs-0-" + name))), "they do not render the same"
            count += len(ours)
        order = list(programs(0))
        times = {name: [] for name in order}
        for turn in range(1, options.rounds + 1):
            order.append(order.pop(0))
            for name in order:
                times[name].append(timed(programs(turn)[name], directory))
        print("%d objects in %d environments\n" % (count, len(ENVIRONMENTS)))
        intervals = {name: figures.interval(values) for name, values in times.items()}
        print(figures.table(("Program", "Median of %d, ms" % options.rounds, "95 % interval"), [
            (name, "%.1f" % median, "%.1f to %.1f" % (low, high)) for name, (median, low, high) in intervals.items()]))
        one, each, peer = times.values()
        median, low, high = figures.interval(one)
        verdicts.check("rendering for three environments", "%.1f ms (%.1f to %.1f)" % (median, low, high), "< 50 ms", high < 50)
        for name, own in (("one process", one), ("three processes", each)):
            median, low, high = figures.interval([mine / others for mine, others in zip(own, peer)])
            verdicts.check("beside kubectl kustomize, " + name, "%.2f (%.2f to %.2f)" % (median, low, high), "< 1", high < 1)
    return verdicts.end()


if __name__ == "__main__":
    sys.exit(main())
