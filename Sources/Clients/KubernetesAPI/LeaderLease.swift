import FoundationEssentials
import KubernetesObjects
import Synchronization

/// One of several that may lead, elected by a Lease: whoever wrote its name into it last, and goes on doing so.
///
/// The clocks of different machines are never compared: another's lease has ended when it was not seen to change for
/// its duration, by this machine's clock. Source: client-go, `tools/leaderelection/leaderelection.go`.
package final class LeaderLease: Sendable {
    private let client: KubernetesClient
    private let namespace: String
    private let name: String
    /// Which no other process has.
    package let identity: String
    private let times: LeaseTimes
    private let memory = Mutex(LeaseMemory())

    /// - Parameter client: asks each thing once, so that a lost answer is not waited for too long.
    package init(
        _ client: KubernetesClient, namespace: String, name: String, identity: String, times: LeaseTimes = LeaseTimes()
    ) {
        self.client = client
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.times = times
    }

    /// Waits until this one leads.
    /// - Parameter trouble: told of what keeps it from looking at the lease.
    /// - Throws: `CancellationError` alone.
    package func acquire(trouble: @Sendable (ClusterTrouble) -> Void = { _ in }) async throws {
        while true {
            try Task.checkCancellation()
            do throws(ClusterTrouble) {
                if try await attempt() { return }
            } catch {
                trouble(error)
            }
            // Not all that stand by look at once.
            let extra = Int64.random(in: 0...max(1, times.retry / 5))
            try await Task.sleep(for: .milliseconds(times.retry + extra))
        }
    }

    /// Renews the lease until that did not work for too long, or somebody else has it.
    /// - Returns: why it is lost.
    /// - Throws: `CancellationError` alone.
    package func keep() async throws -> String {
        var renewed = ContinuousClock.now
        var last = ""
        while true {
            try await Task.sleep(for: .milliseconds(times.retry))
            do throws(ClusterTrouble) {
                if try await attempt() {
                    renewed = .now
                    last = ""
                    continue
                }
                if let holder, holder != identity { return "\(holder) leads now" }
                last = "it was written by somebody else"
            } catch {
                last = error.text
            }
            if ContinuousClock.now - renewed > .milliseconds(times.renew) {
                return "the lease \(name) could not be renewed for \(times.renew / 1000) s: \(last)"
            }
        }
    }

    /// Lets others lead at once. What cannot be told them they find out by themselves.
    package func release() async {
        guard let lease = memory.withLock({ $0.seen }), lease.holder == identity else { return }
        var next = lease
        next.holder = ""
        next.duration = 1
        // They wait for the end of the lease then.
        _ = try? await client.replace(.leases, namespace: namespace, name: name, next.object(name, now: Self.now()))
    }

    /// Who leads, as far as is known; nil: nobody.
    package var holder: String? {
        memory.withLock { memory in memory.seen.flatMap { $0.holder.isEmpty ? nil : $0.holder } }
    }

    /// When the lease was looked at last; nil: never yet.
    package var looked: ContinuousClock.Instant? { memory.withLock { $0.looked } }

    /// Whether what is known of the lease is no older than its duration.
    package var isFresh: Bool {
        looked.map { ContinuousClock.now - $0 < .milliseconds(times.duration) } ?? false
    }

    /// Takes or renews the lease.
    /// - Returns: whether this one leads.
    private func attempt() async throws(ClusterTrouble) -> Bool {
        let found = try await client.find(.leases, namespace: namespace, name: name)
        let now = ContinuousClock.now
        guard let found else { return try await begin(now) }
        let seen = LeaseRecord(found)
        let next = memory.withLock { memory -> LeaseRecord? in
            memory.see(seen, at: now)
            return memory.claim(for: identity, duration: times.duration, wall: Self.now(), now: now)
        }
        guard let next else { return false }
        do throws(ClusterTrouble) {
            let written = try await client.replace(
                .leases, namespace: namespace, name: name, next.object(name, now: Self.now()))
            memory.withLock { $0.see(LeaseRecord(written), at: now) }
            return true
        } catch {
            if case .conflict = error.kind { return false }
            throw error
        }
    }

    /// Makes the lease that nobody has made yet.
    private func begin(_ now: ContinuousClock.Instant) async throws(ClusterTrouble) -> Bool {
        let lease = LeaseRecord(holder: identity, duration: times.duration, transitions: 0, acquired: Self.now())
        do throws(ClusterTrouble) {
            let made = try await client.create(.leases, namespace: namespace, lease.object(name, now: Self.now()))
            memory.withLock { $0.see(LeaseRecord(made), at: now) }
            return true
        } catch {
            if case .exists = error.kind { return false }
            throw error
        }
    }

    /// Microseconds, as a Lease says times.
    private static func now() -> String {
        let wall = Date.now.timeIntervalSince1970
        let whole = Date(timeIntervalSince1970: wall.rounded(.down)).formatted(.iso8601).dropLast()
        let micros = String(Int((wall - wall.rounded(.down)) * 1_000_000))
        return "\(whole).\(String(repeating: "0", count: max(0, 6 - micros.utf8.count)))\(micros)Z"
    }
}

