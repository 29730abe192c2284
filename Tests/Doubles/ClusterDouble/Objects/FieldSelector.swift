import KubernetesObjects

/// Which objects are meant by their fields: `status.phase!=Failed,spec.nodeName=a`.
struct FieldSelector: Sendable {
    private var terms: [(path: [String], value: String, isNot: Bool)] = []

    /// What may be asked for besides names, by kind. Source: Kubernetes, `pkg/apis/*/v1/conversion.go`.
    private static let known: [String: Set<String>] = [
        "Pod": [
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
            "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName",
        ],
        "Event": [
            "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
            "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
            "reportingComponent", "source", "type",
        ],
        "Namespace": ["status.phase"], "Secret": ["type"], "ReplicaSet": ["status.replicas"],
        "Job": ["status.successful"], "Node": ["spec.unschedulable"], "Service": ["spec.clusterIP", "spec.type"],
    ]

    init(_ text: String, _ kind: ServedKind) throws(Refusal) {
        for term in text.split(separator: ",") {
            guard let match = term.wholeMatch(of: /([^!=]+)(!=|==|=)([^=]*)/) else {
                throw .bad("invalid selector: '\(text)'; can't understand '\(term)'")
            }
            let path = String(match.1)
            let isKnown =
                ["metadata.name", "metadata.namespace"].contains(path) || Self.known[kind.kind]?.contains(path) ?? false
            guard isKnown else { throw .bad("field label not supported: \(path)") }
            terms.append((path.split(separator: ".").map(String.init), String(match.3), match.2 == "!="))
        }
    }

    func matches(_ object: ObjectValue) -> Bool {
        terms.allSatisfy { term in
            let found = term.path.reduce(ObjectValue?.some(object)) { $0?[$1] }?.text ?? ""
            return (found == term.value) != term.isNot
        }
    }
}
