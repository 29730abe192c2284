import KubernetesObjects

/// Policies of the cluster that refuse what they do not want.
/// Source: Kubernetes, `apiserver/pkg/admission/plugin/policy/validating`.
extension Cluster {
    private static let policies = KindID(group: "admissionregistration.k8s.io", plural: "validatingadmissionpolicies")
    private static let policyBindings = KindID(
        group: "admissionregistration.k8s.io", plural: "validatingadmissionpolicybindings")

    /// - Parameter old: the object that is there, for a change.
    func checkPolicies(
        _ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind, _ namespace: String
    ) throws(Refusal) {
        for binding in all(Self.policyBindings, nil) {
            guard binding.at("spec", "validationActions")?.items.contains("Deny") ?? false,
                let name = binding.at("spec", "policyName")?.text,
                let policy = self.object(Self.policies, "", name),
                means(binding.at("spec", "matchResources"), namespace),
                means(policy.at("spec", "matchConstraints"), namespace),
                Self.means(policy, old == nil ? "CREATE" : "UPDATE", kind)
            else { continue }
            for validation in policy.at("spec", "validations")?.items ?? [] {
                guard !Self.holds(validation, object, old, policy) else { continue }
                let title = binding.at("metadata", "name")?.text ?? ""
                let words = validation["message"]?.text ?? "failed expression: \(validation["expression"]?.text ?? "")"
                throw .denied(
                    kind, object.at("metadata", "name")?.text ?? "",
                    "ValidatingAdmissionPolicy '\(name)' with binding '\(title)' denied request: \(words)")
            }
        }
    }

    private func means(_ match: ObjectValue?, _ namespace: String) -> Bool {
        guard let selector = match?["namespaceSelector"], !namespace.isEmpty else { return true }
        return LabelSelector(selector).matches(
            object(.namespaces, "", namespace)?.at("metadata", "labels") ?? [:])
    }

    private static func means(_ policy: ObjectValue, _ operation: String, _ kind: ServedKind) -> Bool {
        (policy.at("spec", "matchConstraints", "resourceRules")?.items ?? []).contains { rule in
            func has(_ key: String, _ value: String) -> Bool {
                rule[key]?.items.contains { $0.text == value || $0 == "*" } ?? false
            }
            return has("apiGroups", kind.group) && has("apiVersions", kind.version) && has("operations", operation)
                && has("resources", kind.plural)
        }
    }

    private static func holds(
        _ validation: ObjectValue, _ object: ObjectValue, _ old: ObjectValue?, _ policy: ObjectValue
    ) -> Bool {
        let variables: ObjectValue = ["object": object, "oldObject": old ?? .null]
        do {
            return try Expression.value(validation["expression"]?.text ?? "", variables) == true
        } catch {
            // What has no value is for the policy to decide.
            return policy.at("spec", "failurePolicy") == "Ignore"
        }
    }
}

extension Refusal {
    fileprivate static func denied(_ kind: ServedKind, _ name: String, _ why: String) -> Refusal {
        var refusal = Refusal.forbidden(kind, name, why, causes: [["message": .text(why)]])
        refusal.code = 422
        refusal.reason = "Invalid"
        return refusal
    }
}
