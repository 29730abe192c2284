import CLinux
import Glibc
import TestServers

/// A container's program, as a process of this machine.
struct ContainerProcess: Sendable {
    let pid: pid_t
    /// In the environment of every process of the pod, whoever started it.
    private let mark: String

    static let variable = "SLIPWAY_DOUBLE_POD"

    /// - Parameters:
    ///   - words: the program, absolute, and its arguments.
    ///   - log: what it writes is appended to this file.
    ///   - mark: tells the processes of the pod from all others.
    ///   - inherited: descriptors that it gets, from 3 on.
    init(
        _ words: [String], environment: [String], log: String, mark: String, inherited: [Int32] = []
    ) throws(PodPrograms.Trouble) {
        self.mark = mark
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { for file in [null, output] where file >= 0 { close(file) } }
        guard null >= 0, output >= 0 else { throw PodPrograms.Trouble(description: "\(log) cannot be written") }
        var strings: [UnsafeMutablePointer<CChar>?] = []
        func list(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
            let copies = texts.map { strdup($0) }
            strings += copies
            return copies + [nil]
        }
        defer { for string in strings { free(string) } }
        let argv = list(words)
        let envp = list(environment + ["\(Self.variable)=\(mark)"])
        let result = ([null, output, output] + inherited).withUnsafeBufferPointer { descriptors in
            argv.withUnsafeBufferPointer { argv in
                envp.withUnsafeBufferPointer { envp in
                    var plan = slw_spawn_plan()
                    plan.path = argv[0].map { UnsafePointer($0) }
                    plan.argv = argv.baseAddress
                    plan.envp = envp.baseAddress
                    plan.descriptors = descriptors.baseAddress
                    plan.descriptor_count = descriptors.count
                    plan.umask = 0o022
                    return slw_spawn(&plan)
                }
            }
        }
        guard result.error == 0 else {
            throw PodPrograms.Trouble(description: "exec: \"\(words[0])\": error \(result.error)")
        }
        pid = result.pid
    }

    /// Its exit code, or 128 and the signal that ended it. Waits for it.
    func end() async -> Int64 {
        await withCheckedContinuation { continuation in
            OwnThread.run { [pid] in
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7f
                continuation.resume(returning: signal == 0 ? Int64(status >> 8 & 0xff) : 128 + Int64(signal))
            }
        }
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Ends what the program has started and left behind, as the end of a container does.
    func sweep() {
        for _ in 0..<100 {
            let left = Self.processes(mark)
            if left.isEmpty { return }
            for pid in left { kill(pid, SIGKILL) }
            // They are gone when the system has come round to them.
            usleep(5000)
        }
    }

    private static func processes(_ mark: String) -> [pid_t] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var found: [pid_t] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let pid = pid_t(name) else { continue }
            var room = [CChar](repeating: 0, count: 256)
            guard slw_process_environment(pid, "\(variable)=", &room, room.count) > 0 else { continue }
            let own = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if own == mark { found.append(pid) }
        }
        return found
    }
}
