import KubernetesObjects

/// One object of the journal, whatever it is kept in.
struct RecordSheet: Hashable, Sendable {
    var kind: RecordKind
    var name: String
    /// What it is.
    var fixed: [ObjectField]
    /// How it stands.
    var moving: [ObjectField]
    /// `resourceVersion`; nil: it is not there yet.
    var version: String?

    init(
        _ kind: RecordKind, name: String, fixed: [ObjectField], moving: [ObjectField] = [], version: String? = nil
    ) {
        self.kind = kind
        self.name = name
        self.fixed = fixed
        self.moving = moving
        self.version = version
    }

    /// A field that is not there is empty.
    func text(_ key: String) -> String { (fixed + moving).first { $0.key == key }?.value.text ?? "" }

    /// Written as a number, or as a text where there are only texts.
    func number(_ key: String) -> Int64? {
        let value = (fixed + moving).first { $0.key == key }?.value
        return value?.number ?? value?.text.flatMap { Int64($0) }
    }
}
