import KubernetesObjects

/// Jobs, as their controller looks after them, and the pods that run once.
/// Source: Kubernetes, `pkg/controller/job/job_controller.go`.
extension Cluster {
    private static let tracking = "batch.kubernetes.io/job-tracking"

    func job(_ object: ObjectValue, _ key: ObjectKey) {
        let pods = owned(.pods, by: object)
        guard object.at("metadata", "deletionTimestamp") == nil, !Self.isFinished(object) else {
            for (place, pod) in pods { untrack(pod, place) }
            retire(object, key)
            return
        }
        var status = object["status"] ?? [:]
        let isSuspended = object.at("spec", "suspend") == true
        if !isSuspended, status["startTime"] == nil { begin(&status, object, key) }
        count(pods, object, &status)
        let active = pods.filter { $0.1.isAlive && $0.1.at("metadata", "deletionTimestamp") == nil }
        let succeeded = status["succeeded"]?.number ?? 0
        if let failure = failure(object, status) {
            fail(failure, active, object, &status)
        } else if succeeded >= object.at("spec", "completions")?.number ?? 1, active.isEmpty {
            let words = ("CompletionsReached", "Reached expected number of succeeded pods")
            status["conditions"] = .list(
                (status["conditions"]?.items ?? []) + [
                    Self.condition("SuccessCriteriaMet", true, words.0, words.1),
                    Self.condition("Complete", true, words.0, words.1),
                ])
            status["completionTime"] = .text(Self.now)
        } else if isSuspended {
            suspend(active, &status)
        } else {
            resume(&status, object, key)
            makePods(object, key, active.count, succeeded)
        }
        writeCounts(&status, object)
        guard let latest = self.object(key) else { return }
        putStatus(status, of: latest, at: key, by: Self.controllers)
    }

    private static func isFinished(_ object: ObjectValue) -> Bool {
        object.at("status", "conditions")?.items.contains {
            ($0["type"] == "Complete" || $0["type"] == "Failed") && $0["status"] == "True"
        } ?? false
    }

    /// Its time runs from here.
    private func begin(_ status: inout ObjectValue, _ object: ObjectValue, _ key: ObjectKey) {
        status["startTime"] = .text(Self.now)
        guard let limit = object.at("spec", "activeDeadlineSeconds")?.number else { return }
        alarm(key, in: .seconds(limit))
    }

    /// Takes away a Job that is to go some time after its end.
    private func retire(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.at("metadata", "deletionTimestamp") == nil, let kind = kinds[.jobs],
            let limit = object.at("spec", "ttlSecondsAfterFinished")?.number
        else { return }
        let end = object.at("status", "conditions")?.items.last?["lastTransitionTime"]
        let left = Self.left(of: limit, since: end)
        if left > .zero { alarm(key, in: left) } else { remove(object, key, kind) }
    }

    // MARK: - Counting

    /// Each pod that has ended is counted once, and may go then.
    private func count(_ pods: [(ObjectKey, ObjectValue)], _ object: ObjectValue, _ status: inout ObjectValue) {
        let replacesFailed = object.at("spec", "podReplacementPolicy")?.text == "Failed"
        for (place, pod) in pods where Self.isTracked(pod) {
            let phase = pod.at("status", "phase")?.text
            let isGoing = pod.at("metadata", "deletionTimestamp") != nil
            if phase == "Succeeded" {
                status["succeeded"] = .number((status["succeeded"]?.number ?? 0) + 1)
            } else if phase == "Failed" || (isGoing && !replacesFailed) {
                status["failed"] = .number((status["failed"]?.number ?? 0) + 1)
            } else {
                continue
            }
            untrack(pod, place)
        }
    }

    private func writeCounts(_ status: inout ObjectValue, _ object: ObjectValue) {
        let pods = owned(.pods, by: object).map(\.1).filter(\.isAlive)
        let active = pods.filter { $0.at("metadata", "deletionTimestamp") == nil }
        status["active"] = active.isEmpty ? nil : .number(active.count)
        status["ready"] = .number(active.count(where: \.isReady))
        status["terminating"] = .number(pods.count - active.count)
        status["uncountedTerminatedPods"] = [:]
    }

    private static func isTracked(_ pod: ObjectValue) -> Bool {
        pod.at("metadata", "finalizers")?.items.contains(.text(tracking)) ?? false
    }

