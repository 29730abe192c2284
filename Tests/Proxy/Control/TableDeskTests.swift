import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix
import ProxyControl
import Synchronization
import Testing

@testable import Proxy

@Suite struct TableDeskTests {
    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    /// The acknowledgement waits for the slowest loop.
    @Test func tablesAreAcknowledgedWhenEveryLoopHasThem() async throws {
        let folder = try temporaryFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let loops = group.makeIterator().map { $0 }
        let workers = loops[1...].map { LoopWorker(eventLoop: $0, limits: ProxyLimits(), loopCount: 2) }
        let desk = TableDesk(
            control: loops[0], workers: workers, file: TableFile(path: folder + "/t"), table: .empty)
        let isFree = Flag()
        let blocked = loops[2].submit {
            // Keeps the loop busy until it is told otherwise: a blocked loop is what is tested.
            while !isFree.value.load(ordering: .sequentiallyConsistent) { usleep(1000) }
        }
        let applied = loops[0].flatSubmit {
            desk.apply(RouteTable(fence: 1, generation: 1, listeners: [], services: []))
        }
        try await eventually("the free loop has the table") {
            try await loops[1].submit { workers[0].routes?.generation == 1 }.get()
        }
        // Through the control loop, behind whatever the free loop's answer has set off there.
        for _ in 0..<10 {
            let isDone = try await loops[0].submit { desk.hello().generation == 1 }.get()
            #expect(!isDone)
        }
        isFree.value.store(true, ordering: .sequentiallyConsistent)
        try await blocked.get()
        _ = try await applied.get()
        #expect(try await loops[2].submit { workers[1].routes?.generation == 1 }.get())
        try await group.shutdownGracefully()
        try FileManager.default.removeItem(atPath: folder)
    }
}