/// In milliseconds; client-go's standards.
package struct LeaseTimes: Hashable, Sendable {
    /// How long others wait for a sign of life.
    package var duration: Int64
    /// After so long without renewing it, whoever leads stops.
    package var renew: Int64
    /// Between two looks.
    package var retry: Int64

    package init(duration: Int64 = 15_000, renew: Int64 = 10_000, retry: Int64 = 2_000) {
        self.duration = duration
        self.renew = renew
        self.retry = retry
    }
}

/// What a Lease says.
struct LeaseRecord: Hashable, Sendable {
    /// Empty: nobody.
    var holder: String
    /// In milliseconds.
    var duration: Int64
    var transitions: Int64
    /// As it is written.
    var acquired: String
    var renewed = ""
    var version: String?

    init(holder: String, duration: Int64, transitions: Int64, acquired: String) {
        self.holder = holder
        self.duration = duration
        self.transitions = transitions
        self.acquired = acquired
    }

    init(_ object: ObjectValue) {
        let spec = object["spec"]
        holder = spec?["holderIdentity"]?.text ?? ""
        duration = (spec?["leaseDurationSeconds"]?.number ?? 0) * 1000
        transitions = spec?["leaseTransitions"]?.number ?? 0
        acquired = spec?["acquireTime"]?.text ?? ""
        renewed = spec?["renewTime"]?.text ?? ""
        version = object.at("metadata", "resourceVersion")?.text
    }

    func object(_ name: String, now: String) -> ObjectValue {
        [
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": ["name": .text(name), "resourceVersion": version.map { .text($0) }],
            "spec": [
                "holderIdentity": .text(holder), "leaseDurationSeconds": .number(max(1, duration / 1000)),
                "acquireTime": acquired.isEmpty ? nil : .text(acquired), "renewTime": .text(now),
                "leaseTransitions": .number(transitions),
            ],
        ]
    }
}

/// What was seen of a Lease, and when by this machine's clock it was seen to change.
struct LeaseMemory: Sendable {
    private(set) var seen: LeaseRecord?
    private(set) var looked: ContinuousClock.Instant?
    private var changed: ContinuousClock.Instant?

    mutating func see(_ lease: LeaseRecord, at now: ContinuousClock.Instant) {
        looked = now
        guard lease != seen else { return }
        seen = lease
        changed = now
    }

    /// The lease as somebody may write it; nil while it is another's.
    /// - Parameter wall: for people who read it.
    func claim(
        for identity: String, duration: Int64, wall: String, now: ContinuousClock.Instant
    ) -> LeaseRecord? {
        guard let seen, let changed else { return nil }
        var next = seen
        next.duration = duration
        if seen.holder == identity { return next }
        guard seen.holder.isEmpty || now - changed >= .milliseconds(seen.duration) else { return nil }
        next.holder = identity
        next.acquired = wall
        next.transitions += 1
        return next
    }
}
