package import Domain

extension LoadPlan {
    /// What a gate or a scenario file asks for, aimed at one address.
    ///
    /// - Parameters:
    ///   - sender, senders: where several send side by side, the part of one of them.
    ///   - seed: when the spec says none.
    package init(
        _ spec: LoadSpec, target: LoadTarget, sender: Int = 0, of senders: Int = 1, seed: UInt64
    ) {
        let arrival: Arrival
        let connections = max(1, spec.connections / senders)
        if let ramp = spec.ramp {
            arrival = .ramp(ramp.share(sender, of: senders), maxConnections: connections)
        } else {
            arrival = .rate(perSecond: Double(spec.perSecond) / Double(senders), maxConnections: connections)
        }
        self.init(
            target: target, request: LoadRequest(fields: spec.headers.map { .init($0.name, $0.value) }),
            arrival: arrival, duration: spec.ramp == nil ? .milliseconds(spec.duration.milliseconds) : nil,
            timeout: .milliseconds(spec.answerWithin.milliseconds),
            // What writes is not sent twice.
            retryStale: spec.flows.allSatisfy { $0.steps.allSatisfy(\.isReading) }, flows: spec.flows,
            // Senders with the same seed would draw the same things at the same time.
            seed: (spec.seed.map(UInt64.init) ?? seed) &+ UInt64(sender) &* 0x9E37_79B9, thresholds: spec.thresholds)
    }
}
