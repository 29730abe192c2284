import SupervisorAPI

/// What differs between this binary and what runs, and which of them is to be brought up to date.
struct VersionGap: Equatable, Sendable {
    /// Of what runs.
    var running: String
    /// Of the interface that it offers.
    var api: Int
    var own = Slipway.version
    var ownAPI = SupervisorClient.apiVersion

    /// Whether what runs is older than this binary; nil: they are the same, or nobody can tell.
    var isOlder: Bool? {
        let (there, here) = (Self.numbers(running), Self.numbers(own))
        if there != here { return there.lexicographicallyPrecedes(here) }
        return api == ownAPI ? nil : api < ownAPI
    }

    private var isNone: Bool { running == own && api == ownAPI }

    /// Both versions, in one sentence; nil when nothing differs.
    var text: String? {
        guard !isNone else { return nil }
        switch isOlder {
        case true: return "the supervisor runs version \(running), and this slipway is newer: \(own)"
        case false: return "the supervisor runs version \(running), and this slipway is older: \(own)"
        case nil: return "the supervisor runs version \(running), and this slipway is \(own)"
        }
    }

    /// What to type; empty when nothing differs.
    var hint: String {
        guard !isNone else { return "" }
        return isOlder == false
            ? "use the newer slipway (`type -a slipway` lists what is installed); `slipway restart` with this one would "
                + "go back to \(own)"
            : "`slipway restart` goes on with this one; services keep serving"
    }

    /// What is said beside the output of every command; nil when nothing differs.
    var warning: String? { text.map { "warning: \($0)\nhint: \(hint)" } }

    /// Requests and answers of another interface mean something else: nothing is asked over it.
    var error: SupervisorError? {
        guard api != ownAPI, let text else { return nil }
        return SupervisorError(
            code: "version", message: "\(text); they do not understand each other (interface \(api) and \(ownAPI))",
            hint: hint)
    }

    init(_ report: VersionReport, own: String = Slipway.version, ownAPI: Int = SupervisorClient.apiVersion) {
        running = report.version
        api = report.api
        self.own = own
        self.ownAPI = ownAPI
    }

    /// `0.10.2-rc1` is 0, 10, 2: what is not a number does not decide which is older.
    private static func numbers(_ version: String) -> [Int] {
        version.prefix { $0 != "-" && $0 != "+" }.split(separator: ".").map { Int($0) ?? 0 }
    }
}
