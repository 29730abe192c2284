import ClusterConformance
import FoundationEssentials
import KubernetesAPI
import Testing

/// The cases, against the cluster of `KUBECONFIG`'s current context: `make test-kubernetes`.
@Suite(.enabled(if: RealCluster.isWanted))
struct RealClusterTests {
    @Test(arguments: RealCluster.names)
    func answersAsRecorded(_ name: String) async throws {
        try await Places.shared.take()
        let outcome: Result<[String], any Error>
        do { outcome = .success(try await RealCluster.play(name)) } catch { outcome = .failure(error) }
        await Places.shared.leave()
        let differences = try outcome.get()
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
}

/// The cluster that the environment names.
enum RealCluster {
    static let environment = ProcessInfo.processInfo.environment
    static let isWanted = environment["SLIPWAY_TEST_KUBERNETES"] != nil
    static let rewrites = environment["SLIPWAY_REWRITE_ANSWERS"] == "1"

    /// All of them, or those of `SLIPWAY_CASES`.
    static let names: [String] = {
        guard let wanted = environment["SLIPWAY_CASES"], !wanted.isEmpty else { return CaseFiles.names }
        let wishes = wanted.split(separator: " ").map(String.init)
        return CaseFiles.names.filter { name in wishes.contains { name.hasPrefix($0) } }
    }()

    static func play(_ name: String) async throws -> [String] {
        let access = try ClusterAccess.find(context: nil, environment: environment)
        let client = KubernetesClient(access, environment: environment)
        let outcome: Result<CaseAnswers, any Error>
        do { outcome = .success(try await CaseRun(try CaseFiles.read(name), client).answers()) } catch {
            outcome = .failure(error)
        }
        try await client.shutdown()
        let answers = try outcome.get()
        if rewrites {
            try CaseFiles.write(answers, name)
            return []
        }
        return answers.differences(from: try CaseFiles.answers(name))
    }
}

/// How many cases are played at once: a small cluster would be late for all of them otherwise.
actor Places {
    static let shared = Places()
    private var free = 6
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async throws {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        guard waiting.isEmpty else {
            waiting.removeFirst().resume()
            return
        }
        free += 1
    }
}
