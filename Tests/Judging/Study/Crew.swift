/// Runs rollouts by seed, some at a time; the order of the results is that of the seeds.
struct Crew: Sendable {
    var rollouts: Int
    var seed: UInt64
    var jobs: Int

    func run<Result: Sendable>(_ body: @escaping @Sendable (UInt64) async -> Result) async -> [Result] {
        let (rollouts, seed, jobs) = (rollouts, seed, jobs)
        return await withTaskGroup(of: [(Int, Result)].self) { group in
            for job in 0..<jobs {
                group.addTask {
                    var part: [(Int, Result)] = []
                    for place in stride(from: job, to: rollouts, by: jobs) {
                        part.append((place, await body(seed &+ UInt64(place))))
                    }
                    return part
                }
            }
            var all: [(Int, Result)] = []
            for await part in group { all += part }
            return all.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
