import Domain
import KubernetesObjects
import Testing

@testable import KubernetesCluster

/// What a Job and its pod say of a migration, and what they do not say.
@Suite struct MigrationReadingTests {
    /// 2026-01-01T00:10:00Z
    private static let now: Int64 = 1_767_226_200_000

    private func job(_ notes: [String: String] = ["begun": "true"], _ status: ObjectValue = [:]) -> MigrationJob {
        let annotations = notes.sorted { $0.key < $1.key }.map { ObjectField("slipway.dev/\($0.key)", .text($0.value)) }
        return MigrationJob([
            "metadata": ["name": "api-migrate-4-1", "uid": "1", "annotations": .map(annotations)],
            "spec": [
                "suspend": .bool(notes["begun"] == nil || notes["stopped"] != nil), "activeDeadlineSeconds": 300,
                "template": ["spec": ["containers": [["name": "api"]]]],
            ],
            "status": status,
        ])
    }

    private func pod(
        _ phase: String, _ state: ObjectValue? = nil, id: String = "x://1", node: String? = "node-1",
        metadata: ObjectValue = [:], status more: ObjectValue = [:]
    ) -> ObjectValue {
        var status = more
        status["phase"] = .text(phase)
        if let state {
            status["containerStatuses"] = [
                ["name": "proxy", "state": ["running": [:]]],
                ["name": "api", "containerID": id.isEmpty ? nil : .text(id), "state": state],
            ]
        }
        return ["metadata": metadata, "spec": ["nodeName": node.map { .text($0) }], "status": status]
    }

    private func ended(_ code: Int, _ reason: String = "Error", _ message: String? = nil, at: String = "00:05:00")
        -> ObjectValue
    {
        [
            "terminated": [
                "exitCode": .number(code), "reason": .text(reason), "message": message.map { .text($0) },
                "finishedAt": .text("2026-01-01T\(at)Z"), "startedAt": "2026-01-01T00:00:00Z",
            ]
        ]
    }

    private func find(_ job: MigrationJob, _ pod: ObjectValue?, gone: Bool = false, sure: Bool = true)
        -> MigrationReading.Finding
    {
        let pods = pod.map { [MigrationPod(pod: $0, isGone: gone, isLastWord: gone && sure)] } ?? []
        return MigrationReading(job: job, pods: pods, now: Self.now).finding()
    }

    private func state(_ finding: MigrationReading.Finding) -> MigrationState? {
        if case .ended(let end) = finding { end.state } else { nil }
    }

    private func isLost(_ finding: MigrationReading.Finding) -> Bool {
        if case .lost? = state(finding) { true } else { false }
    }

    private func isNotStarted(_ finding: MigrationReading.Finding) -> Bool {
        if case .notStarted? = state(finding) { true } else { false }
    }

    /// A grace of thirty seconds, over at this time.
    private func deletion(_ at: String) -> ObjectValue {
        ["deletionTimestamp": .text("2026-01-01T\(at)Z"), "deletionGracePeriodSeconds": 30]
    }

    @Test func itsProgramSaysHowItEnded() {
        #expect(find(job(), pod("Running", ["running": [:]])) == .running)
        #expect(find(job(), pod("Pending", ["waiting": ["reason": "ContainerCreating"]], id: "")) == .starting)
        #expect(state(find(job(), pod("Succeeded", ended(0, "Completed")))) == .exited(0))
        // One that was put into the pod beside it runs on.
        #expect(state(find(job(), pod("Running", ended(3)))) == .exited(3))
        #expect(state(find(job(), pod("Failed", ended(143)))) == .signalled(15))
        #expect(state(find(job(), pod("Failed", ended(255)))) == .exited(255))
        guard case .ended(let end) = find(job(), pod("Failed", ended(137, "OOMKilled", "one\ntwo"))) else {
            Issue.record("it has ended")
            return
        }
        #expect(end.state == .signalled(9) && end.lines.prefix(2) == ["one", "two"])
        #expect(end.lines.last?.contains("memory") == true)
    }