    /// A pod whose Job is gone is counted by nobody.
    func isLeftByItsJob(_ pod: ObjectValue) -> Bool {
        guard Self.isTracked(pod) else { return false }
        let owner = pod.at("metadata", "ownerReferences")?.items.first { $0["kind"] == "Job" }
        let namespace = pod.at("metadata", "namespace")?.text ?? ""
        let job = object(.jobs, namespace, owner?["name"]?.text ?? "")
        return job == nil || job?.at("metadata", "uid") != owner?["uid"]
    }

    func untrack(_ pod: ObjectValue, _ key: ObjectKey) {
        guard Self.isTracked(pod), let kind = kinds[.pods] else { return }
        let rest = (pod.at("metadata", "finalizers")?.items ?? []).filter { $0 != .text(Self.tracking) }
        var changed = pod
        changed.change("metadata") { $0["finalizers"] = ObjectValue.list(rest).unlessEmpty }
        let isGoing = pod.at("metadata", "deletionTimestamp") != nil
        if isGoing, isFree(changed, kind) { store(nil, at: key) } else { store(changed, at: key) }
    }

    // MARK: - Steps

    private func failure(_ object: ObjectValue, _ status: ObjectValue) -> (reason: String, message: String)? {
        if let target = status["conditions"]?.items.first(where: { $0["type"] == "FailureTarget" }) {
            return (target["reason"]?.text ?? "", target["message"]?.text ?? "")
        }
        if status["failed"]?.number ?? 0 > object.at("spec", "backoffLimit")?.number ?? 6 {
            return ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        }
        guard object.at("spec", "suspend") != true, let limit = object.at("spec", "activeDeadlineSeconds")?.number,
            Self.left(of: limit, since: status["startTime"]) <= .zero
        else { return nil }
        return ("DeadlineExceeded", "Job was active longer than specified deadline")
    }

    /// It has failed when none of its pods is left.
    private func fail(
        _ failure: (reason: String, message: String), _ active: [(ObjectKey, ObjectValue)], _ object: ObjectValue,
        _ status: inout ObjectValue
    ) {
        var conditions = status["conditions"]?.items ?? []
        if !conditions.contains(where: { $0["type"] == "FailureTarget" }) {
            conditions.append(Self.condition("FailureTarget", true, failure.reason, failure.message))
        }
        if let kind = kinds[.pods] {
            for (place, pod) in active { remove(pod, place, kind) }
        }
        let left = owned(.pods, by: object).contains { $0.1.isAlive || Self.isTracked($0.1) }
        if !left { conditions.append(Self.condition("Failed", true, failure.reason, failure.message)) }
        status["conditions"] = .list(conditions)
    }

    /// Pods that end because of it are not counted.
    private func suspend(_ active: [(ObjectKey, ObjectValue)], _ status: inout ObjectValue) {
        for (place, pod) in active {
            untrack(pod, place)
            if let pod = object(place), let kind = kinds[.pods] { remove(pod, place, kind) }
        }
        note(&status, isSuspended: true)
    }

    private func resume(_ status: inout ObjectValue, _ object: ObjectValue, _ key: ObjectKey) {
        let suspended = status["conditions"]?.items.first { $0["type"] == "Suspended" }
        guard suspended?["status"] == "True" else { return }
        note(&status, isSuspended: false)
        begin(&status, object, key)
    }

    private func note(_ status: inout ObjectValue, isSuspended: Bool) {
        var conditions = status["conditions"]?.items ?? []
        let old = conditions.first { $0["type"] == "Suspended" }
        guard old?["status"]?.text != (isSuspended ? "True" : "False") else { return }
        conditions.removeAll { $0["type"] == "Suspended" }
        conditions.append(
            isSuspended
                ? Self.condition("Suspended", true, "JobSuspended", "Job suspended")
                : Self.condition("Suspended", false, "JobResumed", "Job resumed"))
        status["conditions"] = .list(conditions)
    }

