package import Domain
package import Ports

/// How the suite gets gates to look at, and the world that they ask.
package protocol GateSubject: Sendable {
    associatedtype Gates: GatePort
    func make() async throws -> Gates
    /// Ends the use of the gates and removes what the subject made for them.
    func discard(_ gates: Gates) async throws
    /// A ready instance that behaves so.
    func instance(_ id: InstanceID, _ behaviour: InstanceBehaviour) async throws -> InstanceView
    /// Requests that the release on trial served, added to what the router counted.
    func count(requests: Int, errors: Int) async throws
    /// The router is started anew: its counts begin at nothing.
    func restartCounts() async throws
}

/// What an instance does with `GET /`.
package enum InstanceBehaviour: Hashable, Sendable, CaseIterable {
    case answers200
    case answers500
    /// Takes the request and never answers.
    case hangs
}

/// One promise of `GatePort`, checked. Throws `GateFlaw` when the gates break it.
package struct GateCheck: Sendable, CustomStringConvertible {
    package let name: String
    private let body: @Sendable (GateTrial) async throws -> Void

    package var description: String { name }

    init(_ name: String, _ body: @escaping @Sendable (GateTrial) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// Runs the check against new gates.
    package func run(_ subject: some GateSubject) async throws {
        let gates = try await subject.make()
        do {
            try await body(GateTrial(subject: subject, gates: gates))
        } catch {
            try await subject.discard(gates)
            throw error
        }
        try await subject.discard(gates)
    }

    /// All promises.
    package static let all: [GateCheck] = asking + commands + measuring
}

/// A broken promise.
package struct GateFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// The gates under trial.
struct GateTrial: Sendable {
    let subject: any GateSubject
    let gates: any GatePort

    static let release = Release(
        environment: EnvironmentID(project: "shop", name: "staging"), number: ReleaseNumber(15),
        digest: ContentDigest(words: (15, 0, 0, 0)),
        parts: ReleaseParts(
            artifact: nil, spec: ServiceSpec(service: ServiceName("api"), command: ["./serve"], port: 8080)),
        createdAt: 0, createdBy: "the suite")

    func gate(_ question: GateQuestion, timeout: Span = .seconds(10)) -> GateSpec {
        GateSpec(name: GateName("trial"), question: question, schedule: GateSchedule(timeout: timeout))
    }

    func key(run: Int = 1, look: Int = 1) -> LookKey {
        LookKey(
            environment: Self.release.environment, service: Self.release.service, deployment: DeploymentNumber(37),
            run: run, look: look)
    }

    func look(
        _ gate: GateSpec, run: Int = 1, look: Int = 1, since: Int = 0, at instances: [InstanceView] = []
    ) async throws -> LookResult {
        let result = await gates.look(
            LookRequest(
                key: key(run: run, look: look), gate: gate, release: Self.release, stable: nil,
                instances: instances.filter { $0.phase == .ready }, all: instances, since: since))
        try Self.requireWords(result)
        return result
    }

    /// Evidence is for people, on a terminal, in a journal: there, bounded, and on its lines.
    private static func requireWords(_ result: LookResult) throws {
        let summary = result.evidence.summary
        try require(!summary.isEmpty, "\(result.verdict.word) without a word")
        try require(summary.utf8.count <= 1000, "a summary of \(summary.utf8.count) bytes")
        try require(result.evidence.findings.count <= 50, "\(result.evidence.findings.count) findings")
        let texts = [summary] + result.evidence.findings.flatMap { [$0.asked, $0.got, $0.wanted] }
        for text in texts {
            try require(text.utf8.count <= 10_000, "a text of \(text.utf8.count) bytes")
            let isClean = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f || $0 == "\n" }
            try require(isClean, "control characters: \(text.debugDescription)")
        }
    }

    func expect(_ verdict: Verdict, _ what: String, _ result: LookResult) throws {
        try require(
            result.verdict == verdict,
            "\(what): \(result.verdict.word), not \(verdict.word): \(result.evidence.summary)")
    }
}

/// Fails a check when a condition does not hold.
func require(_ condition: Bool, _ flaw: @autoclosure () -> String) throws {
    if !condition { throw GateFlaw(flaw()) }
}
