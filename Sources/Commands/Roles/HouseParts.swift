import DirectoryArtifacts
import Domain
import Engine
import Gates
import Glibc
import KubernetesCluster
import Logging
import MetricSources
import Notifiers
import Ports
import SupervisorAPI

/// What the house of a machine and the one of a cluster have in common.
enum HouseParts {
    /// Everything that gates ask.
    /// - Parameters:
    ///   - artifacts: where a command gate finds the files of a release; nil: releases are images.
    ///   - clusters: through whose API servers pods are asked; nil: pods are reached directly.
    static func gates(
        _ artifacts: ArtifactDirectory?, _ router: any RouterPort, _ traffic: TrafficHistory,
        _ clusters: ClusterDesk?, _ recorder: TrafficRecorder
    ) -> GateDesk {
        let sources = SourceDesk(traffic: traffic) { SystemMoment.now().wall }
        let looks = MetricLooks(sources, recorder: recorder) { SystemMoment.now().wall }
        return GateDesk(
            smoke: SmokeGate(cluster: clusters.map { PodCalls($0) }),
            command: CommandGate { look in
                guard let artifacts, let digest = look.release.parts.artifact?.digest else { return "/" }
                return try await artifacts.unpack(digest)
            },
            threshold: ThresholdGate(recorder: recorder) { service, environment in
                try await router.counts(service, in: environment)
            },
            analysis: AnalysisGate(recorder: recorder) { service, environment in
                try await router.counts(service, in: environment)
            }, metric: MetricGate(looks), comparison: ComparisonGate(looks))
    }

    /// What the router has counted lately.
    static func traffic(_ router: any RouterPort) -> TrafficHistory {
        TrafficHistory(now: { SystemMoment.now().wall }) { try await router.counts($0, in: $1) }
    }

    /// Keeps in the journal what gates judged by. What cannot be kept is missed by replays alone.
    static func recorder(_ journal: any JournalPort, _ logger: Logger) -> TrafficRecorder {
        TrafficRecorder(wall: { SystemMoment.now().wall }) { key, gate, lines in
            let entry = JournalEntry(
                kind: .recording, environment: key.environment,
                key: "\(key.service)#\(key.deployment.value)/\(gate)/\(key.run)", at: SystemMoment.now().wall,
                body: Array(lines.utf8))
            do { try await journal.append([entry]) } catch {
                logger.warning("what gate \(gate) judged by cannot be kept for replays: \(error)")
            }
        }
    }

    /// The loop as the journal left it, under a fence of its own: whoever ran before cannot write any more.
    static func restore(_ journal: any JournalPort, _ now: Moment) async throws -> (EngineLoop, UInt64) {
        let entries = try await journal.latest()
        var fence: UInt64 = 0
        for entry in entries where entry.kind == .fence {
            let record = try FenceRecord(recorded: entry.body, known: FenceRecord.version)
            fence = max(fence, record.fence)
        }
        fence += 1
        let loop = try EngineLoop(restoring: entries, fence: fence)
        let record = FenceRecord(fence: fence, pid: Int(getpid()), version: Slipway.version)
        try await journal.append([
            JournalEntry(
                kind: .fence, environment: nil, key: "", at: now.wall,
                body: record.recorded(version: FenceRecord.version, capacity: 32))
        ])
        return (loop, fence)
    }

    static func notifier(_ hooks: HookDesk) -> TellingDesk {
        TellingDesk(notifiers: NotifierDesk(version: Slipway.version) { SystemMoment.now().wall }, hooks: hooks)
    }

    /// What this process says of itself.
    /// - Parameter place: where its records are, for people.
    static func about(_ place: String, _ now: Moment) -> VersionReport {
        VersionReport(
            version: Slipway.version, api: SupervisorClient.apiVersion, pid: Int(getpid()), state: place,
            startedAt: now.wall)
    }

    static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = .warning
        return logger
    }
}
