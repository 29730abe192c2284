import ClusterDouble
import Synchronization

/// Has a mishap happen at its write, and keeps a Slipway that died from doing anything else.
final class Director: Sendable {
    private struct State {
        var writes = 0
        var requests: [String] = []
        /// The Slipway that runs is dead: nothing of it reaches the cluster.
        var isDead = false
        var deaths = 0
        /// Requests that a server that lags behind answers.
        var stale = 0
        var wish: Wish?
    }

    /// What only the cluster itself can do.
    enum Wish: Sendable {
        case cutWatches
        case forget
    }

    let mishap: Mishap?
    private let state = Mutex(State())

    init(_ mishap: Mishap?) { self.mishap = mishap }

    var plan: FaultPlan { FaultPlan { self.fault($0) } }
    var isDead: Bool { state.withLock { $0.isDead } }
    var deaths: Int { state.withLock { $0.deaths } }
    var writes: Int { state.withLock { $0.writes } }
    /// All that came besides watches, as `GET /api/v1/…`.
    var requests: [String] { state.withLock { $0.requests } }

    /// What the cluster is to do now, once.
    func takeWish() -> Wish? {
        state.withLock { state in
            defer { state.wish = nil }
            return state.wish
        }
    }

    /// What came until now does not count.
    func begin() {
        state.withLock { state in
            state.writes = 0
            state.requests = []
        }
    }

    /// Another Slipway starts.
    func revive() {
        state.withLock { state in
            if state.isDead, case .crashThenStale? = mishap?.kind { state.stale = 12 }
            state.isDead = false
        }
    }

    private func fault(_ mark: RequestMark) -> Fault? {
        state.withLock { state in
            if state.isDead { return .cutBefore }
            if !mark.isWatch { state.requests.append("\(mark.method) \(mark.path)") }
            guard mark.isWrite else {
                guard state.stale > 0, !mark.isWatch, case .crashThenStale(let changes)? = mishap?.kind else {
                    return nil
                }
                state.stale -= 1
                return .stale(changes)
            }
            defer { state.writes += 1 }
            guard let mishap, state.deaths == 0 else { return nil }
            if mishap.kind == .crashLater {
                guard state.writes == mishap.write + 5 else { return nil }
                return Self.die(&state, .cutAfter)
            }
            guard state.writes == mishap.write else { return nil }
            switch mishap.kind {
            case .crashBefore: return Self.die(&state, .cutBefore)
            case .crashAfter, .crashThenStale, .crashLater: return Self.die(&state, .cutAfter)
            case .lostAnswer: return .cutAfter
            case .refused(let code): return .refuse(code: code)
            case .watchesCut: state.wish = .cutWatches
            case .forgotten: state.wish = .forget
            }
            return nil
        }
    }

    private static func die(_ state: inout State, _ fault: Fault) -> Fault {
        state.isDead = true
        state.deaths += 1
        return fault
    }
}
