import KubernetesObjects
import Synchronization

/// How much was told of each service: as long as its mark stays, nothing new was said of its objects.
struct ServiceMarks: Sendable {
    /// Two marks of one service are the same when nothing was told of it in between.
    struct Mark: Sendable, Equatable {
        /// Of which mirror.
        fileprivate var mirror: UInt64
        /// Counts when everything was told anew.
        fileprivate var round: UInt64
        fileprivate var count: UInt64
    }

    private static let mirrors = Atomic<UInt64>(0)

    private let mirror = Self.mirrors.add(1, ordering: .relaxed).newValue
    private var round: UInt64 = 0
    private var counts: [String: UInt64] = [:]

    subscript(service: String) -> Mark { Mark(mirror: mirror, round: round, count: counts[service] ?? 0) }

    /// Everything of one kind. What is not among it may be gone.
    mutating func note(all objects: [ObjectValue]) {
        round += 1
        for object in objects { note(object) }
    }

    mutating func note(_ object: ObjectValue) {
        guard let service = object.at("metadata", "labels", ReleaseRendering.serviceLabel)?.text else { return }
        counts[service, default: 0] += 1
    }
}
