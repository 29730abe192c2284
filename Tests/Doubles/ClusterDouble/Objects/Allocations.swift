import KubernetesObjects

/// Addresses and ports that a cluster gives to Services.
/// Source: Kubernetes, `pkg/registry/core/service/storage`.
enum Allocations {
    /// - Parameters:
    ///   - number: nothing else has it.
    ///   - address: nil: one that nothing answers at.
    static func made(_ service: ObjectValue, _ number: Int64, address: String?) -> ObjectValue {
        let type = service.at("spec", "type")?.text
        guard type != "ExternalName" else { return service }
        var service = service
        let free = address ?? "10.43.\(number / 250 % 250).\(number % 250 + 1)"
        let address = service.at("spec", "clusterIP") ?? .text(free)
        service.change("spec") { spec in
            spec["clusterIP"] = address
            spec["clusterIPs"] = [address]
            spec.fill("ipFamilyPolicy", "SingleStack")
            spec.fill("ipFamilies", ["IPv4"])
            if type == "NodePort" || type == "LoadBalancer" {
                var offset: Int64 = 0
                spec.changeItems("ports") { port in
                    port.fill("nodePort", .number(30000 + (number * 10 + offset) % 2768))
                    offset += 1
                }
            }
        }
        return service
    }

    /// What was given stays, unless something else is asked for.
    static func kept(_ object: ObjectValue, from old: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        var object = object
        if kind.id == .services {
            object.change("spec") { spec in
                if let address = spec["clusterIP"], spec["clusterIPs"] == nil { spec["clusterIPs"] = [address] }
                for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                    spec.fill(key, old.at("spec", key))
                }
                if let address = spec["clusterIP"], address != old.at("spec", "clusterIP") {
                    spec["clusterIPs"] = [address]
                }
            }
        }
        if kind.id == .claims, object.at("spec", "volumeName") == nil, let name = old.at("spec", "volumeName") {
            object = object.setting(["spec", "volumeName"], to: name)
        }
        return object
    }
}
