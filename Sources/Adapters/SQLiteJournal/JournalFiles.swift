import Ports

import Glibc

/// Where a journal's files are: all in one directory that belongs to it and to its user alone.
struct JournalFiles: Hashable, Sendable {
    /// Absolute path, without a slash at its end.
    let directory: String

    var database: String { directory + "/journal.db" }
    var writeAheadLog: String { directory + "/journal.db-wal" }
    var lock: String { directory + "/journal.lock" }
    /// A database that is being created. It gets its real name when it is whole.
    var draft: String { directory + "/journal.db.new" }

    init(directory: String) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
    }

    /// Creates the directory when it is missing (its parent must exist) and refuses one that others may enter.
    func prepareDirectory() throws(PortError) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw PortError.machine(errno, "cannot create the journal's directory \(directory)")
        }
        guard let status = try Self.status(of: directory), status.isDirectory else {
            throw PortError(
                .storage, "\(directory) is not a directory",
                hint: "Name a directory for the journal, or remove the file.")
        }
        guard status.owner == geteuid() else {
            throw PortError(
                .storage, "the journal's directory \(directory) belongs to another user (uid \(status.owner))",
                hint: "Run Slipway as that user, or give it a directory of its own.")
        }
        guard status.mode & 0o077 == 0 else {
            throw PortError(
                .storage,
                "the journal's directory \(directory) is open to other users (mode \(String(status.mode, radix: 8)))",
                hint: "Close it: chmod 700 \(directory)")
        }
    }

    /// What the file system says about a path; nil when nothing is there. Does not open the file: closing a second
    /// descriptor of a database would drop the locks that SQLite holds on it in this process.
    static func status(of path: String) throws(PortError) -> FileStatus? {
        var found = stat()
        guard lstat(path, &found) == 0 else {
            if errno == ENOENT { return nil }
            throw PortError.machine(errno, "cannot look at \(path)")
        }
        return FileStatus(
            size: Int64(found.st_size), owner: found.st_uid, mode: found.st_mode & 0o7777,
            isRegular: found.st_mode & S_IFMT == S_IFREG, isDirectory: found.st_mode & S_IFMT == S_IFDIR)
    }

    /// Makes a name in the directory survive a power failure.
    func syncDirectory() throws(PortError) {
        try Self.sync(directory, flags: O_RDONLY | O_DIRECTORY)
    }

    /// Makes a file's bytes survive a power failure. Only for files that no connection has open.
    static func sync(_ path: String, flags: Int32 = O_RDONLY) throws(PortError) {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC)
        guard descriptor >= 0 else { throw PortError.machine(errno, "cannot open \(path)") }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw PortError.machine(errno, "cannot make \(path) durable") }
    }
}

/// What is known of a file without opening it.
struct FileStatus: Hashable, Sendable {
    /// Bytes.
    var size: Int64
    var owner: UInt32
    /// Permission bits.
    var mode: UInt32
    var isRegular: Bool
    var isDirectory: Bool
}
