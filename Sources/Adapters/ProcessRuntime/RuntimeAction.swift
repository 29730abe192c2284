import Domain

/// What a service's machine wants done. Each is answered by an event, or shows in what is.
enum RuntimeAction: Hashable, Sendable {
    /// Make a release's files stand.
    case prepare(Release)
    case launch(Launch)
    case signal(HostProcess, Int32, toGroup: Bool)
    case probe(ProbeAsk)
    /// Read an instance's last lines.
    case excerpt(InstanceID)
    /// Write down what is known of an instance, as it is when the writing starts.
    case save(InstanceID)
    /// The instance is over; what stays is its log.
    case retire(InstanceRecord)
    /// The host may forget this process.
    case acknowledge(UInt64)
}

/// A process to be started for an instance.
struct Launch: Hashable, Sendable {
    var instance: InstanceID
    var token: UInt64
    var release: Release
    /// The release's directory.
    var root: String
    /// The port that it had before.
    var port: Int?
}

/// Which of an instance's questions.
enum ProbeRole: Hashable, Sendable {
    case startup
    case readiness
    case liveness

    var word: String {
        switch self {
        case .startup: "start-up"
        case .readiness: "readiness"
        case .liveness: "liveness"
        }
    }
}

/// A question to an instance.
struct ProbeAsk: Hashable, Sendable {
    var instance: InstanceID
    var token: UInt64
    var process: HostProcess
    var role: ProbeRole
    var check: ProbeCheck
    var timeout: Int64
    var port: Int?
    /// After a pass, see whether the listener is the instance's own.
    var verifiesListener: Bool
    var release: Release
}

/// Why a process was not started.
struct LaunchFailure: Error, Hashable, Sendable {
    var text: String
    var hint: String = ""
    /// Nothing but another release helps: the whole set is failed.
    var isDefinite: Bool
}

/// What is on disk of an instance: enough to know it again after the supervisor's death, and its log after its own.
struct InstanceRecord: Hashable, Sendable, Codable {
    var id: InstanceID
    var environment: EnvironmentID
    var service: ServiceName
    var release: ReleaseNumber
    var port: Int?
    var process: HostProcess?
    var token: UInt64?
    var restarts: Int
    var streak: Int
    var lastEnd: String?
    var isReady: Bool
    var processWasReady: Bool
    var everReady: Bool
    var isFailed: Bool
    /// Milliseconds since 1970.
    var bornAt: Int64
    /// Over for good.
    var isEnded: Bool
}
