import Domain
import FoundationEssentials
import KubernetesObjects

/// What a Job that runs a migration says of it.
struct MigrationJob {
    let job: ObjectValue

    init(_ job: ObjectValue) { self.job = job }

    /// Notes on a Job. Who made it, of which environment it is, that it was let go, why it was told to end, and how it
    /// ended.
    static let ownerNote = "slipway.dev/owner"
    static let environmentNote = "slipway.dev/environment"
    static let begunNote = "slipway.dev/begun"
    static let stopNote = "slipway.dev/stopped"
    static let endNote = "slipway.dev/ended"

    var name: String { job.at("metadata", "name")?.text ?? "" }
    var uid: String { job.at("metadata", "uid")?.text ?? "" }
    var version: String { job.at("metadata", "resourceVersion")?.text ?? "" }
    var owner: String? { note(Self.ownerNote) }
    var release: ReleaseNumber? { label(ReleaseRendering.releaseLabel).flatMap { ReleaseNumber($0) } }

    /// The one that runs its program; others may be put beside it.
    var container: String? { job.at("spec", "template", "spec", "containers")?.items.first?["name"]?.text }

    private func note(_ name: String) -> String? { job.at("metadata", "annotations", name)?.text }
    private func label(_ name: String) -> String? { job.at("metadata", "labels", name)?.text }

    /// Nil for a Job that is something else, or another environment's.
    func key(in environment: EnvironmentID) -> MigrationKey? {
        guard note(Self.environmentNote) == "\(environment)",
            let service = label(ReleaseRendering.serviceLabel),
            let deployment = label(MigrationRendering.deploymentLabel).flatMap({ Int($0) }),
            let attempt = label(MigrationRendering.attemptLabel).flatMap({ Int($0) })
        else { return nil }
        return MigrationKey(
            environment: environment, service: ServiceName(service), deployment: DeploymentNumber(deployment),
            attempt: attempt)
    }

    /// It was allowed to make its pod.
    var hasBegun: Bool { note(Self.begunNote) != nil }
    var isSuspended: Bool { job.at("spec", "suspend") == true }
    /// Why it was told to end; nil: it was not.
    var stopped: String? { note(Self.stopNote) }
    /// Nil until it is written down.
    var end: MigrationEnd? { note(Self.endNote).flatMap { MigrationEnd(text: $0) } }

    /// It made no pod that is not counted, and makes none any more.
    var isFinished: Bool { condition("Complete") != nil || failure != nil }
    var isComplete: Bool { condition("Complete") != nil }
    /// Why it has failed; nil: it has not.
    var failure: String? {
        condition("Failed").map { PodReading.words($0["reason"]?.text ?? "", $0["message"]?.text) }
    }

    /// So many of its pods have failed, whatever became of them.
    var failed: Int64 { job.at("status", "failed")?.number ?? 0 }

    /// Its controller has seen that it is suspended, and has none of its pods left.
    var isAtRest: Bool {
        condition("Suspended") != nil
            && [job.at("status", "active"), job.at("status", "terminating")].allSatisfy {
                ($0?.number ?? 0) == 0
            }
    }

    private func condition(_ type: String) -> ObjectValue? {
        job.at("status", "conditions")?.items.first { $0["type"]?.text == type && $0["status"] == "True" }
    }

    /// Whether its time was over at some moment, in seconds since 1970.
    func isOverdue(at moment: Double) -> Bool {
        if condition("Failed")?["reason"] == "DeadlineExceeded" { return true }
        if condition("FailureTarget")?["reason"] == "DeadlineExceeded" { return true }
        guard let limit = job.at("spec", "activeDeadlineSeconds")?.number,
            let start = PodReading.seconds(job.at("status", "startTime"))
        else { return false }
        return moment >= start + Double(limit)
    }
}
