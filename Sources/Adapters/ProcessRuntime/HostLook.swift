import CLinux
import Dispatch
package import Domain
import Glibc

/// Looks at this machine: what processes would need of it.
package struct HostLook: Sendable {
    private let configuration: ProcessRuntimeConfiguration

    package init(_ configuration: ProcessRuntimeConfiguration) { self.configuration = configuration }

    /// Everything but the ports of routes, which are the router's.
    package func look(_ question: HostQuestion, wall: Int64) async -> HostView {
        // Walks through `/proc` and writes to the disk: not on the cooperative pool.
        await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async { continuation.resume(returning: view(question, wall)) }
        }
    }

    private func view(_ question: HostQuestion, _ wall: Int64) -> HostView {
        let capabilities = ProcessCapabilities.look(configuration)
        var view = HostView(
            statePath: configuration.directory, openFilesLimit: Int(clamping: capabilities.openFilesLimit),
            processes: ownProcesses(), wall: wall,
            instancePorts: capabilities.ports.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", "),
            instancePortsFree: free(capabilities.ports), hasControlGroups: capabilities.controlGroups,
            controlGroupsReason: capabilities.controlGroupsReason, programs: question.programs.map(program))
        view.instancePortsComplaint = capabilities.portsComplaint
        view.stateTrouble = stateTrouble()
        var space = statvfs()
        if statvfs(configuration.directory, &space) == 0 {
            view.diskFree = Int64(clamping: space.f_bavail) * Int64(clamping: space.f_frsize)
            view.filesFree = space.f_files > 0 ? Int64(clamping: space.f_favail) : nil
        }
        let memory = SmallFile.read("/proc/meminfo") ?? ""
        view.memoryAvailable = Self.field("MemAvailable:", memory).map { $0 << 10 }
        view.memoryTotal = Self.field("MemTotal:", memory).map { $0 << 10 }
        let table = (SmallFile.read("/proc/sys/fs/file-nr") ?? "").split(whereSeparator: \.isWhitespace)
            .compactMap { Int($0) }
        if table.count == 3 { view.openFiles = (table[0], table[2]) }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
        // The kernel does not hold root to it.
        if geteuid() != 0, limit.rlim_cur < UInt64(Int32.max) { view.processLimit = Int(limit.rlim_cur) }
        let isKept = slw_clock_is_synchronised()
        view.isClockKept = isKept < 0 ? nil : isKept == 1
        return view
    }

    /// Tried, not guessed: a file is written, flushed and removed.
    private func stateTrouble() -> String? {
        let path = configuration.directory + "/.preflight"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return "cannot write to \(configuration.directory): \(Self.words(errno))" }
        defer {
            close(descriptor)
            unlink(path)
        }
        guard write(descriptor, "x", 1) == 1, fsync(descriptor) == 0 else {
            return "cannot write to \(configuration.directory): \(Self.words(errno))"
        }
        return nil
    }

    private func program(_ question: ProgramQuestion) -> ProgramView {
        do {
            _ = try ProgramSearch.find(
                question.program, directory: question.directory ?? "/", searchPath: configuration.searchPath)
            return ProgramView(owner: question.owner, program: question.program)
        } catch let failure as LaunchFailure {
            return ProgramView(
                owner: question.owner, program: question.program, trouble: failure.text, hint: failure.hint)
        } catch {
            return ProgramView(owner: question.owner, program: question.program, trouble: "\(error)")
        }
    }

    /// Ports of the ranges on which nobody listens.
    private func free(_ ranges: [ClosedRange<Int>]) -> Int {
        var used: Set<Int> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            SmallFile.lines(of: table) { line in
                let fields = line.split(separator: " ", maxSplits: 4)
                guard fields.count > 3, fields[3] == "0A", let colon = fields[1].lastIndex(of: ":"),
                    let port = Int(fields[1][fields[1].index(after: colon)...], radix: 16)
                else { return }
                if ranges.contains(where: { $0.contains(port) }) { used.insert(port) }
            }
        }
        return ranges.reduce(0) { $0 + $1.count } - used.count
    }

    private func ownProcesses() -> Int {
        guard let stream = opendir("/proc") else { return 0 }
        defer { closedir(stream) }
        var count = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard name.utf8.first.map({ (0x30...0x39).contains($0) }) == true, stat("/proc/\(name)", &status) == 0,
                status.st_uid == getuid()
            else { continue }
            count += 1
        }
        return count
    }

    static func field(_ name: String, _ text: String) -> Int64? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int64($0) }
        }
        return nil
    }

    private static func words(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
