/// What the runtime says of one service: a full snapshot, never an increment.
package struct RuntimeView: Hashable, Sendable, Codable {
    /// Counted up by the runtime with every change; that time goes by is none. An older snapshot than one already seen
    /// is ignored.
    package var version: UInt64
    /// The fence and generation of the last wish that the runtime took over; instances beyond it are leaving.
    package var fence: UInt64
    package var generation: UInt64
    package var sets: [SetView]
    /// In the order of their ids.
    package var instances: [InstanceView]

    package init(
        version: UInt64 = 0, fence: UInt64 = 0, generation: UInt64 = 0, sets: [SetView] = [],
        instances: [InstanceView] = []
    ) {
        self.version = version
        self.fence = fence
        self.generation = generation
        self.sets = sets
        self.instances = instances
    }
}

/// What the runtime says of the instances of one release together.
package struct SetView: Hashable, Sendable, Codable {
    package var release: ReleaseNumber
    package var state: SetState
    /// How many the runtime's own autoscaler asks for; nil where none looks after the release.
    package var asked: Int?
    package init(release: ReleaseNumber, state: SetState, asked: Int? = nil) {
        self.release = release
        self.state = state
        self.asked = asked
    }
}

/// Whether a release's files stand.
package enum SetState: Hashable, Sendable, Codable {
    case preparing
    case prepared
    /// Cannot run at all: `prepare` failed, a program is missing, no port is free. The text says why and what to try.
    case failed(String)
}

/// One instance.
package struct InstanceView: Hashable, Sendable, Codable {
    package var id: InstanceID
    package var release: ReleaseNumber
    package var phase: InstancePhase
    /// How long it has been ready without a break; zero when it is not.
    package var readyFor: Span
    /// How often it was started again by the runtime.
    package var restarts: Int
    /// Why it is not ready, for people: last probe, exit code, last log lines. Empty when all is well.
    package var trouble: String
    package var backend: Backend
    /// Ends and failed starts in a row; zero after it has been ready for a while.
    package var streak: Int
    /// How it ended last, for people: `exited with code 1 after 2.0s`, with the limit that it broke, if that was it.
    /// Empty: it never did.
    package var lastEnd: String
    /// What it uses now; nil when nobody measures it, or not for long enough yet.
    package var usage: InstanceUsage?

    package init(
        id: InstanceID, release: ReleaseNumber, phase: InstancePhase, readyFor: Span = .zero, restarts: Int = 0,
        trouble: String = "", backend: Backend = .none, streak: Int = 0, lastEnd: String = "",
        usage: InstanceUsage? = nil
    ) {
        self.id = id
        self.release = release
        self.phase = phase
        self.readyFor = readyFor
        self.restarts = restarts
        self.trouble = trouble
        self.backend = backend
        self.streak = streak
        self.lastEnd = lastEnd
        self.usage = usage
    }
}

/// What one instance, with all of its processes, uses.
package struct InstanceUsage: Hashable, Sendable, Codable {
    /// Thousandths of a core, over the last few seconds.
    package var cpu: Int
    /// Bytes in memory.
    package var memory: Int64

    package init(cpu: Int, memory: Int64) {
        self.cpu = cpu
        self.memory = memory
    }
}

/// Where an instance is in its life.
package enum InstancePhase: UInt8, Hashable, Sendable, Codable {
    case starting = 1
    case ready = 2
    /// Was ready, or runs, but its readiness probe fails.
    case unready = 3
    /// Beyond the count that is wished for: gets no new requests and stops when it has drained.
    case leaving = 4
    /// Could not become ready in time, or keeps dying; it is not counted on any more (it may still be restarted).
    case failed = 5

    package var word: String {
        switch self {
        case .starting: "starting"
        case .ready: "ready"
        case .unready: "not ready"
        case .leaving: "leaving"
        case .failed: "failed"
        }
    }
}

/// How a router reaches an instance.
package enum Backend: Hashable, Sendable, Codable {
    /// A worker.
    case none
    case address(host: String, port: Int)
    /// A name that the runtime resolves by itself (a Kubernetes Service).
    case name(String)
}
