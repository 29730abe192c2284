import Glibc
import Testing

/// An nginx of the test's own on a free port: its files in a scratch directory, one process.
final class NginxServer: Sendable {
    static let program = "/usr/sbin/nginx"

    let port: Int
    private let directory: String
    private let pid: pid_t

    /// The port was taken by somebody else before nginx had it.
    private struct Taken: Error {}

    static func start() async throws -> NginxServer {
        for _ in 0..<4 {
            do { return try await NginxServer() } catch is Taken { continue }
        }
        return try await NginxServer()
    }

    private init() async throws {
        var template = Array("/tmp/slipway-gates-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.directory = directory
        port = try Self.freePort()
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(directory)/\($0);" }.joined(separator: " ")
        let configuration = """
            daemon off; master_process off; pid \(directory)/pid; error_log \(directory)/error.log;
            events { worker_connections 64; }
            http {
                access_log off; server_tokens off; \(temporary)
                server {
                    listen 127.0.0.1:\(port);
                    add_header X-Host $host always;
                    location = /health { return 200 "fine"; }
                    location = /moved { return 301 http://x/; }
                }
            }
            """
        let file = "\(directory)/nginx.conf"
        let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
        let bytes = Array(configuration.utf8)
        try #require(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        let arguments: [String] = [Self.program, "-c", file, "-e", "\(directory)/error.log"]
        var strings = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, Self.program, nil, nil, &strings, environ)
        try #require(failure == 0, "nginx does not start: \(failure)")
        pid = child
        let port = self.port
        var hasEnded = false
        let isThere = try await eventually {
            var status: Int32 = 0
            hasEnded = hasEnded || waitpid(child, &status, WNOHANG) == child
            return hasEnded || Self.listens(port)
        }
        if hasEnded { throw Taken() }
        try #require(isThere, "nginx does not listen")
    }

    func stop() {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] { rmdir("\(directory)/\(name)") }
        for name in ["nginx.conf", "pid", "error.log"] { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isBound)
        return Int(UInt16(bigEndian: name.sin_port))
    }

    private static func listens(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = address(port)
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = in_port_t(UInt16(port)).bigEndian
        name.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return name
    }
}
