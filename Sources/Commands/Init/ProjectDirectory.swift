import FoundationEssentials

/// The files at the top of a project, as far as `init` looks at them.
struct ProjectDirectory {
    let path: String
    /// Names at the top, sorted.
    let names: [String]

    init(path: String) {
        self.path = path
        let found: [String]
        do { found = try FileManager.default.contentsOfDirectory(atPath: path) } catch { found = [] }
        names = found.sorted()
    }

    func has(_ name: String) -> Bool { names.contains(name) }

    /// The text of a file; nil when it is missing, no text, or very large.
    func text(_ name: String) -> String? {
        guard case .success(let text) = ManifestFile.readText(path + "/" + name) else { return nil }
        return text
    }

    /// The first of some names that is there.
    func first(_ candidates: [String]) -> String? { candidates.first { has($0) } }

    /// A directory below.
    func below(_ name: String) -> ProjectDirectory { ProjectDirectory(path: path + "/" + name) }
}
