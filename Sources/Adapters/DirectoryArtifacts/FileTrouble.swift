import Glibc
import Ports

/// A failed system call as an error that a person can act on.
func fileTrouble(_ what: String, _ path: String, _ number: Int32 = errno) -> PortError {
    let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    let hint =
        switch number {
        case ENOSPC, EDQUOT: "free some space on that file system, then try again; nothing half-done was left"
        case EROFS: "the file system of \(path) is mounted read-only"
        case EACCES, EPERM: "check who owns \(path) and its mode"
        case EMFILE, ENFILE: "raise the limit of open files"
        case _: ""
        }
    return PortError(.storage, "cannot \(what) \(path): \(words)", hint: hint)
}

/// Creates a directory that only its owner may enter, and those above it. One that exists is fine.
func makeDirectory(_ path: String) throws {
    var status = stat()
    if stat(path, &status) == 0 {
        guard status.st_mode & S_IFMT == S_IFDIR else { throw fileTrouble("use as a directory", path, ENOTDIR) }
        return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeDirectory(String(path[..<slash])) }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw fileTrouble("create", path) }
}

/// Flushes a directory's entries, so that a rename in it survives a power failure.
func syncDirectory(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fileTrouble("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw fileTrouble("flush", path) }
}

/// Removes a tree, read-only directories in it too. Symlinks are removed, not followed. What is not there is fine.
/// - Returns: bytes that became free, as the sum of the files' sizes.
@discardableResult
func removeTree(_ path: String) throws -> Int64 {
    var status = stat()
    guard lstat(path, &status) == 0 else {
        if errno == ENOENT { return 0 }
        throw fileTrouble("look at", path)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
        guard unlink(path) == 0 || errno == ENOENT else { throw fileTrouble("remove", path) }
        return status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : 0
    }
    if status.st_mode & S_IRWXU != S_IRWXU { chmod(path, 0o700) }
    var freed: Int64 = 0
    for name in try directoryNames(path) { freed += try removeTree("\(path)/\(name)") }
    guard rmdir(path) == 0 || errno == ENOENT else { throw fileTrouble("remove", path) }
    return freed
}

/// The names in a directory, without `.` and `..`, in the order of their bytes.
/// - Throws: for a name that is not UTF-8 too.
func directoryNames(_ path: String) throws -> [String] {
    guard let stream = opendir(path) else { throw fileTrouble("read", path) }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
        errno = 0
        guard let entry = readdir(stream) else {
            if errno != 0 { throw fileTrouble("read", path) }
            break
        }
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
        if name != [Byte.dot] && name != [Byte.dot, Byte.dot] { names.append(name) }
    }
    names.sort { $0.lexicographicallyPrecedes($1) }
    return try names.map { name in
        guard let text = String(validating: name, as: UTF8.self) else {
            throw PortError(
                .invalid, "\(path): the name of the file \(String(decoding: name, as: UTF8.self)) is not UTF-8",
                hint: "rename it, or leave it out with a pattern in .slipwayignore")
        }
        return text
    }
}
