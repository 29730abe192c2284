import ClusterDouble
import Domain
import KubernetesCluster
import Ports
import RuntimeConformance
import Testing

/// Requests to pods by way of the API server.
@Suite(.timeLimit(.minutes(1))) struct PodCallsTests {
    private let environment = EnvironmentID(project: "shop", name: "prod")
    private let service = ServiceName("api")

    /// One pod that is ready in the cluster's eyes. Nothing runs in it: nobody answers.
    private func trouble(
        headers: [(name: String, value: String)] = [], instance: InstanceID? = nil
    ) async throws -> InstanceCallTrouble? {
        try await ClusterBench.with { bench in
            try await bench.begin(environment)
            let release = try bench.release(.serves, 1, of: service, in: environment)
            try await bench.runtime.apply(
                RuntimeWish(
                    environment: environment, service: service, fence: 1, generation: 1,
                    sets: [SetWish(release: release.number, count: 1)]),
                releases: [release])
            let view = try await bench.settle(service, in: environment, "one ready") { ClusterBench.ready($0) == 1 }
            let pod = try #require(view.instances.first)
            let call = InstanceCall(
                method: "GET", host: "10.0.0.1", port: 8080, target: "/orders?page=1", headers: headers, body: nil)
            do throws(InstanceCallTrouble) {
                let answer = try await PodCalls(bench.desk).send(
                    call, to: instance ?? pod.id, of: release, within: .seconds(20))
                Issue.record("somebody answered: \(answer.status)")
                return nil
            } catch {
                return error
            }
        }
    }

    @Test func theServersOwnWordsAreNoAnswerOfThePods() async throws {
        let trouble = try await trouble()
        #expect(trouble?.kind == .noAnswer && trouble?.words.contains("error trying to reach service") == true)
    }

    @Test func aPodThatIsGoneIsTold() async throws {
        let trouble = try await trouble(instance: InstanceID(7))
        #expect(trouble?.kind == .noAnswer && trouble?.words == "its pod is gone")
    }

    /// It would take them for itself: whoever asks would be somebody else, or nobody.
    @Test(arguments: ["Authorization", "Impersonate-User"]) func whatTheServerKeepsIsRefused(
        _ name: String
    ) async throws {
        let trouble = try await trouble(headers: [(name, "Bearer abc")])
        #expect(trouble?.kind == .badRequest && trouble?.words.contains(name) == true)
    }
}
