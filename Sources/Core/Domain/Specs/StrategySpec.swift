/// How a rollout goes from the stable release to the new one.
package struct StrategySpec: Hashable, Sendable, Codable {
    package var kind: StrategyKind
    /// Gates that look all the time, from the first traffic on.
    package var background: [GateName]
    /// An instance counts only when it has been ready for so long without a break.
    package var minReady: Span
    /// Without any progress for so long, the rollout fails. Holds and gates have limits of their own.
    package var progressDeadline: Span
    /// How long the previous release stays warm after the commit.
    package var scaleDownDelay: Span
    /// How many instances of the previous release stay warm after that delay, until the next deployment.
    package var keepWarm: Int
    /// What becomes of a rollout that fails by itself.
    package var onFailure: OnFailure
    /// How the release is looked after once it has been promoted; nil: it is not.
    package var watch: WatchSpec?

    package init(
        kind: StrategyKind, background: [GateName] = [], minReady: Span = .zero,
        progressDeadline: Span = .minutes(10), scaleDownDelay: Span = .seconds(30), keepWarm: Int = 0,
        onFailure: OnFailure = .revert, watch: WatchSpec? = nil
    ) {
        self.kind = kind
        self.background = background
        self.minReady = minReady
        self.progressDeadline = progressDeadline
        self.scaleDownDelay = scaleDownDelay
        self.keepWarm = keepWarm
        self.onFailure = onFailure
        self.watch = watch
    }

    /// What a manifest without `strategy:` gets.
    package static let standard = StrategySpec(kind: .rolling(RollingSpec()), scaleDownDelay: .zero)
}

/// What becomes of a rollout that fails by itself. The numbers are on disk.
package enum OnFailure: UInt8, Hashable, Sendable, CaseIterable {
    case revert = 1
    /// Traffic goes back, the instances on trial stay for inspection, and a person has the next word.
    case hold = 2

    package var word: String {
        switch self {
        case .revert: "revert"
        case .hold: "hold"
        }
    }

    package init?(word: String) {
        guard let known = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = known
    }
}

extension OnFailure: Codable {
    package init(from decoder: any Decoder) throws {
        let word = try decoder.singleValueContainer().decode(String.self)
        guard let known = OnFailure(word: word) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "onFailure: \(word)"))
        }
        self = known
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(word)
    }
}

/// The four strategies.
package enum StrategyKind: Hashable, Sendable, Codable {
    case rolling(RollingSpec)
    case blueGreen(BlueGreenSpec)
    case canary(CanarySpec)
    case recreate(RecreateSpec)

    package var name: String {
        switch self {
        case .rolling: "rolling"
        case .blueGreen: "blueGreen"
        case .canary: "canary"
        case .recreate: "recreate"
        }
    }
}

/// A number of replicas, or a share of them.
package enum Amount: Hashable, Sendable, Codable {
    case count(Int)
    case percent(Int)

    /// The number it stands for; a share is rounded up or down as asked.
    package func resolved(of replicas: Int, roundingUp: Bool) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let percent): roundingUp ? (replicas * percent + 99) / 100 : replicas * percent / 100
        }
    }
}

/// Replaces instances a few at a time.
package struct RollingSpec: Hashable, Sendable, Codable {
    /// Instances above `replicas` meanwhile; a share is rounded up.
    package var maxSurge: Amount
    /// Instances that may be missing meanwhile; a share is rounded down.
    package var maxUnavailable: Amount
    /// In line, when all instances are replaced.
    package var gates: [GateName]

    package init(maxSurge: Amount = .count(1), maxUnavailable: Amount = .count(0), gates: [GateName] = []) {
        self.maxSurge = maxSurge
        self.maxUnavailable = maxUnavailable
        self.gates = gates
    }
}

/// Brings the new release up beside the old one, then switches all traffic at once.
package struct BlueGreenSpec: Hashable, Sendable, Codable {
    /// Gates on the preview, before the switch.
    package var before: [GateName]
    /// Gates after the switch, while the old release is still warm.
    package var after: [GateName]
    /// False: waits for a person before the switch.
    package var autoPromote: Bool
    /// Requests that match reach the preview before the switch.
    package var matches: [MatchSpec]

    package init(
        before: [GateName] = [], after: [GateName] = [], autoPromote: Bool = true, matches: [MatchSpec] = []
    ) {
        self.before = before
        self.after = after
        self.autoPromote = autoPromote
        self.matches = matches
    }
}

/// Gives the new release a growing share of the traffic.
package struct CanarySpec: Hashable, Sendable, Codable {
    package var steps: [CanaryStep]
    /// Users stay on the side that they first saw, by a cookie of the router's.
    package var sticky: Bool
    /// Requests that match reach the canary, whatever the weight.
    package var matches: [MatchSpec]
    /// Nobody splits requests: a release's share of them is its share of the instances.
    package var sharesReplicas: Bool

    package init(
        steps: [CanaryStep], sticky: Bool = true, matches: [MatchSpec] = [], sharesReplicas: Bool = false
    ) {
        self.steps = steps
        self.sticky = sticky
        self.matches = matches
        self.sharesReplicas = sharesReplicas
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            steps: values.decode([CanaryStep].self, forKey: .steps), sticky: values.decode(Bool.self, forKey: .sticky),
            matches: values.decode([MatchSpec].self, forKey: .matches),
            sharesReplicas: values.decodeIfPresent(Bool.self, forKey: .sharesReplicas) ?? false)
    }
}

/// One step of a canary.
package enum CanaryStep: Hashable, Sendable, Codable {
    case weight(Weight)
    case hold(Span)
    case holdUntilPromoted
    case gate(GateName)
}

/// Requests that go to the release on trial.
package enum MatchSpec: Hashable, Sendable, Codable {
    case header(name: String, value: String)
    case cookie(name: String, value: String)
}

extension StrategySpec {
    /// Whether it asks for some requests to reach one release and some another, by share or by kind.
    package var splits: Bool {
        switch kind {
        case .canary: true
        case .blueGreen(let spec): !spec.matches.isEmpty
        case .rolling, .recreate: false
        }
    }

    /// Requests that reach the release on trial, whatever its share.
    package var matches: [MatchSpec] {
        switch kind {
        case .blueGreen(let spec): spec.matches
        case .canary(let spec): spec.matches
        case .rolling, .recreate: []
        }
    }
}

/// Stops the old release before it starts the new one; requests are held meanwhile.
package struct RecreateSpec: Hashable, Sendable, Codable {
    package var hold: HoldSpec
    /// In line, on the new release, before requests go on.
    package var gates: [GateName]

    package init(hold: HoldSpec = HoldSpec(), gates: [GateName] = []) {
        self.hold = hold
        self.gates = gates
    }
}

/// How much may wait at the router while nothing serves.
package struct HoldSpec: Hashable, Sendable, Codable {
    package var requests: Int
    package var bytes: Int64
    package var time: Span

    package init(requests: Int = 1000, bytes: Int64 = 16 << 20, time: Span = .seconds(30)) {
        self.requests = requests
        self.bytes = bytes
        self.time = time
    }
}
