import Foundation
import Glibc
import Ports
import SQLiteJournal
import Testing

@Suite("Crashes and broken devices", .serialized)
struct CrashTests {
    @Test("killed at any point: everything acknowledged is there, and the chain holds", arguments: 0..<8)
    func killed(_ seed: UInt64) async throws {
        let scratch = try Scratch()
        var random = SplitMix(state: seed)
        let output = scratch.path + "/out"
        let tasks = [1, 8, 50].randomElement(using: &random) ?? 1
        let probe = try ProbeProcess(["append", scratch.journal, String(tasks)], output: output)
        let wanted = Int.random(in: 1...1500, using: &random)
        #expect(try await eventually(within: 60) { try probe.lines().count > wanted })
        probe.kill()
        _ = try await probe.end()

        var acknowledged: [String: Int] = [:]
        for line in try probe.lines().dropFirst() {
            let words = line.split(separator: " ")
            acknowledged[String(words[0])] = Int(words[1]) ?? -2
        }
        let store = try await scratch.open()
        let found = try await store.history(JournalQuery(kinds: [], limit: .max)).reversed().map(\.entry)
        for task in 0..<tasks {
            let mine = found.filter { $0.key == "t\(task)" }
            #expect(mine.map(\.at) == (0..<mine.count).map(Int64.init), "seed \(seed): task \(task) has a gap")
            let last = acknowledged[String(task)] ?? -1
            #expect(mine.count - 1 >= last, "seed \(seed): task \(task) lost what was acknowledged")
            #expect(mine.count - 1 <= last + 1, "seed \(seed): task \(task) has what it never wrote")
            #expect(mine.allSatisfy { $0.body.starts(with: Array("\(task) \($0.at) ".utf8)) })
        }
        try await store.append([sample(1)])
        try await store.close()
        let report = try await scratch.reader().verify()
        #expect(report.isWhole, "seed \(seed): \(report.problems)")
        #expect(report.entries == found.count + 1)
    }

    private static let strace = "/usr/bin/strace"

