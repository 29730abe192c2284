package import Domain
import FoundationEssentials
import KubernetesObjects

/// What a cluster says of releases, as this floor's words.
extension KubernetesRuntime {
    package func observe(_ environment: EnvironmentID) async throws -> [ServiceName: RuntimeView] {
        guard let mirror = try await desk.mirror(of: environment) else { return [:] }
        try await mirror.check()
        let marks = await mirror.marks
        var names = Set(await mirror.services.map { ServiceName($0) })
        for key in services.keys where key.environment == environment { names.insert(key.service) }
        var views: [ServiceName: RuntimeView] = [:]
        for name in names {
            let key = ServiceKey(environment: environment, service: name)
            views[name] = await view(of: key, marks[name.text], mirror)
        }
        return views
    }

    package func doubt(_ environment: EnvironmentID) async -> String? {
        // What cannot be had is told by `observe`.
        guard let mirror = try? await desk.mirror(of: environment) else { return nil }
        return await mirror.doubt
    }

    /// What was found out of a service, and holds until the mirror or the book say something else of it.
    struct KnownView {
        var view: RuntimeView
        var mark: ServiceMarks.Mark
        /// The book's revision.
        var revision: UInt64
        /// Since when instances are ready without a break.
        var readySince: [InstanceID: ContinuousClock.Instant]

        /// Whether it follows from the time alone what becomes of an instance, or of what was refused.
        var isWaiting: Bool {
            view.instances.contains { $0.phase == .starting }
                || view.sets.contains { if case .failed = $0.state { true } else { false } }
        }
    }

    private func view(
        of key: ServiceKey, _ mark: ServiceMarks.Mark, _ mirror: ClusterMirror
    ) async -> RuntimeView {
        if let known = known[key], known.mark == mark, known.revision == services.revision(of: key), !known.isWaiting {
            var view = known.view
            for index in view.instances.indices where view.instances[index].phase == .ready {
                let since = known.readySince[view.instances[index].id]
                view.instances[index].readyFor = since.map { Self.span(since: $0) } ?? .zero
            }
            return numbered(view, key)
        }
        return await newView(of: key, mark, mirror)
    }

    private func newView(
        of key: ServiceKey, _ mark: ServiceMarks.Mark, _ mirror: ClusterMirror
    ) async -> RuntimeView {
        let labels = [ReleaseRendering.serviceLabel: key.service.text]
        let deployments = await mirror.all(.deployments, labels: labels)
        let pods = await mirror.all(.pods, labels: labels).map { PodReading($0) }
        await forgetWhatOthersChanged(deployments, mirror, key)
        wishAgainForWhatWasRefused(key)
        let revision = services.revision(of: key)
        let book = services[key]
        var view = RuntimeView()
        if let done = book?.done {
            (view.fence, view.generation) = (done.fence, done.generation)
        }
        var instances: [InstanceView] = []
        var readySince: [InstanceID: ContinuousClock.Instant] = [:]
        for pod in pods where !pod.hasEnded {
            guard var instance = await Self.instance(pod, book?.releases, mirror) else { continue }
            if instance.phase == .ready, let since = await mirror.readySince(pod.uid) {
                instance.readyFor = Self.span(since: since)
                readySince[instance.id] = since
            }
            instances.append(instance)
        }
        view.instances = instances.sorted { $0.id < $1.id }
        view.sets = Self.sets(book?.done?.sets ?? [], deployments, pods, book?.refusals ?? [:], view.instances)
        for index in view.sets.indices {
            view.sets[index].asked = Self.asked(view.sets[index].release, book, deployments)
        }
        known[key] = KnownView(view: view, mark: mark, revision: revision, readySince: readySince)
        return numbered(view, key)
    }

    /// - Returns: the view with a higher number than the last one, if it says something else than that time goes by.
    private func numbered(_ view: RuntimeView, _ key: ServiceKey) -> RuntimeView {
        var view = view
        view.version = lastViews[key]?.version ?? 0
        var news = view
        for index in news.instances.indices { news.instances[index].readyFor = .zero }
        if lastViews[key] != news {
            version += 1
            (view.version, news.version) = (version, version)
            lastViews[key] = news
        }
        return view
    }

