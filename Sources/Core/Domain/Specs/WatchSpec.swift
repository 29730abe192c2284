/// How a release is looked after once it has been promoted: for how long, by which gates, and what a failure brings.
/// That its instances run is looked at anyway.
package struct WatchSpec: Hashable, Sendable, Codable {
    /// From the commit on.
    package var span: Span
    /// Gates that look all the time meanwhile. Each must have passed once, or the watch goes on.
    package var gates: [GateName]
    /// `revert`: what stood before the deployment is deployed again. `hold`: nothing is touched, a person is asked.
    package var onFailure: OnFailure

    package init(span: Span, gates: [GateName] = [], onFailure: OnFailure = .revert) {
        self.span = span
        self.gates = gates
        self.onFailure = onFailure
    }
}
