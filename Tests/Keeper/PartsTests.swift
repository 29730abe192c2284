import CLinux
import Glibc
import KeeperControl
import Testing

@testable import Keeper

@Suite struct BackoffTests {
    @Test func delaysGrowAndStartAnewAfterALongLife() {
        var backoff = Backoff()
        #expect((0..<9).map { _ in backoff.died(after: 10) } == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
        #expect(backoff.died(after: Backoff.longLife) == 0)
        #expect(backoff.died(after: 10) == 100)
        for _ in 0..<100 { #expect(backoff.died(after: 0) <= Backoff.largestDelay) }
    }
}

@Suite struct ListenAddressTests {
    @Test func shapes() {
        #expect(ListenAddress("127.0.0.1:80")?.text == "127.0.0.1:80")
        #expect(ListenAddress("[::1]:0")?.text == "[::1]:0")
        for bad in ["::1:80", "[::1]", "[::1]80", "1.2.3.4:-1", "1.2.3.4:65536", "1.2.3.4:", "[]:80", ":1", ""] {
            #expect(ListenAddress(bad) == nil, "\(bad)")
        }
    }
}

@Suite struct StateFileTests {
    private let state = KeeperState(
        nonce: 0xabcdef, bootID: Array(0..<16), listeners: ["127.0.0.1:80"],
        instances: [
            KeeperState.InstanceRecord(
                token: 5, process: ProcessIdentity(pid: 77, startTime: 99), startedAt: 1, stopSignal: 15, stopGrace: 3,
                logPath: "/a/b", logLimit: 4096,
                exit: ExitReport(
                    token: 5, process: ProcessIdentity(pid: 77, startTime: 99), status: .signalled(9), at: 4,
                    descendants: 2, droppedLines: 8), acknowledged: true)
        ],
        roles: [.init(name: .proxy, process: ProcessIdentity(pid: 3, startTime: 4), pipes: "proxy-1")])

    @Test func roundTrip() throws {
        #expect(try KeeperState.decode(state.encoded) == state)
    }

    @Test func everyDamageIsSeen() {
        let bytes = state.encoded
        for length in 0..<bytes.count {
            #expect(throws: KeeperState.Failure.self) { try KeeperState.decode(Array(bytes[..<length])) }
        }
        for index in bytes.indices {
            let torn = bytes.replacing(at: index, with: bytes[index] ^ 0x10)
            #expect(throws: KeeperState.Failure.self) { try KeeperState.decode(torn) }
        }
    }
}

@Suite struct ProcessTableTests {
    @Test func membersAreThoseOfSessionMarkAndDescent() {
        func entry(_ pid: Int32, parent: Int32 = 1, session: Int32, mark: String? = nil) -> ProcessTable.Entry {
            ProcessTable.Entry(
                process: ProcessIdentity(pid: pid, startTime: UInt64(pid)), parent: parent, session: session, mark: mark
            )
        }
        let entries = [
            entry(14, parent: 13, session: 14), entry(10, session: 10), entry(11, session: 10),
            entry(12, session: 12, mark: "n-1"), entry(13, parent: 12, session: 13),
            entry(20, session: 20, mark: "n-2"),
            entry(21, parent: 20, session: 20),
        ]
        let table = ProcessTable(entries: entries)
        let main = ProcessIdentity(pid: 10, startTime: 10)
        #expect(table.members(of: main, mark: "n-1", session: true).map(\.pid).sorted() == [10, 11, 12, 13, 14])
        #expect(table.members(of: main, mark: "n-1", session: false).map(\.pid).sorted() == [10, 12, 13, 14])
        // The number is another process's by now, and its session with it.
        let former = ProcessIdentity(pid: 10, startTime: 9)
        #expect(table.members(of: former, mark: "n-1", session: true).map(\.pid).sorted() == [12, 13, 14])
    }

    @Test func thisProcessIsFound() throws {
        let own = try #require(Processes.identity(of: getpid()))
        #expect(ProcessTable.look(marks: false).entries.contains { $0.process == own })
        #expect(!Processes.send(0, to: ProcessIdentity(pid: own.pid, startTime: own.startTime + 1)))
        #expect(Processes.send(0, to: own))
    }
}
