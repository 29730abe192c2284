package import Domain

/// How many instances a service's load asks for, and why.
package struct ScaleAdvice: Hashable, Sendable {
    /// Within the bounds, after the windows.
    package var count: Int
    /// The count that it was worked out for.
    package var basis: Int
    /// For people: `cpu 84% (70% wanted)`.
    package var why: String

    package init(count: Int, basis: Int, why: String) {
        self.count = count
        self.basis = basis
        self.why = why
    }
}

/// What is measured of a service at one moment.
package struct ScaleSight: Sendable {
    package var runtime: RuntimeView?
    package var router: RouterView?
    /// Releases whose instances carry the load.
    package var releases: [ReleaseNumber]
    /// The count that stands.
    package var current: Int
    /// A rollout is under way: two releases share the load, and nothing is taken away.
    package var isTrial: Bool
    /// How many the runtime's own autoscaler asks for, of the release for which it asks most; nil: it has none.
    package var asked: Int?

    package init(
        runtime: RuntimeView?, router: RouterView?, releases: [ReleaseNumber], current: Int, isTrial: Bool,
        asked: Int? = nil
    ) {
        self.asked = asked
        self.runtime = runtime
        self.router = router
        self.releases = releases
        self.current = current
        self.isTrial = isTrial
    }
}

/// The memory between looks at one service's load. It lives in memory alone: a new supervisor sees a whole window
/// before it takes anything away.
package struct ScaleMemory: Hashable, Sendable {
    private var window = ScaleWindow()
    private var looked: Moment?
    /// What the last advice was worked out by: that of a release on trial says nothing of stable.
    private var spec: ScaleSpec?
    package private(set) var last: ScaleAdvice?

    /// A look is taken at most this often: three times within the shorter window, but at least a second and at most
    /// five apart. More would wake an idle supervisor for nothing.
    package static func rhythm(_ spec: ScaleSpec) -> Span {
        min(.seconds(5), max(.seconds(1), .milliseconds(min(spec.up, spec.down).milliseconds / 3)))
    }

    package init() {}

    /// Forgets what was asked for: bounds or targets are other ones now, or a person has decided.
    package mutating func forget() { self = ScaleMemory() }

    package mutating func look(_ sight: ScaleSight, _ spec: ScaleSpec, now: Moment) -> ScaleAdvice {
        if let asked = sight.asked {
            // It has windows and targets of its own.
            let count = max(spec.clamp(asked), sight.isTrial ? sight.current : spec.min)
            let advice = ScaleAdvice(count: count, basis: sight.current, why: "the autoscaler asks for \(asked)")
            (self.spec, looked, last) = (spec, now, advice)
            return advice
        }
        if let last, let looked, self.spec == spec, last.basis == sight.current, now.since(looked) < Self.rhythm(spec) {
            return last
        }
        looked = now
        self.spec = spec
        let answers = spec.targets.map { ($0, Self.proposal($0, sight, spec)) }
        var asked: Int?
        var isSure = !answers.isEmpty
        for (_, proposal) in answers {
            guard let proposal else {
                isSure = false
                continue
            }
            if proposal.isIncomplete { isSure = false }
            asked = max(asked ?? 0, proposal.count)
        }
        // Too little evidence is a reason for more, never for fewer; and nobody shrinks during a rollout.
        var wanted = spec.clamp(asked ?? sight.current)
        if !isSure || sight.isTrial { wanted = max(wanted, sight.current) }
        let count = spec.clamp(
            window.stabilise(asked == nil ? nil : wanted, current: sight.current, spec: spec, now: now))
        var why = answers.map { Self.words($0, $1, sight) }.joined(separator: ", ")
        if wanted < count {
            let wait = window.wait(for: wanted, spec: spec, now: now)
            why += "; \(wanted) would do, for \(wait.rounded) more to be sure"
        }
        if wanted > count { why += "; \(wanted) are asked for, and have to be for \(spec.up)" }
        let advice = ScaleAdvice(count: count, basis: sight.current, why: why)
        last = advice
        return advice
    }

    private static func proposal(_ target: ScaleTarget, _ sight: ScaleSight, _ spec: ScaleSpec) -> ScaleProposal? {
        let readings: [ScaleReading]
        switch target.metric {
        case .requests:
            guard let rate = sight.router?.rate else { return nil }
            return .from(
                total: Int64(rate), current: sight.current, target: target.perInstance, tolerance: spec.tolerance)
        case .cpu: readings = self.readings(sight, settle: min(spec.up, .seconds(30))) { Int64($0.cpu) }
        case .memory: readings = self.readings(sight, settle: .zero) { $0.memory }
        }
        guard sight.isTrial else {
            return .from(
                readings, current: sight.current, target: target.perInstance, tolerance: spec.tolerance)
        }
        // Each of the two releases has to be able to carry all of it. Memory is no load that moves from one to the
        // other: of it the average counts.
        var total: Int64 = 0
        var measured: Int64 = 0
        for case .measured(let value) in readings {
            total += value
            measured += 1
        }
        guard measured > 0 else { return nil }
        if target.metric == .memory { total = total * Int64(sight.current) / measured }
        return .from(total: total, current: sight.current, target: target.perInstance, tolerance: spec.tolerance)
    }

    /// - Parameter settle: what an instance uses while it warms up says nothing of its load.
    private static func readings(
        _ sight: ScaleSight, settle: Span, _ value: (InstanceUsage) -> Int64
    ) -> [ScaleReading] {
        var readings: [ScaleReading] = []
        for instance in sight.runtime?.instances ?? [] where sight.releases.contains(instance.release) {
            switch instance.phase {
            case .leaving: break
            case .starting, .unready, .failed: readings.append(.unready)
            case .ready:
                if instance.readyFor < settle {
                    readings.append(.missing)
                } else {
                    readings.append(instance.usage.map { .measured(value($0)) } ?? .missing)
                }
            }
        }
        return readings
    }

    private static func words(_ target: ScaleTarget, _ proposal: ScaleProposal?, _ sight: ScaleSight) -> String {
        guard let proposal, proposal.measured > 0 else { return "\(target.metric.word) not measured" }
        let each = proposal.total / Int64(max(1, proposal.measured))
        let text: String
        switch target.metric {
        case .requests:
            text = "\(rate(proposal.total)) requests (\(rate(target.perInstance)) an instance wanted)"
        case .cpu, .memory:
            let share = each * Int64(target.share) / max(1, target.perInstance)
            text = "\(target.metric.word) \(share)% (\(target.share)% wanted)"
        }
        return proposal.isIncomplete ? text + ", not of all instances" : text
    }

    private static func rate(_ thousandths: Int64) -> String {
        thousandths % 1000 == 0 || thousandths >= 100_000
            ? "\(thousandths / 1000)/s" : "\(thousandths / 1000).\(thousandths % 1000 / 100)/s"
    }
}
