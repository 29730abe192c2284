import CLinux
import Glibc
import KeeperControl

/// One look at all processes of the machine: who belongs to which instance.
struct ProcessTable {
    /// The variable by which an instance's descendants are known even outside its session.
    static let markName = "SLIPWAY_INSTANCE="

    struct Entry {
        var process: ProcessIdentity
        var parent: Int32
        var session: Int32
        /// The mark's value, nil without one.
        var mark: String?
    }

    /// By pid; zombies are left out: they are dead and only wait to be reaped.
    private(set) var entries: [Entry]

    init(entries: [Entry]) {
        self.entries = entries
    }

    /// - Parameter marks: whether to read the processes' environments too, which costs most of the time.
    static func look(marks: Bool = true) -> ProcessTable {
        var table = ProcessTable(entries: [])
        guard let directory = opendir("/proc") else { return table }
        defer { closedir(directory) }
        var value = [CChar](repeating: 0, count: 64)
        while let item = readdir(directory) {
            guard let pid = number(item) else { continue }
            var stat = slw_process_stat()
            guard slw_process_stat(pid, &stat) == 0, stat.state != CChar(UInt8(ascii: "Z")),
                stat.state != CChar(UInt8(ascii: "X"))
            else { continue }
            let marked = marks && slw_process_environment(pid, markName, &value, value.count) > 0
            table.entries.append(
                Entry(
                    process: ProcessIdentity(pid: pid, startTime: stat.start_time), parent: stat.parent,
                    session: stat.session,
                    mark: marked ? value.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } : nil))
        }
        return table
    }

    private static func number(_ item: UnsafeMutablePointer<dirent>) -> Int32? {
        withUnsafePointer(to: &item.pointee.d_name) { name in
            name.withMemoryRebound(to: CChar.self, capacity: 256) { text in
                guard text.pointee >= CChar(UInt8(ascii: "1")), text.pointee <= CChar(UInt8(ascii: "9")) else {
                    return nil
                }
                return Int32(String(cString: text))
            }
        }
    }

    /// All living processes of an instance, its main process among them: those of its session, those that carry its
    /// mark, and the children of these.
    ///
    /// - Parameter session: whether the number of its session can be relied upon. A number is not given to others
    ///   while the session has a process, but after that it is.
    func members(of main: ProcessIdentity, mark: String, session: Bool) -> [ProcessIdentity] {
        // Somebody else has the session when its leader's number belongs to another process by now.
        let sessionIsOurs =
            session && !entries.contains { $0.process.pid == main.pid && $0.process != main }
        var members = Set<Int32>()
        var found: [ProcessIdentity] = []
        func take(_ entry: Entry) {
            if members.insert(entry.process.pid).inserted { found.append(entry.process) }
        }
        for entry in entries
        where entry.process == main || entry.mark == mark || (sessionIsOurs && entry.session == main.pid) {
            take(entry)
        }
        var before = -1
        while before != found.count {
            before = found.count
            for entry in entries where members.contains(entry.parent) { take(entry) }
        }
        return found
    }

    func children(of parent: Int32) -> [ProcessIdentity] {
        entries.filter { $0.parent == parent }.map(\.process)
    }
}

/// What can be done to a process that is known by pid and start time.
enum Processes {
    /// The identity of a living process or zombie, nil when there is none.
    static func identity(of pid: Int32) -> ProcessIdentity? {
        var stat = slw_process_stat()
        guard slw_process_stat(pid, &stat) == 0 else { return nil }
        return ProcessIdentity(pid: pid, startTime: stat.start_time)
    }

    /// A pidfd of exactly this process; nil when it is gone, or its number is another process's by now.
    static func open(_ process: ProcessIdentity) -> Int32? {
        let descriptor = slw_pidfd_open(process.pid)
        guard descriptor >= 0 else { return nil }
        // After pidfd_open: the descriptor cannot change its process any more.
        guard identity(of: process.pid) == process else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Sends a signal to exactly this process.
    ///
    /// - Returns: whether it was there to get it.
    @discardableResult
    static func send(_ signal: Int32, to process: ProcessIdentity) -> Bool {
        guard let descriptor = open(process) else { return false }
        defer { close(descriptor) }
        return slw_pidfd_send_signal(descriptor, signal) == 0
    }
}