    private static func span(since instant: ContinuousClock.Instant) -> Span {
        let (seconds, attoseconds) = instant.duration(to: .now).components
        return .milliseconds(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    /// What somebody else has written or deleted is not as it was wished for, perhaps: as long as it has not been
    /// applied again, the wish is not carried out.
    private func forgetWhatOthersChanged(
        _ deployments: [ObjectValue], _ mirror: ClusterMirror, _ key: ServiceKey
    ) async {
        let maps = await mirror.all(.records, labels: [ReleaseRendering.serviceLabel: key.service.text])
        var shown: [String: ObjectValue] = [:]
        for (kind, objects) in [("deployment", deployments), ("configmap", maps)] {
            for object in objects { shown["\(kind)/\(object.at("metadata", "name")?.text ?? "")"] = object }
        }
        guard var book = services[key], book.done != nil else { return }
        for title in book.applied.keys where title.hasPrefix("deployment/") || title.hasPrefix("configmap/") {
            guard let object = shown[title] else {
                // What was applied a moment ago may not be in the mirror yet.
                guard book.seen.remove(title) != nil else { continue }
                // Perhaps it went with the whole namespace: nothing is known of what is not watched.
                book.applied = [:]
                surroundings = [:]
                book.done = nil
                continue
            }
            book.seen.insert(title)
            guard let ours = book.generations[title], let now = object.at("metadata", "generation")?.number, now > ours
            else { continue }
            if title.hasPrefix("deployment/"), book.specs[title] == Self.specMark(object) {
                let count = object.at("spec", "replicas")?.number ?? 1
                if book.counts[title].map({ Int64($0) == count }) ?? true {
                    book.generations[title] = now
                    continue
                }
            }
            book.applied[title] = nil
            book.applied[Self.countTitle(title)] = nil
            book.done = nil
        }
        services[key] = book
    }

    /// Rights are given, webhooks mended, namespaces made again: what was refused is tried again, at growing intervals.
    /// Until then the wish counts as carried out, in vain.
    private func wishAgainForWhatWasRefused(_ key: ServiceKey) {
        guard let book = services[key], book.done != nil, let since = book.refusedAt else { return }
        let pause = min(Self.firstPause * (1 << min(book.refusedTimes - 1, 5)), Self.longestPause)
        guard since.duration(to: .now) > pause else { return }
        services[key]?.done = nil
    }

    private static let firstPause = Duration.seconds(2)
    private static let longestPause = Duration.seconds(60)

    private static func sets(
        _ wishes: [SetWish], _ deployments: [ObjectValue], _ pods: [PodReading], _ refusals: [ReleaseNumber: String],
        _ instances: [InstanceView]
    ) -> [SetView] {
        wishes.map { wish in
            let deployment = deployments.first {
                $0.at("metadata", "labels", ReleaseRendering.releaseLabel)?.text == wish.release.description
            }
            if let refusal = refusals[wish.release] { return SetView(release: wish.release, state: .failed(refusal)) }
            guard let deployment else { return SetView(release: wish.release, state: .preparing) }
            let own = instances.filter { $0.release == wish.release }
            let works = own.contains { $0.phase == .ready || $0.phase == .unready }
            if !works {
                let hopeless = pods.first { $0.release == wish.release && !$0.isGoing && $0.hopeless != nil }?.hopeless
                if let hopeless { return SetView(release: wish.release, state: .failed(hopeless)) }
                let conditions = deployment.at("status", "conditions")?.items ?? []
                if own.count < wish.count,
                    let refusal = conditions.first(where: { $0["type"] == "ReplicaFailure" && $0["status"] == "True" })
                {
                    return SetView(
                        release: wish.release, state: .failed(refusal["message"]?.text ?? "its pods are refused"))
                }
            }
            return SetView(release: wish.release, state: .prepared)
        }
    }

    private static func instance(
        _ pod: PodReading, _ releases: [ReleaseNumber: Release]?, _ mirror: ClusterMirror
    ) async -> InstanceView? {
        guard let number = pod.release else { return nil }
        let spec = (releases?[number])?.parts.spec
        var view = InstanceView(
            id: pod.id, release: number, phase: .starting, restarts: pod.restarts,
            backend: pod.backend(port: spec?.port ?? Self.port(pod)), streak: pod.isLooping ? pod.restarts : 0,
            lastEnd: pod.restarts > 0 ? pod.lastEnd : "")
        if pod.isGoing {
            view.phase = .leaving
        } else if pod.isReady {
            view.phase = .ready
        } else if await mirror.wasReady(pod.uid) {
            view.phase = .unready
            view.trouble = pod.trouble
        } else {
            let deadline = spec?.probes.startDeadline ?? .seconds(60)
            // A pod that has no place yet, or waits for its image, is held by the rollout's progress deadline alone.
            let spent = await mirror.startedSince(pod.uid).map { span(since: $0) } ?? .zero
            view.trouble = pod.trouble
            if pod.isLooping, pod.restarts > 0 {
                view.phase = .failed
            } else if spent > deadline {
                view.phase = .failed
                view.trouble = "not ready within \(deadline)" + (pod.trouble.isEmpty ? "" : ": \(pod.trouble)")
            }
        }
        return view
    }

    /// Of the container, for a release that is not known any more.
    private static func port(_ pod: PodReading) -> Int? {
        pod.pod.at("spec", "containers")?.items.first?["ports"]?.items.first { $0["name"]?.text == "http" }?[
            "containerPort"]?.number.map { Int($0) }
    }
}