    private func syncs(_ mode: String, _ count: Int) async throws -> Int {
        let scratch = try Scratch()
        try await scratch.filled(1)
        let trace = scratch.path + "/trace"
        let probe = try ProbeProcess(
            [mode, scratch.journal, String(count)], output: scratch.path + "/out",
            before: [Self.strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", trace])
        #expect(try await probe.end() == 0)
        #expect(try probe.lines().count { $0.hasPrefix("ack") } == count)
        let calls = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        return calls.count { $0.contains("sync(") }
    }

    @Test("each lone append of a durable kind is synced, evidence is not")
    func synced() async throws {
        guard isAvailable("strace", access(Self.strace, X_OK) == 0) else { return }
        #expect(try await syncs("durable", 40) >= 40)
        #expect(try await syncs("evidence", 40) <= 5)
    }

    @Test("when the device refuses to make a commit durable, nothing more is promised")
    func syncFails() async throws {
        guard isAvailable("strace", access(Self.strace, X_OK) == 0) else { return }
        let scratch = try Scratch()
        try await scratch.filled(1)
        let probe = try ProbeProcess(
            ["durable", scratch.journal, "30"], output: scratch.path + "/out",
            before: [
                Self.strace, "-f", "-qq", "-o", scratch.path + "/trace", "-e", "trace=fsync,fdatasync", "-e",
                // One failure only: the next call would succeed, and prove nothing.
                "inject=fsync,fdatasync:error=EIO:when=12",
            ])
        #expect(try await probe.end() == 0)
        let lines = try probe.lines().dropFirst()
        let acknowledged = lines.prefix { $0.hasPrefix("ack") }.count
        #expect(acknowledged > 3 && acknowledged < 30, "\(lines)")
        #expect(
            lines.dropFirst(acknowledged).allSatisfy { $0.hasPrefix("failed") && $0.hasSuffix("storage") }, "\(lines)")
        let store = try await scratch.open()
        #expect(Int(store.head.sequence) - 1 >= acknowledged)
        try await store.close()
        #expect(try await scratch.reader().verify().isWhole)
    }

    @Test("a read-only directory is refused with a hint, and can be read")
    func readOnly() async throws {
        guard mayMount() else { return }
        let scratch = try Scratch()
        try await scratch.filled(20)
        let mounted = try Mount(scratch.path + "/mount", size: "8m")
        mkdir(mounted.path + "/journal", 0o700)
        try FileManager.default.copyItem(atPath: scratch.database, toPath: mounted.path + "/journal/journal.db")
        try mounted.makeReadOnly()
        for directory in ["journal", "new"] {
            let error = try await refusal {
                try await JournalStore.open(directory: mounted.path + "/" + directory, binary: "1", now: 1)
            }
            #expect(error?.code == .storage)
            #expect(error?.hint.contains("read-only") == true, "\(String(describing: error))")
        }
        do {
            let reader = try await JournalReader.open(directory: mounted.path + "/journal", binary: "1")
            let report = try await reader.verify()
            #expect(report.isWhole)
            #expect(report.entries == 20)
        }
        try mounted.remove()
    }

    @Test("a full disk fails appends without losing any, and passes when there is room again")
    func full() async throws {
        guard mayMount() else { return }
        let scratch = try Scratch()
        let mounted = try Mount(scratch.path + "/mount", size: "3m")
        let filler = mounted.path + "/filler"
        try Data(repeating: 1, count: 1 << 20).write(to: URL(fileURLWithPath: filler))
        let directory = mounted.path + "/journal"
        let store = try await JournalStore.open(directory: directory, binary: "1", now: 1)
        var written = 0
        var failure: PortError?
        while failure == nil, written < 5000 {
            do {
                try await store.append([sample(written), sample(written + 1)])
                written += 2
            } catch let error as PortError { failure = error }
        }
        #expect(failure?.code == .storage)
        #expect(failure?.hint.contains("space") == true, "\(String(describing: failure))")
        #expect(try await store.history(JournalQuery(kinds: [], limit: .max)).count == written)
        #expect(try await refusal { try await store.append([sample(0)]) }?.code == .storage)
        try FileManager.default.removeItem(atPath: filler)
        for number in written..<written + 20 { try await store.append([sample(number)]) }
        try await store.close()
        let again = try await JournalStore.open(directory: directory, binary: "1", now: 1)
        let found = try await again.history(JournalQuery(kinds: [], limit: .max))
        #expect(found.reversed().map(\.entry) == (0..<written + 20).map { sample($0) })
        try await again.close()
        try Data(repeating: 1, count: 3 << 20).writeAsMuchAsFits(to: filler)
        let noRoom = try await refusal {
            try await JournalStore.open(directory: mounted.path + "/other", binary: "1", now: 1)
        }
        #expect(noRoom?.code == .storage)
        #expect(noRoom?.hint.contains("space") == true, "\(String(describing: noRoom))")
        try mounted.remove()
    }
}

/// A small file system in memory.
struct Mount {
    let path: String

    init(_ path: String, size: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(size)") == 0 else {
            throw PortError(.storage, "mount: \(String(cString: strerror(errno)))")
        }
    }

    func makeReadOnly() throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else {
            throw PortError(.storage, "remount: \(String(cString: strerror(errno)))")
        }
    }

    /// Takes the file system away, at once or with the last use of it.
    func remove() throws {
        guard umount2(path, Int32(MNT_DETACH)) == 0 else {
            throw PortError(.storage, "umount: \(String(cString: strerror(errno)))")
        }
    }
}

extension Data {
    /// Fills a file system to its end.
    func writeAsMuchAsFits(to path: String) throws {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw PortError(.storage, "open: \(errno)") }
        defer { Glibc.close(descriptor) }
        var offset = 0
        while offset < count {
            let written = withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: offset), count - offset)
            }
            if written <= 0 { return }
            offset += written
        }
    }
}
