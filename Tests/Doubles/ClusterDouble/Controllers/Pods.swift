import KubernetesObjects

/// How the pods of an image behave: the word after its last slash, before a tag or digest.
enum PodBehaviour: String {
    case serves
    /// Runs, but is never ready.
    case never
    /// Ends at once with code 1, again and again.
    case dies
    /// Its image is not there.
    case missing
    /// Ends with code 0.
    case ends
    /// Writes `no such table`, and ends with code 3.
    case fails
    /// Runs until it is told to end, and ends with that signal.
    case goes
    /// Runs until it is killed.
    case stubborn

    /// Of a pod that runs once, the first word of its command may say it too.
    init(_ pod: ObjectValue) {
        if pod.at("spec", "restartPolicy")?.text == "Never",
            let word = pod.at("spec", "containers")?.items.first?["command"]?.items.first?.text,
            let behaviour = PodBehaviour(rawValue: word)
        {
            self = behaviour
            return
        }
        let image = pod.at("spec", "containers")?.items.first?["image"]?.text ?? ""
        let name = image.split(separator: "/").last.map(String.init) ?? ""
        self = PodBehaviour(rawValue: String(name.prefix { $0 != ":" && $0 != "@" })) ?? .serves
    }
}

extension Cluster {
    /// What a scheduler and a kubelet do with a pod.
    func pod(_ object: ObjectValue, _ key: ObjectKey) {
        if isLeftByItsJob(object) {
            untrack(object, key)
            return
        }
        let node = object.at("spec", "nodeName")?.text
        let runsOnce = object.at("spec", "restartPolicy")?.text == "Never"
        if settings.runsPods, node == Self.node, let kubelet, kubelet.see(object, key, self) { return }
        guard object.at("metadata", "deletionTimestamp") == nil else {
            if node == nil ? runsOnce : settings.runsPods && node == Self.node {
                // It ends when it is told to.
                if runsOnce { endOnce(object, key) } else { letGo(object, key) }
            }
            return
        }
        guard settings.runsPods else { return }
        guard let node else {
            // Other schedulers, and other nodes, are play-acted by tests.
            if object.at("spec", "schedulerName")?.text == "default-scheduler" { schedule(object, key) }
            return
        }
        guard node == Self.node else { return }
        if runsOnce {
            runOnce(object, key)
            return
        }
        // What has ended, evicted or done, is never started again.
        guard object.isAlive else { return }
        switch PodBehaviour(object) {
        case .serves, .goes, .stubborn: run(object, key, isReady: true)
        case .never: run(object, key, isReady: false)
        case .dies, .fails: die(object, key)
        case .missing: wait(object, key)
        case .ends: end(object, key)
        }
    }

    /// The one that the double plays.
    private static let node = "node-1"

    /// A kubelet deletes a pod without grace once its containers have stopped.
    func letGo(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.at("metadata", "deletionGracePeriodSeconds") != 0, let kind = kinds[.pods] else { return }
        remove(object, key, kind, grace: 0)
        kubelet?.forget(object.at("metadata", "uid")?.text ?? "")
    }

    private func schedule(_ object: ObjectValue, _ key: ObjectKey) {
        let running = (objects[.pods] ?? [:]).values.count {
            $0.at("spec", "nodeName")?.text == Self.node && $0.isAlive
        }
        guard running < settings.room else {
            var status = object["status"] ?? [:]
            guard status["conditions"] == nil else { return }
            status["conditions"] = [
                Self.condition(
                    "PodScheduled", false, "Unschedulable",
                    "0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: not helpful.")
            ]
            putStatus(status, of: object, at: key, by: "kube-scheduler")
            touch(key, in: .milliseconds(50))
            return
        }
        place(object, key, on: Self.node)
        touch(key, in: settings.start)
    }

    func isEarly(_ object: ObjectValue, _ key: ObjectKey) -> Bool {
        object.at("status", "startTime") == nil && timers.contains { $0.key == key }
    }

