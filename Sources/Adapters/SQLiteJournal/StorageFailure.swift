import GRDB
import Glibc
import Ports

extension PortError {
    /// A failed system call, in words for a person.
    static func machine(_ code: Int32, _ what: String) -> PortError {
        PortError(.storage, "\(what): \(String(cString: strerror(code)))", hint: machineHint(code))
    }

    private static func machineHint(_ code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "Free some space on that file system, then try again."
        case EROFS: "The file system is mounted read-only: remount it, or give Slipway another state directory."
        case EACCES, EPERM: "Check who owns the directory and its mode; it should be yours, with mode 700."
        case EIO: "The device reports errors: look at `dmesg`, and save a copy of the journal before anything else."
        default: ""
        }
    }

    /// A failure inside SQLite, in words for a person. Errors that are `PortError`s already pass unchanged.
    static func database(_ error: any Error, _ what: String, _ path: String) -> PortError {
        if let known = error as? PortError { return known }
        guard let failure = error as? DatabaseError else {
            return PortError(.storage, "\(what) \(path): \(error)")
        }
        let detail = "\(what) \(path): \(failure.message ?? "SQLite error") (\(failure.extendedResultCode.rawValue))"
        switch failure.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return .damaged(path, "\(failure.message ?? "malformed") (\(failure.extendedResultCode.rawValue))")
        case .SQLITE_FULL:
            return PortError(.storage, detail, hint: machineHint(ENOSPC))
        case .SQLITE_READONLY:
            return PortError(.storage, detail, hint: machineHint(EROFS))
        case .SQLITE_IOERR:
            return PortError(.storage, detail, hint: machineHint(EIO))
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            return PortError(.storage, detail, hint: machineHint(EACCES))
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return PortError(
                .storage, detail,
                hint: "Another program holds the database, an SQLite shell perhaps: end it, then try again.")
        default:
            return PortError(.storage, detail)
        }
    }

    /// A journal whose bytes cannot be trusted. It is never repaired in silence.
    static func damaged(_ path: String, _ detail: String) -> PortError {
        PortError(
            .incompatible, "the journal \(path) is damaged: \(detail)",
            hint: """
                Nothing was changed; what runs keeps serving. `slipway journal verify` lists the damage, \
                `slipway journal export` writes what is still readable. Then stop Slipway, move journal.db, \
                journal.db-wal and journal.lock aside and put a backup's journal.db in their place (without a backup a \
                new journal starts empty and knows nothing of what runs).
                """)
    }

    /// Whether a commit that failed this way may nevertheless be found after a crash: its bytes were written, but the
    /// device refused to make them durable. Asking again proves nothing, because Linux reports a lost write once.
    static func leavesOutcomeUnknown(_ error: any Error) -> Bool {
        guard let failure = error as? DatabaseError else { return false }
        return failure.extendedResultCode == .SQLITE_IOERR_FSYNC
            || failure.extendedResultCode == .SQLITE_IOERR_DIR_FSYNC
    }

    /// Whether another program kept us from the database for longer than the busy time-out.
    static func isHeldByOthers(_ error: any Error) -> Bool {
        guard let failure = error as? DatabaseError else { return false }
        return failure.resultCode == .SQLITE_BUSY || failure.resultCode == .SQLITE_LOCKED
    }
}
