import Gates
import SupervisorAPI

/// A file with what is to be replayed.
struct RecordedFile: Sendable {
    /// Far above what a rollout leaves.
    private static let limit = 256 << 20

    /// As the user named it.
    var name: String
    var text: String

    /// - Parameter path: `-` for standard input.
    init(_ path: String) throws {
        name = path == "-" ? "standard input" : path
        let read =
            path == "-"
            ? ManifestFile.readText(0, limit: Self.limit) : ManifestFile.readText(path, limit: Self.limit)
        switch read {
        case .success(let text): self.text = text
        case .failure(let failure):
            let hint = failure.isMissing ? "slipway judge record 37 > FILE writes one from the journal" : ""
            throw SupervisorError(code: "file", message: "\(name) cannot be read: \(failure.reason)", hint: hint)
        }
        guard text.utf8.count <= Self.limit else {
            throw SupervisorError(
                code: "file", message: "\(name) has more than \(Self.limit >> 20) MiB", hint: "replay its parts")
        }
    }

    /// A table of series, and no recording of traffic.
    var isTable: Bool { name.hasSuffix(".csv") || !text.drop(while: \.isWhitespace).hasPrefix("{") }

    /// - Parameter read: what makes sense of the text.
    func parsed<Value>(_ read: (String) throws(RecordingError) -> Value) throws -> Value {
        do { return try read(text) } catch {
            throw SupervisorError(
                code: "recording", message: "\(name):\(error.line): \(error.words)",
                hint: error.hint.isEmpty ? "docs/reference/recordings.md has the format" : error.hint)
        }
    }
}
