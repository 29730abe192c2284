package import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
package import Ports

/// Runs migrations on Kubernetes: a Job for each attempt, whose name is its key. It is made suspended, and let go when
/// it is certain that it is the only one; a Job that is let go makes one pod and no other.
///
/// The cluster says how it ended, and that is written down on the Job, because a pod that was stopped leaves nothing.
package actor KubernetesMigrations: MigrationPort {
    let desk: ClusterDesk
    private let runtime: KubernetesRuntime
    /// Environments that were asked for.
    private var watched: Set<EnvironmentID> = []
    /// Being let go: that it has not begun yet says nothing.
    private var asked: Set<MigrationKey> = []
    /// Started here, and whether the mirror has shown its Job: it may not have told of it yet.
    private var started: [MigrationKey: Bool] = [:]
    /// What could not be written, by the name of the Job.
    private var troubles: [String: PortError] = [:]
    /// One start of a service at a time.
    private let turns = Turns<ServiceKey>()

    static let jobs = APIResource(.job)
    /// So often is a write tried that somebody else's keeps from being done.
    private static let tries = 5

    private struct ServiceKey: Hashable {
        var environment: EnvironmentID
        var service: ServiceName
    }

    package init(_ desk: ClusterDesk, runtime: KubernetesRuntime) {
        self.desk = desk
        self.runtime = runtime
    }

    // MARK: - Starting

    package func start(_ request: MigrationRequest) async throws {
        let (key, release) = (request.key, request.release)
        let (_, rendering) = try KubernetesRuntime.rendering(release)
        guard let objects = MigrationRendering(rendering, release, key) else {
            throw PortError(.invalid, "\(release.label) has no migration")
        }
        let mirror = try await desk.mirror(of: release)
        // Whoever comes back after a crash has to look for it.
        try await desk.noteMigration(in: key.environment)
        watched.insert(key.environment)
        await desk.follow(.jobs, beside: mirror)
        let turn = ServiceKey(environment: key.environment, service: key.service)
        await turns.take(turn)
        defer { turns.end(turn) }
        if started[key] != nil { return }
        guard try await isNext(key, mirror) else { return }
        try await checkTurn(key, mirror)
        if let refusal = try await runtime.prepare(release, rendering, mirror) {
            throw PortError(.invalid, "the cluster does not take what the migration needs: \(refusal)")
        }
        asked.insert(key)
        defer { asked.remove(key) }
        guard let job = try await create(objects.job, key, mirror) else { return }
        started[key] = false
        desk.ring()
        do throws(PortError) {
            // Two that come at the same time see each other now, at the latest.
            guard try await isNext(key, mirror, own: job.uid) else { return }
        } catch {
            try await end(job, .notStarted(error.message), mirror)
            throw error
        }
        if let refusal = await refusal(of: objects, job, mirror) {
            try await end(job, .notStarted(refusal), mirror)
        } else {
            try await begin(job, mirror)
        }
        desk.ring()
    }

    /// Looks at the Jobs of the service as they are, not as the mirror saw them.
    /// - Parameter own: the UID of the one that is to be let go.
    /// - Returns: false for a key that is known.
    /// - Throws: `PortError` when it must not run.
    private func isNext(_ key: MigrationKey, _ mirror: ClusterMirror, own: String? = nil) async throws(PortError)
        -> Bool
    {
        let list: [ObjectValue]
        do throws(ClusterTrouble) {
            let selector = ReleaseRendering.serviceSelector(key.service, in: key.environment)
            list = try await mirror.client.list(Self.jobs, namespace: mirror.namespace, labels: selector).items
        } catch {
            throw PortError(error, "what migrations of \(key.service) there are cannot be told")
        }
        let owner = await desk.owner
        for job in list.map({ MigrationJob($0) }) where own == nil || job.uid != own {
            let isOurs = job.owner == owner
            guard let other = job.key(in: key.environment) else { continue }
            if isOurs, other == key { return false }
            if isOurs, other > key {
                throw PortError(.stale, "a later migration of \(key.service) is known", hint: "it is not started")
            }
            if other == key {
                throw PortError(
                    .invalid, "there is a Job \(job.name) of another Slipway",
                    hint: "if it deploys here no longer, "
                        + "`kubectl delete job \(job.name) --namespace \(mirror.namespace)` hands it over")
            }
            guard try await isOpen(job, mirror) else { continue }
            throw PortError(
                .invalid,
                isOurs
                    ? "another migration of \(key.service) still runs (deployment \(other.deployment))"
                    : "a migration of \(key.service) by another Slipway still runs (Job \(job.name))",
                hint: "wait for its end, or end it")
        }
        return true
    }

    /// Whether something of it runs or may still run.
    private func isOpen(_ job: MigrationJob, _ mirror: ClusterMirror) async throws(PortError) -> Bool {
        if let end = job.end {
            switch end.state {
            case .starting, .running, .exited, .signalled, .notStarted: return false
            case .lost: break
            }
        } else if !job.isFinished {
            return true
        }
        do throws(ClusterTrouble) {
            let pods = try await mirror.client.list(
                .pods, namespace: mirror.namespace, labels: "\(MigrationPod.jobLabel)=\(job.uid)")
            return pods.items.contains { !PodReading($0).hasEnded }
        } catch {
            throw PortError(error, "whether \(job.name) still runs cannot be told")
        }
    }

    /// Whoever deploys the service here migrates it, and nobody else.
    private func checkTurn(_ key: MigrationKey, _ mirror: ClusterMirror) async throws(PortError) {
        let name = WishRecord.name(key.service)
        let record: WishRecord?
        do throws(ClusterTrouble) {
            record = try await mirror.client.find(APIResource(.configMap), namespace: mirror.namespace, name: name)
                .flatMap { WishRecord($0) }
        } catch {
            throw PortError(error, "who deploys \(key.service) cannot be told")
        }
        guard let record, record.owner != (await desk.owner), !desk.inherited.contains(record.owner) else {
            return
        }
        throw PortError(
            .invalid, "another Slipway deploys \(key.service) to this namespace",
            hint: "if it does so no longer, "
                + "`kubectl delete configmap \(name) --namespace \(mirror.namespace)` hands it over")
    }

    /// Writes the key down: from here on it is known, whatever happens to us.
    /// - Returns: nil when somebody here wrote it down before.
    private func create(
        _ object: KubernetesObject, _ key: MigrationKey, _ mirror: ClusterMirror
    ) async throws(PortError) -> MigrationJob? {
        let owner = await desk.owner
        var object = object
        object.annotations[MigrationJob.ownerNote] = owner
        object.annotations[MigrationJob.environmentNote] = "\(key.environment)"
        var trouble = ClusterTrouble(.unreachable, "no answer")
        var wasCutOff = false
        for _ in 0..<Self.tries {
            do throws(ClusterTrouble) {
                return MigrationJob(
                    try await mirror.client.create(Self.jobs, namespace: mirror.namespace, object.value))
            } catch {
                trouble = error
            }
            switch trouble.kind {
            case .unreachable, .server:
                // It may have been made all the same.
                wasCutOff = true
                continue
            case .exists: break
            case .configuration, .unauthorized, .forbidden, .notFound, .conflict, .gone, .invalid, .busy, .garbled:
                throw PortError(trouble, "the Job \(object.name) cannot be made")
            }
            let found: MigrationJob
            do throws(ClusterTrouble) {
                found = MigrationJob(
                    try await mirror.client.get(Self.jobs, namespace: mirror.namespace, name: object.name))
            } catch {
                throw PortError(.unavailable, "whether the Job \(object.name) was made cannot be told: \(error.text)")
            }
            guard found.owner == owner, found.key(in: key.environment) == key else {
                throw PortError(.invalid, "there is a Job \(object.name) already, and it is not ours")
            }
            return wasCutOff ? found : nil
        }
        throw PortError(.unavailable, "whether the Job \(object.name) was made cannot be told: \(trouble.text)")
    }

    /// Why its pod could not be made; nil when nothing is known against it.
    private func refusal(
        of objects: MigrationRendering, _ job: MigrationJob, _ mirror: ClusterMirror
    ) async -> String? {
        if var map = objects.configuration?.value {
            let owner: ObjectValue = [
                "apiVersion": .text(ObjectKind.job.apiVersion), "kind": .text(ObjectKind.job.rawValue),
                "name": .text(job.name), "uid": .text(job.uid),
            ]
            map = map.setting(["metadata", "ownerReferences"], to: [owner])
            do throws(ClusterTrouble) {
                _ = try await mirror.client.apply(
                    APIResource(.configMap), namespace: mirror.namespace, name: job.name, map, isForced: true)
            } catch {
                return "its files cannot be written: \(error.text)"
            }
        }
        // What a Job's controller is refused it tells nobody: so admission and quotas are asked here.
        let template = job.job.at("spec", "template") ?? [:]
        let pod = template.setting("apiVersion", to: "v1").setting("kind", to: "Pod")
            .setting(["metadata", "generateName"], to: .text(job.name + "-"))
        do throws(ClusterTrouble) {
            _ = try await mirror.client.create(.pods, namespace: mirror.namespace, pod, isDry: true)
            return nil
        } catch {
            // Who may not make pods is not told, and nobody who does not answer is waited for.
            let isRight = error.kind == .forbidden && error.text.contains(" cannot ")
            guard !isRight, error.kind == .forbidden || error.kind == .invalid else { return nil }
            return "its pod is refused: \(error.text)"
        }
    }

    /// Lets it go, unless it was told to end meanwhile.
    private func begin(_ job: MigrationJob, _ mirror: ClusterMirror) async throws(PortError) {
        var job = job
        for _ in 0..<Self.tries {
            if job.stopped != nil || job.end != nil {
                return try await end(job, .notStarted("it was stopped before it began"), mirror)
            }
            if job.hasBegun { return }
            let patch: ObjectValue = [
                "metadata": [
                    "resourceVersion": .text(job.version),
                    "annotations": .map([ObjectField(MigrationJob.begunNote, "true")]),
                ],
                "spec": ["suspend": false],
            ]
            do throws(ClusterTrouble) {
                _ = try await mirror.client.patch(Self.jobs, namespace: mirror.namespace, name: job.name, patch)
                return
            } catch {
                guard error.kind == .conflict else {
                    throw PortError(.unavailable, "the Job \(job.name) cannot be let go: \(error.text)")
                }
            }
            guard let found = try await find(job.name, mirror) else { return }
            job = found
        }
        throw PortError(.unavailable, "the Job \(job.name) cannot be let go: somebody else writes it again and again")
    }

    private func find(_ name: String, _ mirror: ClusterMirror) async throws(PortError) -> MigrationJob? {
        do {
            return try await mirror.client.find(Self.jobs, namespace: mirror.namespace, name: name)
                .map { MigrationJob($0) }
        } catch {
            throw PortError(error, "the Job \(name) cannot be looked at")
        }
    }

    // MARK: - Stopping

    package func stop(_ key: MigrationKey, kill: Bool) async throws {
        guard await desk.migrates(key.environment), let mirror = try await desk.mirror(of: key.environment) else {
            return
        }
        guard let job = try await find(MigrationRendering.name(key), mirror), job.owner == (await desk.owner),
            job.key(in: key.environment) == key, job.end == nil, !job.isFinished
        else { return }
        try await stop(job, "it was stopped", mirror)
        // Without its pods it is over. Those that are ending already have less time then.
        guard kill else { return }
        do throws(ClusterTrouble) {
            let pods = try await mirror.client.list(
                .pods, namespace: mirror.namespace, labels: "\(MigrationPod.jobLabel)=\(job.uid)")
            for pod in pods.items.map({ PodReading($0) }) where !pod.hasEnded {
                try await mirror.client.delete(
                    .pods, namespace: mirror.namespace, name: pod.name, uid: pod.uid, grace: 1)
            }
        } catch {
            throw PortError(error, "the pods of \(job.name) cannot be ended")
        }
    }

    /// A suspended Job has no pod: its controller ends the one that there is.
    private func stop(_ job: MigrationJob, _ why: String, _ mirror: ClusterMirror) async throws(PortError) {
        guard job.stopped == nil || !job.isSuspended else { return }
        let note = [ObjectField(MigrationJob.stopNote, .text(job.stopped ?? why))]
        let patch: ObjectValue = ["metadata": ["annotations": .map(note)], "spec": ["suspend": true]]
        do throws(ClusterTrouble) {
            _ = try await mirror.client.patch(Self.jobs, namespace: mirror.namespace, name: job.name, patch)
        } catch {
            throw PortError(error, "the Job \(job.name) cannot be suspended")
        }
    }

    // MARK: - Ends

    private func end(_ job: MigrationJob, _ state: MigrationState, _ mirror: ClusterMirror) async throws(PortError) {
        try await write(MigrationEnd(state, at: Self.now), job, mirror)
    }

    /// Writes down how it ended, unless the Job is another one by now than the one that was judged.
    private func write(_ end: MigrationEnd, _ job: MigrationJob, _ mirror: ClusterMirror) async throws(PortError) {
        var job = job
        for _ in 0..<Self.tries {
            guard let text = end.text, job.end == nil else { return }
            let patch: ObjectValue = [
                "metadata": [
                    "resourceVersion": .text(job.version),
                    "annotations": .map([ObjectField(MigrationJob.endNote, .text(text))]),
                ]
            ]
            do throws(ClusterTrouble) {
                _ = try await mirror.client.patch(Self.jobs, namespace: mirror.namespace, name: job.name, patch)
                return
            } catch {
                switch error.kind {
                case .notFound: return
                case .conflict: break
                case .configuration, .unreachable, .unauthorized, .forbidden, .exists, .gone, .invalid, .busy, .server,
                    .garbled:
                    throw PortError(.unavailable, "how \(job.name) ended cannot be written down: \(error.text)")
                }
            }
            guard let found = try await find(job.name, mirror) else { return }
            // What had not begun when it was judged may have begun since: it is looked at anew.
            guard found.hasBegun == job.hasBegun, found.isSuspended == job.isSuspended else { return }
            job = found
        }
    }

    private static var now: Int64 { Int64(Date.now.timeIntervalSince1970 * 1000) }

    /// Looks after migrations until the task is cancelled: writes down how they ended, gives up those that cannot
    /// begin, and puts away those before them.
    package func run() async {
        for await _ in desk.changes() { await tend() }
    }

    private func tend() async {
        for environment in watched.sorted() {
            guard await desk.migrates(environment) else { continue }
            do {
                guard let mirror = try await desk.mirror(of: environment) else { continue }
                await desk.follow(.jobs, beside: mirror)
                try await mirror.check(with: [.jobs])
                await tend(environment, mirror)
            } catch { continue }
        }
    }

    private func tend(_ environment: EnvironmentID, _ mirror: ClusterMirror) async {
        var ended: [ServiceName: [(key: MigrationKey, job: MigrationJob)]] = [:]
        for (key, job) in await own(environment, mirror) {
            do throws(PortError) {
                switch await reading(key, job, mirror).finding() {
                case .starting, .running, .outOfSight: break
                case .hopeless(let why): try await stop(job, why, mirror)
                case .ended(let end):
                    try await write(end, job, mirror)
                    await runtime.takeBack(key.service, in: environment)
                case .known: ended[key.service, default: []].append((key, job))
                }
                troubles[job.name] = nil
            } catch {
                troubles[job.name] = error
                desk.ring(after: .seconds(1))
            }
        }
        for jobs in ended.values {
            for (_, job) in jobs.sorted(by: { $0.key < $1.key }).dropLast() {
                do {
                    try await mirror.client.delete(Self.jobs, namespace: mirror.namespace, name: job.name, uid: job.uid)
                } catch {
                    // It is in nobody's way: with the next change it is tried again.
                    continue
                }
            }
        }
    }

    private func reading(_ key: MigrationKey, _ job: MigrationJob, _ mirror: ClusterMirror) async -> MigrationReading {
        MigrationReading(
            job: job, pods: await mirror.pods(of: job.uid), isAsked: asked.contains(key), now: Self.now)
    }

    /// Our Jobs of an environment.
    func own(_ environment: EnvironmentID, _ mirror: ClusterMirror) async -> [(MigrationKey, MigrationJob)] {
        let owner = await desk.owner
        return await mirror.all(.jobs).map { MigrationJob($0) }.filter { $0.owner == owner }
            .compactMap { job in job.key(in: environment).map { ($0, job) } }.sorted { $0.0 < $1.0 }
    }

    // MARK: - Views

    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: [MigrationView]] {
        guard await desk.migrates(environment), let mirror = try await desk.mirror(of: environment) else { return [:] }
        if watched.insert(environment).inserted { desk.ring() }
        await desk.follow(.jobs, beside: mirror)
        try await mirror.check(with: [.jobs])
        var views: [MigrationKey: MigrationView] = [:]
        for (key, job) in await own(environment, mirror) {
            if let trouble = troubles[job.name] { throw trouble }
            views[key] = Self.view(key, await reading(key, job, mirror))
            if started[key] != nil { started[key] = true }
        }
        for (key, wasSeen) in started where key.environment == environment && views[key] == nil {
            // Later ones that have ended take it away.
            if views.keys.contains(where: { $0.service == key.service && $0 > key }) { continue }
            views[key] = MigrationView(
                deployment: key.deployment, attempt: key.attempt,
                state: wasSeen ? .lost("somebody deleted its Job") : .starting)
        }
        return Dictionary(grouping: views.sorted { $0.key < $1.key }, by: \.key.service).mapValues { $0.map(\.value) }
    }

    private static func view(_ key: MigrationKey, _ reading: MigrationReading) -> MigrationView {
        var view = MigrationView(deployment: key.deployment, attempt: key.attempt, state: .starting)
        switch reading.finding() {
        case .starting, .hopeless: break
        case .running: view.state = .running
        // It has ended when that is written down.
        case .ended: if reading.hasRun { view.state = .running }
        case .known(let end): (view.state, view.lines) = (end.state, end.lines)
        case .outOfSight(let why): view.state = .lost(why)
        }
        return view
    }
}
