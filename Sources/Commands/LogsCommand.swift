package import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// `slipway logs`: what instances wrote.
package struct LogsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what instances wrote.",
        discussion: """
            Examples:
              slipway logs
              slipway logs --service api -f
              slipway logs --service api --release 14 --lines 500
              slipway logs --output json          (a line of JSON each)
            """)

    @OptionGroup package var common: CommonOptions

    @Option(help: "Only this service.")
    package var service: String?

    @Option(help: "Only this release of it.")
    package var release: Int?

    @Option(name: [.customShort("n"), .customLong("lines")], help: "At most so many of the last lines.")
    package var lines = 100

    @Flag(name: .shortAndLong, help: "Go on with new lines.")
    package var follow = false

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let environment = try resolveEnvironment(common)
            return try await Session.open(common, startIfNeeded: false) { session in
                try await show(environment, session)
            }
        }
    }

    private func show(_ environment: EnvironmentID, _ session: Session) async throws -> Int32 {
        let style = Style.forOutput()
        var after: Int64?
        // Lines of the newest millisecond that were shown: the next answer begins with that millisecond again.
        var shown: Set<LogLineReport> = []
        while true {
            let report = try await session.client.logs(
                environment, service: service.map { ServiceName($0) }, release: release.map { ReleaseNumber($0) },
                lines: after == nil ? lines : 10_000, after: after.map { $0 - 1 })
            for line in report.lines where !shown.contains(line) {
                try put(line, style)
            }
            if let newest = report.lines.last?.at {
                shown = Set(report.lines.filter { $0.at == newest }).union(newest == after ? shown : [])
                after = newest
            }
            guard follow else { return 0 }
            if after == nil { after = 0 }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    private func put(_ line: LogLineReport, _ style: Style) throws {
        if common.output == .json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(line), as: UTF8.self))
        } else {
            let tones: [Style.Tone] = [.cyan, .green, .yellow, .blue]
            let tone = tones[Int(line.instance.value % UInt64(tones.count))]
            let name = style.paint("\(line.service)@\(line.release)/\(line.instance)", tone)
            print(
                "\(style.paint(clockTime(line.at), .dim)) \(name) \(line.isError ? style.paint("|", .red) : "|") \(line.text)"
            )
        }
        fflush(stdout)
    }
}
