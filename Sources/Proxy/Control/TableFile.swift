import FoundationEssentials
import Glibc
import ProxyControl

/// The route table on disk. It is replaced whole, and read whole or refused.
struct TableFile: Sendable {
    let path: String

    /// Reads the table; nil when there is no file, which is a proxy that was never told anything.
    /// - Throws: `ProxyError` of code `tableFile` for a file that is not a valid table: it is never taken for empty.
    func load() throws -> RouteTable? {
        guard let bytes = try read() else { return nil }
        let table: RouteTable
        do {
            table = try JSONDecoder().decode(RouteTable.self, from: Data(bytes))
        } catch {
            throw damaged("it is not a route table (\(error))")
        }
        if let fault = table.fault() { throw damaged(fault.message) }
        return table
    }

    private func damaged(_ cause: String) -> ProxyError {
        ProxyError(
            code: .tableFile, message: "the route table \(path) is damaged", cause: cause,
            hint: "the proxy does not start without its routes; move the file away to start with none, "
                + "and the supervisor will send them anew")
    }

    private func read() throws -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return nil }
            throw ProxyError(
                code: .tableFile, message: "the route table \(path) cannot be read", cause: Self.text(errno))
        }
        defer { Glibc.close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw ProxyError(
                    code: .tableFile, message: "the route table \(path) cannot be read", cause: Self.text(errno))
            }
            bytes += chunk[..<count]
        }
    }

    /// Writes a table beside the old one, makes it durable, puts it in the old one's place, makes that durable.
    func save(_ table: RouteTable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let bytes = try encoder.encode(table)
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw notDurable("open") }
        do {
            defer { Glibc.close(file) }
            try write(bytes, to: file)
            guard fsync(file) == 0 else { throw notDurable("fsync") }
        }
        guard rename(temporary, path) == 0 else { throw notDurable("rename") }
        try syncDirectory()
    }

    private func write(_ bytes: Data, to file: Int32) throws {
        try bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw notDurable("write")
                }
                offset += count
            }
        }
    }

    private func syncDirectory() throws {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw notDurable("open of the directory") }
        defer { Glibc.close(directory) }
        guard fsync(directory) == 0 else { throw notDurable("fsync of the directory") }
    }

    private func notDurable(_ call: String) -> ProxyControlError {
        ProxyControlError(
            code: .notDurable, message: "the route table could not be written to \(path)",
            cause: "\(call): \(Self.text(errno))", hint: "the routes in force are still the old ones")
    }

    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
