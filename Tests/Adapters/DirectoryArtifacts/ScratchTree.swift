import Glibc
import Testing

/// A directory of a test's own, removed with everything in it when the test is over.
final class ScratchTree: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/slipway-artifacts-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        let place = "\(path)/\(name)"
        makeParents(of: place)
        let descriptor = open(place, O_WRONLY | O_CREAT | O_TRUNC, mode)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        try #require(fchmod(descriptor, mode) == 0)
    }

    func directory(_ name: String) throws -> String {
        makeParents(of: "\(path)/\(name)/x")
        return "\(path)/\(name)"
    }

    func link(_ name: String, to target: String) throws {
        makeParents(of: "\(path)/\(name)")
        try #require(symlink(target, "\(path)/\(name)") == 0)
    }

    private func makeParents(of place: String) {
        var slashes = place.indices.filter { place[$0] == "/" }
        slashes.removeFirst()
        for slash in slashes { mkdir(String(place[..<slash]), 0o755) }
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0, "\(path)")
        defer { close(descriptor) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count <= 0 { return all }
            all += part[..<count]
        }
    }

    static func put(_ bytes: [UInt8], _ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            let name = String(decoding: bytes, as: UTF8.self)
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The mode's permission bits, nil when there is nothing.
    static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            chmod(path, 0o700)
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
