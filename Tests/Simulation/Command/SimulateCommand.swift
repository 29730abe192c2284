import ArgumentParser
import Glibc
import SimulationHarness

/// Runs simulated worlds by seed; what a failing seed prints is enough to see it again.
@main
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slipway-simulate",
        abstract: "Run the engine through simulated worlds with faults, one for each seed.",
        discussion: """
            Examples:
              slipway-simulate --seeds 0..2000
              slipway-simulate --seeds 0..100000 --jobs 2 --coverage
              slipway-simulate --trace 4711
            """)

    @Option(help: "The seeds to run: A..B, both included, or one.")
    var seeds = "0..999"
    @Option(help: "How many seeds run at the same time.")
    var jobs = 1
    @Flag(name: .customLong("no-faults"), help: "Nothing goes wrong by itself; good releases must get through.")
    var withoutFaults = false
    @Option(help: "Tell the story of one seed.")
    var trace: UInt64?
    @Flag(help: "Print how often each fault struck in each state.")
    var coverage = false
    @Flag(
        name: .customLong("demand-coverage"),
        help: "Fail when a fault never struck in a state where it can. Takes some ten thousand seeds.")
    var demandsCoverage = false
    @Option(name: .customLong("failures"), help: "Stop after so many failing seeds.")
    var mostFailures = 1
    @Flag(help: "Print only the last line and failures.")
    var quiet = false

    func run() async throws {
        if let trace { return try tell(trace) }
        let range = try self.range
        guard jobs > 0 else { throw ValidationError("--jobs must be at least 1") }
        var sum = Tally()
        let clock = ContinuousClock()
        var printed = clock.now
        var first = range.lowerBound
        // Chunks keep the order of seeds, so that the first failure is the same on every machine.
        while first <= range.upperBound, sum.failures.count < mostFailures {
            let last = min(range.upperBound, first + UInt64(64 * jobs) - 1)
            let tally = await chunk(first...last)
            for failure in tally.failures.sorted(by: { $0.seed < $1.seed }).prefix(mostFailures - sum.failures.count) {
                report(failure)
            }
            sum.add(tally)
            first = last + 1
            if !quiet, clock.now - printed > .seconds(5) {
                printed = clock.now
                print("seed \(last): \(sum.text(Self.spent))")
                fflush(nil)
            }
        }
        if coverage { print(sum.coverage.table + "\n" + missing(sum.coverage)) }
        print(sum.text(Self.spent))
        if !sum.failures.isEmpty { throw ExitCode(1) }
        if demandsCoverage, !sum.coverage.missing.isEmpty {
            if !coverage { print(missing(sum.coverage)) }
            throw ExitCode(1)
        }
    }

    /// Processor time of this process, in seconds: what a core gave, whatever else it had to do.
    private static var spent: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(seconds) + Double(micros) / 1_000_000
    }

    private var range: ClosedRange<UInt64> {
        get throws {
            guard let dots = seeds.firstRange(of: "..") else {
                guard let seed = UInt64(seeds) else { throw ValidationError("--seeds takes A..B or one number") }
                return seed...seed
            }
            guard let low = UInt64(seeds[..<dots.lowerBound]), let high = UInt64(seeds[dots.upperBound...]), low <= high
            else { throw ValidationError("--seeds takes A..B with A not above B") }
            return low...high
        }
    }

    private func chunk(_ seeds: ClosedRange<UInt64>) async -> Tally {
        await withTaskGroup(of: Tally.self) { group in
            let hasFaults = !withoutFaults
            let jobs = UInt64(jobs)
            for job in 0..<jobs {
                group.addTask {
                    var tally = Tally()
                    var seed = seeds.lowerBound + job
                    while seed <= seeds.upperBound {
                        tally.add(Simulation.run(seed: seed, hasFaults: hasFaults))
                        seed += jobs
                    }
                    return tally
                }
            }
            var sum = Tally()
            for await tally in group { sum.add(tally) }
            return sum
        }
    }

    private func tell(_ seed: UInt64) throws {
        let result = Simulation.run(seed: seed, hasFaults: !withoutFaults, isTold: true)
        for line in result.story { print(line) }
        if let violation = result.violation {
            print("line \(violation.line) is broken at \(violation.at) ms: \(violation.words)")
            throw ExitCode(1)
        }
        print("\(result.rollouts) rollouts, \(result.turns) turns, nothing is broken")
    }

    private func report(_ failure: SimulationResult) {
        guard let violation = failure.violation else { return }
        print("seed \(failure.seed) breaks line \(violation.line) of section 4: \(violation.words)")
        print("  at \(violation.at) ms; commit \(commit)")
        print("  replay: slipway-simulate --trace \(failure.seed)\(withoutFaults ? " --no-faults" : "")")
    }

    private func missing(_ coverage: Coverage) -> String {
        let pairs = coverage.missing.map { "\($0.0.words) in \($0.1)" }
        return pairs.isEmpty
            ? "every fault struck in every state where it can" : "never met: " + pairs.joined(separator: ", ")
    }

    private var commit: String {
        guard let pipe = popen("git rev-parse HEAD 2>/dev/null", "r") else { return "unknown" }
        defer { pclose(pipe) }
        var buffer = [CChar](repeating: 0, count: 64)
        guard fgets(&buffer, Int32(buffer.count), pipe) != nil else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// What some seeds gave together.
struct Tally: Sendable {
    var seeds = 0
    var turns = 0
    var rollouts = 0
    var committed = 0
    var reverted = 0
    var failures: [SimulationResult] = []
    var coverage = Coverage()

    mutating func add(_ result: SimulationResult) {
        seeds += 1
        turns += result.turns
        rollouts += result.rollouts
        committed += result.committed
        reverted += result.reverted
        coverage.add(result.coverage)
        if result.violation != nil { failures.append(result) }
    }

    mutating func add(_ other: Tally) {
        seeds += other.seeds
        turns += other.turns
        rollouts += other.rollouts
        committed += other.committed
        reverted += other.reverted
        failures += other.failures
        coverage.add(other.coverage)
    }

    /// - Parameter seconds: of processor time.
    func text(_ seconds: Double) -> String {
        let rate = Int(Double(rollouts) / max(seconds, 0.001))
        let steps = rollouts == 0 ? 0 : turns / rollouts
        return "\(seeds) seeds, \(rollouts) rollouts (\(committed) promoted, \(reverted) reverted), "
            + "\(rate) rollouts/s and core, \(steps) steps each, \(failures.count) failing"
    }
}
