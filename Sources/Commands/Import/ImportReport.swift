import ArgumentParser
import FoundationEssentials
import Manifests
import SupervisorAPI

/// What an import made, and what became of every field.
struct ImportReport: Encodable {
    struct Field: Encodable, Hashable {
        var field: String
        /// `converted`, `changed` or `left`.
        var outcome: String
        /// What it became, or why not.
        var detail: String
    }

    /// Nothing was left.
    var complete: Bool
    var file: String
    /// A part of a manifest, or all of one.
    var manifest: String
    var fields: [Field]
    private var isWhole: Bool

    private enum CodingKeys: String, CodingKey { case complete, file, manifest, fields }

    init(file: String, part: ManifestPart, ledger: FieldLedger) {
        self.init(file: file, manifest: part.lines.map { $0 + "\n" }.joined(), ledger: ledger, isWhole: false)
    }

    /// - Parameter isWhole: whether it is a manifest, not a part of one.
    init(file: String, manifest: String, ledger: FieldLedger, isWhole: Bool = true) {
        self.file = file
        self.manifest = manifest
        self.isWhole = isWhole
        complete = ledger.isWhole
        fields = ledger.entries.map { entry in
            switch entry.outcome {
            case .converted(let to): Field(field: entry.path, outcome: "converted", detail: to)
            case .changed(let how): Field(field: entry.path, outcome: "changed", detail: how)
            case .left(let why): Field(field: entry.path, outcome: "left", detail: why)
            }
        }
    }

    /// A part of a manifest with comments.
    var text: String {
        let what =
            isWhole
            ? "`slipway check` says whether it is right."
            : "Put it into slipway.yaml, and name the gates in a strategy."
        var lines = [harmless("# Made by `slipway import` of \(file). \(what)")]
        lines += manifest.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        if manifest.isEmpty { lines.append("# Nothing could be converted.") }
        let groups = [
            ("left", "Not converted:"), ("changed", "Converted with a difference:"), ("converted", "Converted:"),
        ]
        for (outcome, title) in groups {
            // A whole manifest shows what became of most fields.
            if isWhole, outcome == "converted" { continue }
            let those = fields.filter { $0.outcome == outcome }
            guard !those.isEmpty else { continue }
            lines += ["#", "# \(title)"]
            lines += those.map { harmless("#   \($0.field): \($0.detail)") }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// What is said at the end, beside the part itself.
    var summary: String {
        func count(_ outcome: String) -> Int { fields.filter { $0.outcome == outcome }.count }
        let left = count("left")
        let done =
            "\(count("converted") + count("changed")) fields converted, \(count("changed")) of them with a difference"
        return left == 0 ? done : "\(done); \(left) not, see the comments"
    }

    /// Prints it, and ends with the exit code that goes with it.
    static func conclude(_ output: OutputFormat, _ make: () throws -> ImportReport) throws {
        let report: ImportReport
        do { report = try make() } catch { throw try reported(error, output) }
        switch output {
        case .text:
            print(report.text, terminator: "")
            note(report.summary)
        case .json: try printJSON(report)
        }
        if !report.complete { throw ExitCode(1) }
    }

    /// What `check` will find wrong with a whole manifest, and somebody has to decide.
    func errors(_ environment: String) -> [String] {
        let parsed = Manifest.parse(text: manifest)
        let project = parsed.manifest?.project(environment: environment) { _ in .success("") }
        return (parsed.diagnostics + (project?.diagnostics ?? [])).tidied().filter { $0.severity == .error }.map {
            error in
            harmless(error.message + (error.hint.isEmpty ? "" : " (\(error.hint))"))
        }
    }

    // MARK: Files

    static func text(of file: String, limit: Int = 2 << 20) throws -> String {
        switch ManifestFile.readText(file, limit: limit) {
        case .success(let text): return text
        case .failure(let error):
            throw usageError("cannot read \(file): \(error.reason)", hint: "the file is the first argument")
        }
    }

    /// The documents of a YAML file, with the line that each begins at.
    static func documents(_ text: String) -> [(text: String, line: Int)] {
        var documents: [(text: String, line: Int)] = []
        var lines: [Substring] = []
        var start = 1
        func isEmpty(_ lines: [Substring]) -> Bool {
            lines.allSatisfy { line in
                line.allSatisfy(\.isWhitespace) || line.drop(while: \.isWhitespace).hasPrefix("#")
            }
        }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line == "---" || line.hasPrefix("--- ") || line == "---\r" else {
                lines.append(line)
                continue
            }
            if !isEmpty(lines) { documents.append((lines.joined(separator: "\n"), start)) }
            lines = []
            start = index + 2
        }
        if !isEmpty(lines) { documents.append((lines.joined(separator: "\n"), start)) }
        return documents.isEmpty ? [(text, 1)] : documents
    }

    /// - Parameters:
    ///   - line: of the file, where the text begins.
    ///   - wanted: what the file is to hold, for whoever gave another one.
    ///   - times: how many times the size of a manifest it may have.
    static func value(
        _ text: String, _ file: String, line: Int, wanted: String, times: Int = 1
    ) throws -> PlainYAML {
        let (value, diagnostics) = PlainYAML.read(text, file: file, times: times)
        guard let value, !diagnostics.hasErrors else {
            let first = diagnostics.first { $0.severity == .error }
            let place = first.map { "\(file):\($0.line + line - 1):\($0.column)" } ?? file
            throw usageError("\(place): \(first?.message ?? "this is neither YAML nor JSON")", hint: first?.hint ?? "")
        }
        guard case .map = value else {
            throw usageError("\(file):\(line):1: a map is expected", hint: "the file is to hold \(wanted)")
        }
        return value
    }
}
