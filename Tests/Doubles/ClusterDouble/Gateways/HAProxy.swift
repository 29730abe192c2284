import FoundationEssentials
import Glibc

/// A real HAProxy, told by whole configurations: a process follows the next one, and the process before ends when its
/// last answer is out. The socket is the caller's and stays open in between, so that nobody is refused meanwhile.
actor HAProxy {
    /// Debian's.
    static let program = "/usr/sbin/haproxy"
    /// Of the socket, in the processes.
    static let descriptor = 3

    private let listener: Int32
    private let folder: String
    private let mark: String
    private var number = 0
    private var current: pid_t?
    private var ends: [pid_t: Task<Void, Never>] = [:]

    /// Why requests do not follow a configuration.
    struct Trouble: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameters:
    ///   - listener: a socket that listens.
    ///   - folder: for configurations and what HAProxy says.
    init(listener: Int32, folder: String) {
        self.listener = listener
        self.folder = folder
        mark = "haproxy-\(folder)"
    }

    /// Returns when new requests follow it.
    func follow(_ configuration: String) async throws(Trouble) {
        number += 1
        let path = "\(folder)/haproxy-\(number).cfg"
        do { try configuration.write(toFile: path, atomically: false, encoding: .utf8) } catch {
            throw Trouble(description: "\(path) cannot be written: \(error)")
        }
        let before = current.flatMap { ends[$0] == nil ? nil : $0 }
        var words = [Self.program, "-f", path]
        if let before { words += ["-sf", String(before)] }
        let log = "\(folder)/haproxy-\(number).log"
        let next: ContainerProcess
        do { next = try ContainerProcess(words, environment: [], log: log, mark: mark, inherited: [listener]) } catch {
            throw Trouble(description: error.description)
        }
        ends[next.pid] = Task {
            _ = await next.end()
            self.forget(next.pid)
        }
        current = next.pid
        guard let before else { return }
        try await untilTakenOver(next.pid, from: before, log)
    }

    private func forget(_ pid: pid_t) { ends[pid] = nil }

    /// The one before is told to end when the next one listens. It takes no connections then, but lives on while there
    /// are requests under way: they are not waited for longer than this.
    private func untilTakenOver(_ next: pid_t, from before: pid_t, _ log: String) async throws(Trouble) {
        let deadline = ContinuousClock.now + .seconds(10)
        while ends[before] != nil, ContinuousClock.now < deadline {
            guard ends[next] != nil else {
                current = before
                throw Trouble(description: "HAProxy does not follow: \(Self.text(log))")
            }
            // Until one of them ends.
            do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
        }
    }

    private static func text(_ path: String) -> String {
        // Without its words the trouble is told all the same.
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? "and says nothing"
    }

    /// Ends all processes, with whatever they do.
    func stop() async {
        for (pid, end) in ends {
            kill(pid, SIGKILL)
            await end.value
        }
    }
}
