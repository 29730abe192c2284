package import Domain
package import ProxyControl

extension Target {
    /// As the router shows it.
    package var view: TargetView {
        TargetView(
            release: ReleaseNumber(code: release), weight: Weight(clamping: weight),
            instances: backends.compactMap { InstanceID($0.instance) }.sorted())
    }
}

extension ServiceCounts {
    /// Requests in flight by instance over all epochs; instances without any are left out.
    package var busy: [InstanceTraffic] {
        var inFlight: [InstanceID: Int] = [:]
        for release in releases {
            for instance in release.instances where instance.inFlight > 0 {
                guard let id = InstanceID(instance.instance) else { continue }
                inFlight[id, default: 0] += instance.inFlight
            }
        }
        return inFlight.keys.sorted().map { InstanceTraffic(instance: $0, inFlight: inFlight[$0] ?? 0) }
    }
}
