package import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import LoadGenerator

/// `slipway load`: puts load on a URL and says what came back.
package struct LoadCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Put load on a URL and count what comes back.",
        discussion: """
            With --rate requests are due at fixed times, and latency counts from then: slow answers are not hidden. \
            With --connections each connection sends its next request when an answer is complete. A scenario is a file \
            with several requests, weights, sequences and pauses; --threshold says what must hold of the results.

            Examples:
              slipway load http://localhost:8080/ --rate 200 --for 30s
              slipway load http://localhost:8080/ --connections 8 --requests 10000
              slipway load http://localhost:8080/ --users 100 --fail-over 0.1%
              slipway load http://shop.localhost/ --connect 127.0.0.1:8080 --body @a.json
              slipway load --scenario shop.yaml --threshold 'search p95 < 200ms'
              slipway load --scenario shop.yaml --html result.html
              slipway load http://localhost:8080/ --ramp '0 -> 500/s in 30s, hold 2m'

            Exit codes: 0 done, 1 a threshold was missed, more failures than --fail-over allows, or nothing could be \
            sent, 2 usage, 130 stopped with Ctrl-C (the summary is printed all the same).
            """
    )

    @Argument(
        help: "Where to send requests: http://host[:port]/path. TLS is not spoken. (default: the scenario's `url`)")
    var url: String?

    @Option(help: "A file with flows of requests, and how many of them. See `slipway schema --scenario`.")
    var scenario: String?

    @Option(help: "What must hold: 'p95 < 200ms', 'errors < 0.1%', 'search rate > 90/s'. May be given again.")
    var threshold: [String] = []

    @Option(help: "Load that changes: '0 -> 500/s in 30s, hold 2m', '0 -> 50 users in 1m, hold 5m'.")
    var ramp: String?

    @Option(help: "With the seed of an earlier run a scenario draws the same flows and pauses. (default: another one)")
    var seed: UInt64?

    @Option(help: "Requests per second, at a constant arrival rate. (default: 200, without --connections)")
    var rate: Double?

    @Option(help: "A closed loop over so many connections.")
    var connections: Int?

    @Option(help: "The most connections that --rate may open. (default: 512, or the scenario's)")
    var maxConnections: Int?

    @Option(
        name: .customLong("for"),
        help: "For how long requests begin: 500ms, 10s, 2m. (default: 10s, without --requests)")
    var duration: String?

    @Option(help: "How many requests begin at most.")
    var requests: Int?

    @Option(help: "The method. (default: GET, or POST with --body)")
    var method: String?

    @Option(name: [.customLong("header"), .customShort("H")], help: "A field 'Name: value'. May be given again.")
    var headers: [String] = []

    @Option(help: "The body: text, or @file.")
    var body: String?

    @Option(
        help:
            "For an answer, from connecting to its last byte; and for a free connection. (default: 5s, or the scenario's)"
    )
    var timeout: String?

    @Option(help: "Virtual users, each with its own cookies.")
    var users: Int = 0

    @Option(help: "Count apart by the value of this response header.")
    var groupBy: String?

    @Option(help: "Connect here instead of the URL's host: host:port.")
    var connect: String?

    @Flag(help: "Send again, once, when a reused connection was closed without a byte of an answer.")
    var retryStale = false

    @Flag(name: .customLong("allow-4xx"), help: "Answers of 400 to 499 are no failures.")
    var allowClientErrors = false

    @Option(help: "Exit with 1 when a larger share of the requests failed: 0, 0.5%, 2%.")
    var failOver: String?

    @Option(help: "Write the result as one HTML page, with pictures, to this file.")
    var html: String?

    @Option(help: "What to print: text or json.")
    var output: OutputForm = .text

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    enum OutputForm: String, ExpressibleByArgument, CaseIterable {
        case text
        case json
    }

    package init() {}

    package func run() async throws {
        let load: LoadRun
        let allowed: Double?
        do {
            load = try LoadRun(plan())
            allowed = try failOver.map { try Self.share($0) }
        } catch {
            throw refused(error, ExitCode(2))
        }
        let report: LoadReport
        do {
            report = try await untilInterrupted(load)
        } catch let error as LoadPlanError {
            throw refused(error, ExitCode(1))
        }
        switch output {
        case .text: print(report.summary())
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
        if let html { try write(report, to: html) }
        if report.interrupted { throw ExitCode(130) }
        if report.counts.sent == 0 {
            say("error: nothing could be sent to \(report.subject.url)")
            throw ExitCode(1)
        }
        for missed in report.missed {
            say("error: threshold missed: \(missed.threshold), measured: \(missed.value ?? "nothing")")
        }
        if !report.missed.isEmpty { throw ExitCode(1) }
        if let allowed, report.failedShare > allowed {
            say("error: \(report.all.failures) of \(report.all.count) requests failed, more than --fail-over allows")
            throw ExitCode(1)
        }
    }

    private func write(_ report: LoadReport, to path: String) throws {
        do {
            try WholeFile.write(report.page(), to: path, mode: 0o644, makesParent: false)
        } catch {
            say(
                "error: the page could not be written to \(path): \(error)\nhint: name a file in a directory that exists"
            )
            throw ExitCode(1)
        }
    }

    // MARK: Running

    /// Runs until the plan ends or Ctrl-C comes, with progress on standard error.
    private func untilInterrupted(_ load: LoadRun) async throws -> LoadReport {
        let view = LoadView(quiet: quiet)
        signal(SIGINT, SIG_IGN)
        let interrupts = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        let (presses, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        interrupts.setEventHandler { continuation.yield() }
        interrupts.resume()
        defer {
            interrupts.cancel()
            signal(SIGINT, SIG_DFL)
        }
        return try await withThrowingTaskGroup(of: LoadReport?.self) { group in
            group.addTask { try await load.run { view.show($0) } }
            group.addTask {
                for await _ in presses { return nil }
                return nil
            }
            // The first to end is either the run, or Ctrl-C: then the run is cancelled and says what it has.
            var report: LoadReport?
            while let ended = try await group.next() {
                report = ended ?? report
                group.cancelAll()
            }
            view.clear()
            guard let report else { throw CancellationError() }
            return report
        }
    }

    private func refused(_ error: any Error, _ code: ExitCode) -> ExitCode {
        if let error = error as? LoadPlanError {
            say("error: \(error.cause)\nhint: \(error.hint)")
        } else if let error = error as? UsageProblem {
            say("error: \(error.cause)" + (error.hint.isEmpty ? "" : "\nhint: \(error.hint)"))
        } else {
            say("error: \(error)")
        }
        return code
    }

    private func say(_ text: String) {
        LoadView.put(text + "\n")
    }
}
