package import ArgumentParser
import Domain
import Gates
import Judging
import Ports
import SQLiteJournal
import SupervisorAPI

/// `slipway judge`: judges on recorded data.
package struct JudgeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "judge",
        abstract: "Replay a gate's judge on recorded traffic.",
        discussion: """
            Examples:
              slipway judge record 37 > rollout.ndjson
              slipway judge replay rollout.ndjson --errors +1pp
            """,
        subcommands: [Replay.self, Record.self])

    package init() {}

    package struct Replay: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Show look by look what a judge would have said.",
            discussion: """
                Reads a recording of a gate (lines of JSON, as `slipway judge record` writes them) and asks the gate \
                again: an analysis or a threshold about the traffic, a metric or a comparison about what its sources \
                said then; as it was asked, or with other parameters. A CSV of series \
                (at,metric,side,value) is given to the Mann-Whitney judge. Nothing is started, asked or changed.

                Examples:
                  slipway judge replay rollout.ndjson
                  slipway judge replay rollout.ndjson --errors +1pp --false-alarms 5%
                  slipway judge replay rollout.ndjson --gate good
                  slipway judge replay rollout.ndjson --as '{ threshold: { p95: "<= 1s" } }'
                  slipway judge replay series.csv --metric latency:increase:critical
                  slipway judge record 37 | slipway judge replay - --brief

                Exit codes: 0 it was replayed, whatever the judge said; 1 it cannot be read, 2 usage.
                """)

        @Argument(help: "The recording, or - for standard input.", completion: .file())
        package var path: String

        @OptionGroup package var parameters: JudgeParameters
        @OptionGroup package var series: SeriesParameters
        @OptionGroup package var common: ManifestOptions

        @Flag(help: "One line for each look.")
        package var brief = false

        @Option(help: "What to print: text or json.") package var output: OutputFormat = .text

        package init() {}

        package func run() async throws {
            try await reportingErrors(output) {
                let file = try RecordedFile(path)
                return file.isTable ? try judgeSeries(file) : try await judgeTraffic(file)
            }
        }

        private func judgeTraffic(_ file: RecordedFile) async throws -> Int32 {
            if let option = series.firstGiven {
                throw usageError("\(option) is about series, and \(file.name) holds traffic")
            }
            var recordings = try file.parsed { text throws(RecordingError) in try TrafficRecording.read(text) }
            // A rollout's recording may hold several gates. If none suits, the first one says why.
            if recordings.contains(where: { parameters.suit($0.head.asked) }) {
                for other in recordings where !parameters.suit(other.head.asked) {
                    note("note: left out \(other.title), which the options are not about")
                }
                recordings.removeAll { !parameters.suit($0.head.asked) }
            }
            var reports: [ReplayReport] = []
            let view = ReplayView(style: .forOutput(), isBrief: brief)
            for (index, recording) in recordings.enumerated() {
                let gate = try parameters.asked(insteadOf: recording.head.asked) { try common.gates() }
                guard let replay = GateReplay(gate) else {
                    throw usageError(
                        "gate \(gate.name) is a \(gate.question.word) gate: nothing of what it asks is recorded",
                        hint: "analyses, thresholds, metrics and comparisons can be replayed")
                }
                let run = await replay.run(recording)
                if let obstacle = run.obstacle {
                    throw SupervisorError(
                        code: "not-recorded", message: "gate \(gate.name) cannot be replayed: \(obstacle)",
                        hint: "conditions, directions and limits may be changed; sources and queries may not")
                }
                if output == .json {
                    reports.append(ReplayReport(run, gate))
                } else {
                    for line in (index > 0 ? [""] : []) + view.lines(run, gate) { print(line) }
                }
            }
            if output == .json { try printJSON(["recordings": reports]) }
            return 0
        }

        private func judgeSeries(_ file: RecordedFile) throws -> Int32 {
            guard parameters.isEmpty else {
                throw usageError(
                    "\(file.name) holds series, and the options ask about traffic",
                    hint: "--metric NAME:increase, --pass, --marginal and --every are about series")
            }
            let table = try file.parsed { text throws(RecordingError) in try SeriesFile(text) }
            let looks = table.looks(try series.spec(table.metrics), every: try series.rhythm(table))
            if output == .json {
                try printJSON(["looks": looks.map(SeriesLookReport.init)])
            } else {
                for line in ReplayView(style: .forOutput(), isBrief: brief).lines(looks) { print(line) }
            }
            return 0
        }
    }

    package struct Record: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "record",
            abstract: "Print what the gates of a deployment judged by, as lines of JSON.",
            discussion: """
                The journal keeps what analyses, thresholds, metrics and comparisons were told, a bounded number of \
                looks for each run, for 90 days. This reads it from the journal of this machine; Slipway may run \
                meanwhile, and need not.

                Examples:
                  slipway judge record 37 > rollout.ndjson
                  slipway judge record production 37 --gate good

                Exit codes: 0 printed, 1 nothing is kept of that deployment, 2 usage.
                """)

        @OptionGroup package var common: JournalOptions

        @Argument(help: ArgumentHelp("Of this deployment.", valueName: "number"))
        package var second: Int?

        @Option(help: "Only this gate's runs.")
        package var gate: String?

        @Option(help: "Only this service's runs.")
        package var service: String?

        package init() {}

        package func run() async throws {
            try await reportingErrors {
                var common = common
                var number = second
                // `slipway judge record 37`: the only word is the number.
                if number == nil, let alone = Int(common.environment) {
                    number = alone
                    common.environment = CommonOptions.defaultEnvironment
                }
                guard let number else { throw usageError("which deployment? slipway judge record 37") }
                let environment = try common.resolved()
                let reader = try await JournalReader.open(
                    directory: StateDirectory(common.state).journal, binary: Slipway.version)
                let kept = try await RecordedRuns.read(reader, environment)
                let runs = kept.runs.filter { run in
                    run.deployment.value == number && (gate == nil || run.gate.text == gate)
                        && (service == nil || run.service.text == service)
                }
                guard !runs.isEmpty else {
                    throw SupervisorError(
                        code: "not-found",
                        message: "nothing is kept of what gates judged by in deployment #\(number) of \(environment)",
                        hint:
                            "only gates that judge traffic or metrics beside a stable release leave something, for 90 days"
                    )
                }
                for run in runs { print(run.text, terminator: "") }
                return 0
            }
        }
    }
}
