import FoundationEssentials
import Glibc
package import Manifests

/// A manifest on disk, with the directory that its paths are relative to.
package struct ManifestFile: Sendable {
    /// As the user named it.
    package let path: String
    package let text: String
    /// Absolute, symbolic links resolved.
    package let directory: String

    /// Reads the file at `path`, or `slipway.yaml` in it when it is a directory. The error is one sentence.
    package static func read(_ path: String) throws(ManifestFileError) -> ManifestFile {
        var file = path
        var isDirectory = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory {
            file = path.hasSuffix("/") ? path + "slipway.yaml" : path + "/slipway.yaml"
        }
        let text: String
        switch readText(file) {
        case .success(let content): text = content
        case .failure(let error):
            let hint = error.isMissing ? "slipway init writes one, --file names another" : ""
            throw ManifestFileError(message: "\(file) cannot be read: \(error.reason)", hint: hint)
        }
        let parent = URL(filePath: file).deletingLastPathComponent().path
        return ManifestFile(path: file, text: text, directory: resolved(parent) ?? parent)
    }

    /// Reads a template that the manifest names; for `Manifest.project(environment:readFile:)`.
    package func template(_ path: String) -> Result<String, TemplateError> {
        let whole = directory + "/" + path
        // A link must not lead out of the project either.
        if let real = Self.resolved(whole), real != directory, !real.hasPrefix(directory + "/") {
            return .failure(TemplateError("it is a link that leads out of the project"))
        }
        return Self.readText(whole).mapError { TemplateError($0.reason) }
    }

    /// The absolute path behind all links; nil when there is nothing.
    static func resolved(_ path: String) -> String? {
        guard let real = realpath(path.isEmpty ? "." : path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// The most that is read of any file: a little above what a manifest may have, so that it can say so.
    private static let limit = 2 << 20

    struct Unreadable: Error {
        var reason: String
        var isMissing = false
    }

    /// A regular file of UTF-8 text.
    /// - Parameter limit: so many bytes are read, and perhaps a few more; whoever gets more than the limit knows that
    ///   there is more.
    static func readText(_ path: String, limit: Int = limit) -> Result<String, Unreadable> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            return .failure(Unreadable(reason: String(cString: strerror(errno)), isMissing: errno == ENOENT))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .failure(Unreadable(reason: "it is not a file"))
        }
        return readText(descriptor, limit: limit)
    }

    /// All that comes out of a descriptor, as UTF-8 text.
    static func readText(_ descriptor: Int32, limit: Int) -> Result<String, Unreadable> {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(Unreadable(reason: String(cString: strerror(errno)))) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(Unreadable(reason: "it is not UTF-8 text"))
        }
        return .success(text)
    }
}

/// Why there is no manifest.
package struct ManifestFileError: Error, CustomStringConvertible {
    package var message: String
    package var hint: String
    package var description: String { hint.isEmpty ? message : "\(message) (\(hint))" }
}
