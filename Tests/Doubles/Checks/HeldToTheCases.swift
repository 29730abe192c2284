import ClusterConformance
import ClusterDouble
import FoundationEssentials
import KubernetesAPI
import Testing

/// The double is held to what a real API server answered, case by case.
@Suite(.timeLimit(.minutes(10))) struct HeldToTheCases {
    /// Cases in which it is known to answer otherwise, in one detail or in many. They are played only with
    /// `SLIPWAY_ALL_CASES=1`, and one that it has learned must leave this list then.
    static let known = Set(
        """
        admission-policy apply-after-update apply-conflict-with-update apply-create-and-again apply-deployment
        apply-drops-fields apply-dry-run apply-empty-and-null apply-invalid apply-list-maps apply-metadata
        apply-owners-taking-over apply-pod-template apply-scale apply-selectors apply-service-ports apply-status
        apply-turns-configmap apply-turns-own-kind apply-turns-service crd crd-apply crd-lists deployment-defaults
        deployment-generation deployment-invalid discovery endpoints-terminating events fields-unknown
        garbage-background garbage-orphan health hpa hpa-and-apply hpa-disabled job job-deadline job-failed
        job-retried job-suspended leases lists-future-version lists-paging lists-selectors namespace-apply
        namespace-deletion objects-delete-preconditions objects-finalizer objects-invalid-metadata
        objects-merge-patch objects-not-found objects-secret objects-service pdb-and-eviction pdb-percent pods
        pod-security pods-binding pods-log quota rbac-forbidden rbac-reviews rendered-objects replicas-given-up
        serviceaccounts status-subresource watch-ends watch-everywhere watch-initial watch-labels watch-too-old
        workload-applied-live workload-deadline workload-deleted workload-endpoints workload-foreground
        workload-history workload-lost-pods workload-min-ready workload-paused workload-percent workload-recreate
        workload-replicaset workload-rolling workload-scale-down
        """.split { $0 == " " || $0 == "\n" }.map(String.init))

    private static let played = CaseFiles.answered.filter {
        !known.contains($0) || ProcessInfo.processInfo.environment["SLIPWAY_ALL_CASES"] == "1"
    }

    @Test func theListNamesCases() {
        #expect(Self.known.isSubset(of: CaseFiles.answered) && Self.played.count >= 15)
    }

    @Test(arguments: played)
    func answersAsARealServer(_ name: String) async throws {
        let double = try await ClusterDouble.start()
        let client = KubernetesClient(double.access)
        let outcome: Result<CaseAnswers, any Error>
        do { outcome = .success(try await CaseRun(try CaseFiles.read(name), client).answers()) } catch {
            outcome = .failure(error)
        }
        try await client.shutdown()
        await double.stop()
        let differences: [String]
        switch outcome {
        case .success(let answers): differences = answers.differences(from: try CaseFiles.answers(name))
        case .failure(let error): differences = ["the case cannot be played: \(error)"]
        }
        guard Self.known.contains(name) else {
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
            return
        }
        #expect(!differences.isEmpty, "it answers as a real server does: take \(name) off the list")
        withKnownIssue("\(name) is on the list", isIntermittent: true) {
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
        }
    }
}
