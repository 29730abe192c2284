import Glibc
import Ports

/// Directory trees: made, copied, sealed, removed. Links are copied and removed, never followed.
enum Tree {
    /// Creates a directory that only its owner may enter, and those above it. One that exists is fine.
    static func make(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw SmallFile.trouble("use", path, ENOTDIR) }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try make(String(path[..<slash])) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SmallFile.trouble("create", path) }
    }

    /// Copies a tree, writable for its owner. `target` does not exist.
    static func copy(_ source: String, to target: String) throws {
        var status = stat()
        guard lstat(source, &status) == 0 else { throw SmallFile.trouble("read", source) }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            guard mkdir(target, 0o700) == 0 else { throw SmallFile.trouble("create", target) }
            for name in try names(source) { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
        case S_IFLNK:
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
            guard readlink(source, &buffer, Int(PATH_MAX)) > 0 else { throw SmallFile.trouble("read the link", source) }
            guard symlink(buffer, target) == 0 else { throw SmallFile.trouble("create the link", target) }
        case _:
            try copyFile(source, to: target, mode: status.st_mode & 0o100 != 0 ? 0o755 : 0o644)
        }
    }

    private static func copyFile(_ source: String, to target: String, mode: mode_t) throws {
        let input = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard input >= 0 else { throw SmallFile.trouble("read", source) }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard output >= 0 else { throw SmallFile.trouble("create", target) }
        defer { close(output) }
        var part = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = part.withUnsafeMutableBytes { read(input, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw SmallFile.trouble("read", source) }
            if count == 0 { return }
            try SmallFile.writeAll(output, Array(part[..<count]), target)
        }
    }

    /// Takes the right to write from everything in a tree.
    static func seal(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SmallFile.trouble("look at", path) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFLNK else { return }
        if kind == S_IFDIR {
            for name in try names(path) { try seal("\(path)/\(name)") }
        }
        guard chmod(path, status.st_mode & 0o7777 & ~0o222) == 0 else {
            throw SmallFile.trouble("make read-only", path)
        }
    }

    /// Removes a tree, read-only directories in it too. What is not there is fine.
    /// - Returns: the sum of the removed files' sizes in bytes.
    @discardableResult
    static func remove(_ path: String) throws -> Int64 {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return 0 }
            throw SmallFile.trouble("look at", path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unlink(path) == 0 || errno == ENOENT else { throw SmallFile.trouble("remove", path) }
            return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : 0
        }
        if status.st_mode & S_IRWXU != S_IRWXU { chmod(path, 0o700) }
        var freed: Int64 = 0
        for name in try names(path) { freed += try remove("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else { throw SmallFile.trouble("remove", path) }
        return freed
    }

    /// The names in a directory, sorted; none when it does not exist.
    static func names(_ path: String) throws -> [String] {
        guard let stream = opendir(path) else {
            if errno == ENOENT { return [] }
            throw SmallFile.trouble("read", path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            let name = String(decoding: bytes, as: UTF8.self)
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
