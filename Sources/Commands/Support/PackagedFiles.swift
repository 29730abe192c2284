import Glibc
import KubernetesObjects

extension [PackagedFile] {
    /// Each in its place below a directory, which is made where it is not there. Files that say the same already are
    /// left as they are; others, such as a part that a killed process has left, are replaced whole.
    ///
    /// - Throws: `SupervisorError`
    func write(to directory: String) throws {
        var made: Set<String> = []
        for file in self {
            let path = directory + "/" + file.path
            let parent = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
            if made.insert(parent).inserted { try WholeFile.makeDirectory(parent, mode: 0o755) }
            if try !WholeFile.writeNew(file.text, at: path, mode: 0o644), !WholeFile.holds(file.text, at: path) {
                try WholeFile.write(file.text, to: path, mode: 0o644, makesParent: false, flushes: false)
            }
        }
    }
}
