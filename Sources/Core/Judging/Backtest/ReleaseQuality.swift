/// Whether a release of the past was good, as far as anybody knows.
package enum ReleaseQuality: String, Hashable, Sendable, CaseIterable {
    case good
    case bad
    case unknown
}

/// How a gate can be wrong about a release.
package enum GateMistake: String, Hashable, Sendable, CaseIterable {
    /// A good release is failed.
    case alarm
    /// A bad one is passed.
    case miss
}
