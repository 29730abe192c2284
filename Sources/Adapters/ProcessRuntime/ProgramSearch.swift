import Glibc

/// Finds the program of a command as execvp(3) would, but says what is wrong when there is none.
enum ProgramSearch {
    /// - Parameters:
    ///   - name: the command's first word; with a slash it is a path, relative to `directory`.
    /// - Returns: an absolute path.
    static func find(_ name: String, directory: String, searchPath: String) throws -> String {
        guard !name.isEmpty else {
            throw LaunchFailure(text: "the command is empty", hint: "name a program", isDefinite: true)
        }
        if name.contains("/") {
            let path = name.hasPrefix("/") ? name : directory + "/" + name
            switch look(path) {
            case .program: return path
            case .missing:
                throw LaunchFailure(
                    text: "the program \(name) does not exist (looked for \(path))",
                    hint:
                        "a path is relative to the artifact's directory; is it left out by an ignore rule, or made by "
                        + "`prepare`?", isDefinite: true)
            case .unusable(let why):
                throw LaunchFailure(
                    text: "the program \(path) \(why)", hint: "make it executable before it is packed: chmod +x",
                    isDefinite: true)
            }
        }
        var unusable: (path: String, why: String)?
        for part in searchPath.split(separator: ":") {
            let path = "\(part)/\(name)"
            switch look(path) {
            case .program: return path
            case .missing: continue
            case .unusable(let why): unusable = unusable ?? (path, why)
            }
        }
        if let unusable {
            throw LaunchFailure(text: "the program \(unusable.path) \(unusable.why)", hint: "", isDefinite: true)
        }
        throw LaunchFailure(
            text: "there is no program \(name) in PATH=\(searchPath) (working directory \(directory))",
            hint: "install it, or write ./\(name) for one in the artifact", isDefinite: true)
    }

    private enum Found {
        case program
        case missing
        case unusable(String)
    }

    private static func look(_ path: String) -> Found {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return errno == EACCES ? .unusable("cannot be looked at: permission denied") : .missing
        }
        if status.st_mode & S_IFMT == S_IFDIR { return .unusable("is a directory") }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unusable("is no file") }
        return access(path, X_OK) == 0 ? .program : .unusable("is not executable")
    }
}
