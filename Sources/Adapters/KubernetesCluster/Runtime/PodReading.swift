import Domain
import FoundationEssentials
import KubernetesObjects

/// What a pod says of itself.
struct PodReading {
    let pod: ObjectValue

    init(_ pod: ObjectValue) { self.pod = pod }

    var uid: String { pod.at("metadata", "uid")?.text ?? "" }
    var name: String { pod.at("metadata", "name")?.text ?? "" }
    var isGoing: Bool { pod.at("metadata", "deletionTimestamp") != nil }
    var phase: String { pod.at("status", "phase")?.text ?? "" }
    /// It has ended and will not be started again: evicted, or its node is gone.
    var hasEnded: Bool { phase == "Failed" || phase == "Succeeded" }

    var isReady: Bool {
        !isGoing
            && (pod.at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" }
                ?? false)
    }

    /// Pods made later have higher ones: the second of their making, and after it a part of their UID.
    var id: InstanceID {
        let text = pod.at("metadata", "creationTimestamp")?.text ?? ""
        var seconds: UInt64 = 0
        // Without a time of its making it has no place among the others, but is still told apart.
        if let date = try? Date(text, strategy: .iso8601) { seconds = UInt64(max(0, date.timeIntervalSince1970)) }
        let digits = ContentDigest.of(Array(uid.utf8)).hex.prefix(8)
        return InstanceID(seconds << 32 | (UInt64(digits, radix: 16) ?? 0))
    }

    var release: ReleaseNumber? {
        pod.at("metadata", "labels", ReleaseRendering.releaseLabel)?.text.flatMap { ReleaseNumber($0) }
    }

    /// A moment as a cluster writes it, in seconds since 1970.
    static func seconds(_ value: ObjectValue?) -> Double? {
        // What is no time is none.
        value?.text.flatMap { try? Date($0, strategy: .iso8601) }?.timeIntervalSince1970
    }

    private var containers: [ObjectValue] { pod.at("status", "containerStatuses")?.items ?? [] }

    var restarts: Int { containers.reduce(0) { $0 + Int($1["restartCount"]?.number ?? 0) } }

    /// Each of its containers runs, or has run: it has its place, and its images are there.
    var hasStarted: Bool {
        !containers.isEmpty
            && containers.allSatisfy {
                $0.at("state", "running") != nil || $0.at("state", "terminated") != nil
                    || $0.at("lastState", "terminated") != nil
            }
    }

    /// Nil for a worker, or before it has an address.
    func backend(port: Int?) -> Backend {
        guard let port, let address = pod.at("status", "podIP")?.text else { return .none }
        return .address(host: address, port: port)
    }

    /// Why a container waits for what will not come by waiting: its image is not there, its program is missing.
    var hopeless: String? {
        for container in containers {
            let waiting = container.at("state", "waiting")
            if let reason = waiting?["reason"]?.text, Self.hopelessReasons.contains(reason) {
                return Self.words(reason, waiting?["message"]?.text)
            }
            for state in ["state", "lastState"] {
                let ended = container.at(state, "terminated")
                if let reason = ended?["reason"]?.text, reason == "StartError" || reason == "ContainerCannotRun" {
                    return Self.words(reason, ended?["message"]?.text)
                }
            }
        }
        return nil
    }

    private static let hopelessReasons: Set<String> = [
        "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
        "CreateContainerError", "RunContainerError",
    ]

    /// It ends again and again.
    var isLooping: Bool {
        containers.contains { $0.at("state", "waiting", "reason")?.text == "CrashLoopBackOff" }
    }

    /// How it ended last; empty: it never did.
    var lastEnd: String {
        if hasEnded { return Self.words(pod.at("status", "reason")?.text ?? phase, pod.at("status", "message")?.text) }
        for container in containers {
            guard let ended = container.at("lastState", "terminated") ?? container.at("state", "terminated") else {
                continue
            }
            if ended["reason"]?.text == "OOMKilled" { return "was killed: it used more memory than its limit" }
            return "exited with code \(ended["exitCode"]?.number ?? 0)"
        }
        return ""
    }

    /// Why it is not ready.
    var trouble: String {
        if let hopeless { return hopeless }
        for container in containers {
            if let waiting = container.at("state", "waiting"), let reason = waiting["reason"]?.text,
                reason != "ContainerCreating", reason != "PodInitializing"
            {
                let end = lastEnd
                return Self.words(reason, waiting["message"]?.text) + (end.isEmpty ? "" : "; it \(end)")
            }
        }
        for condition in pod.at("status", "conditions")?.items ?? [] where condition["status"] == "False" {
            guard condition["type"] == "PodScheduled" else { continue }
            return Self.words(condition["reason"]?.text ?? "not scheduled", condition["message"]?.text)
        }
        if isReady || isGoing { return "" }
        let ready = pod.at("status", "conditions")?.items.first { $0["type"] == "Ready" }
        return Self.words(ready?["reason"]?.text ?? "", ready?["message"]?.text)
    }

    static func words(_ reason: String, _ message: String?) -> String {
        [reason, message ?? ""].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
