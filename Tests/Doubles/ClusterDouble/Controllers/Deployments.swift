import KubernetesObjects

/// Source: Kubernetes, `pkg/controller/deployment`: `sync.go`, `rolling.go`, `recreate.go`.
extension Cluster {
    typealias OwnedSet = (key: ObjectKey, object: ObjectValue)

    /// A ReplicaSet for each template; the newest grows as fast as the strategy lets it, the others shrink.
    func deployment(_ object: ObjectValue, _ key: ObjectKey) {
        guard let kind = kinds[.deployments] else { return }
        if object.at("metadata", "deletionTimestamp") != nil {
            deploymentStatus(key, checksProgress: false)
            return
        }
        adopt(.replicaSets, for: object, kind)
        let isPaused = object.at("spec", "paused") == true
        tellPause(object, key, isPaused)
        let plan = RollingPlan(object)
        let isScaled = sets(of: object).contains { set in
            set.object.replicas > 0 && Revisions.desired(set.object).map { $0 != plan.wanted } ?? false
        }
        if isPaused || isScaled {
            _ = newest(key, plan, kind, isMade: false)
            scale(key, plan)
            if isPaused { forgetOld(key) }
            deploymentStatus(key, checksProgress: false)
        } else {
            if plan.isRolling { roll(key, plan, kind) } else { recreate(key, plan, kind) }
            deploymentStatus(key, checksProgress: true)
        }
    }

    func sets(of object: ObjectValue) -> [OwnedSet] { owned(.replicaSets, by: object).map { ($0.0, $0.1) } }

    /// The ReplicaSet of the template that a Deployment has now.
    func current(of object: ObjectValue) -> OwnedSet? {
        let template = Revisions.bare(object.at("spec", "template") ?? [:])
        return sets(of: object).first { Revisions.bare($0.object.at("spec", "template") ?? [:]) == template }
    }

    // MARK: - The newest

    /// The newest ReplicaSet, made unless it is there, marked with its revision, which the Deployment tells as well.
    private func newest(_ key: ObjectKey, _ plan: RollingPlan, _ kind: ServedKind, isMade: Bool) -> OwnedSet? {
        guard let object = object(key) else { return nil }
        let others = sets(of: object).filter { $0.key != current(of: object)?.key }
        let number = (others.map { Revisions.number($0.object) }.max() ?? 0) + 1
        guard let found = current(of: object) else {
            return isMade ? makeSet(object, key, kind, plan, others, number) : nil
        }
        var marked = Revisions.marked(found.object, for: object, number)
        if let pause = object.at("spec", "minReadySeconds"), pause != 0 {
            marked = marked.setting(["spec", "minReadySeconds"], to: pause)
        } else {
            marked.change("spec") { $0["minReadySeconds"] = nil }
        }
        if marked != found.object { put(marked, at: found.key, by: Self.controllers) }
        let name = found.key.name
        tellRevision(
            key, Revisions.number(self.object(found.key) ?? marked),
            ("FoundNewReplicaSet", "Found new replica set \"\(name)\""), onlyFirst: true)
        return self.object(found.key).map { (found.key, $0) }
    }

    private func makeSet(
        _ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ plan: RollingPlan, _ others: [OwnedSet],
        _ number: Int
    ) -> OwnedSet? {
        var template = object.at("spec", "template") ?? [:]
        let hash = Revisions.hash(template)
        template = template.setting(["metadata", "labels", "pod-template-hash"], to: .text(hash))
        let selector = (object.at("spec", "selector") ?? [:])
            .setting(["matchLabels", "pod-template-hash"], to: .text(hash))
        let name = "\(key.name)-\(hash)"
        let room = plan.wanted + plan.surge - others.reduce(0) { $0 + $1.object.replicas }
        var set: ObjectValue = [
            "metadata": [
                "name": .text(name), "labels": template.at("metadata", "labels"),
                "ownerReferences": [Self.owner(object, kind)],
            ],
            "spec": [
                "replicas": .number(plan.isRolling ? max(0, min(plan.wanted, room)) : plan.wanted),
                "minReadySeconds": object.at("spec", "minReadySeconds"), "selector": selector, "template": template,
            ],
        ]
        set = Revisions.scaled(Revisions.marked(set, for: object, number), for: plan)
        guard make(.replicaSets, key.namespace, set, by: Self.controllers, for: object) == nil else { return nil }
        tellRevision(
            key, number, ("NewReplicaSetCreated", "Created new replica set \"\(name)\""), onlyFirst: false)
        let place = ObjectKey(kind: .replicaSets, namespace: key.namespace, name: name)
        return self.object(place).map { (place, $0) }
    }

    private func tellRevision(
        _ key: ObjectKey, _ number: Int, _ progress: (reason: String, message: String), onlyFirst: Bool
    ) {
        guard let object = object(key) else { return }
        var changed = object.setting(
            ["metadata", "annotations", Revisions.revision], to: .text(String(number)))
        var conditions = changed.at("status", "conditions")?.items ?? []
        let isNew = !conditions.contains { $0["type"] == "Progressing" }
        if Self.hasDeadline(object), isNew || !onlyFirst {
            Self.set(Self.progressing("True", progress.reason, progress.message), in: &conditions)
            changed = changed.setting(["status", "conditions"], to: .list(conditions))
        }
        put(changed, at: key, by: Self.controllers, part: "status")
    }

    // MARK: - Strategies

