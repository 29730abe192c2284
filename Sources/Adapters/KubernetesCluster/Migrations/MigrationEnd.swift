import Domain
import KubernetesObjects

/// How a migration ended, as it is written down on its Job: of a pod that was stopped nothing else is left.
struct MigrationEnd: Hashable, Sendable {
    var state: MigrationState
    /// The last lines that it wrote.
    var lines: [String] = []
    /// Milliseconds since 1970.
    var at: Int64

    static let lineLimit = 10
    private static let lineLength = 500

    init(_ state: MigrationState, lines: [String] = [], at: Int64) {
        self.state = state
        self.lines = lines.suffix(Self.lineLimit).map { String($0.prefix(Self.lineLength)) }
        self.at = at
    }

    /// Nil for what is no such note.
    init?(text: String) {
        guard let value = ObjectValue(json: Array(text.utf8)), let word = value["state"]?.text,
            let at = value["at"]?.number
        else { return nil }
        let code = Int32(truncatingIfNeeded: value["code"]?.number ?? 0)
        let why = value["why"]?.text ?? ""
        switch word {
        case "exited": state = .exited(code)
        case "signalled": state = .signalled(code)
        case "notStarted": state = .notStarted(why)
        case "lost": state = .lost(why)
        case _: return nil
        }
        lines = (value["lines"]?.items ?? []).compactMap(\.text)
        self.at = at
    }

    /// Nil for a state that is no end.
    var text: String? {
        var value: ObjectValue = [:]
        switch state {
        case .starting, .running: return nil
        case .exited(let code): value = ["state": "exited", "code": .number(Int64(code))]
        case .signalled(let number): value = ["state": "signalled", "code": .number(Int64(number))]
        case .notStarted(let why): value = ["state": "notStarted", "why": .text(why)]
        case .lost(let why): value = ["state": "lost", "why": .text(why)]
        }
        value["at"] = .number(at)
        value["lines"] = ObjectValue.texts(lines).unlessEmpty
        return ObjectText.json(value)
    }
}
