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
        hpa-and-apply
        """.split { $0 == " " || $0 == "\n" }.map(String.init))

    private static let played = CaseFiles.answered.filter {
        !known.contains($0) || ProcessInfo.processInfo.environment["SLIPWAY_ALL_CASES"] == "1"
    }

    @Test func theListNamesCases() {
        #expect(Self.known.isSubset(of: CaseFiles.answered) && Self.played.count >= 100)
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
