/// What the router says of one service: a full snapshot.
package struct RouterView: Hashable, Sendable, Codable {
    /// Counted up by the adapter with every answer; an older snapshot than one already seen is ignored.
    package var version: UInt64
    /// The fence and generation of the table that every request follows now.
    package var fence: UInt64
    package var generation: UInt64
    package var isHolding: Bool
    /// Requests that wait.
    package var held: Int
    package var targets: [TargetView]
    /// Requests in flight by instance, those that left the table included; instances with none may be missing.
    package var busy: [InstanceTraffic]
    /// Why the last wish cannot be carried out at all (a port that somebody else holds); empty: it can.
    package var objection: String
    /// What is missing for requests to follow the last wish; nil: nothing, or nobody can tell.
    package var missing: String?
    /// Requests of the service over the last few seconds, in thousandths a second; nil: not counted, or not for long
    /// enough yet.
    package var rate: Int?

    package init(
        version: UInt64 = 0, fence: UInt64 = 0, generation: UInt64 = 0, isHolding: Bool = false, held: Int = 0,
        targets: [TargetView] = [], busy: [InstanceTraffic] = [], objection: String = "",
        missing: String? = nil, rate: Int? = nil
    ) {
        self.objection = objection
        self.missing = missing
        self.rate = rate
        self.version = version
        self.fence = fence
        self.generation = generation
        self.isHolding = isHolding
        self.held = held
        self.targets = targets
        self.busy = busy
    }

    /// Requests in flight on an instance.
    package func inFlight(_ instance: InstanceID) -> Int {
        for entry in busy where entry.instance == instance { return entry.inFlight }
        return 0
    }
}

/// The share of one release in the table.
package struct TargetView: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    package var weight: Weight
    /// In the order of their ids.
    package var instances: [InstanceID]
    package init(release: ReleaseNumber, weight: Weight, instances: [InstanceID]) {
        self.release = release
        self.weight = weight
        self.instances = instances
    }
}

/// Requests in flight on one instance.
package struct InstanceTraffic: Hashable, Sendable, Codable {
    package var instance: InstanceID
    package var inFlight: Int
    package init(instance: InstanceID, inFlight: Int) {
        self.instance = instance
        self.inFlight = inFlight
    }
}
