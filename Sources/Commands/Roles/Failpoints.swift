#if FAILPOINTS

    import CLinux
    import Domain
    import Glibc
    import Ports
    import ProcessRuntime

    /// Places before and after every journal write and every effect at which the tests of a debug build strike. A
    /// released executable is built without this file's contents.
    enum Failpoints {
        static func journal(_ port: some JournalPort) -> any JournalPort { FailpointJournal(port: port) }
        static func runtime(_ port: some RuntimePort) -> any RuntimePort { FailpointRuntime(port: port) }
        static func router(_ port: some RouterPort) -> any RouterPort { FailpointRouter(port: port) }
        static func gates(_ port: some GatePort) -> any GatePort { FailpointGates(port: port) }
        static func migrations(_ port: some MigrationPort) -> any MigrationPort { FailpointMigrations(port: port) }
        static func host(_ port: some InstanceHost) -> any InstanceHost { FailpointHost(port: port) }

        /// - Throws: `storage`, where the test says so.
        static func pass(_ point: String, after: Bool) throws(PortError) {
            let number = slw_failpoint(point, after ? 1 : 0)
            guard number != 0 else { return }
            throw PortError(.storage, "failpoint \(point): \(String(cString: strerror(number)))")
        }

        static func around<Value>(_ point: String, _ body: () async throws -> Value) async throws -> Value {
            try pass(point, after: false)
            let value = try await body()
            try pass(point, after: true)
            return value
        }
    }

    private struct FailpointJournal<Port: JournalPort>: JournalPort {
        var port: Port

        func append(_ entries: [JournalEntry]) async throws {
            try await Failpoints.around("journal.append") { try await port.append(entries) }
        }

        func latest() async throws -> [JournalEntry] { try await port.latest() }

        func history(_ query: JournalQuery) async throws -> [StoredEntry] { try await port.history(query) }
    }

    private struct FailpointRuntime<Port: RuntimePort>: RuntimePort {
        var port: Port

        func apply(_ wish: RuntimeWish, releases: [Release]) async throws {
            try await Failpoints.around("runtime.apply") { try await port.apply(wish, releases: releases) }
        }

        func letGo(_ instances: [InstanceID], of service: ServiceName, in environment: EnvironmentID) async throws {
            try await Failpoints.around("runtime.letGo") {
                try await port.letGo(instances, of: service, in: environment)
            }
        }

        func forget(_ wish: ForgetWish) async throws { try await port.forget(wish) }

        func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] {
            try await port.observe(environment)
        }

        func doubt(_ environment: EnvironmentID) async -> String? { await port.doubt(environment) }
    }

    private struct FailpointRouter<Port: RouterPort>: RouterPort {
        var port: Port
        var capabilities: RouterCapabilities { port.capabilities }

        func capabilities(on cluster: ClusterSpec?) -> RouterCapabilities { port.capabilities(on: cluster) }

        func apply(_ wish: RouteWish, service: Release) async throws {
            try await Failpoints.around("router.apply") { try await port.apply(wish, service: service) }
        }

        func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RouterView] {
            try await port.observe(environment)
        }

        func forget(_ wish: ForgetWish) async throws {
            try await Failpoints.around("router.forget") { try await port.forget(wish) }
        }

        func counts(_ service: ServiceName, in environment: EnvironmentID) async throws -> TrafficCounts? {
            try await port.counts(service, in: environment)
        }
    }

    private struct FailpointGates<Port: GatePort>: GatePort {
        var port: Port

        func look(_ request: LookRequest) async -> LookResult {
            do {
                return try await Failpoints.around("gates.look") { await port.look(request) }
            } catch { return LookResult(.error, Evidence("\(error)")) }
        }

        func mark(_ key: LookKey, _ gate: GateSpec, release: ReleaseNumber, since: Int) async {
            // A mark has no trouble of its own to tell.
            _ = slw_failpoint("gates.mark", 0)
            await port.mark(key, gate, release: release, since: since)
            _ = slw_failpoint("gates.mark", 1)
        }
    }

    private struct FailpointMigrations<Port: MigrationPort>: MigrationPort {
        var port: Port

        func start(_ request: MigrationRequest) async throws {
            try await Failpoints.around("migrations.start") { try await port.start(request) }
        }

        func stop(_ key: MigrationKey, kill: Bool) async throws {
            try await Failpoints.around("migrations.stop") { try await port.stop(key, kill: kill) }
        }

        func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] {
            try await port.observe(environment)
        }
    }

    private struct FailpointHost<Port: InstanceHost>: InstanceHost {
        var port: Port
        var exits: AsyncStream<HostExit> { port.exits }

        func spawn(_ request: HostSpawn) async throws -> HostProcess {
            try await around("host.spawn") { try await port.spawn(request) }
        }

        func signal(_ process: HostProcess, _ signal: Int32, toGroup: Bool) async throws {
            try await around("host.signal") { try await port.signal(process, signal, toGroup: toGroup) }
        }

        func list() async throws -> [HostEntry] { try await port.list() }

        func acknowledge(_ token: UInt64) async throws {
            try await around("host.acknowledge") { try await port.acknowledge(token) }
        }

        /// Whether a call that failed took effect is not known: the host's own word for that.
        private func around<Value>(_ point: String, _ body: () async throws -> Value) async throws -> Value {
            do { try Failpoints.pass(point, after: false) } catch { throw HostError.unavailable("\(error)") }
            let value = try await body()
            do { try Failpoints.pass(point, after: true) } catch { throw HostError.unavailable("\(error)") }
            return value
        }
    }

#else

    import Ports
    import ProcessRuntime

    /// A released executable has no places to strike at.
    enum Failpoints {
        static func journal(_ port: any JournalPort) -> any JournalPort { port }
        static func runtime(_ port: any RuntimePort) -> any RuntimePort { port }
        static func router(_ port: any RouterPort) -> any RouterPort { port }
        static func gates(_ port: any GatePort) -> any GatePort { port }
        static func migrations(_ port: any MigrationPort) -> any MigrationPort { port }
        static func host(_ port: any InstanceHost) -> any InstanceHost { port }
    }

#endif
