package import Domain
package import Ports

/// How the suite gets routers to look at, starts them again, and puts traffic on them.
package protocol RouterSubject: Sendable {
    associatedtype Router: RouterPort
    /// A new router without any route.
    func make() async throws -> Router
    /// The same router as a new supervisor would find it. The old object is not used any more.
    func reopen(_ router: Router) async throws -> Router
    /// Ends the use of a router and removes what it left.
    func discard(_ router: Router) async throws
    /// An instance of a release that answers every request with its names, and `/fail` with a 500.
    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Backend
    /// Sends one request to a service, as its peers do.
    func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID, through router: Router
    ) async throws -> TrialAnswer
}

/// One request of the suite.
package struct TrialRequest: Hashable, Sendable {
    package var path: String
    package var headers: [Variable]
    package var cookies: [Variable]

    package init(path: String = "/", headers: [Variable] = [], cookies: [Variable] = []) {
        self.path = path
        self.headers = headers
        self.cookies = cookies
    }
}

/// What came back.
package struct TrialAnswer: Hashable, Sendable {
    package var status: Int
    /// Nil when no instance answered.
    package var release: ReleaseNumber?
    package var instance: InstanceID?
    /// Those that the answer set.
    package var cookies: [Variable]

    package init(
        status: Int, release: ReleaseNumber? = nil, instance: InstanceID? = nil, cookies: [Variable] = []
    ) {
        self.status = status
        self.release = release
        self.instance = instance
        self.cookies = cookies
    }
}

/// One promise of `RouterPort`, checked. Throws `RouterFlaw` when the router breaks it.
package struct RouterCheck: Sendable, CustomStringConvertible {
    package let name: String
    private let isMeant: @Sendable (RouterCapabilities) -> Bool
    private let body: @Sendable (any RouterTrial) async throws -> Void

    package var description: String { name }

    init(
        _ name: String, if isMeant: @escaping @Sendable (RouterCapabilities) -> Bool = { _ in true },
        _ body: @escaping @Sendable (any RouterTrial) async throws -> Void
    ) {
        self.name = name
        self.isMeant = isMeant
        self.body = body
    }

    /// Whether the check is about what a router with these capabilities claims.
    package func isMeant(for capabilities: RouterCapabilities) -> Bool { isMeant(capabilities) }

    /// Runs the check against a new router.
    /// - Returns: false when the router does not claim the capability that the check is about.
    @discardableResult
    package func run(_ subject: some RouterSubject) async throws -> Bool {
        let trial = SubjectTrial(subject: subject, router: try await subject.make())
        guard isMeant(await trial.router.capabilities) else {
            try await trial.discard()
            return false
        }
        do {
            try await body(trial)
        } catch {
            try await trial.discard()
            throw error
        }
        try await trial.discard()
        return true
    }

    /// All promises.
    package static let all: [RouterCheck] = wishes + order + splits + visitors + counting + baselines
}

/// A broken promise.
package struct RouterFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}

/// The router under trial, which a check may start again.
protocol RouterTrial: AnyObject, Sendable {
    var router: any RouterPort { get async }
    func reopen() async throws
    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Backend
    func send(_ request: TrialRequest, to service: ServiceName) async throws -> TrialAnswer
}

/// Holds the one router of a check; an actor, because `reopen` replaces it.
actor SubjectTrial<Subject: RouterSubject>: RouterTrial {
    private let subject: Subject
    private var current: Subject.Router

    init(subject: Subject, router: Subject.Router) {
        self.subject = subject
        current = router
    }

    var router: any RouterPort { current }

    func reopen() async throws { current = try await subject.reopen(current) }

    func discard() async throws { try await subject.discard(current) }

    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Backend {
        try await subject.backend(instance, release: release)
    }

    func send(_ request: TrialRequest, to service: ServiceName) async throws -> TrialAnswer {
        try await subject.send(request, to: service, in: .trial, through: current)
    }
}

extension EnvironmentID {
    static let trial = EnvironmentID(project: "shop", name: "staging")
}

/// Fails a check when a condition does not hold.
func require(_ condition: Bool, _ flaw: @autoclosure () -> String) throws {
    if !condition { throw RouterFlaw(flaw()) }
}

/// Fails a check unless an action is refused with a code.
func refused(_ code: PortErrorCode, _ what: String, _ action: () async throws -> Void) async throws {
    do {
        try await action()
    } catch let error as PortError {
        try require(
            error.code == code, "\(what) was refused with \(error.code.rawValue), not \(code.rawValue): \(error)")
        try require(!error.message.isEmpty, "\(what) was refused without a word")
        return
    }
    throw RouterFlaw("\(what) was taken")
}

/// Asks again until it is so, or fails the check when the time is over.
func eventually(
    _ what: String, within limit: Duration = .seconds(10), every pause: Duration = .milliseconds(5),
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if try await condition() { return }
        try await clock.sleep(for: pause)
    }
    throw RouterFlaw("it did not come true within \(limit): \(what)")
}
