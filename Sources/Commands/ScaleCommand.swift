package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway scale`.
package struct ScaleCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract: "Set how many instances of a service run, or give the count back.",
        discussion: """
            The count holds until it is given back with `auto`, or for the time that --for names. Where the manifest \
            has `scale:` the load says how many run then, and no count outside of its bounds is taken; without it the \
            manifest's `replicas` does.

            Examples:
              slipway scale api 4
              slipway scale production api 8 --for 2h
              slipway scale api auto
            """)

    @OptionGroup package var common: CommonOptions

    @Argument(help: ArgumentHelp("The service.", valueName: "service"))
    package var second: String?

    @Argument(help: ArgumentHelp("How many instances, or `auto`.", valueName: "count"))
    package var third: String?

    @Option(help: "The service, as an option.")
    package var service: String?

    @Option(name: .customLong("for"), help: ArgumentHelp("Give it back by itself after this time.", valueName: "time"))
    package var span: String?

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            // The last word is the count: `scale api 4`, `scale production api 4`, `scale production --service api 4`.
            var words = [second, third].compactMap { $0 }
            guard let last = words.popLast() else {
                throw usageError(
                    "how many instances are to run?", hint: "slipway scale api 4, or: slipway scale api auto")
            }
            let count = try Self.count(last)
            let time = try span.map { text in
                guard let span = Span(parsing: text), span > .zero else {
                    throw usageError("--for \(text) is no length of time", hint: "for example --for 2h")
                }
                return span
            }
            if time != nil, count == nil {
                throw usageError("--for needs a count", hint: "slipway scale api 4 --for 2h")
            }
            let target = try resolveTarget(common, second: words.first, service: service)
            guard let service = target.service else {
                throw usageError("which service is to be scaled?", hint: "slipway scale api \(last)")
            }
            return try await Session.open(common, in: target.environment, startIfNeeded: false) { session in
                try await confirm(service, in: target.environment, session)
                let reply = try await session.client.command(
                    target.environment,
                    CommandRequest(verb: .scale, service: service, by: session.user, count: count, span: time))
                let what = count.map { "\($0) instances" + (time.map { " for \($0)" } ?? "") } ?? "given back"
                return try reply.conclude(common.output, done: "\(service): \(what)")
            }
        }
    }

    /// Nil for `auto`.
    static func count(_ word: String) throws -> Int? {
        if word == "auto" { return nil }
        guard let count = Int(word), (1...1000).contains(count) else {
            throw usageError(
                "`\(word)` is neither a number of instances from 1 to 1000 nor `auto`", hint: "slipway scale api 4")
        }
        return count
    }
}
