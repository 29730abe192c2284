import Domain
import KubernetesObjects
import Ports

/// Which state an entry is about. Texts are told apart by their bytes: Swift's `==` takes different bytes for the same
/// text.
struct EntryPlace: Hashable, Sendable {
    let kind: EntryKind
    private let project: [UInt8]?
    private let environment: [UInt8]?
    private let key: [UInt8]

    init(_ entry: JournalEntry) {
        kind = entry.kind
        project = entry.environment.map { Array($0.project.utf8) }
        environment = entry.environment.map { Array($0.name.utf8) }
        key = Array(entry.key.utf8)
    }
}

extension JournalEntry {
    /// What the entry is kept in, when it is a state.
    var recordKind: RecordKind {
        switch kind {
        case .service: .service
        case .deployment: .deployment
        case .release: .release
        case .environment, .event, .quarantine, .evidence, .fence, .handover, .delivery, .recording: .state
        }
    }

    /// The name of the object of this state: readable where it can be, `api.production.shop`; a digest otherwise.
    var recordName: String {
        let key =
            kind == .release ? key.split(separator: "@", omittingEmptySubsequences: false).map(String.init) : [key]
        let words = key + [environment?.name ?? "", environment?.project ?? ""]
        if recordKind != .state, words.allSatisfy(Self.isLabel) { return words.joined(separator: ".") }
        let digest = ObjectDigest.text([environment?.project ?? "", environment?.name ?? "", self.key])
        return "\(kind)-\(digest)"
    }

    /// RFC 1123.
    private static func isLabel(_ text: String) -> Bool {
        let bytes = text.utf8
        let isPlain = bytes.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
        }
        return isPlain && (1...60).contains(bytes.count) && bytes.first != UInt8(ascii: "-")
            && bytes.last != UInt8(ascii: "-")
    }

    /// Why no journal can hold this entry; nil when it can.
    var flaw: PortError? {
        if let environment, environment.project.isEmpty || environment.name.isEmpty {
            return PortError(.invalid, "an entry's environment `\(environment)` lacks a name")
        }
        for text in [environment?.project ?? "", environment?.name ?? "", key] where text.utf8.contains(0) {
            return PortError(.invalid, "an entry's key or environment contains a NUL character")
        }
        return nil
    }
}
