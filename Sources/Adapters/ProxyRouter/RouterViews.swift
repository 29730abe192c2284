import Domain
import ProxyControl
import ProxyRoutes

extension ServiceDesire {
    /// The service as the router shows it: this part of the table is in force, and that is what it carries now.
    func view(_ key: ServiceKey, version: UInt64, counts: ServiceCounts?, rate: Int?) -> RouterView {
        RouterView(
            version: version, fence: fence, generation: generation, isHolding: route?.hold != nil,
            held: counts?.held ?? 0, targets: route?.targets.map(\.view) ?? [], busy: counts?.busy ?? [],
            rate: rate)
    }
}
