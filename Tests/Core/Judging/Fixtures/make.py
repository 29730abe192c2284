#!/usr/bin/env python3
"""Writes numerics.json beside this file: what scipy 1.17 makes of generated data.

    python3 Tests/Core/Judging/Fixtures/make.py

The same seed gives the same file. Wealth is computed here the slow way, as a product over single requests.
"""
import json
import math
import pathlib
import random

import numpy as np
from scipy import stats

random.seed(20260101)
rng = np.random.default_rng(20260101)


def normal():
    values = [-37.0, -8.5, -3.0, -1.0, -0.3, 0.0, 0.2, 1.5, 4.0, 7.9]
    chances = [1e-300, 1e-50, 1e-12, 0.001, 0.02424, 0.02426, 0.3, 0.5, 0.6, 0.9, 0.975, 0.9999, 1 - 1e-9]
    return {
        "cumulative": [[v, float(stats.norm.cdf(v))] for v in values],
        "quantile": [[p, float(stats.norm.ppf(p))] for p in chances],
    }


def beta():
    rows = []
    for _ in range(60):
        a, b = (10 ** random.uniform(-1, 5) for _ in range(2))
        mean, spread = stats.beta.mean(a, b), stats.beta.std(a, b)
        x = min(1 - 1e-6, max(1e-9, mean + spread * random.uniform(-3, 3)))
        rows.append([x, a, b, float(stats.beta.cdf(x, a, b))])
    return rows


def clopper_pearson():
    rows = []
    cases = [(0, 1), (1, 1), (0, 10_000), (10_000, 10_000), (1, 10_000), (137, 10_000), (5000, 1_000_000), (3, 7)]
    cases += [(random.randint(0, n), n) for n in (5, 50, 500, 5000, 50_000)]
    for hits, trials in cases:
        for confidence in (0.95, 0.99):
            # Not `binomtest(…).proportion_ci`: its root finder stops at 1e-12 absolute, too soon for rare events.
            tail = (1 - confidence) / 2
            low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, trials - hits + 1))
            high = 1.0 if hits == trials else float(stats.beta.isf(tail, hits + 1, trials - hits))
            rows.append([hits, trials, confidence, low, high])
    return rows


def mann_whitney():
    rows = []
    for size in [(3, 4), (8, 8), (20, 13), (60, 60), (50, 31)]:
        for ties in (False, True):
            x = rng.lognormal(0, 1, size[0])
            y = rng.lognormal(random.choice([0, 0.3, 1]), 1, size[1])
            if ties:
                x, y = np.round(x, 0), np.round(y, 0)
            row = {"x": x.tolist(), "y": y.tolist()}
            for side in ("two-sided", "less", "greater"):
                found = stats.mannwhitneyu(x, y, alternative=side, method="asymptotic", use_continuity=True)
                row[side] = float(found.pvalue)
                if not ties:
                    row["exact " + side] = float(stats.mannwhitneyu(x, y, alternative=side, method="exact").pvalue)
            row["statistic"] = float(found.statistic)
            row["shift"] = float(np.median(np.subtract.outer(x, y)))
            rows.append(row)
    return rows


def wealth():
    """One bet at a time, request by request: 1 + λ (Z − d), its logarithm summed with fsum."""
    rows = []
    for _ in range(30):
        weight = random.choice([0.01, 0.05, 0.1, 0.25, 0.5, 0.9])
        absolute = random.choice([0, 0.005, 0.02])
        relative = random.choice([0, 0.2, 1])
        trials = random.randint(50, 5000)
        canary = random.randint(0, 12)
        stable = random.randint(0, 25)
        gain = random.choice([0.05, 0.7, 4.0, 60.0])
        shift = absolute / (1 + relative)
        up = 1 / ((1 + relative) * weight) - shift
        down = 1 / (1 - weight) + shift
        row = dict(
            weight=weight, absolute=absolute, relative=relative, trials=trials, canary=canary, stable=stable, gain=gain)
        for name, bet in (("against", gain / (up + down + gain * down)), ("favour", -gain / (up + down + gain * up))):
            requests = [1 / ((1 + relative) * weight)] * canary + [-1 / (1 - weight)] * stable
            requests += [0.0] * (trials - canary - stable)
            row[name] = math.fsum(math.log1p(bet * (z - shift)) for z in requests)
        rows.append(row)
    return rows


found = {
    "normal": normal(), "beta": beta(), "clopperPearson": clopper_pearson(), "mannWhitney": mann_whitney(),
    "wealth": wealth(),
}
path = pathlib.Path(__file__).with_name("numerics.json")
path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
