import Glibc
import Ports
import Synchronization

/// The right to write a journal: an flock on `journal.lock`, gone with the process that holds it. The file says who
/// holds it and which journal was here, so that a journal that disappeared is not replaced by an empty one in silence.
final class JournalLock: Sendable {
    /// The identity that the file remembers, from before this process took the lock.
    let rememberedIdentity: String?
    /// Nil once it is released.
    private let descriptor: Mutex<Int32?>
    private let path: String

    /// Two lines of fixed width, so that one write replaces either: `pid` and ten digits, `journal` and 32 hex digits.
    private static let pidLine = 15
    private static let identityLine = 41

    /// Takes the lock.
    /// - Throws: `PortError`: `unavailable` when another process has it, naming its pid; `storage` for the machine.
    init(_ path: String) throws(PortError) {
        self.path = path
        let opened = try Self.take(path)
        descriptor = Mutex(opened)
        rememberedIdentity = Self.identity(in: Self.content(of: opened))
        do throws(PortError) {
            let digits = String(getpid())
            let line = "pid " + String(repeating: " ", count: 10 - digits.count) + digits + "\n"
            try Self.write(line, at: 0, descriptor: opened, path: path)
        } catch {
            release()
            throw error
        }
    }

    deinit { release() }

    /// Gives the right to write back. Closing the descriptor, which nobody else has, ends the flock.
    func release() {
        descriptor.withLock { held in
            if let open = held { Glibc.close(open) }
            held = nil
        }
    }

    /// Remembers which journal is kept here.
    func remember(_ identity: String) throws(PortError) {
        guard identity != rememberedIdentity, let descriptor = descriptor.withLock({ $0 }) else { return }
        try Self.write("journal \(identity)\n", at: Self.pidLine, descriptor: descriptor, path: path)
    }

    private static func take(_ path: String) throws(PortError) -> Int32 {
        // The file may be removed between opening and locking it; then the lock is on nothing that others see.
        for _ in 0..<10 {
            let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw PortError.machine(errno, "cannot open the journal's lock \(path)") }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                let holder = holder(in: content(of: descriptor))
                Glibc.close(descriptor)
                guard code == EWOULDBLOCK else { throw PortError.machine(code, "cannot lock \(path)") }
                throw PortError(
                    .unavailable, "the journal is in use by another Slipway supervisor (pid \(holder ?? "unknown"))",
                    hint: "Only one may write. Stop that one, or use another state directory.")
            }
            var mine = stat()
            var named = stat()
            if fstat(descriptor, &mine) == 0, stat(path, &named) == 0, mine.st_ino == named.st_ino { return descriptor }
            Glibc.close(descriptor)
        }
        throw PortError(.unavailable, "the journal's lock \(path) keeps changing under us", hint: "Try again.")
    }

    private static func content(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: pidLine + identityLine)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private static func holder(in content: String) -> String? {
        guard content.hasPrefix("pid ") else { return nil }
        let digits = content.dropFirst(4).prefix(10).drop { $0 == " " }
        return digits.isEmpty || !digits.allSatisfy(\.isNumber) ? nil : String(digits)
    }

    private static func identity(in content: String) -> String? {
        let line = content.dropFirst(pidLine)
        guard line.hasPrefix("journal "), line.count == identityLine else { return nil }
        return String(line.dropFirst(8).prefix(32))
    }

    private static func write(_ line: String, at offset: Int, descriptor: Int32, path: String) throws(PortError) {
        let bytes = Array(line.utf8)
        guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else {
            throw PortError.machine(errno, "cannot write the journal's lock \(path)")
        }
    }
}
