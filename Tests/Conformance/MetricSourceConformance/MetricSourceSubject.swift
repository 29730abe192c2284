import Domain
package import Ports

/// How the suite gets a source to ask, and questions that find it in a certain situation.
package protocol MetricSourceSubject: Sendable {
    associatedtype Source: MetricSourcePort
    func make() async throws -> Source
    /// Ends the use of the source and removes what the subject made for it.
    func discard(_ source: Source) async throws
    /// A question that meets this situation when it is asked next; nil: it cannot come about with such a source.
    func question(in situation: SourceSituation) async throws -> MetricQuestion?
    /// Of the range that series are asked for; its end is the present of the source.
    var range: MetricRange { get }
    /// Sources without a clock give what they have, whatever range is asked for.
    var hasClock: Bool { get }
}

/// What a source may be like when it is asked.
package enum SourceSituation: String, Hashable, Sendable, CaseIterable {
    /// It says 0.25, once or again and again.
    case number
    /// It has no such series.
    case nothing
    /// It has several.
    case several
    case notANumber
    case infinite
    /// A part of what it should know is missing, and it says so.
    case partial
    /// It answers after a minute.
    case late
    /// Its answer comes byte by byte, for a minute.
    case trickling
    /// Nobody is there.
    case gone
    /// The answer breaks off.
    case dropped
    /// It cannot answer: a status of 500, a code other than 0.
    case failing
    /// What it says makes no sense.
    case malformed
    /// It says more than anybody can read.
    case endless
    /// Its clock is an hour from ours; matters where a range is asked for.
    case clockApart
    /// What it counts began anew within the window.
    case reset
    /// It was not understood.
    case wrongQuestion

    /// Nothing passes by it.
    package var isBad: Bool { self != .number }

    /// With a number of this moment nothing is wrong.
    package var mattersToValues: Bool { self != .clockApart }
}

/// One promise of `MetricSourcePort`, checked. Throws `MetricSourceFlaw` when the source breaks it.
package struct MetricSourceCheck: Sendable, CustomStringConvertible {
    package let name: String
    private let body: @Sendable (MetricSourceTrial) async throws -> Void

    package var description: String { name }

    init(_ name: String, _ body: @escaping @Sendable (MetricSourceTrial) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the check against a new source.
    package func run(_ subject: some MetricSourceSubject) async throws {
        let source = try await subject.make()
        do {
            try await body(MetricSourceTrial(subject: subject, source: source))
        } catch {
            try await subject.discard(source)
            throw error
        }
        try await subject.discard(source)
    }
}

/// A broken promise.
package struct MetricSourceFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// The source under trial.
struct MetricSourceTrial: Sendable {
    let subject: any MetricSourceSubject
    let source: any MetricSourcePort

    /// What it answers in a situation; nil: such a source never is in it.
    /// - Parameter limit: for the whole answer; nil: the question's own.
    func ask(_ situation: SourceSituation, ranged: Bool, limit: Span? = nil) async throws -> MetricAnswer? {
        guard var question = try await subject.question(in: situation) else { return nil }
        if let limit { question.limit = limit }
        let answer =
            ranged ? await source.series(question, over: subject.range) : await source.value(question)
        try Self.requireWords(answer, situation)
        return answer
    }

    /// A reason is for people, and bounded.
    private static func requireWords(_ answer: MetricAnswer, _ situation: SourceSituation) throws {
        switch answer {
        case .trouble(let words):
            try require(!words.isEmpty, "\(situation): trouble without a word")
            try require(words.utf8.count < 10_000, "\(situation): \(words.utf8.count) bytes of trouble")
        case .series(_, let notes): try require(notes.count <= 20, "\(situation): \(notes.count) notes")
        }
    }
}

extension MetricAnswer {
    /// Numbers that a gate could pass by.
    var numbers: [Double]? {
        guard case .series(let series, _) = self, series.count == 1, let values = series.first?.values else {
            return nil
        }
        let finite = values.filter(\.isFinite)
        return finite.isEmpty || values.contains { $0.isInfinite } ? nil : finite
    }
}

/// Fails a check when a condition does not hold.
func require(_ condition: Bool, _ flaw: @autoclosure () -> String) throws {
    if !condition { throw MetricSourceFlaw(flaw()) }
}
