import CLinux
import Glibc
import KeeperControl

/// Why a keeper does not start: a message for its standard error and the exit code (sysexits.h).
struct StartFailure: Error {
    var code: Int32
    var message: String
    var hint: String

    static func system(_ what: String, _ number: Int32, hint: String = "") -> StartFailure {
        StartFailure(code: EX_CANTCREAT, message: "\(what): \(KeeperError.words(number))", hint: hint)
    }
}

/// The right to be the only keeper of a state directory, held until this process ends.
enum KeeperLock {
    /// Creates the directories, all private to the user, and takes the lock.
    static func take(_ directory: StateDirectory) throws(StartFailure) {
        for path in [directory.path, directory.pipes, directory.logs] {
            if mkdir(path, 0o700) != 0 && errno != EEXIST {
                throw .system("cannot create \(path)", errno, hint: "the state directory has to be writable")
            }
        }
        try checkOwner(directory.path)
        let path = directory.path + "/keeper.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .system("cannot open \(path)", errno, hint: "the state directory has to be writable")
        }
        let result = slw_try_lock(descriptor)
        guard result == 0 else {
            guard result == -EWOULDBLOCK else { throw .system("cannot lock \(path)", -result) }
            throw StartFailure(
                code: EX_TEMPFAIL,
                message: "another keeper (pid \(owner(descriptor))) already runs on \(directory.path)",
                hint: "one state directory has one keeper; stop that one first, or choose another directory")
        }
        let text = "\(getpid())\n"
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count else {
            // The lock holds without its pid, which is only there for people: a full disk must not keep us away.
            return
        }
    }

    private static func checkOwner(_ path: String) throws(StartFailure) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system("cannot look at \(path)", errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .system("cannot use \(path)", ENOTDIR) }
        guard status.st_uid == geteuid() else {
            throw StartFailure(
                code: EX_NOPERM, message: "\(path) belongs to another user",
                hint: "each user has a keeper and a state directory of their own")
        }
        // Whoever can write here can command what we run; a lax umask may have made it so.
        guard status.st_mode & 0o077 == 0 || chmod(path, 0o700) == 0 else {
            throw .system("cannot make \(path) private", errno)
        }
    }

    private static func owner(_ descriptor: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &text, text.count, 0)
        let digits = text.prefix(max(0, count)).prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
    }
}
