import ClusterDouble
import ClusterJournal
import Domain
import JournalConformance
import KubernetesAPI
import KubernetesObjects
import Ports
import Synchronization

/// A cluster that knows the records' kinds, and a namespace for them.
struct JournalBench: Sendable {
    static let namespace = "slipway"

    let double: ClusterDouble
    let client: KubernetesClient
    let records: RecordsChoice

    static func with<Value: Sendable>(
        _ records: RecordsChoice = .crd, faults: FaultPlan = FaultPlan(),
        _ body: @Sendable (JournalBench) async throws -> Value
    ) async throws -> Value {
        let bench = try await start(records, faults: faults)
        let value: Result<Value, any Error>
        do { value = .success(try await body(bench)) } catch { value = .failure(error) }
        try await bench.stop()
        return try value.get()
    }

    static func start(_ records: RecordsChoice, faults: FaultPlan = FaultPlan()) async throws -> JournalBench {
        let double = try await ClusterDouble.start(ClusterSettings(), faults: faults)
        let client = KubernetesClient(double.access)
        _ = try await client.create(
            APIResource(.namespace), namespace: nil, ["metadata": ["name": .text(namespace)]])
        for kind in RecordKind.allCases where records == .crd {
            _ = try await client.create(
                APIResource(.definition), namespace: nil,
                [
                    "metadata": ["name": .text("\(kind.plural).\(RecordKind.group)")], "spec": kind.definition,
                ])
        }
        return JournalBench(double: double, client: client, records: records)
    }

    func stop() async throws {
        try await client.shutdown()
        await double.stop()
    }

    func open(
        _ writer: String, limits: JournalLimits = JournalBench.limits, troubles: Losses = Losses(),
        lost: Losses = Losses()
    ) async throws -> PagedJournal {
        try await PagedJournal.open(
            double.access, namespace: Self.namespace, records: records, writer: writer, limits: limits,
            facts: { entry, _ in
                entry.kind == .service ? [ObjectField("stable", .text("api@\(entry.body.count)"))] : []
            },
            troubled: { troubles.note($0) }, lost: { lost.note($0) })
    }

    static var limits: JournalLimits {
        var limits = JournalLimits()
        limits.gathering = .milliseconds(5)
        limits.patience = .seconds(5)
        return limits
    }

    func all(_ kind: RecordKind) async throws -> [ObjectValue] {
        try await client.list(
            APIResource(version: RecordKind.apiVersion, plural: kind.plural, kind: kind.rawValue),
            namespace: Self.namespace
        ).items
    }
}

/// What journals have told that went wrong, or that they lost.
final class Losses: Sendable {
    private let told = Mutex<[PortError]>([])
    var all: [PortError] { told.withLock { $0 } }
    func note(_ error: PortError) { told.withLock { $0.append(error) } }
}

/// The journal in a cluster for the conformance suite. A journal that is opened again finds what a killed process left.
actor ClusterSubject: JournalSubject {
    private let records: RecordsChoice
    private var bench: JournalBench?
    private var writers = 0

    init(_ records: RecordsChoice) { self.records = records }

    func make() async throws -> PagedJournal {
        let bench = try await JournalBench.start(records)
        self.bench = bench
        return try await bench.open("first")
    }

    func reopen(_ journal: PagedJournal) async throws -> PagedJournal {
        try await journal.drop()
        writers += 1
        guard let bench else { throw PortError(.notFound, "there is no journal yet") }
        return try await bench.open("again-\(writers)")
    }

    func discard(_ journal: PagedJournal) async throws {
        try await journal.close()
        try await bench?.stop()
    }
}

/// Looks for a condition until it holds.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw PortError(.unavailable, "waited in vain: \(what)")
}