    private func makePods(_ object: ObjectValue, _ key: ObjectKey, _ active: Int, _ succeeded: Int64) {
        guard let kind = kinds[.jobs] else { return }
        let leaving = owned(.pods, by: object).count {
            $0.1.isAlive && $0.1.at("metadata", "deletionTimestamp") != nil
        }
        let waits = object.at("spec", "podReplacementPolicy")?.text == "Failed" ? leaving : 0
        let most = Int(object.at("spec", "parallelism")?.number ?? 1)
        let open = min(Int((object.at("spec", "completions")?.number ?? 1) - succeeded), most)
        for _ in 0..<max(0, open - active - waits) {
            var pod = object.at("spec", "template") ?? [:]
            pod = pod.setting(["metadata", "generateName"], to: .text("\(key.name)-"))
            pod = pod.setting(["metadata", "ownerReferences"], to: [Self.owner(object, kind)])
            let finalizers = pod.at("metadata", "finalizers")?.items ?? []
            pod = pod.setting(["metadata", "finalizers"], to: .list(finalizers + [.text(Self.tracking)]))
            guard make(.pods, key.namespace, pod, by: Self.controllers, for: object) != nil else { continue }
            touch(key, in: .milliseconds(200))
            return
        }
    }

    // MARK: - Pods that run once

    func runOnce(_ object: ObjectValue, _ key: ObjectKey) {
        guard !isEarly(object, key), object.isAlive else { return }
        switch PodBehaviour(object) {
        case .missing: wait(object, key)
        case .serves, .goes, .stubborn: run(object, key, isReady: true)
        case .never: run(object, key, isReady: false)
        case .ends: finish(object, key, code: 0)
        case .dies: finish(object, key, code: 1)
        case .fails: finish(object, key, code: 3)
        }
    }

    /// What its program wrote.
    func lines(of pod: ObjectValue) -> [String] {
        guard pod.at("status", "containerStatuses")?.items.first?["containerID"] != nil else { return [] }
        return switch PodBehaviour(pod) {
        case .fails: ["no such table"]
        case .ends: ["done"]
        case .serves, .never, .dies, .missing, .goes, .stubborn: []
        }
    }

    private func finish(_ object: ObjectValue, _ key: ObjectKey, code: Int64) {
        var object = object
        if object.at("status", "phase")?.text != "Running" {
            run(object, key, isReady: false)
            object = self.object(key) ?? object
        }
        let message = lines(of: object).joined(separator: "\n")
        let tells =
            code != 0 && !message.isEmpty
            && object.at("spec", "containers")?.items.first?["terminationMessagePolicy"] == "FallbackToLogsOnError"
        let end: ObjectValue = [
            "exitCode": .number(code), "reason": code == 0 ? "Completed" : "Error",
            "message": tells ? .text(message) : nil,
            "containerID": object.at("status", "containerStatuses")?.items.first?["containerID"],
            "startedAt": object.at("status", "startTime"), "finishedAt": .text(Self.now),
        ]
        putEnd(end, object, key, isWell: code == 0)
    }

    private func putEnd(_ end: ObjectValue, _ object: ObjectValue, _ key: ObjectKey, isWell: Bool) {
        var status = object["status"] ?? [:]
        status["phase"] = isWell ? "Succeeded" : "Failed"
        status["conditions"] = conditions(isReady: false)
        status.changeItems("containerStatuses") { container in
            container["ready"] = false
            container["started"] = false
            container["state"] = ["terminated": end]
        }
        putStatus(status, of: object, at: key, by: "kubelet")
    }

    /// It was told to end: its node says how it ended, and then it may go.
    func endOnce(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.isAlive else {
            letGo(object, key)
            return
        }
        let isRunning = object.at("status", "phase")?.text == "Running"
        let grace = object.at("metadata", "deletionGracePeriodSeconds")?.number ?? 0
        if isRunning, PodBehaviour(object) == .stubborn {
            let left = Self.left(of: 0, since: object.at("metadata", "deletionTimestamp"))
            if left > .zero, grace > 0 { alarm(key, in: left) } else { finish(object, key, code: 137) }
        } else if isRunning {
            finish(object, key, code: 143)
        } else if object.at("status", "containerStatuses") != nil {
            // Source: Kubernetes, `pkg/kubelet/status/status_manager.go`, `TerminatePod`.
            putEnd(
                [
                    "exitCode": 137, "reason": "ContainerStatusUnknown",
                    "message": "The container could not be located when the pod was terminated",
                ], object, key, isWell: false)
        } else {
            // Its node, or whoever cleans up behind it, says that nothing of it runs.
            var status = object["status"] ?? [:]
            status["phase"] = "Failed"
            putStatus(status, of: object, at: key, by: "kubelet")
        }
    }
}
