/// A limit on the time that an answer may take, whatever it is that answers.
package struct TimeLimit: Sendable {
    private let deadline: ContinuousClock.Instant

    /// - Parameter span: from now.
    package init(_ span: Duration) { deadline = .now + span }

    package init(until deadline: ContinuousClock.Instant) { self.deadline = deadline }

    /// How a race with the limit ended.
    package enum Ending<Answer: Sendable>: Sendable {
        case answered(Answer)
        /// The limit came first; what was under way was cancelled, and is over.
        case late
        /// Whoever asked wants no answer any more.
        case cancelled

        /// The answer, or what stands for one.
        package func answer(orLate late: @autoclosure () -> Answer, orCancelled none: @autoclosure () -> Answer)
            -> Answer
        {
            switch self {
            case .answered(let answer): answer
            case .late: late()
            case .cancelled: none()
            }
        }
    }

    /// Waits for an answer, and no longer than the limit. Returns when the body has ended: one that is late is
    /// cancelled, and has to heed that.
    package func race<Answer: Sendable>(_ body: @escaping @Sendable () async -> Answer) async -> Ending<Answer> {
        let deadline = deadline
        return await withTaskGroup(of: Ending<Answer>.self) { group in
            group.addTask { .answered(await body()) }
            group.addTask {
                do {
                    try await ContinuousClock().sleep(until: deadline)
                    return .late
                } catch {
                    // The answer came first, or nobody waits.
                    return .cancelled
                }
            }
            let first = await group.next() ?? .cancelled
            group.cancelAll()
            return first
        }
    }
}