    private func roll(_ key: ObjectKey, _ plan: RollingPlan, _ kind: ServedKind) {
        guard let newest = newest(key, plan, kind, isMade: true), let object = object(key) else { return }
        let old = sets(of: object).filter { $0.key != newest.key }
        let others = old.reduce(0) { $0 + $1.object.replicas }
        let own = newest.object.replicas
        if own > plan.wanted {
            resize(newest, to: plan.wanted, plan)
        } else if own < plan.wanted, others + own < plan.wanted + plan.surge {
            resize(newest, to: own + min(plan.wanted + plan.surge - others - own, plan.wanted - own), plan)
        } else if !shrink(old, others, newest.object, plan) {
            forgetOld(key)
        }
    }

    /// - Returns: whether there was something to shrink.
    private func shrink(_ old: [OwnedSet], _ others: Int64, _ newest: ObjectValue, _ plan: RollingPlan) -> Bool {
        guard others > 0 else { return false }
        let own = newest.replicas
        var most = others + own - plan.least - (own - newest.available)
        guard most > 0 else { return false }
        // Those that serve nobody go first.
        for set in old where set.object.replicas > set.object.available && most > 0 {
            let less = min(most, set.object.replicas - set.object.available)
            resize(set, to: set.object.replicas - less, plan)
            most -= less
        }
        let left = old.compactMap { set in object(set.key).map { (set.key, $0) } }
        var spare = left.reduce(newest.available) { $0 + min($1.1.available, $1.1.replicas) } - plan.least
        for set in left where set.1.replicas > 0 && spare > 0 {
            let less = min(set.1.replicas, spare)
            resize(set, to: set.1.replicas - less, plan)
            spare -= less
        }
        return true
    }

    private func recreate(_ key: ObjectKey, _ plan: RollingPlan, _ kind: ServedKind) {
        let there = newest(key, plan, kind, isMade: false)
        guard let object = object(key) else { return }
        let old = sets(of: object).filter { $0.key != there?.key }
        var isShrunk = false
        for set in old where set.object.replicas > 0 {
            resize(set, to: 0, plan)
            isShrunk = true
        }
        let runs = old.contains { set in
            set.object.at("status", "replicas")?.number ?? 0 > 0
                || owned(.pods, by: set.object).contains { $0.1.isAlive }
        }
        guard !isShrunk, !runs, let newest = there ?? newest(key, plan, kind, isMade: true) else { return }
        resize(newest, to: plan.wanted, plan)
        forgetOld(key)
    }

    // MARK: - Scaling

    private func scale(_ key: ObjectKey, _ plan: RollingPlan) {
        guard let object = object(key) else { return }
        let newest = current(of: object)
        let all = sets(of: object)
        let active = all.filter { $0.object.replicas > 0 }
        if active.count <= 1 {
            let only = active.first ?? newest ?? all.max { Revisions.number($0.object) < Revisions.number($1.object) }
            if let only { resize(only, to: plan.wanted, plan) }
            return
        }
        if let newest, newest.object.replicas == plan.wanted, newest.object.available == plan.wanted {
            for set in active where set.key != newest.key { resize(set, to: 0, plan) }
            return
        }
        guard plan.isRolling else { return }
        share(active, newest?.key, plan)
    }

    /// What there is more or less of is spread over all, by their sizes; what is left goes to the largest.
    private func share(_ active: [OwnedSet], _ newest: ObjectKey?, _ plan: RollingPlan) {
        let size = plan.wanted > 0 ? plan.wanted + plan.surge : 0
        let missing = size - active.reduce(0) { $0 + $1.object.replicas }
        let sorted = active.sorted { one, other in
            if one.object.replicas != other.object.replicas { return one.object.replicas > other.object.replicas }
            // Of two as large, the newer one grows and the older one shrinks first.
            return (one.key == newest) == (missing > 0)
        }
        var given: Int64 = 0
        var sizes = sorted.map { set -> Int64 in
            let before = Revisions.most(set.object) ?? size
            let own = set.object.replicas
            let fraction =
                plan.wanted == 0 ? -own : Int64((Double(own * size) / Double(max(before, 1))).rounded()) - own
            let part = missing > 0 ? min(fraction, missing - given) : max(fraction, missing - given)
            given += missing == 0 ? 0 : part
            return own + (missing == 0 ? 0 : part)
        }
        if !sizes.isEmpty { sizes[0] = max(0, sizes[0] + missing - given) }
        for (set, size) in zip(sorted, sizes) { resize(set, to: size, plan) }
    }

    private func resize(_ set: OwnedSet, to count: Int64, _ plan: RollingPlan) {
        guard let object = object(set.key) else { return }
        put(
            Revisions.scaled(object.setting(["spec", "replicas"], to: .number(count)), for: plan), at: set.key,
            by: Self.controllers)
    }

    /// Old ReplicaSets are kept as many as the history is long.
    private func forgetOld(_ key: ObjectKey) {
        guard let object = object(key), let limit = object.at("spec", "revisionHistoryLimit")?.number,
            let kind = kinds[.replicaSets]
        else { return }
        let newest = current(of: object)?.key
        let old = sets(of: object).filter { $0.key != newest && $0.object.at("metadata", "deletionTimestamp") == nil }
        let isDone = object.at("spec", "paused") == true || Self.isComplete(object, object["status"] ?? [:])
        guard isDone, old.count > Int(limit) else { return }
        let oldest = old.sorted { Revisions.number($0.object) < Revisions.number($1.object) }
        for set in oldest.prefix(old.count - Int(limit)) where set.object.replicas == 0 {
            guard set.object.at("status", "replicas")?.number ?? 0 == 0 else { continue }
            remove(set.object, set.key, kind)
        }
    }
}

extension ObjectValue {
    /// Of a Deployment or ReplicaSet: how many pods it is to have.
    var replicas: Int64 { at("spec", "replicas")?.number ?? 0 }

    /// Of a Deployment or ReplicaSet: how many of its pods are available.
    var available: Int64 { at("status", "availableReplicas")?.number ?? 0 }
}
