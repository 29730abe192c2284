/// One thing that is wrong or worth knowing about a manifest, and where.
package struct Diagnostic: Hashable, Sendable, Codable {
    package var severity: DiagnosticSeverity
    package var code: DiagnosticCode
    /// What is wrong, in one sentence.
    package var message: String
    /// What to do about it; empty when the message says it all.
    package var hint: String
    /// As the caller named it.
    package var file: String
    /// Counted from 1.
    package var line: Int
    /// Counted from 1, in Unicode scalars.
    package var column: Int

    package init(
        severity: DiagnosticSeverity, code: DiagnosticCode, message: String, hint: String = "", file: String,
        line: Int, column: Int
    ) {
        self.severity = severity
        self.code = code
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        self.column = column
    }
}

/// How much a diagnostic weighs. Only errors keep a manifest from being used.
package enum DiagnosticSeverity: String, Hashable, Comparable, Sendable, Codable, CaseIterable {
    case error
    case warning
    case note

    private var rank: Int {
        switch self {
        case .error: 0
        case .warning: 1
        case .note: 2
        }
    }

    package static func < (left: DiagnosticSeverity, right: DiagnosticSeverity) -> Bool { left.rank < right.rank }
}

extension [Diagnostic] {
    package var hasErrors: Bool { contains { $0.severity == .error } }

    /// In the order of places, each said once, at most `limit`: when there are more, errors are kept before warnings
    /// and warnings before notes, and a last note says how many were left out.
    package func tidied(limit: Int = 50) -> [Diagnostic] {
        var seen: Set<Diagnostic> = []
        var kept = filter { seen.insert($0).inserted }
        let leftOut = kept.count - limit
        if leftOut > 0 {
            kept.sort { ($0.severity, $0.place) < ($1.severity, $1.place) }
            kept.removeLast(leftOut)
        }
        kept.sort { ($0.file, $0.place, $0.severity, $0.message) < ($1.file, $1.place, $1.severity, $1.message) }
        if leftOut > 0, let last = kept.last {
            kept.append(
                Diagnostic(
                    severity: .note, code: .more, message: "\(leftOut) more are not shown", file: last.file,
                    line: last.line, column: last.column))
        }
        return kept
    }
}

extension Diagnostic {
    var place: Place { Place(line: line, column: column) }
}
