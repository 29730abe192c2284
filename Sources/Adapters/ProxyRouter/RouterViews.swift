import Domain
import ProxyControl

extension ServiceDesire {
    /// The service as the router shows it: this part of the table is in force, and that is what it carries now.
    func view(_ key: ServiceKey, version: UInt64, counts: ServiceCounts?, rate: Int?) -> RouterView {
        RouterView(
            version: version, fence: fence, generation: generation, isHolding: route?.hold != nil,
            held: counts?.held ?? 0, targets: route?.targets.map(\.view) ?? [], busy: counts?.busy ?? [],
            rate: rate)
    }
}

extension Target {
    fileprivate var view: TargetView {
        TargetView(
            release: ReleaseNumber(code: release), weight: Weight(clamping: weight),
            instances: backends.compactMap { InstanceID($0.instance) }.sorted())
    }
}

extension ServiceCounts {
    /// Requests in flight by instance over all epochs; instances without any are left out.
    fileprivate var busy: [InstanceTraffic] {
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
