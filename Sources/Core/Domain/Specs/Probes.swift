/// The questions that tell an instance's state. A start-up probe, until it passes, holds the others back.
package struct Probes: Hashable, Sendable, Codable {
    package var startup: Probe?
    /// Nil with a port: the port accepts a connection. Nil without one: the process lives.
    package var readiness: Probe?
    /// Failing: the instance is restarted.
    package var liveness: Probe?

    package init(startup: Probe? = nil, readiness: Probe? = nil, liveness: Probe? = nil) {
        self.startup = startup
        self.readiness = readiness
        self.liveness = liveness
    }

    /// How long an instance may take from its start until it is ready.
    package var startDeadline: Span { startup?.deadline ?? readiness?.deadline ?? .seconds(60) }
}

/// One probe and its rhythm.
package struct Probe: Hashable, Sendable, Codable {
    package var check: ProbeCheck
    package var every: Span
    package var timeout: Span
    /// So many failures in a row make it fail.
    package var failures: Int
    /// So many passes in a row make it pass again.
    package var successes: Int
    /// Start-up only: the time until the first pass, from the start of the instance.
    package var deadline: Span

    package init(
        check: ProbeCheck, every: Span = .seconds(2), timeout: Span = .seconds(1), failures: Int = 3,
        successes: Int = 1, deadline: Span = .seconds(60)
    ) {
        self.check = check
        self.every = every
        self.timeout = timeout
        self.failures = failures
        self.successes = successes
        self.deadline = deadline
    }
}

/// What a probe asks.
package enum ProbeCheck: Hashable, Sendable, Codable {
    /// GET of a path on the instance's port; 200…399 is a pass, with no redirect followed.
    case http(path: String)
    /// The instance's port accepts a connection.
    case tcp
    /// Exit code 0 within the timeout, run with the instance's environment and directory.
    case command([String])
}

/// What an instance asks for and may use; zero means unset.
package struct Resources: Hashable, Sendable, Codable {
    /// Thousandths of a core.
    package var cpuRequest: Int
    package var cpuLimit: Int
    /// Bytes.
    package var memoryRequest: Int64
    package var memoryLimit: Int64
    /// Open files; zero leaves the system's default.
    package var files: Int

    package init(
        cpuRequest: Int = 0, cpuLimit: Int = 0, memoryRequest: Int64 = 0, memoryLimit: Int64 = 0, files: Int = 0
    ) {
        self.cpuRequest = cpuRequest
        self.cpuLimit = cpuLimit
        self.memoryRequest = memoryRequest
        self.memoryLimit = memoryLimit
        self.files = files
    }
}
