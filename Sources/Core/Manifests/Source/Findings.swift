/// Collects diagnostics of one file.
struct Findings {
    let file: String
    private(set) var all: [Diagnostic] = []

    init(file: String) { self.file = file }

    /// Far above what is shown: whoever sees this may stop looking, so that hostile input costs little.
    var isFull: Bool { all.count >= 1000 }

    mutating func error(_ code: DiagnosticCode, _ place: Place, _ message: String, hint: String = "") {
        add(.error, code, place, message, hint)
    }

    mutating func warning(_ code: DiagnosticCode, _ place: Place, _ message: String, hint: String = "") {
        add(.warning, code, place, message, hint)
    }

    mutating func note(_ code: DiagnosticCode, _ place: Place, _ message: String, hint: String = "") {
        add(.note, code, place, message, hint)
    }

    mutating func append(_ diagnostic: Diagnostic) { all.append(diagnostic) }

    mutating func append(contentsOf diagnostics: [Diagnostic]) { all += diagnostics }

    /// A more fitting hint for what was added last.
    mutating func setLastHint(_ hint: String) {
        if !all.isEmpty { all[all.count - 1].hint = hint }
    }

    private mutating func add(
        _ severity: DiagnosticSeverity, _ code: DiagnosticCode, _ place: Place, _ message: String, _ hint: String
    ) {
        guard !isFull else { return }
        all.append(
            Diagnostic(
                severity: severity, code: code, message: message, hint: hint, file: file, line: place.line,
                column: place.column))
    }
}
