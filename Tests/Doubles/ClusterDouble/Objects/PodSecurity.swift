import KubernetesObjects

/// The level `restricted`, for what a deployer forgets most.
/// Source: Kubernetes, Pod Security Standards.
enum PodSecurity {
    static func violations(_ spec: ObjectValue) -> [String] {
        var faults: [String] = []
        let containers = (spec["containers"]?.items ?? []) + (spec["initContainers"]?.items ?? [])
        func names(_ failing: (ObjectValue) -> Bool) -> String? {
            let found = containers.filter(failing).compactMap { $0["name"]?.text }.map { "\"\($0)\"" }
            guard !found.isEmpty else { return nil }
            return (found.count == 1 ? "container " : "containers ") + found.joined(separator: ", ")
        }
        if let found = names({ $0.at("securityContext", "allowPrivilegeEscalation") != false }) {
            faults.append(
                "allowPrivilegeEscalation != false (\(found) must set securityContext.allowPrivilegeEscalation=false)")
        }
        if let found = names({
            !($0.at("securityContext", "capabilities", "drop")?.items.contains("ALL") ?? false)
        }) {
            faults.append(
                "unrestricted capabilities (\(found) must set securityContext.capabilities.drop=[\"ALL\"])")
        }
        let podRuns = spec.at("securityContext", "runAsNonRoot") == true
        if let found = names({ container in
            let own = container.at("securityContext", "runAsNonRoot")
            return own == false || (own == nil && !podRuns)
        }) {
            faults.append("runAsNonRoot != true (pod or \(found) must set securityContext.runAsNonRoot=true)")
        }
        let podProfile = spec.at("securityContext", "seccompProfile", "type") != nil
        if let found = names({ !podProfile && $0.at("securityContext", "seccompProfile", "type") == nil }) {
            faults.append(
                "seccompProfile (pod or \(found) must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
            )
        }
        return faults
    }
}
