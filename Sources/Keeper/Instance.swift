import CLinux
import Glibc
import KeeperControl

/// One instance: a main process, its descendants, its output.
final class Instance {
    let token: UInt64
    let process: ProcessIdentity
    /// The value of its mark.
    let mark: String
    /// Milliseconds since 1970.
    let startedAt: Int64
    let adopted: Bool
    let stopSignal: Int32
    let stopGrace: UInt32
    let logPath: String
    let logLimit: UInt64
    let pipes: OutputPipes
    /// Of an adopted one: tells of its end.
    var pidfd: Int32 = -1
    var exit: ExitReport?
    var acknowledged = false
    /// False when it may have been gone for a while: another session may have its number by now.
    var hasSession = true
    /// Every process of it is gone, and its pipes are closed.
    var isGone = false
    /// CLOCK_MONOTONIC in milliseconds; all that is left then is killed. nil: nobody has asked it to stop.
    var killAt: Int64?
    /// Looks again until everything is gone.
    var sweepTimer: EventLoop.Timer?

    init(record: KeeperState.InstanceRecord, mark: String, adopted: Bool, pipes: OutputPipes) {
        token = record.token
        process = record.process
        startedAt = record.startedAt
        stopSignal = record.stopSignal
        stopGrace = record.stopGrace
        logPath = record.logPath
        logLimit = record.logLimit
        exit = record.exit
        acknowledged = record.acknowledged
        self.mark = mark
        self.adopted = adopted
        self.pipes = pipes
    }

    var record: KeeperState.InstanceRecord {
        KeeperState.InstanceRecord(
            token: token, process: process, startedAt: startedAt, stopSignal: stopSignal, stopGrace: stopGrace,
            logPath: logPath, logLimit: logLimit, exit: exit, acknowledged: acknowledged)
    }

    var report: InstanceReport {
        InstanceReport(
            token: token, process: process, startedAt: startedAt, adopted: adopted,
            droppedLines: pipes.droppedLines, exit: exit)
    }

    /// Name of its FIFOs.
    var pipeName: String { Self.pipeName(token) }

    static func pipeName(_ token: UInt64) -> String { "instance-" + String(token, radix: 16) }

    static func mark(nonce: UInt64, token: UInt64) -> String {
        String(nonce, radix: 16) + "-" + String(token, radix: 16)
    }
}
