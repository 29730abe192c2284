/// What becomes of each, at the same time, in their order.
///
/// - Throws: the first failure, when all have ended.
func inOrder<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ work: @escaping @Sendable (Input) throws -> Output
) async throws -> [Output] {
    try await withThrowingTaskGroup(of: (Int, Output).self) { group in
        // The group waits for all of them; inputs and outputs are values.
        for (index, input) in inputs.enumerated() { group.addTask { (index, try work(input)) } }
        var outputs: [(Int, Output)] = []
        for try await output in group { outputs.append(output) }
        return outputs.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
