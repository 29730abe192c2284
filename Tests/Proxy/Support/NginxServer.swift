import FoundationEssentials
import Glibc
import Testing

/// Debian's nginx on a free port of the loopback interface, serving a directory of its own.
struct NginxServer: Sendable {
    let port: Int
    private let pid: pid_t
    private let folder: String

    static var isInstalled: Bool { access("/usr/sbin/nginx", X_OK) == 0 }

    /// - Parameters:
    ///   - files: What it serves: name and content.
    ///   - directives: More lines for its `server` block.
    static func start(files: [String: [UInt8]], directives: String = "") async throws -> NginxServer {
        let folder = try temporaryFolder()
        guard chmod(folder, 0o755) == 0 else { throw WireError(description: "chmod") }
        try FileManager.default.createDirectory(atPath: folder + "/html", withIntermediateDirectories: true)
        for (name, bytes) in files {
            try Data(bytes).write(to: URL(filePath: folder + "/html/" + name))
        }
        let (probe, port) = try listenOnLoopback()
        close(probe)
        let text = """
            daemon off; worker_processes 1; pid \(folder)/pid; error_log \(folder)/error.log;
            events { worker_connections 512; }
            http {
              access_log off; client_body_temp_path \(folder)/body; proxy_temp_path \(folder)/proxy;
              fastcgi_temp_path \(folder)/fastcgi; uwsgi_temp_path \(folder)/uwsgi; scgi_temp_path \(folder)/scgi;
              server { listen 127.0.0.1:\(port); root \(folder)/html; client_max_body_size 1g; \(directives) }
            }
            """
        let configuration = folder + "/nginx.conf"
        try Data(text.utf8).write(to: URL(filePath: configuration))
        let server = NginxServer(port: port, pid: try spawn(["/usr/sbin/nginx", "-c", configuration]), folder: folder)
        // A refused connection is the answer "not yet".
        try await eventually("nginx listens") { (try? Wire(port: port)) != nil }
        return server
    }

    private static func spawn(_ words: [String]) throws -> pid_t {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, words[0], nil, nil, arguments, nil) == 0 else {
            throw WireError(description: "\(words[0]) cannot be started")
        }
        return pid
    }

    func stop() throws {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        try FileManager.default.removeItem(atPath: folder)
    }
}
