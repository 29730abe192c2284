import FoundationEssentials
import Glibc

/// The repository as it stands, committed or not.
struct Tree: Sendable {
    /// Absolute.
    let root: String
    let swift: [SwiftSource]
    /// Every other text file.
    let texts: [TextFile]
    /// Every path, folders too, from the root.
    let paths: Set<String>

    struct TextFile: Sendable {
        var path: String
        var text: String
        var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    }

    static let shared = Result { try Tree(root: findRoot()) }

    init(root: String) throws {
        self.root = root
        var walk = Walk(root: root)
        try walk.visit("")
        swift = walk.swift
        texts = walk.texts
        paths = walk.paths
    }

    /// A tree of texts alone.
    init(texts: [(path: String, text: String)]) {
        root = ""
        swift = []
        self.texts = texts.map { TextFile(path: $0.path, text: $0.text) }
        paths = Set(texts.map(\.path))
    }

    func text(_ path: String) -> TextFile? { texts.first { $0.path == path } }

    /// Upwards from this file, symbolic links resolved, to where `Package.swift` is.
    private static func findRoot() throws -> String {
        guard let real = realpath(#filePath, nil) else { throw CocoaError(.fileNoSuchFile) }
        defer { free(real) }
        var parts = String(cString: real).split(separator: "/")
        while !parts.isEmpty {
            parts.removeLast()
            let folder = "/" + parts.joined(separator: "/")
            if FileManager.default.fileExists(atPath: folder + "/Package.swift"),
                FileManager.default.fileExists(atPath: folder + "/Sources")
            {
                return folder
            }
        }
        throw CocoaError(.fileNoSuchFile)
    }

    private struct Walk {
        let root: String
        var swift: [SwiftSource] = []
        var texts: [TextFile] = []
        var paths: Set<String> = []

        mutating func visit(_ folder: String) throws {
            let files = FileManager.default
            for name in try files.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted() {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                guard !isForeign(name) else { continue }
                paths.insert(path)
                let attributes = try files.attributesOfItem(atPath: "\(root)/\(path)")
                if attributes[.type] as? FileAttributeType == .typeDirectory {
                    try visit(path)
                } else if attributes[.type] as? FileAttributeType == .typeRegular {
                    read(path)
                }
            }
        }

        /// What builds, version control and package managers leave in the tree.
        private func isForeign(_ name: String) -> Bool {
            if [".github", ".ci", ".swift-format", ".editorconfig", ".gitignore"].contains(name) { return false }
            return name.hasPrefix(".") || ["Package.resolved", "__pycache__", "node_modules", "venv"].contains(name)
        }

        private mutating func read(_ path: String) {
            guard let data = FileManager.default.contents(atPath: "\(root)/\(path)"), data.count < 2 << 20,
                !data.contains(0), let text = String(validating: data, as: UTF8.self)
            else { return }
            // Fixtures are other people's files: nothing of ours is asked of them.
            if path.hasSuffix(".swift"), !path.contains("/Fixtures/") {
                swift.append(SwiftSource(path: path, text: text))
            } else {
                texts.append(TextFile(path: path, text: text))
            }
        }
    }
}
