import CLinux
import Glibc
import KeeperControl

/// What a keeper has to know of the one before: `keeper.state`, replaced as a whole.
///
/// Layout, little-endian: magic, `UInt16` version, body as `LinkWriter` writes it, FNV-1a checksum of all that.
struct KeeperState: Equatable {
    static let magic: UInt64 = 0x4554_4154_5357_4c53  // "SLWSTATE"
    static let version: UInt16 = 1

    struct InstanceRecord: Equatable {
        var token: UInt64
        var process: ProcessIdentity
        var startedAt: Int64
        var stopSignal: Int32
        var stopGrace: UInt32
        var logPath: String
        var logLimit: UInt64
        var exit: ExitReport?
        /// The exit is acknowledged, and processes of the instance are still there.
        var acknowledged: Bool
    }

    struct RoleRecord: Equatable {
        var name: RoleName
        var process: ProcessIdentity
        /// Name of its FIFOs in the directory for pipes.
        var pipes: String
    }

    /// Tells this state directory's marks from those of others.
    var nonce: UInt64
    var bootID: [UInt8]
    var listeners: [String]
    var instances: [InstanceRecord]
    var roles: [RoleRecord]

    enum Failure: Error, Equatable {
        case damaged
        /// Written by a later version.
        case newer(UInt16)
    }

    var encoded: [UInt8] {
        var writer = LinkWriter()
        writer.put(Self.magic)
        writer.put(Self.version)
        writer.put(nonce)
        writer.put(bootID) { $0.put($1) }
        writer.put(listeners) { $0.put($1) }
        writer.put(instances) { writer, record in
            writer.put(record.token)
            record.process.encode(into: &writer)
            writer.put(record.startedAt)
            writer.put(record.stopSignal)
            writer.put(record.stopGrace)
            writer.put(record.logPath)
            writer.put(record.logLimit)
            writer.put(record.exit) { $1.encode(into: &$0) }
            writer.put(record.acknowledged)
        }
        writer.put(roles) { writer, record in
            writer.put(record.name.rawValue)
            record.process.encode(into: &writer)
            writer.put(record.pipes)
        }
        writer.put(Self.checksum(writer.bytes[...]))
        return writer.bytes
    }

    static func decode(_ bytes: [UInt8]) throws(Failure) -> KeeperState {
        guard bytes.count >= 18 else { throw .damaged }
        let body = bytes.dropLast(8)
        do throws(LinkFault) {
            var reader = LinkReader(Array(body))
            guard try reader.integer(UInt64.self) == magic else { throw .badValue }
            let written = try reader.integer(UInt16.self)
            if written > version { throw .badVersion(UInt8(clamping: written)) }
            var tail = LinkReader(Array(bytes.suffix(8)))
            guard try tail.integer(UInt64.self) == checksum(body) else { throw .badValue }
            let state = try KeeperState(from: &reader)
            try reader.finish()
            return state
        } catch {
            if case .badVersion(let version) = error { throw .newer(UInt16(version)) }
            throw .damaged
        }
    }

    private init(from reader: inout LinkReader) throws(LinkFault) {
        nonce = try reader.integer()
        bootID = try reader.list { reader throws(LinkFault) in try reader.integer() }
        listeners = try reader.list { reader throws(LinkFault) in try reader.text() }
        instances = try reader.list { reader throws(LinkFault) in
            InstanceRecord(
                token: try reader.integer(), process: try ProcessIdentity(from: &reader),
                startedAt: try reader.integer(), stopSignal: try reader.integer(), stopGrace: try reader.integer(),
                logPath: try reader.text(), logLimit: try reader.integer(),
                exit: try reader.optional { reader throws(LinkFault) in try ExitReport(from: &reader) },
                acknowledged: try reader.flag())
        }
        roles = try reader.list { reader throws(LinkFault) in
            guard let name = RoleName(rawValue: try reader.integer()) else { throw .badValue }
            return RoleRecord(name: name, process: try ProcessIdentity(from: &reader), pipes: try reader.text())
        }
    }

    init(nonce: UInt64, bootID: [UInt8], listeners: [String], instances: [InstanceRecord], roles: [RoleRecord]) {
        self.nonce = nonce
        self.bootID = bootID
        self.listeners = listeners
        self.instances = instances
        self.roles = roles
    }

    /// FNV-1a, 64 bits (Fowler, Noll, Vo).
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// The keeper's files: `keeper.lock`, `keeper.state`, `pipes/`, `logs/`.
struct StateDirectory {
    let path: String

    var statePath: String { path + "/keeper.state" }
    var pipes: String { path + "/pipes" }
    var logs: String { path + "/logs" }

    /// - Returns: the state, nil when there is none, and 0 or the errno of reading it.
    func load() throws(KeeperState.Failure) -> KeeperState? {
        let descriptor = open(statePath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .damaged
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &part, part.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .damaged }
            if count == 0 { return try KeeperState.decode(bytes) }
            bytes += part[..<count]
        }
    }

    /// Writes beside and renames. Not synced: after a loss of power the instances are gone too.
    ///
    /// - Returns: 0 or an errno; then the file before still stands.
    func save(_ state: KeeperState) -> Int32 {
        let beside = statePath + ".new"
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return errno }
        let bytes = state.encoded
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let number = errno
                close(descriptor)
                unlink(beside)
                return number
            }
            written += count
        }
        close(descriptor)
        return rename(beside, statePath) == 0 ? 0 : errno
    }

    /// Puts a state that cannot be read out of the way, for a person to look at.
    func setAside() -> String {
        let aside = statePath + ".damaged"
        _ = rename(statePath, aside)
        return aside
    }

    /// Removes pipes that nobody has any more.
    func removePipes(except kept: Set<String>) {
        guard let directory = opendir(pipes) else { return }
        defer { closedir(directory) }
        while let item = readdir(directory) {
            let name = withUnsafePointer(to: &item.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let base = name.hasSuffix(".o") || name.hasSuffix(".e") ? String(name.dropLast(2)) : name
            if name != "." && name != ".." && !kept.contains(base) { unlink(pipes + "/" + name) }
        }
    }
}
