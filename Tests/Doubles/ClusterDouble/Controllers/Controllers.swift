import KubernetesObjects

/// What a cluster's controllers do, one object at a time. They see changes a little later than those who make them.
/// Source: Kubernetes, `pkg/controller`.
extension Cluster {
    /// Looks at whatever changed, until the cluster is stopped.
    func work() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.sound() }
            if let kubelet { group.addTask { await kubelet.work() } }
            await attend()
            // Programs are ended first.
            if kubelet == nil { group.cancelAll() }
        }
    }

    /// Wakes controllers for what is due in a while.
    private nonisolated func sound() async {
        await withDiscardingTaskGroup { group in
            for await alarm in alarms {
                group.addTask {
                    // Cancelled when the cluster stops.
                    do { try await Task.sleep(until: alarm.due, clock: .continuous) } catch { return }
                    await self.touch(alarm.key)
                }
            }
            group.cancelAll()
        }
    }

    private func attend() async {
        for await _ in rings {
            while true {
                do {
                    if !pending.isEmpty {
                        // Controllers see changes a little later than those who make them.
                        try await Task.sleep(for: settings.lag)
                        look()
                    } else if let due = timers.map(\.due).min() {
                        let now = ContinuousClock.now
                        // Until the next pod is due, with new changes in between.
                        if due > now { try await Task.sleep(for: min(due - now, .milliseconds(5))) }
                        ring()
                        if pending.isEmpty { continue }
                    } else {
                        break
                    }
                } catch {
                    // Cancelled: the cluster stops.
                    return
                }
            }
        }
    }

    private func ring() {
        let now = ContinuousClock.now
        let due = timers.filter { $0.due <= now }
        timers.removeAll { $0.due <= now }
        for timer in due where !pending.contains(timer.key) { pending.append(timer.key) }
    }

    private func look() {
        var keys: [ObjectKey] = []
        var seen: Set<ObjectKey> = []
        for key in pending where seen.insert(key).inserted { keys.append(key) }
        pending = []
        var later: Set<ObjectKey> = []
        for key in keys {
            reconcile(key)
            for related in related(key) where seen.insert(related).inserted { later.insert(related) }
        }
        for key in later.sorted(by: { ($0.namespace, $0.name) < ($1.namespace, $1.name) }) { reconcile(key) }
    }

    private func reconcile(_ key: ObjectKey) {
        guard let object = object(key) else {
            collect(key)
            if key.kind == .services { lead(key) }
            if key.kind == .pods { kubelet?.miss(key) }
            return
        }
        if collectUnowned(object, key) { return }
        switch key.kind {
        case .namespaces: namespace(object, key)
        case .deployments: deployment(object, key)
        case .replicaSets: replicaSet(object, key)
        case .pods: pod(object, key)
        case .services:
            service(object, key)
            lead(key)
        case .slices: leadService(of: object, key)
        case .autoscalers: autoscaler(object, key)
        case .budgets: budget(object, key)
        case .quotas: quota(object, key)
        case .jobs: job(object, key)
        case .definitions: definition(object, key)
        case _: break
        }
        release(key)
    }

    /// Who has to look when this one changed.
    private func related(_ key: ObjectKey) -> Set<ObjectKey> {
        var found: Set<ObjectKey> = []
        let object = object(key)
        for owner in object?.at("metadata", "ownerReferences")?.items ?? [] {
            if let place = place(of: owner, key.namespace) { found.insert(place) }
        }
        switch key.kind {
        case .pods:
            for kind in [KindID.budgets, .quotas] { found.formUnion(keys(kind, key.namespace)) }
            if let object { found.formUnion(servicesThatMean(object, key.namespace)) }
            if object == nil { found.formUnion(keys(.replicaSets, key.namespace).union(keys(.jobs, key.namespace))) }
        case .replicaSets:
            if object == nil { found.formUnion(keys(.deployments, key.namespace)) }
            found.formUnion(keys(.deployments, key.namespace).filter { $0.name == key.name })
        case .deployments: found.formUnion(keys(.autoscalers, key.namespace))
        case _: break
        }
        if let space = self.object(.namespaces, "", key.namespace), space.at("metadata", "deletionTimestamp") != nil {
            found.insert(ObjectKey(kind: .namespaces, namespace: "", name: key.namespace))
        }
        return found
    }

    func keys(_ kind: KindID, _ namespace: String) -> Set<ObjectKey> {
        index[kind]?.keys(in: namespace) ?? []
    }

    // MARK: - Writing

    /// Writes as a controller does: past admission, without a conflict, and not at all when nothing changes.
    @discardableResult
    func put(_ object: ObjectValue, at key: ObjectKey, by manager: String, part: String = "") -> ObjectValue? {
        guard let old = self.object(key), let kind = kinds[key.kind] else { return nil }
        let options = WriteOptions(manager: manager, part: part)
        do { return try change(object, old, key, kind, options) } catch { return nil }
    }

    func putStatus(_ status: ObjectValue, of object: ObjectValue, at key: ObjectKey, by manager: String) {
        var changed = object
        changed["status"] = status.sorted
        put(changed, at: key, by: manager, part: "status")
    }

    /// - Returns: nil when it was refused; then an event of the owner says why.
    @discardableResult
    func make(
        _ kind: KindID, _ namespace: String, _ object: ObjectValue, by manager: String, for owner: ObjectValue? = nil
    ) -> Refusal? {
        guard let served = kinds[kind] else { return nil }
        do {
            _ = try create(served, namespace, object, WriteOptions(manager: manager))
            return nil
        } catch {
            if let owner { tell(owner, "FailedCreate", "Error creating: \(error.message)", isWarning: true) }
            return error
        }
    }

    func tell(_ object: ObjectValue, _ reason: String, _ message: String, isWarning: Bool) {
        let namespace = object.at("metadata", "namespace")?.text ?? "default"
        let name = object.at("metadata", "name")?.text ?? ""
        let same = all(.events, namespace).first {
            $0.at("involvedObject", "uid") == object.at("metadata", "uid") && $0["message"]?.text == message
        }
        if let same, let own = same.at("metadata", "name")?.text {
            var changed = same
            changed["count"] = .number((same["count"]?.number ?? 1) + 1)
            changed["lastTimestamp"] = .text(Self.now)
            store(changed, at: ObjectKey(kind: .events, namespace: namespace, name: own))
            return
        }
        let event: ObjectValue = [
            "metadata": ["name": .text("\(name).\(String(number(), radix: 16))")],
            "involvedObject": [
                "apiVersion": object["apiVersion"], "kind": object["kind"], "name": .text(name),
                "namespace": .text(namespace), "uid": object.at("metadata", "uid"),
            ],
            "reason": .text(reason), "message": .text(message), "type": isWarning ? "Warning" : "Normal", "count": 1,
            "firstTimestamp": .text(Self.now), "lastTimestamp": .text(Self.now),
        ]
        make(.events, namespace, event, by: Self.controllers)
    }

    static func owner(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        [
            "apiVersion": .text(kind.apiVersion), "blockOwnerDeletion": true, "controller": true,
            "kind": .text(kind.kind), "name": object.at("metadata", "name"), "uid": object.at("metadata", "uid"),
        ]
    }

    /// The objects whose controller this one is.
    func owned(_ kind: KindID, by object: ObjectValue) -> [(ObjectKey, ObjectValue)] {
        let uid = object.at("metadata", "uid")
        let namespace = object.at("metadata", "namespace")?.text
        let own = (index[kind]?.owned(by: uid?.text ?? "") ?? []).filter { $0.namespace == namespace }
        return own.sorted { $0.name < $1.name }.compactMap { key in
            guard let value = self.object(key),
                value.at("metadata", "ownerReferences")?.items.contains(where: {
                    $0["controller"] == true && $0["uid"] == uid
                }) == true
            else { return nil }
            return (key, value)
        }
    }

    // MARK: - Small ones

    private func namespace(_ object: ObjectValue, _ key: ObjectKey) {
        let name = key.name
        guard object.at("metadata", "deletionTimestamp") != nil else {
            if self.object(.serviceAccounts, name, "default") == nil {
                make(.serviceAccounts, name, ["metadata": ["name": "default"]], by: Self.controllers)
                make(
                    .configMaps, name, ["metadata": ["name": "kube-root-ca.crt"], "data": ["ca.crt": "none"]],
                    by: Self.controllers)
            }
            return
        }
        for kind in kinds.values where kind.isNamespaced {
            for (key, object) in objects[kind.id] ?? [:] where key.namespace == name {
                guard object.at("metadata", "deletionTimestamp") == nil else { continue }
                remove(object, key, kind)
            }
        }
        let isEmpty = kinds.values.allSatisfy { kind in
            !kind.isNamespaced || !(objects[kind.id] ?? [:]).keys.contains { $0.namespace == name }
        }
        if isEmpty { store(nil, at: key) }
    }

    private func quota(_ object: ObjectValue, _ key: ObjectKey) {
        let hard = object.at("spec", "hard") ?? [:]
        let used = ObjectValue.map(
            hard.fields.map { ObjectField($0.key, .text(Self.text(usage(key.namespace, $0.key), $0.key))) })
        putStatus(["hard": hard, "used": used], of: object, at: key, by: Self.controllers)
    }

    private func definition(_ object: ObjectValue, _ key: ObjectKey) {
        if object.at("metadata", "deletionTimestamp") != nil {
            clean(object, key)
            return
        }
        guard object.at("status", "conditions") == nil else { return }
        let conditions: [ObjectValue] = [
            Self.condition("NamesAccepted", true, "NoConflicts", "no conflicts found"),
            Self.condition("Established", true, "InitialNamesAccepted", "the initial names have been accepted"),
        ]
        let stored = (object.at("spec", "versions")?.items ?? []).filter { $0["storage"] == true }
        putStatus(
            [
                "acceptedNames": object.at("spec", "names"), "conditions": .list(conditions),
                "storedVersions": .list(stored.compactMap { $0["name"] }),
            ], of: object, at: key, by: "kube-apiserver")
    }

    /// With a definition the objects of its kind go.
    private func clean(_ definition: ObjectValue, _ key: ObjectKey) {
        let id = KindID(
            group: definition.at("spec", "group")?.text ?? "",
            plural: definition.at("spec", "names", "plural")?.text ?? "")
        guard let kind = kinds[id] else { return }
        for (place, object) in objects[id] ?? [:] where object.at("metadata", "deletionTimestamp") == nil {
            remove(object, place, kind)
        }
        guard objects[id]?.isEmpty ?? true else {
            touch(key, in: .milliseconds(50))
            return
        }
        store(nil, at: key)
    }

    static func condition(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String) -> ObjectValue {
        [
            "type": .text(type), "status": isTrue ? "True" : "False", "reason": .text(reason),
            "message": .text(message), "lastTransitionTime": .text(now),
        ]
    }

    private func budget(_ object: ObjectValue, _ key: ObjectKey) {
        guard let selector = object.at("spec", "selector") else { return }
        let pods = all(.pods, key.namespace, meant: LabelSelector(selector), selector["matchLabels"] ?? [:])
            .filter(\.isAlive)
        let healthy = Int64(pods.count(where: \.isReady))
        let expected = Int64(pods.count)
        let wanted: Int64
        if let least = object.at("spec", "minAvailable") {
            wanted = Self.share(least, of: expected, up: true)
        } else {
            wanted = expected - Self.share(object.at("spec", "maxUnavailable") ?? 1, of: expected, up: true)
        }
        let allowed = expected > 0 ? max(0, healthy - wanted) : 0
        let old = object.at("status", "conditions")?.items.first
        let isAllowed = allowed > 0
        var condition = Self.condition(
            "DisruptionAllowed", isAllowed, isAllowed ? "SufficientPods" : "InsufficientPods", "")
        condition["observedGeneration"] = object.at("metadata", "generation")
        if let old, old["status"] == condition["status"] {
            condition["lastTransitionTime"] = old["lastTransitionTime"]
        }
        putStatus(
            [
                "currentHealthy": .number(healthy), "desiredHealthy": .number(max(0, wanted)),
                "disruptionsAllowed": .number(allowed), "expectedPods": .number(expected),
                "observedGeneration": object.at("metadata", "generation"), "conditions": [condition],
            ], of: object, at: key, by: Self.controllers)
    }

    /// A number, or a percentage of another.
    static func share(_ value: ObjectValue, of whole: Int64, up: Bool) -> Int64 {
        if let number = value.number { return number }
        let percent = Int64(value.text?.dropLast() ?? "0") ?? 0
        return up ? (whole * percent + 99) / 100 : whole * percent / 100
    }
}
