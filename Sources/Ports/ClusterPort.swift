package import Domain

/// Looks at a cluster before anything is deployed to it.
package protocol ClusterPort: Sendable {
    /// Writes nothing. What cannot be seen is left open in the view, not thrown.
    func look(_ question: ClusterQuestion) async -> ClusterView
}
