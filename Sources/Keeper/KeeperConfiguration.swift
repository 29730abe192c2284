import KeeperControl

/// What the keeper is told at its start.
package struct KeeperConfiguration: Sendable {
    /// Where lock, state, pipes and logs of the keeper lie; private to its user. Created when missing.
    package var stateDirectory: String
    /// The supervisor's argument vector, beginning with the path of its program; empty: none is started.
    package var supervisor: [String]
    /// The proxy's, likewise.
    package var proxy: [String]
    /// The roles' environment, `NAME=value`; nil: the keeper's own.
    package var environment: [String]?
    /// How long the proxy may drain when the keeper gets TERM or INT, in milliseconds.
    package var shutdownGrace: UInt32
    /// How long a proxy may drain after another one took its place, in milliseconds.
    package var proxyDrain: UInt32
    /// Size in bytes at which `keeper.log`, `supervisor.log` and `proxy.log` are turned over.
    package var logLimit: UInt64
    /// What logs call the one in the supervisor's place.
    package var supervisorWord: String
    /// Whether what these files get is said on the keeper's standard error too.
    package var repeatsLogs: Bool

    package init(
        stateDirectory: String, supervisor: [String], proxy: [String], environment: [String]? = nil,
        shutdownGrace: UInt32 = 30_000, proxyDrain: UInt32 = 30_000, logLimit: UInt64 = 16 << 20,
        supervisorWord: String = RoleName.supervisor.word, repeatsLogs: Bool = false
    ) {
        self.stateDirectory = stateDirectory
        self.supervisor = supervisor
        self.proxy = proxy
        self.environment = environment
        self.shutdownGrace = shutdownGrace
        self.proxyDrain = proxyDrain
        self.logLimit = logLimit
        self.supervisorWord = supervisorWord
        self.repeatsLogs = repeatsLogs
    }

    func word(_ name: RoleName) -> String { name == .supervisor ? supervisorWord : name.word }
}

/// Times that the keeper goes by, in milliseconds.
enum Patience {
    /// Between TERM and KILL for processes whose main process has ended.
    static let leftovers: Int64 = 1_000
    /// Between two looks at what is left of an instance.
    static let sweep: Int64 = 50
    /// Between TERM and KILL for a role that is useless or has to make room.
    static let role: Int64 = 5_000
    /// For a new proxy to say that it is ready before the old one goes.
    static let readiness: Int64 = 10_000
    /// For a listening socket of a keeper that died to be let go by that keeper's proxy.
    static let rebind: Int64 = 5_000
    /// Between two tries of something that failed for want of a resource.
    static let retry: Int64 = 20
    static let diskRetry: Int64 = 1_000
}
