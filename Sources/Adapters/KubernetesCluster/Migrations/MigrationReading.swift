import Domain
import KubernetesObjects

/// What a migration is at, from its Job and the Job's pods: only computes.
struct MigrationReading {
    let job: MigrationJob
    let pods: [MigrationPod]
    /// Somebody here is just about to let it begin.
    var isAsked = false
    /// In milliseconds since 1970.
    var now: Int64

    enum Finding: Hashable {
        case starting
        case running
        /// Its pod waits for what does not come by waiting: why.
        case hopeless(String)
        /// To be written down.
        case ended(MigrationEnd)
        /// As it is written down.
        case known(MigrationEnd)
        /// Nobody can say, and something of it may still run: why.
        case outOfSight(String)
    }

    /// Whether its program was seen to run.
    var hasRun: Bool { pods.contains { PodReading($0.pod).hasBegun(job.container) } }

    /// A pod whose grace has been over for so long is not told about by its node any more. In seconds.
    private static let patience = 60.0

    func finding() -> Finding {
        if let end = job.end { return .known(end) }
        guard job.hasBegun else {
            if isAsked { return .starting }
            return ended(.notStarted(job.stopped ?? "Slipway could not let it begin"))
        }
        guard let pod = pods.last else { return withoutPods() }
        return finding(of: pod)
    }

    private func ended(_ state: MigrationState, _ lines: [String] = []) -> Finding {
        .ended(MigrationEnd(state, lines: lines, at: now))
    }

    private func withoutPods() -> Finding {
        if job.isComplete { return ended(.exited(0)) }
        if let failure = job.failure {
            // Every pod that it had is counted, but for those that it was told to stop.
            if job.failed == 0, job.stopped == nil { return ended(.notStarted(failure)) }
            return ended(.lost("its Job has failed (\(failure)), and nobody saw how its pod ended"))
        }
        if let stopped = job.stopped, job.isSuspended, job.isAtRest {
            return ended(.lost("\(stopped), and nobody saw whether it had begun"))
        }
        return .starting
    }

    private func finding(of seen: MigrationPod) -> Finding {
        let pod = PodReading(seen.pod)
        let container = pod.container(job.container)
        if let ended = container?.at("state", "terminated"), ended["reason"] != "ContainerStatusUnknown" {
            return end(ended, pod)
        }
        let isOver = pod.hasEnded || seen.isGone
        if !isOver {
            if let end = PodReading.seconds(pod.pod.at("metadata", "deletionTimestamp")),
                Double(now) / 1000 > end + Self.patience
            {
                let node = pod.pod.at("spec", "nodeName")?.text ?? "no node"
                return .outOfSight("its pod was told to end, and \(node) does not say that it has")
            }
            if container?.at("state", "running") != nil { return .running }
            if job.stopped == nil, let why = pod.hopeless { return .hopeless(why) }
            return .starting
        }
        if pod.hasBegun(job.container) || !isSure(seen, pod) {
            let words = [pod.lastWords, Self.interruption(pod) ?? ""].first { !$0.isEmpty } ?? "its pod is gone"
            return ended(.lost("\(words), and nobody saw how it ended"))
        }
        return ended(.notStarted(job.stopped ?? job.failure ?? pod.lastWords))
    }

    /// Whether it is certain of a pod whose program was not seen that it never ran.
    private func isSure(_ seen: MigrationPod, _ pod: PodReading) -> Bool {
        if pod.pod.at("spec", "nodeName") == nil { return !seen.isGone || seen.isLastWord }
        // Its node has said the last word, rather than somebody who cleans up behind a node that is lost.
        return pod.hasEnded && pod.disruption?["reason"] != "DeletionByPodGC" && (!seen.isGone || seen.isLastWord)
    }

    private func end(_ ended: ObjectValue, _ pod: PodReading) -> Finding {
        let code = ended["exitCode"]?.number ?? 0
        var lines = (ended["message"]?.text ?? "").split(separator: "\n").map(String.init)
        if ended["reason"] == "StartError" || ended["reason"] == "ContainerCannotRun" {
            return self.ended(.notStarted(PodReading.words(ended["reason"]?.text ?? "", ended["message"]?.text)))
        }
        if ended["reason"] == "OOMKilled" { lines.append("it was killed: it used more memory than its limit") }
        let request = pod.deletion
        let isCutShort = (PodReading.seconds(ended["finishedAt"]) ?? 0) >= (request ?? .infinity)
        if job.stopped == nil, let request, isCutShort, job.isOverdue(at: request) {
            lines.append("it was ended by the cluster: its time was over")
        } else if job.stopped == nil, pod.phase != "Succeeded" || isCutShort,
            let why = Self.interruption(pod) ?? (isCutShort ? "somebody deleted its pod" : nil)
        {
            return self.ended(.lost("\(why) while it ran; it ended with code \(code)"), lines)
        }
        return self.ended(Self.state(code), lines)
    }

    /// Who stopped it, when it was neither its program nor we.
    private static func interruption(_ pod: PodReading) -> String? {
        if let disruption = pod.disruption {
            let words = PodReading.words(disruption["reason"]?.text ?? "", disruption["message"]?.text)
            return "its pod was interrupted (\(words))"
        }
        let reasons = ["Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting"]
        guard let reason = pod.pod.at("status", "reason")?.text, reasons.contains(reason) else { return nil }
        return "its pod was interrupted (\(PodReading.words(reason, pod.pod.at("status", "message")?.text)))"
    }

    /// Engines of containers tell a signal as 128 and its number. A program that ends with such a code of its own is
    /// not told apart.
    static func state(_ code: Int64) -> MigrationState {
        (129...192).contains(code)
            ? .signalled(Int32(code - 128)) : .exited(Int32(truncatingIfNeeded: code))
    }
}

extension PodReading {
    /// The status of the container of this name.
    func container(_ name: String?) -> ObjectValue? {
        pod.at("status", "containerStatuses")?.items.first { $0["name"]?.text == name }
    }

    /// Anything of this container ran: the engine has given it a name.
    func hasBegun(_ name: String?) -> Bool {
        guard let container = container(name) else { return false }
        return !(container["containerID"]?.text ?? "").isEmpty || container.at("state", "running") != nil
            || container.at("state", "terminated", "startedAt")?.text != nil || container["started"] == true
    }

    /// Why the cluster took it away.
    var disruption: ObjectValue? {
        pod.at("status", "conditions")?.items.first { $0["type"] == "DisruptionTarget" && $0["status"] == "True" }
    }

    /// When it was told to go, in seconds since 1970: a pod says when its grace is over.
    var deletion: Double? {
        guard let end = Self.seconds(pod.at("metadata", "deletionTimestamp")) else { return nil }
        return end - Double(pod.at("metadata", "deletionGracePeriodSeconds")?.number ?? 0)
    }

    /// What it says of itself as a whole.
    var lastWords: String {
        let own = Self.words(pod.at("status", "reason")?.text ?? "", pod.at("status", "message")?.text)
        return own.isEmpty ? trouble : own
    }
}
