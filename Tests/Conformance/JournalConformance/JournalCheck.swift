package import Ports

/// How the suite gets journals to look at, and starts them again.
package protocol JournalSubject: Sendable {
    associatedtype Journal: JournalPort
    /// A new, empty journal.
    func make() async throws -> Journal
    /// The same journal as a new process would find it. The old one is not used any more.
    func reopen(_ journal: Journal) async throws -> Journal
    /// Ends the use of a journal and removes what it left.
    func discard(_ journal: Journal) async throws
}

/// One promise of `JournalPort`, checked. Throws `JournalFlaw` when the journal breaks it.
package struct JournalCheck: Sendable, CustomStringConvertible {
    package let name: String
    private let body: @Sendable (any Trial) async throws -> Void

    package var description: String { name }

    init(_ name: String, _ body: @escaping @Sendable (any Trial) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the check against a new journal.
    package func run(_ subject: some JournalSubject) async throws {
        let trial = JournalTrial(subject: subject, journal: try await subject.make())
        do {
            try await body(trial)
        } catch {
            try await trial.discard()
            throw error
        }
        try await trial.discard()
    }

    /// All promises.
    package static let all: [JournalCheck] = contents + states + queries + concurrency
}

/// A broken promise.
package struct JournalFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// The journal under trial, which a check may start again.
protocol Trial: AnyObject, Sendable {
    var journal: any JournalPort { get async }
    func reopen() async throws
}

/// Holds the one journal of a check; an actor, because `reopen` replaces it.
actor JournalTrial<Subject: JournalSubject>: Trial {
    private let subject: Subject
    private var current: Subject.Journal

    init(subject: Subject, journal: Subject.Journal) {
        self.subject = subject
        current = journal
    }

    var journal: any JournalPort { current }

    func reopen() async throws { current = try await subject.reopen(current) }

    func discard() async throws { try await subject.discard(current) }
}

/// Fails a check when a condition does not hold.
func require(_ condition: Bool, _ flaw: @autoclosure () -> String) throws {
    if !condition { throw JournalFlaw(flaw()) }
}