    @Test func whoNeverBeganIsNotStarted() {
        #expect(isNotStarted(find(job([:]), nil)))
        #expect(MigrationReading(job: job([:]), pods: [], isAsked: true, now: Self.now).finding() == .starting)
        #expect(find(job(), nil) == .starting)
        let failed: ObjectValue = [
            "conditions": [["type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late"]]
        ]
        #expect(state(find(job(["begun": "true"], failed), nil)) == .notStarted("DeadlineExceeded: late"))
        // Its node could not find the container when it was told to end, and had never given it a name.
        let unknown: ObjectValue = ["terminated": ["exitCode": 137, "reason": "ContainerStatusUnknown"]]
        let stopped = job(["begun": "true", "stopped": "ImagePullBackOff: no such image"])
        #expect(
            state(find(stopped, pod("Failed", unknown, id: ""), gone: true))
                == .notStarted("ImagePullBackOff: no such image"))
        #expect(isNotStarted(find(stopped, pod("Pending", node: nil), gone: true)))
        #expect(isNotStarted(find(job(), pod("Failed", status: ["reason": "Evicted", "message": "no room"]))))
        #expect(isNotStarted(find(job(), pod("Failed", ended(128, "StartError", "no such program")))))
    }

    @Test func whatMayHaveRunInPartIsLost() {
        let unknown: ObjectValue = ["terminated": ["exitCode": 137, "reason": "ContainerStatusUnknown"]]
        #expect(isLost(find(job(), pod("Failed", unknown))))
        #expect(isLost(find(job(), pod("Running", ["running": [:]]), gone: true, sure: false)))
        #expect(isLost(find(job(), pod("Pending", ["waiting": [:]], id: ""), gone: true, sure: false)))
        let collected: ObjectValue = [
            "conditions": [["type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"]]
        ]
        #expect(isLost(find(job(), pod("Failed", status: collected))))
        #expect(isLost(find(job(), pod("Failed", ended(137), status: ["reason": "Evicted"]))))
        #expect(
            isLost(
                find(job(["begun": "true"], ["failed": 1, "conditions": [["type": "Failed", "status": "True"]]]), nil)))
        let atRest: ObjectValue = ["conditions": [["type": "Suspended", "status": "True"]]]
        #expect(isLost(find(job(["begun": "true", "stopped": "it was stopped"], atRest), nil)))
    }

    /// It ended at 00:05:00.
    @Test func whoIsCutShortIsAskedBy() {
        // Deleted by somebody at 00:04:50; by us; by the cluster, whose deadline of five minutes was over.
        let pod = pod("Failed", ended(143), metadata: deletion("00:05:20"))
        #expect(isLost(find(job(), pod, gone: true)))
        #expect(
            state(find(job(["begun": "true", "stopped": "it was stopped"]), pod, gone: true)) == .signalled(15))
        let late = job(["begun": "true"], ["startTime": "2025-12-31T23:59:00Z"])
        guard case .ended(let end) = find(late, pod, gone: true) else {
            Issue.record("it has ended")
            return
        }
        #expect(end.state == .signalled(15) && end.lines.last?.contains("its time was over") == true)
        // It ended by itself, and was put away later.
        let done = self.pod("Succeeded", ended(0), metadata: deletion("00:08:00"))
        #expect(state(find(job(), done, gone: true)) == .exited(0))
        let failed = self.pod("Failed", ended(2), metadata: deletion("00:08:00"))
        #expect(state(find(job(), failed, gone: true)) == .exited(2))
    }

    @Test func aNodeThatSaysNothingIsNotWaitedForForEver() {
        let job = job(["begun": "true", "stopped": "it was stopped"])
        let going = pod("Running", ["running": [:]], metadata: deletion("00:09:30"))
        #expect(find(job, going) == .running)
        guard case .outOfSight(let why) = find(job, pod("Running", ["running": [:]], metadata: deletion("00:08:30")))
        else {
            Issue.record("nobody says that it has ended")
            return
        }
        #expect(why.contains("node-1"))
    }

    @Test func anEndIsReadAsItWasWritten() throws {
        let states: [MigrationState] = [.exited(3), .signalled(9), .notStarted("no \"image\""), .lost("gone")]
        for state in states {
            let end = MigrationEnd(state, lines: ["a", String(repeating: "b", count: 600)], at: 7)
            let text = try #require(end.text)
            #expect(MigrationEnd(text: text) == end && end.lines[1].count == 500)
            #expect(find(job(["begun": "true", "ended": text]), nil) == .known(end))
        }
        #expect(MigrationEnd(.running, at: 0).text == nil && MigrationEnd(text: "{}") == nil)
    }

    @Test func everyKeyHasANameOfItsOwn() {
        func name(_ service: String, _ deployment: Int, _ attempt: Int) -> String {
            MigrationRendering.name(
                MigrationKey(
                    environment: EnvironmentID(project: "shop", name: "prod"), service: ServiceName(service),
                    deployment: DeploymentNumber(deployment), attempt: attempt))
        }
        #expect(name("api", 37, 1) == "api-migrate-37-1")
        let long = String(repeating: "a", count: 60)
        let names = [name(long, 1, 1), name(long + "b", 1, 1), name(long, 11, 1), name(long, 1, 11)]
        #expect(Set(names).count == 4 && names.allSatisfy { $0.utf8.count <= 63 && $0.contains("-migrate-1") })
    }
}
