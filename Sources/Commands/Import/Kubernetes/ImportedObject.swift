import Manifests

/// One object of a cluster that is imported, with the account of its fields.
final class ImportedObject {
    let kind: String
    let name: String
    let namespace: String?
    private let value: PlainYAML
    private(set) var ledger = FieldLedger()
    /// Whether anything was made of it.
    private(set) var isRead = false

    init(_ value: PlainYAML) {
        self.value = value
        kind = value["kind"]?.text ?? ""
        name = value["metadata"]?["name"]?.text ?? ""
        namespace = value["metadata"]?["namespace"]?.text
    }

    /// `Deployment/api`
    var title: String { "\(kind)/\(name)" }

    var root: ImportedField { ImportedField(object: self, path: title, value: value) }
    var spec: ImportedField { root["spec"] }

    /// What it is labelled with.
    var labels: [String: String] { root["metadata"]["labels"].plainTexts }

    func note(_ path: String, _ outcome: FieldLedger.Outcome) {
        isRead = true
        ledger.note(path, outcome)
    }

    /// All of it at once.
    func all(_ outcome: FieldLedger.Outcome) {
        isRead = true
        ledger = FieldLedger()
        ledger.note(title, outcome)
    }

    /// Lists what nobody has looked at.
    func close() {
        guard !ledger.entries.contains(where: { $0.path == title }) else { return }
        guard isRead else { return all(.left("nothing here is like it")) }
        ClusterStandards.note(self)
        ledger.close(value, at: title)
    }
}

/// A place in an object.
struct ImportedField {
    let object: ImportedObject
    /// `Deployment/api.spec.replicas`
    let path: String
    /// Nil: it is not there.
    let value: PlainYAML?

    subscript(key: String) -> ImportedField {
        ImportedField(object: object, path: "\(path).\(key)", value: value?[key])
    }

    /// A path of keys.
    func at(_ keys: String...) -> ImportedField { keys.reduce(self) { $0[$1] } }

    var exists: Bool { value != nil }
    var text: String? { value?.text }
    var number: Int? { text.flatMap { Int($0) } }
    var isTrue: Bool { text == "true" }

    var items: [ImportedField] {
        (value?.items ?? []).enumerated().map {
            ImportedField(object: object, path: "\(path)[\($0)]", value: $1)
        }
    }

    var entries: [(key: String, field: ImportedField)] {
        (value?.entries ?? []).map {
            ($0.key, ImportedField(object: object, path: "\(path).\($0.key)", value: $0.value))
        }
    }

    /// The texts of a list.
    var texts: [String] { items.compactMap(\.text) }

    /// Keys and texts of a map.
    var plainTexts: [String: String] {
        Dictionary(entries.compactMap { entry in entry.field.text.map { (entry.key, $0) } }) { $1 }
    }

    // MARK: - The account

    func converted(_ to: String) { if exists { object.note(path, .converted(to)) } }
    func changed(_ how: String) { if exists { object.note(path, .changed(how)) } }
    func left(_ why: String) { if exists { object.note(path, .left(why)) } }

    /// The text, when it is what a key of ours says as well.
    func take(_ to: String) -> String? {
        converted(to)
        return text
    }
}

/// What every cluster writes into objects by itself, and what says no more than leaving it out.
enum ClusterStandards {
    private static let written = "the cluster's own"

    private static let metadata = [
        "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences",
        "finalizers", "namespace", "name",
    ]

    /// Annotations of tools that write them anew.
    private static let notes = [
        "kubectl.kubernetes.io/", "deployment.kubernetes.io/", "meta.helm.sh/", "checksum/", "slipway.dev/",
        "pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "autoscaling.alpha.kubernetes.io/",
        "helm.sh/", "argocd.argoproj.io/", "app.kubernetes.io/", "batch.kubernetes.io/",
    ]

    static func isTools(_ key: String) -> Bool { notes.contains { key.hasPrefix($0) } }

    /// Values by the last keys of their path.
    private static let values: [(path: String, value: String)] = [
        ("spec.revisionHistoryLimit", "10"), ("spec.progressDeadlineSeconds", "600"),
        ("spec.dnsPolicy", "ClusterFirst"),
        ("spec.restartPolicy", "Always"), ("spec.schedulerName", "default-scheduler"),
        ("imagePullPolicy", "IfNotPresent"),
        ("terminationMessagePath", "/dev/termination-log"), ("terminationMessagePolicy", "File"),
        (".protocol", "TCP"), ("spec.sessionAffinity", "None"), ("spec.internalTrafficPolicy", "Cluster"),
        ("spec.type", "ClusterIP"), ("spec.ipFamilyPolicy", "SingleStack"), ("spec.minReadySeconds", "0"),
        ("spec.suspend", "false"), ("spec.successfulJobsHistoryLimit", "3"), ("spec.failedJobsHistoryLimit", "1"),
        ("httpGet.scheme", "HTTP"), ("spec.enableServiceLinks", "true"), ("scaleUp.selectPolicy", "Max"),
        ("scaleDown.selectPolicy", "Max"), ("spec.volumeMode", "Filesystem"), ("backendRefs[0].weight", "1"),
        ("spec.completions", "1"), ("spec.parallelism", "1"), ("spec.replicas", "1"),
        ("securityContext.privileged", "false"),
    ]

    /// Lists that a cluster fills in.
    private static let filled = [
        "spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.serviceAccount", "spec.volumeName",
        "spec.finalizers",
    ]

    static func note(_ object: ImportedObject) {
        let root = object.root
        for key in ["apiVersion", "kind", "status"] { root[key].converted(written) }
        for key in metadata { root["metadata"][key].converted(written) }
        root["metadata"]["labels"].converted("Slipway labels its objects itself")
        for (key, field) in root["metadata"]["annotations"].entries {
            if isTools(key) {
                field.converted("its tool's own")
            } else {
                field.left("only those of pods are carried over")
            }
        }
        walk(root)
    }

    private static func walk(_ field: ImportedField) {
        if filled.contains(where: { field.path.hasSuffix(".\($0)") }), field.text != "None" { field.converted(written) }
        if let text = field.text, values.contains(where: { field.path.hasSuffix($0.path) && $0.value == text }) {
            field.converted(written)
        }
        if isNothing(field) { field.converted("nothing is said there") }
        if field.path.hasSuffix("metadata.creationTimestamp") { field.converted(written) }
        for (_, inner) in field.entries { walk(inner) }
        for inner in field.items { walk(inner) }
    }

    /// Maps and lists that mean as much as none.
    private static func isNothing(_ field: ImportedField) -> Bool {
        let keys = ["resources", "securityContext", "affinity", "strategy", "annotations", "labels", "lifecycle"]
        guard let value = field.value, value.entries.isEmpty, value.items.isEmpty, value.text == nil else {
            return false
        }
        return keys.contains { field.path.hasSuffix(".\($0)") }
    }
}
