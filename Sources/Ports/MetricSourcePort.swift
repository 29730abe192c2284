package import Domain

/// What answers questions for numbers. Rhythm, conditions and judgement are not its own.
package protocol MetricSourcePort: Sendable {
    /// A run begins that will ask this source about a service: who has to remember what was, begins to. Convergent.
    func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async
    /// The numbers of now: one for each series that the question names.
    func value(_ question: MetricQuestion) async -> MetricAnswer
    /// The numbers of a time: for each series one for each step, not a number where there is none.
    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer
}

/// A question, with nothing left to fill in.
package struct MetricQuestion: Hashable, Sendable {
    package var source: MetricSource
    package var query: String
    /// Whose number it is.
    package var subject: MetricSubject
    /// How far back the number of a moment reaches, for sources that do not read that in the query.
    package var window: Span
    /// For the whole answer.
    package var limit: Span

    package init(source: MetricSource, query: String, subject: MetricSubject, window: Span, limit: Span) {
        self.source = source
        self.query = query
        self.subject = subject
        self.window = window
        self.limit = limit
    }
}

/// A release that a question is about.
package struct MetricSubject: Hashable, Sendable {
    package var environment: EnvironmentID
    package var service: ServiceName
    package var release: ReleaseNumber

    package init(environment: EnvironmentID, service: ServiceName, release: ReleaseNumber) {
        self.environment = environment
        self.service = service
        self.release = release
    }
}

/// From when until when, both included.
package struct MetricRange: Hashable, Sendable {
    /// Milliseconds since 1970.
    package var start: Int64
    package var end: Int64
    /// From one number to the next; above zero.
    package var step: Span

    package init(start: Int64, end: Int64, step: Span) {
        self.start = start
        self.end = end
        self.step = step
    }

    /// Numbers that a series has.
    package var count: Int { Int(max(0, end - start) / max(1, step.milliseconds)) + 1 }
}

/// What a source said.
package enum MetricAnswer: Hashable, Sendable {
    /// None: there is no such series. Notes are what the source remarked besides.
    case series([MetricSeries], notes: [String] = [])
    /// It could not be asked, or did not answer as it should. Never holds a secret's value.
    case trouble(String)
}

/// The numbers of one series.
package struct MetricSeries: Hashable, Sendable {
    /// What tells it from its siblings, for people: `{job="api"}`.
    package var labels: String
    /// In order of time; not a number where there is none.
    package var values: [Double]

    package init(labels: String, values: [Double]) {
        self.labels = labels
        self.values = values
    }
}
