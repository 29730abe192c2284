import FoundationEssentials
import Glibc
import Testing

enum Scratch {
    /// A file of the test's own; returns its path.
    static func file(_ text: String) throws -> String {
        var template = Array("/tmp/slw-notify-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }
}
