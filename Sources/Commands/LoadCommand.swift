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
            With --connections each connection sends its next request when an answer is complete.

            Examples:
              slipway load http://localhost:8080/ --rate 200 --for 30s
              slipway load http://localhost:8080/ --connections 8 --requests 10000
              slipway load http://localhost:8080/ --users 100 --fail-over 0.1%
              slipway load http://shop.localhost/ --connect 127.0.0.1:8080 --body @a.json

            Exit codes: 0 done, 1 more failures than --fail-over allows or nothing could be sent, 2 usage, \
            130 stopped with Ctrl-C (the summary is printed all the same).
            """
    )

    @Argument(help: "Where to send requests: http://host[:port]/path. TLS is not spoken.")
    var url: String

    @Option(help: "Requests per second, at a constant arrival rate. (default: 200, without --connections)")
    var rate: Double?

    @Option(help: "A closed loop over so many connections.")
    var connections: Int?

    @Option(help: "The most connections that --rate may open.")
    var maxConnections: Int = 512

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

    @Option(help: "For an answer, from connecting to its last byte; and for a free connection.")
    var timeout: String = "5s"

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
        if report.interrupted { throw ExitCode(130) }
        if report.counts.sent == 0 {
            say("error: nothing could be sent to \(report.subject.url)")
            throw ExitCode(1)
        }
        if let allowed, report.failedShare > allowed {
            say("error: \(report.all.failures) of \(report.all.count) requests failed, more than --fail-over allows")
            throw ExitCode(1)
        }
    }

    // MARK: The plan

    private func plan() throws -> LoadPlan {
        if rate != nil, connections != nil {
            throw UsageProblem("--rate and --connections exclude each other", "choose a constant rate or a closed loop")
        }
        let bytes = try body.map(Self.readBody)
        let request = LoadRequest(
            method: method ?? (bytes == nil ? "GET" : "POST"), fields: try headers.map(Self.field), body: bytes)
        let arrival: LoadPlan.Arrival =
            if let connections {
                .closedLoop(connections: connections)
            } else {
                .rate(perSecond: rate ?? 200, maxConnections: maxConnections)
            }
        let length = try duration.map(Self.duration) ?? (requests == nil ? .seconds(10) : nil)
        return LoadPlan(
            target: try LoadTarget(url: url), request: request, arrival: arrival, duration: length,
            requestLimit: requests, timeout: try Self.duration(timeout), users: users, groupBy: groupBy,
            connectTo: try connect.map { try LoadTarget.Endpoint(parsing: $0) }, retryStale: retryStale,
            clientErrorsFail: !allowClientErrors)
    }

    private static func field(_ text: String) throws -> LoadRequest.Field {
        guard let colon = text.firstIndex(of: ":") else {
            throw UsageProblem("'\(text)' is not a header", "write --header 'Name: value'")
        }
        var value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        while let last = value.last, last == " " || last == "\t" { value.removeLast() }
        return LoadRequest.Field(String(text[..<colon]), String(value))
    }

    private static func readBody(_ text: String) throws -> [UInt8] {
        guard text.hasPrefix("@") else { return Array(text.utf8) }
        let path = String(text.dropFirst())
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw UsageProblem("the body cannot be read from '\(path)': \(error)", "name a file that exists")
        }
    }

    /// Reads `500ms`, `10s`, `1.5m` or `2h`.
    static func duration(_ text: String) throws -> Duration {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
        for (unit, seconds) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number >= 0, number <= 1e9 else { break }
            return .nanoseconds(Int64((number * seconds * 1e9).rounded()))
        }
        throw UsageProblem("'\(text)' is not a duration", "write it with its unit: 500ms, 10s, 2m, 1h")
    }

    /// Reads `0`, `0.5%` or `2%` as a share from 0 to 1.
    static func share(_ text: String) throws -> Double {
        if text == "0" { return 0 }
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) else {
            throw UsageProblem("'\(text)' is not a share", "write it in per cent: 0%, 0.5%, 2%")
        }
        return percent / 100
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
            say("error: \(error.cause)\nhint: \(error.hint)")
        } else {
            say("error: \(error)")
        }
        return code
    }

    private func say(_ text: String) {
        LoadView.put(text + "\n")
    }
}

/// An option that does not say what it should.
private struct UsageProblem: Error {
    let cause: String
    let hint: String

    init(_ cause: String, _ hint: String) {
        self.cause = cause
        self.hint = hint
    }
}
