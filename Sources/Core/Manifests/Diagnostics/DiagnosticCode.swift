/// What kind of thing a diagnostic is about: stable words for programs that read `--output json`.
package enum DiagnosticCode: String, Hashable, Sendable, Codable, CaseIterable {
    // The text
    case syntax
    case tooLarge = "too-large"
    case tooComplex = "too-complex"
    case duplicateKey = "duplicate-key"
    case badKey = "bad-key"
    case badTag = "bad-tag"
    case badMerge = "bad-merge"
    case badVersion = "bad-version"
    // The shape
    case unknownKey = "unknown-key"
    case missingKey = "missing-key"
    case wrongType = "wrong-type"
    case missingUnit = "missing-unit"
    case badValue = "bad-value"
    case outOfRange = "out-of-range"
    case badName = "bad-name"
    case conflict
    case repeated
    // The sense
    case unknownEnvironment = "unknown-environment"
    case unknownService = "unknown-service"
    case unknownGate = "unknown-gate"
    case unusedGate = "unused-gate"
    case unknownSource = "unknown-source"
    case unknownGroup = "unknown-group"
    case needsCycle = "needs-cycle"
    case noPort = "no-port"
    case portClash = "port-clash"
    case routeClash = "route-clash"
    case noWayForward = "no-way-forward"
    case weightOrder = "weight-order"
    case beforeWeight = "before-weight"
    case outage
    case keepWarm = "keep-warm"
    case needsTraffic = "needs-traffic"
    case noEffect = "no-effect"
    case moreInstances = "more-instances"
    case noReadiness = "no-readiness"
    case probeTiming = "probe-timing"
    case unknownVariable = "unknown-variable"
    case plainText = "plain-text"
    case unreadableFile = "unreadable-file"
    case outsideProject = "outside-project"
    /// How many were left out.
    case more
}
