import Domain
import Glibc
import Ports
import SQLiteJournal

/// A process that writes a journal and says line by line what was acknowledged, so that a test can kill it at any point
/// and compare; with `bench` it measures.
@main
struct CrashProbe {
    static let place = EnvironmentID(project: "probe", name: "dev")

    static func main() async {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { return usage() }
        let number = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
        do {
            if arguments[1] == "bench" { return try await Bench.run(directory: arguments[2], entries: number) }
            let store = try await JournalStore.open(directory: arguments[2], binary: "probe", now: 1)
            say("open \(getpid())")
            switch arguments[1] {
            case "append": try await appendForever(store, tasks: number)
            case "durable": await appendSome(store, .service, count: number)
            case "evidence": await appendSome(store, .evidence, count: number)
            case "hold": waitForInput()
            default: usage()
            }
            // No close: the process ends as it is.
            withExtendedLifetime(store) {}
        } catch let error as PortError {
            say("error \(error.code.rawValue) \(error.message)")
            exit(3)
        } catch {
            say("error other \(error)")
            exit(4)
        }
    }

    /// Tasks append until the process is killed; `<task> <number>` follows each acknowledgement. Every eighth append is
    /// evidence; some carry large bodies.
    private static func appendForever(_ store: JournalStore, tasks: Int) async throws {
        try await withThrowingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    for number in 0... {
                        let kind: EntryKind = number % 8 == 7 ? .evidence : .service
                        let size = number % 16 == 5 ? 20_000 : 40
                        let body = Array("\(task) \(number) ".utf8) + [UInt8](repeating: UInt8(task), count: size)
                        try await store.append([
                            JournalEntry(kind: kind, environment: place, key: "t\(task)", at: Int64(number), body: body)
                        ])
                        say("\(task) \(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func appendSome(_ store: JournalStore, _ kind: EntryKind, count: Int) async {
        for number in 0..<count {
            do {
                try await store.append([
                    JournalEntry(kind: kind, environment: place, key: "k", at: Int64(number), body: [1, 2, 3])
                ])
                say("ack \(number)")
            } catch let error as PortError {
                say("failed \(number) \(error.code.rawValue)")
            } catch {
                say("failed \(number) \(error)")
            }
        }
    }

    private static func waitForInput() {
        var byte: UInt8 = 0
        while read(0, &byte, 1) > 0 {}
    }

    /// One line in one write, so that lines of several tasks do not mix.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }

    private static func usage() {
        say("usage: journal-crash-probe append|durable|evidence|hold|bench <directory> [number]")
        exit(2)
    }
}
