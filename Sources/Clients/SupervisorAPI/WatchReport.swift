package import Domain

/// How a release is looked after that was promoted.
package struct WatchReport: Codable, Hashable, Sendable {
    package var deployment: DeploymentNumber
    package var release: ReleaseNumber
    /// `watching`, `failed`, `reverting`, `waiting`
    package var phase: String
    /// How much of its time is left; zero when it only waits for its gates.
    package var remaining: Span
    package var gates: [GateReport]
    /// `revert`, `hold`
    package var onFailure: String
    package var failure: String?
    /// Since when a person's word is awaited (milliseconds since 1970), and for what.
    package var waitsSince: Int64?
    package var waitsFor: String?

    package init(
        deployment: DeploymentNumber, release: ReleaseNumber, phase: String, remaining: Span, gates: [GateReport] = [],
        onFailure: String, failure: String? = nil, waitsSince: Int64? = nil, waitsFor: String? = nil
    ) {
        self.deployment = deployment
        self.release = release
        self.phase = phase
        self.remaining = remaining
        self.gates = gates
        self.onFailure = onFailure
        self.failure = failure
        self.waitsSince = waitsSince
        self.waitsFor = waitsFor
    }
}
