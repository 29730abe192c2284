import Domain

/// One instance through all of its processes. Times are milliseconds since boot.
struct Instance: Hashable, Sendable {
    /// Where its present process is in its life.
    enum Run: Hashable, Sendable {
        /// There is none; the next one may start then.
        case waiting(until: Int64)
        case launching(token: UInt64)
        case running(HostProcess, since: Int64)
        case stopping(HostProcess, since: Int64, killAt: Int64, wasKilled: Bool)
        case gone
    }

    struct Leaving: Hashable, Sendable {
        var since: Int64
        var isLetGo: Bool
    }

    let id: InstanceID
    let release: ReleaseNumber
    /// Milliseconds since 1970.
    let bornAt: Int64
    var port: Int?
    var run: Run = .waiting(until: 0)
    var startup: ProbeProgress?
    var readiness: ProbeProgress?
    var liveness: ProbeProgress?
    /// Its probes are set up for the present process.
    var isEquipped = false
    var isReady = false
    var readySince: Int64 = 0
    /// The present process was ready once.
    var processWasReady = false
    /// Any of its processes was.
    var everReady = false
    var isFailed = false
    /// Is to be called failed as soon as its last lines are read, so that the reason is there from the first moment.
    var isFailing = false
    var attempts = 0
    var restarts = 0
    /// Crashes and failed starts in a row.
    var streak = 0
    var leaving: Leaving?
    /// What its present process has used.
    var meter = UsageMeter()
    /// Kills for want of memory that were heard of.
    var memoryKills = 0
    /// How its last process ended.
    var lastEnd = ""
    var trouble = Trouble()
    /// An end that was heard of before the start was.
    var earlyExit: HostExit?

    init(id: InstanceID, release: ReleaseNumber, bornAt: Int64) {
        self.id = id
        self.release = release
        self.bornAt = bornAt
    }

    /// The token of its present process.
    var token: UInt64? {
        switch run {
        case .waiting, .gone: nil
        case .launching(let token): token
        case .running(let process, _): process.token
        case .stopping(let process, _, _, _): process.token
        }
    }

    var process: HostProcess? {
        switch run {
        case .waiting, .launching, .gone: nil
        case .running(let process, _): process
        case .stopping(let process, _, _, _): process
        }
    }

    var standing: SetPlan.Standing {
        if isFailed { return .failed }
        if isReady { return .ready }
        return everReady ? .unready : .starting
    }

    var member: SetPlan.Member {
        var isTold = false
        if case .stopping = run { isTold = true }
        return SetPlan.Member(
            id: id, release: release, standing: standing, isLeaving: leaving != nil, isTold: isTold)
    }

    var phase: InstancePhase {
        if leaving != nil { return .leaving }
        switch standing {
        case .failed: return .failed
        case .starting: return .starting
        case .unready: return .unready
        case .ready: return .ready
        }
    }

    func view(host: String, now: Int64) -> InstanceView {
        InstanceView(
            id: id, release: release, phase: phase,
            readyFor: phase == .ready ? .milliseconds(max(0, now - readySince)) : .zero, restarts: restarts,
            trouble: isReady && leaving == nil ? "" : trouble.text,
            backend: port.map { .address(host: host, port: $0) } ?? .none, streak: streak, lastEnd: lastEnd,
            usage: leaving == nil ? meter.usage : nil)
    }

    /// What a probe that has not passed yet last got to hear.
    var complaint: (asked: Int, text: String) {
        for progress in [startup, readiness] {
            if let progress, progress.verdict != true { return (progress.asked, progress.complaint) }
        }
        return (0, "")
    }
}

/// Why an instance is not ready, for people.
struct Trouble: Hashable, Sendable {
    /// What was expected and what came instead.
    var headline = ""
    /// How its process ended.
    var ending = ""
    /// The last lines that it wrote, at most five.
    var lines: [String] = []
    var hint = ""

    static let lineLimit = 5

    var text: String {
        var text = [headline, ending].filter { !$0.isEmpty }.joined(separator: "; ")
        guard !text.isEmpty else { return "" }
        if !lines.isEmpty { text += "\n  last lines:" + lines.map { "\n    | \($0)" }.joined() }
        if !hint.isEmpty { text += "\n  try: \(hint)" }
        return text
    }

    /// `exited with code 1`, `was ended by signal SEGV`.
    /// - Parameter milliseconds: how long it lived; nil when nobody knows.
    static func ending(_ exit: HostExit, after milliseconds: Int64?) -> String {
        let lived = milliseconds.map { " after " + Span.milliseconds($0).rounded } ?? ""
        var text =
            switch exit.status {
            case .exited(let code): "exited with code \(code)\(lived)"
            case .signalled(let number): "was ended by signal \(SignalName.text(number))\(lived)"
            case .unknown: "ended\(lived), nobody could tell how"
            }
        if exit.leftBehind > 0 {
            let isOne = exit.leftBehind == 1
            let processes = isOne ? "process it left behind was" : "processes it left behind were"
            text += "; \(exit.leftBehind) \(processes) ended too"
        }
        return text
    }

    /// `64Mi`
    static func size(_ bytes: Int64) -> String {
        for (name, size) in [("Gi", Int64(1) << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] where bytes >= size {
            let tenths = bytes % size * 10 / size
            return tenths == 0 ? "\(bytes / size)\(name)" : "\(bytes / size).\(tenths)\(name)"
        }
        return "\(bytes) bytes"
    }

    /// It took more memory than it may.
    /// - Parameter used: nil when the kernel ended it, and only the limit is known.
    static func overMemory(used: Int64?, limit: Int64) -> Trouble {
        let what =
            used.map { "used \(size($0)) of memory, over its limit of \(size(limit))" }
            ?? "went over its memory limit of \(size(limit)), and the kernel ended it"
        return Trouble(
            headline: what, hint: "find what grows, or raise the limit in `resources.memory`")
    }

    /// What to try after an end.
    static func hint(_ exit: HostExit, port: Int?) -> String {
        if exit.leftBehind > 0 {
            return "let it stay in the foreground (nginx: `daemon off;`, gunicorn: no --daemon): "
                + "what goes into the background cannot be watched"
        }
        switch exit.status {
        case .exited(126), .exited(127): return "the program or a part of it is missing: run its command by hand"
        case .exited(0): return "a service has to go on running; its command came to its end"
        case .signalled(9): return "it was killed, by somebody or by the kernel for want of memory (see dmesg)"
        case .exited, .signalled, .unknown:
            return port == nil
                ? "`slipway logs` shows all that it wrote"
                : "`slipway logs` shows all that it wrote; it has to listen on ${instance.port} (PORT)"
        }
    }
}

/// The signals that a manifest may name, and the names of those that end processes.
enum SignalName {
    static let numbers: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8),
        ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15),
        ("XCPU", 24), ("XFSZ", 25), ("WINCH", 28), ("SYS", 31),
    ]

    /// TERM for a name that is not known; the manifest's check lets none through.
    static func number(_ name: String) -> Int32 {
        numbers.first { $0.name == name || "SIG" + $0.name == name }?.number ?? 15
    }

    static func text(_ number: Int32) -> String {
        numbers.first { $0.number == number }?.name ?? String(number)
    }
}
