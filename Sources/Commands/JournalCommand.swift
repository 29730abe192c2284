package import ArgumentParser
import Deployments
import Domain
import FoundationEssentials
import Ports
import Rollouts
import SQLiteJournal
import SupervisorAPI

/// `slipway journal`: the record of what was decided and done, read without the supervisor.
package struct JournalCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Verify or export the journal.",
        discussion: """
            Examples:
              slipway journal verify
              slipway journal export > journal.ndjson
            """,
        subcommands: [Verify.self, Export.self])

    package init() {}

    package struct Verify: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Check that nothing was damaged, changed or cut out.",
            discussion: """
                Reads the journal itself; Slipway may run meanwhile, and need not.

                Examples:
                  slipway journal verify
                  slipway journal verify --state /var/lib/slipway --output json

                Exit codes: 0 the chain is whole, 1 something is wrong or cannot be read.
                """)
        @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]") package var state: String?
        @Option(help: "What to print: text or json.") package var output: OutputFormat = .text
        package init() {}

        package func run() async throws {
            try await reportingErrors(output) {
                let reader = try await JournalReader.open(
                    directory: StateDirectory(state).journal, binary: Slipway.version)
                let report = try await reader.verify()
                if output == .json {
                    try printJSON(VerifiedJournal(report))
                } else {
                    print("\(report.entries) \(report.entries == 1 ? "entry" : "entries")")
                    for problem in report.problems { print("problem: \(problem)") }
                    if report.further > 0 { print("and \(report.further) more problems") }
                    if report.isWhole { print("the chain is whole; its head is \(report.head)") }
                }
                return report.isWhole ? 0 : 1
            }
        }
    }

    package struct Export: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write every entry as a line of JSON.",
            discussion: """
                Example:
                  slipway journal export | jq 'select(.kind == "event").event'
                """)
        @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]") package var state: String?
        package init() {}

        package func run() async throws {
            try await reportingErrors {
                let reader = try await JournalReader.open(
                    directory: StateDirectory(state).journal, binary: Slipway.version)
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                for try await stored in reader.export(JournalQuery(kinds: EntryKind.allCases, limit: .max)) {
                    print(String(decoding: try encoder.encode(ExportedEntry(stored)), as: UTF8.self))
                }
                return 0
            }
        }
    }
}

/// What `journal verify` found, for programs.
private struct VerifiedJournal: Encodable {
    var entries: Int64
    var dropped: Int64
    var first: Int64?
    var last: Int64?
    var head: String
    var isWhole: Bool
    var problems: [String]
    var furtherProblems: Int

    init(_ report: SQLiteJournal.VerifyReport) {
        entries = report.entries
        dropped = report.dropped
        first = report.first
        last = report.last
        head = "\(report.head)"
        isWhole = report.isWhole
        problems = report.problems.map(\.description)
        furtherProblems = report.further
    }
}

/// One entry for people and programs.
private struct ExportedEntry: Encodable {
    var sequence: Int64
    var at: Int64
    var kind: String
    var environment: String?
    var key: String
    /// Events and evidence in full.
    var event: Event?
    var evidence: LookResult?
    /// Lines of JSON, as `slipway judge record` prints them.
    var recording: String?
    /// The record's bytes for the rest.
    var record: String?

    init(_ stored: StoredEntry) throws {
        sequence = stored.sequence
        at = stored.entry.at
        kind = "\(stored.entry.kind)"
        environment = stored.entry.environment.map { "\($0)" }
        key = stored.entry.key
        switch stored.entry.kind {
        case .event: event = try Event(recorded: stored.entry.body, known: Event.version)
        case .evidence: evidence = try JSONDecoder().decode(LookResult.self, from: Data(stored.entry.body))
        case .recording: recording = String(decoding: stored.entry.body, as: UTF8.self)
        case .service, .environment, .deployment, .release, .quarantine, .fence, .handover, .delivery:
            record = Data(stored.entry.body).base64EncodedString()
        }
    }
}
