import FoundationEssentials

/// The cases, and what a real API server answered to them.
package enum CaseFiles {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()

    /// Names of all cases, in order.
    package static let names: [String] = found("Cases", ".yaml")

    /// Names of those that have recorded answers.
    package static let answered: [String] = found("Answers", ".json")

    package static func read(_ name: String) throws -> ClusterCase {
        try CaseReader.read(try text("Cases/\(name).yaml"), name: name)
    }

    package static func answers(_ name: String) throws -> CaseAnswers {
        try CaseAnswers(text: try text("Answers/\(name).json"), name: name)
    }

    package static func write(_ answers: CaseAnswers, _ name: String) throws {
        try Data(answers.text.utf8).write(to: root.appending(path: "Answers/\(name).json"))
    }

    private static func text(_ path: String) throws -> String {
        do {
            return try String(contentsOf: root.appending(path: path), encoding: .utf8)
        } catch {
            throw CaseFlaw("\(path) cannot be read: \(error)")
        }
    }

    private static func found(_ folder: String, _ end: String) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
                .filter { $0.hasSuffix(end) }.map { String($0.dropLast(end.count)) }.sorted()
        } catch {
            // Without any, the test that wants a case for each answer fails.
            return []
        }
    }
}
