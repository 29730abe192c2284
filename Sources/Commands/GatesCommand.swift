package import ArgumentParser
import Deployments
import Domain
import Gates
import Planning
import SQLiteJournal
import SupervisorAPI

/// `slipway gates`: gates before anyone relies on them.
package struct GatesCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "gates",
        abstract: "Try changed gates on past rollouts.",
        discussion: """
            Example:
              slipway gates backtest production
            """,
        subcommands: [Backtest.self])

    package init() {}

    package struct Backtest: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "backtest",
            abstract: "Replay the manifest's changed gates over the journal's past rollouts.",
            discussion: """
                For each analysis, threshold, metric and comparison of the manifest that is new, or asks something \
                else than it did: \
                what it would have decided about past rollouts of the services that use it, beside what was decided \
                then; alarms, misses, time to decide. A release that was taken back, rolled back or failed is bad, \
                one that stands or was replaced is good; --good and --bad say what only people know. Which rollouts \
                could not be used is listed with the reason. Reads the journal of this machine; changes nothing.

                Examples:
                  slipway gates backtest
                  slipway gates backtest production --gate good --bad 36
                  slipway gates backtest --all --output json

                Exit codes: 0 replayed, and no more alarms or misses than then; 1 more of them, or no gate could \
                be replayed on any rollout; 2 usage.
                """)

        @OptionGroup package var common: JournalOptions

        @Option(name: .customLong("gate"), help: "Only these gates, changed or not: good,better; may be given again.")
        package var names: [String] = []

        @Flag(help: "Gates that ask what they asked then, too.")
        package var all = false

        @Option(help: "Deployments whose releases were good: 36,37; may be given again.")
        package var good: [String] = []

        @Option(help: "Deployments whose releases were bad.")
        package var bad: [String] = []

        @Option(help: "So many of the last deployments.")
        package var limit = 100

        @Option(help: "What to print: text or json.") package var output: OutputFormat = .text

        package init() {}

        package func run() async throws {
            try await reportingErrors(output) {
                guard limit > 0 else { throw usageError("--limit must be at least 1") }
                let project = try loadProject(common.asCommon).project
                let gates = try chosen(project.gates)
                let reader = try await JournalReader.open(
                    directory: StateDirectory(common.state).journal, binary: Slipway.version)
                let good = try numbers(good, "--good")
                let bad = try numbers(bad, "--bad")
                if let both = good.first(where: bad.contains) {
                    throw usageError("deployment #\(both) is said to be good and bad")
                }
                let rollouts = try await PastRollout.read(reader, project.environment, good: good, bad: bad)
                let newest = Set(Set(rollouts.map(\.deployment)).sorted().suffix(limit))
                let kept = try await RecordedRuns.read(reader, project.environment)
                return try await report(gates, project, rollouts.filter { newest.contains($0.deployment) }, kept)
            }
        }

        private func report(
            _ gates: [GateSpec], _ project: ProjectSpec, _ rollouts: [PastRollout], _ kept: RecordedRuns
        ) async throws -> Int32 {
            var tests: [GateBacktest] = []
            var notes: [String] = []
            if rollouts.isEmpty { notes.append("no deployment into \(project.environment) has ended yet") }
            for gate in gates {
                let services = project.services.filter { gateNames($0.strategy).contains(gate.name) }
                    .map(\.spec.service)
                let test = await GateBacktest(gate, usedBy: services, rollouts, kept)
                if test.isChanged || all || !names.isEmpty {
                    tests.append(test)
                } else {
                    notes.append("gate \(gate.name) asks what it asked then; --all replays it all the same")
                }
            }
            let others = project.gates.filter { GateReplay($0) == nil }.map(\.name.text)
            if !others.isEmpty, names.isEmpty {
                notes.append(
                    "not replayed, since nothing of what they ask is recorded: " + others.joined(separator: ", "))
            }
            if output == .json {
                try printJSON(
                    BacktestReport(
                        environment: "\(project.environment)", gates: tests.map(BacktestReport.Gate.init), notes: notes)
                )
            } else {
                for line in BacktestView(style: .forOutput()).lines(tests, notes: notes) { print(line) }
            }
            let isEmpty = !tests.isEmpty && tests.allSatisfy(\.cases.isEmpty)
            return isEmpty || tests.contains(where: \.isWorse) ? 1 : 0
        }

        /// The gates of which something is recorded, or those of them that were named.
        private func chosen(_ gates: [GateSpec]) throws -> [GateSpec] {
            let judging = gates.filter { GateReplay($0) != nil }
            let wanted = names.flatMap { $0.split(separator: ",") }.map(String.init)
            if wanted.isEmpty { return judging }
            return try wanted.map { name in
                guard let gate = gates.first(where: { $0.name.text == name }) else {
                    throw usageError(
                        "the manifest has no gate `\(harmless(name))`",
                        hint: suggestion(for: name, among: judging.map(\.name.text), "gates that can be replayed"))
                }
                guard GateReplay(gate) != nil else {
                    throw usageError(
                        "gate \(name) is a \(gate.question.word) gate: nothing of what it asks is recorded",
                        hint: "analyses, thresholds, metrics and comparisons can be replayed")
                }
                return gate
            }
        }

        private func numbers(_ words: [String], _ option: String) throws -> [Int] {
            try words.flatMap { $0.split(separator: ",") }.map { word in
                let digits = word.hasPrefix("#") ? word.dropFirst() : word
                guard let number = Int(digits), number > 0 else {
                    throw usageError("\(option) \(harmless(String(word))): this is no number of a deployment")
                }
                return number
            }
        }
    }
}
