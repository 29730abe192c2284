import Glibc
import NIOCore
import ProxyControl

/// Takes new tables, one at a time: checked, made durable, put in force on every loop, and only then acknowledged.
///
/// Sendable without a lock because its state is touched on the control loop only.
final class TableDesk: @unchecked Sendable {
    let bootID: String
    private let control: any EventLoop
    private let workers: [LoopWorker]
    private let file: TableFile
    private var table: RouteTable
    private var isClosed = false
    /// The end of the queue of tables: each waits for the one before it, whatever became of that.
    private var tail: EventLoopFuture<Void>

    /// - Parameter table: What is in force on all workers already.
    init(control: any EventLoop, workers: [LoopWorker], file: TableFile, table: RouteTable) {
        self.control = control
        self.workers = workers
        self.file = file
        self.table = table
        bootID = String(UInt64.random(in: .min ... .max), radix: 16)
        tail = control.makeSucceededVoidFuture()
    }

    /// Puts a table in force. The future succeeds when no request can be sent by an older one.
    func apply(_ next: RouteTable) -> EventLoopFuture<Applied> {
        control.preconditionInEventLoop()
        let done = tail.flatMap { self.applyNow(next) }
        tail = done.map { _ in }.recover { _ in }
        return done
    }

    private func applyNow(_ next: RouteTable) -> EventLoopFuture<Applied> {
        do {
            try check(next)
            try file.save(next)
        } catch let error as ProxyControlError {
            return control.makeFailedFuture(error)
        } catch {
            return control.makeFailedFuture(
                ProxyControlError(code: .notDurable, message: "the route table could not be written", cause: "\(error)")
            )
        }
        return install(next).map {
            Applied(bootID: self.bootID, fence: next.fence, generation: next.generation)
        }
    }

    /// Puts the file's table in force, where it is newer than this one's: another proxy wrote it.
    func catchUp() -> EventLoopFuture<Void> {
        control.preconditionInEventLoop()
        let done = tail.flatMapThrowing { try self.file.load() }.flatMap { table -> EventLoopFuture<Void> in
            guard let table, (self.table.fence, self.table.generation) < (table.fence, table.generation) else {
                return self.control.makeSucceededVoidFuture()
            }
            return self.install(table)
        }
        tail = done.recover { _ in }
        return done
    }

    private func install(_ next: RouteTable) -> EventLoopFuture<Void> {
        let installed = workers.map { worker in worker.eventLoop.submit { try worker.install(next) } }
        return EventLoopFuture.andAllSucceed(installed, on: control).map { self.table = next }
    }

    private func check(_ next: RouteTable) throws {
        if isClosed { throw ProxyControlError(code: .shuttingDown, message: "the proxy is stopping") }
        if (next.fence, next.generation) < (table.fence, table.generation) {
            throw ProxyControlError(
                code: .stale,
                message: "the table \(next.fence).\(next.generation) is older than \(table.fence).\(table.generation)",
                hint: "another supervisor has taken over")
        }
        if let fault = next.fault() { throw fault }
    }

    /// From now on tables are refused.
    func close() { isClosed = true }

    func hello() -> ProxyHello {
        ProxyHello(
            bootID: bootID, pid: getpid(), tableVersion: RouteTable.currentVersion, fence: table.fence,
            generation: table.generation)
    }

    /// The counts of all loops, added up.
    func snapshot(listeners: [String]) -> EventLoopFuture<ProxySnapshot> {
        let first = control.makeSucceededFuture(SnapshotSums())
        let sums = workers.reduce(first) { sums, worker in
            sums.flatMap { before in
                worker.eventLoop.submit {
                    var sums = before
                    worker.add(to: &sums)
                    return sums
                }.hop(to: self.control)
            }
        }
        return sums.map { self.snapshot($0, listeners) }
    }

    private func snapshot(_ sums: SnapshotSums, _ listeners: [String]) -> ProxySnapshot {
        let epochs = Dictionary(uniqueKeysWithValues: table.services.map { ($0.name, $0.epoch) })
        let names = Set(sums.releases.keys.map(\.service)).union(epochs.keys).sorted()
        let releases = sums.releases.sorted { $0.key < $1.key }
        let services = names.map { name in
            ServiceCounts(
                name: name, epoch: epochs[name] ?? 0, held: sums.held[name] ?? 0, refused: sums.refused[name] ?? 0,
                releases: releases.filter { $0.key.service == name }.map { Self.ordered($0.value) })
        }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return ProxySnapshot(
            bootID: bootID, fence: table.fence, generation: table.generation,
            now: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000, connections: sums.connections,
            unrouted: sums.unrouted, listeners: listeners.sorted(), services: services)
    }

    private static func ordered(_ counts: ReleaseCounts) -> ReleaseCounts {
        var counts = counts
        counts.instances.sort { $0.instance < $1.instance }
        counts.routes.sort { ($0.host ?? "", $0.path) < ($1.host ?? "", $1.path) }
        return counts
    }
}