    func run(_ object: ObjectValue, _ key: ObjectKey, isReady: Bool) {
        guard !isEarly(object, key) else { return }
        if object.at("status", "phase")?.text == "Running" { return }
        let number = number()
        starts.append(key.name)
        let names = (object.at("spec", "containers")?.items ?? []).map { ($0["name"]?.text ?? "", $0["image"] ?? "") }
        let containers = names.map { name, image -> ObjectValue in
            [
                "containerID": .text("double://\(number)"), "image": image, "imageID": image, "name": .text(name),
                "ready": .bool(isReady), "restartCount": 0, "started": true,
                "state": ["running": ["startedAt": .text(Self.now)]],
            ]
        }
        let status: ObjectValue = [
            "phase": "Running", "podIP": .text("10.42.\(number / 250 % 250).\(number % 250 + 1)"),
            "hostIP": "192.0.2.1", "startTime": .text(Self.now), "containerStatuses": .list(containers),
            "qosClass": object.at("status", "qosClass"), "conditions": conditions(isReady: isReady),
        ]
        putStatus(status, of: object, at: key, by: "kubelet")
    }

    func conditions(isReady: Bool) -> ObjectValue {
        [
            Self.condition("PodScheduled", true, "", ""), Self.condition("Initialized", true, "", ""),
            Self.condition(
                "ContainersReady", isReady, isReady ? "" : "ContainersNotReady",
                isReady ? "" : "containers with unready status"),
            Self.condition(
                "Ready", isReady, isReady ? "" : "ContainersNotReady", isReady ? "" : "containers with unready status"),
        ]
    }

    private func die(_ object: ObjectValue, _ key: ObjectKey) {
        guard !isEarly(object, key) else { return }
        let restarts = object.at("status", "containerStatuses")?.items.first?["restartCount"]?.number
        let count = restarts.map { $0 + 1 } ?? 0
        guard count <= 5 else { return }
        let last: ObjectValue = [
            "terminated": [
                "exitCode": 1, "reason": "Error", "startedAt": .text(Self.now), "finishedAt": .text(Self.now),
            ]
        ]
        let container = object.at("spec", "containers")?.items.first ?? [:]
        let status: ObjectValue = [
            "phase": "Running", "podIP": "10.42.255.1", "startTime": .text(Self.now),
            "qosClass": object.at("status", "qosClass"), "conditions": conditions(isReady: false),
            "containerStatuses": [
                [
                    "image": container["image"], "imageID": "", "name": container["name"], "ready": false,
                    "restartCount": .number(count), "started": false, "lastState": count > 0 ? last : nil,
                    "state": [
                        "waiting": [
                            "reason": "CrashLoopBackOff",
                            "message": .text(
                                "back-off 10s restarting failed container=\(container["name"]?.text ?? "") "
                                    + "pod=\(key.name)_\(key.namespace)"),
                        ]
                    ],
                ]
            ],
        ]
        putStatus(status, of: object, at: key, by: "kubelet")
        touch(key, in: settings.start)
    }

    func wait(_ object: ObjectValue, _ key: ObjectKey) {
        guard !isEarly(object, key), object.at("status", "startTime") == nil else { return }
        let container = object.at("spec", "containers")?.items.first ?? [:]
        let image = container["image"]?.text ?? ""
        let status: ObjectValue = [
            "phase": "Pending", "startTime": .text(Self.now), "qosClass": object.at("status", "qosClass"),
            "conditions": conditions(isReady: false),
            "containerStatuses": [
                [
                    "image": .text(image), "imageID": "", "name": container["name"], "ready": false, "restartCount": 0,
                    "started": false,
                    "state": [
                        "waiting": [
                            "reason": "ImagePullBackOff",
                            "message": .text("Back-off pulling image \"\(image)\": not found"),
                        ]
                    ],
                ]
            ],
        ]
        putStatus(status, of: object, at: key, by: "kubelet")
    }

    private func end(_ object: ObjectValue, _ key: ObjectKey) {
        guard !isEarly(object, key), object.isAlive else { return }
        let container = object.at("spec", "containers")?.items.first ?? [:]
        let status: ObjectValue = [
            "phase": "Succeeded", "startTime": .text(Self.now), "qosClass": object.at("status", "qosClass"),
            "conditions": conditions(isReady: false),
            "containerStatuses": [
                [
                    "image": container["image"], "imageID": "", "name": container["name"], "ready": false,
                    "restartCount": 0, "started": false,
                    "state": [
                        "terminated": [
                            "exitCode": 0, "reason": "Completed",
                            "startedAt": .text(Self.now), "finishedAt": .text(Self.now),
                        ]
                    ],
                ]
            ],
        ]
        putStatus(status, of: object, at: key, by: "kubelet")
    }
}
