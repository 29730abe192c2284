#!/usr/bin/env python3
"""Plants bugs into a copy of Core and Engine and asks whether the simulation catches each of them.

    python3 Tests/Simulation/plant.py [--scratch DIR] [--seeds N] [--jobs N] [--only ID] [--list]

Every file in Tests/Simulation/Mutants describes bugs: where, what stands there, what is planted, what it breaks. All are
woven into one scratch package as `(Planted.has(N) ? mutated : original)` (an expression) or as an if/else (statements), so
that one compilation is enough; then the simulation runs once for each bug, with PLANTED=N, until it fails. A bug that no
seed shows is a hole in the checkers: the script fails then, and also when a snippet no longer stands in the sources.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = ["Core/Domain", "Core/Judging", "Core/Scaling", "Core/Rollouts", "Core/Deployments", "Ports", "Engine"]
PLANTED = '''import Glibc

/// Which planted bug is awake; 0: none.
package enum Planted {
    package static let active: Int = getenv("PLANTED").flatMap { Int(String(cString: $0)) } ?? 0

    @inline(__always)
    package static func has(_ number: Int) -> Bool { active == number }
}
'''
PACKAGE = '''// swift-tools-version: 6.2
import PackageDescription
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
]
func floor(_ name: String, _ path: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: strict)
}
let package = Package(
    name: "planted", platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    ],
    targets: [
        floor("Domain", "Sources/Core/Domain", [.product(name: "Crypto", package: "swift-crypto")]),
        floor("Judging", "Sources/Core/Judging", ["Domain"]),
        floor("Scaling", "Sources/Core/Scaling", ["Domain"]),
        floor("Rollouts", "Sources/Core/Rollouts", ["Domain", "Judging", "Scaling"]),
        floor("Deployments", "Sources/Core/Deployments", ["Domain", "Judging", "Scaling", "Rollouts"]),
        floor("Ports", "Sources/Ports", ["Domain"]),
        floor("Engine", "Sources/Engine", ["Domain", "Judging", "Scaling", "Rollouts", "Deployments", "Ports"]),
        floor("SimulationHarness", "Harness", ["Domain", "Judging", "Scaling", "Rollouts", "Deployments", "Ports", "Engine"]),
        .executableTarget(
            name: "slipway-simulate",
            dependencies: ["SimulationHarness", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Command", swiftSettings: strict),
    ]
)
'''


class Mutant:
    def __init__(self, fields, origin):
        self.id = fields["bug"]
        self.file = fields["file"]
        self.breaks = fields["breaks"]
        self.original = fields["original"]
        self.mutated = fields["mutated"]
        self.origin = origin


def read_mutants():
    """Blocks of `word: text` lines, divided by blank lines; `#` starts a comment."""
    mutants = []
    for path in sorted((HERE / "Mutants").glob("*.mutant")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            lines = [line for line in block.split("\n") if line.strip() and not line.startswith("#")]
            if not lines:
                continue
            fields = {}
            for line in lines:
                word, _, text = line.partition(":")
                fields[word.strip()] = text.strip()
            mutants.append(Mutant(fields, path.name))
    names = [mutant.id for mutant in mutants]
    for name in names:
        if names.count(name) > 1:
            sys.exit(f"two bugs are called {name}")
    return mutants


def weave(text, numbered):
    """Replaces the marked part of each snippet by a choice. The snippet around the marks must stand exactly once."""
    spots = {}
    for number, mutant in numbered:
        before, opening, rest = mutant.original.partition("«")
        inner, closing, after = rest.partition("»")
        if not opening or not closing:
            raise ValueError(f"{mutant.id}: mark what is replaced with « and »")
        whole = before + inner + after
        if text.count(whole) != 1:
            raise ValueError(f"{mutant.id}: stands {text.count(whole)} times in {mutant.file}: {whole}")
        start = text.index(whole) + len(before)
        spots.setdefault((start, start + len(inner)), []).append((number, mutant))
    ordered = sorted(spots, reverse=True)
    for one, two in zip(ordered, ordered[1:]):
        if two[1] > one[0]:
            raise ValueError(f"{spots[one][0][1].id} and {spots[two][0][1].id} overlap")
    for start, end in ordered:
        inner = text[start:end]
        if spots[(start, end)][0][1].mutated.startswith("do "):
            choice = ""
            for number, mutant in spots[(start, end)]:
                choice += f"if Planted.has({number}) {{ {mutant.mutated[3:]} }} else "
            choice += f"{{ {inner} }}"
        else:
            choice = inner
            for number, mutant in spots[(start, end)]:
                choice = f"(Planted.has({number}) ? ({mutant.mutated}) : ({choice}))"
        text = text[:start] + choice + text[end:]
    return text


def with_import(text):
    if re.search(r"^(package |public )?import Domain$", text, re.M):
        return text
    return "import Domain\n" + text


def build(mutants, scratch):
    for folder in ["Sources", "Harness", "Command"]:
        shutil.rmtree(scratch / folder, ignore_errors=True)
    for source in SOURCES:
        shutil.copytree(ROOT / "Sources" / source, scratch / "Sources" / source,
                        ignore=shutil.ignore_patterns("Shell"))
    shutil.copytree(HERE / "Harness", scratch / "Harness")
    shutil.copytree(HERE / "Command", scratch / "Command")
    (scratch / "Package.swift").write_text(PACKAGE)
    (scratch / "Sources/Core/Domain/Planted.swift").write_text(PLANTED)
    files = {}
    for number, mutant in enumerate(mutants, 1):
        files.setdefault(mutant.file, []).append((number, mutant))
    problems = []
    for name, numbered in files.items():
        path = scratch / "Sources" / name
        try:
            text = weave(path.read_text(encoding="utf-8"), numbered)
            path.write_text(text if "Core/Domain" in name else with_import(text), encoding="utf-8")
        except (ValueError, OSError) as problem:
            problems.append(str(problem))
    if problems:
        sys.exit("\n".join(problems))
    done = subprocess.run(["swift", "build", "-c", "release", "--product", "slipway-simulate"], cwd=scratch,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout[-6000:])
    return scratch / ".build/release/slipway-simulate"


def hunt(program, number, seeds, extra=()):
    environment = dict(os.environ, PLANTED=str(number))
    start = time.monotonic()

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (120, 120))

    done = subprocess.run([program, "--seeds", f"0..{seeds}", "--quiet", *extra], env=environment, preexec_fn=limit,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    spent = time.monotonic() - start
    found = re.search(r"seed (\d+) breaks line (\d+) of section 4: (.*)", done.stdout)
    if found:
        return int(found[1]), f"line {found[2]}: {found[3]}", spent
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None, "no end within 120 s of processor time", spent
    if done.returncode:
        return -1, "it crashes: " + done.stdout.strip()[-120:], spent
    return None, "", spent


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--scratch", default=str(ROOT / ".build-planted"))
    options.add_argument("--seeds", type=int, default=4000)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--only")
    options.add_argument("--list", action="store_true")
    options.add_argument("--no-build", action="store_true")
    options.add_argument("--build-only", action="store_true")
    chosen = options.parse_args()
    mutants = read_mutants()
    if chosen.list:
        for mutant in mutants:
            print(f"{mutant.id:34} {mutant.file:44} {mutant.breaks}")
        return
    scratch = pathlib.Path(chosen.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    program = scratch / ".build/release/slipway-simulate"
    if not chosen.no_build:
        program = build(mutants, scratch)
    if chosen.build_only:
        return
    sound = hunt(program, 0, min(chosen.seeds, 500))
    if sound[0] is not None:
        sys.exit(f"without any planted bug seed {sound[0]} fails: {sound[1]}")
    numbered = [(n, m) for n, m in enumerate(mutants, 1) if not chosen.only or m.id == chosen.only]
    alive = []
    print(f"{'planted bug':34} {'seed':>6}  caught by")
    with concurrent.futures.ThreadPoolExecutor(chosen.jobs) as pool:
        results = pool.map(lambda pair: hunt(program, pair[0], chosen.seeds), numbered)
        for (_, mutant), (seed, words, _) in zip(numbered, results):
            if seed is None:
                alive.append(mutant)
            print(f"{mutant.id:34} {'-' if seed is None else seed:>6}  {words or 'nobody'}", flush=True)
    print(f"{len(numbered) - len(alive)} of {len(numbered)} planted bugs are caught")
    if alive:
        for mutant in alive:
            print(f"survives: {mutant.id} ({mutant.origin}): {mutant.breaks}")
        sys.exit(1)


if __name__ == "__main__":
    main()
