import ClusterConformance
import ClusterDouble
import FoundationEssentials
import KubernetesAPI
import Testing

/// The double is held to what a real API server answered, case by case.
@Suite(.timeLimit(.minutes(10))) struct HeldToTheCases {
    @Test func thereAreCases() { #expect(CaseFiles.answered.count >= 100) }

    @Test(arguments: CaseFiles.answered)
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
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
}
