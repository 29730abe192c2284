import Glibc

/// Finds a program as a shell would, to be able to say what is wrong.
package struct ProgramSearch: Sendable {
    /// Where it is, or why it is nowhere.
    package enum Result: Hashable, Sendable {
        /// Absolute.
        case found(String)
        case missing(String)
    }

    private let directory: String
    private let path: String

    /// - Parameters:
    ///   - directory: from where programs with a slash are looked for; absolute.
    ///   - path: `PATH`.
    package init(directory: String, path: String) {
        self.directory = directory
        self.path = path
    }

    package func find(_ name: String) -> Result {
        if name.contains("/") {
            let full = name.hasPrefix("/") ? name : "\(directory)/\(name)"
            switch look(full) {
            case .program: return .found(full)
            case .notExecutable: return .missing("\(full) is not executable: `chmod +x` it, or name its interpreter")
            case .absent: return .missing("there is no program \(full)")
            }
        }
        var blocked: String?
        for entry in path.split(separator: ":", omittingEmptySubsequences: true) {
            let full = "\(entry.hasPrefix("/") ? String(entry) : "\(directory)/\(entry)")/\(name)"
            switch look(full) {
            case .program: return .found(full)
            case .notExecutable: blocked = blocked ?? full
            case .absent: continue
            }
        }
        if let blocked { return .missing("\(blocked) is not executable") }
        return .missing("there is no program `\(name)` in PATH (\(path))")
    }

    private enum Entry { case program, notExecutable, absent }

    private func look(_ path: String) -> Entry {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return .absent }
        return access(path, X_OK) == 0 ? .program : .notExecutable
    }
}
