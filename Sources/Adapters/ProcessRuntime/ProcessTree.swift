import Glibc

/// The processes of this machine at one moment, as `/proc` tells of them: enough to say what belongs to an instance and
/// what it uses.
struct ProcessTree {
    struct Entry: Hashable {
        var parent: Int32
        var session: Int32
        /// Clock ticks since boot.
        var start: UInt64
        /// Microseconds, those of ended children that were waited for included.
        var cpu: Int64
        /// Bytes in memory; pages that processes share count for each.
        var memory: Int64
    }

    private var entries: [Int32: Entry] = [:]

    /// Reads all of `/proc`: a few microseconds a process.
    static func read() throws -> ProcessTree {
        var tree = ProcessTree()
        for name in try Tree.names("/proc") {
            guard let pid = Int32(name), let text = SmallFile.read("/proc/\(name)/stat"), let entry = parse(text) else {
                continue
            }
            tree.entries[pid] = entry
        }
        return tree
    }

    init() {}

    init(_ entries: [Int32: Entry]) { self.entries = entries }

    /// One line of `/proc/<pid>/stat` (proc(5)). The name may hold spaces and brackets: what counts comes after the
    /// last bracket.
    static func parse(_ text: String) -> Entry? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 21, let parent = Int32(fields[1]), let session = Int32(fields[3]),
            let start = UInt64(fields[19]), let pages = Int64(fields[21])
        else { return nil }
        var ticks: Int64 = 0
        for place in 11...14 { ticks += Int64(fields[place]) ?? 0 }
        let second = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return Entry(
            parent: parent, session: session, start: start, cpu: ticks * 1_000_000 / second,
            memory: pages * Int64(sysconf(Int32(_SC_PAGESIZE))))
    }

    /// What a main process uses with all that belongs to it: its session, and whatever descends from it.
    /// - Returns: nil when it is not there, or another process has its number.
    func usage(of process: HostProcess) -> UsageSample? {
        let main = process.pid
        guard entries[main]?.start == process.startTime else { return nil }
        var sample = UsageSample(cpu: 0, memory: 0)
        for (pid, entry) in entries where entry.session == main || descends(pid, from: main) {
            sample.cpu += entry.cpu
            sample.memory += entry.memory
        }
        return sample
    }

    private func descends(_ pid: Int32, from main: Int32) -> Bool {
        var current = pid
        // `/proc` is read piece by piece, so that a circle is possible where a number was used again.
        for _ in 0..<64 {
            if current == main { return true }
            guard current > 1, let entry = entries[current] else { return false }
            current = entry.parent
        }
        return false
    }
}
