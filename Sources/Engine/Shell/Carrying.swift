import Deployments
import Domain
import FoundationEssentials
import Logging
import Ports
import Rollouts
import Synchronization

extension EngineService {
    /// Carries one effect out. Trouble is told, never thrown: convergent effects come again by themselves.
    func carryOut(_ effect: Effect) async {
        switch effect {
        case .run(let wish): await run(wish)
        case .route(let wish): await route(wish)
        case .forget(let wish): await forget(wish)
        case .letGo(let environment, let service, let instances):
            do {
                try await parts.runtime.letGo(instances, of: service, in: environment)
            } catch {
                // Said again while they are there; and their drain time ends them even if this never arrives.
                parts.logger.warning("instances of \(environment)/\(service) could not be let go: \(error)")
            }
        case .look(let look): await take(look)
        case .mark(let look):
            await parts.gates.mark(look.key, look.gate, release: look.release, since: look.since)
        case .migrate(let migration): await migrate(migration)
        }
        waker.signal()
    }

    private func run(_ wish: RuntimeWish) async {
        let part = "runtime of \(wish.environment)/\(wish.service)"
        do {
            var releases: [Release] = []
            for set in wish.sets {
                releases.append(
                    try await parts.releases.release(set.release, of: wish.service, in: wish.environment))
            }
            try await parts.runtime.apply(wish, releases: releases)
            note(part, nil)
        } catch let error as PortError where error.code == .stale {
            // A younger wish of ours was faster, or another supervisor took over: either way this one is void.
            parts.logger.debug("stale wish for \(wish.service)")
        } catch { note(part, "\(error)") }
    }

    private func route(_ wish: RouteWish) async {
        let part = "router of \(wish.environment)/\(wish.service)"
        let key = "\(wish.environment)/\(wish.service)"
        do {
            guard let number = owner(of: wish) else { return }
            let release = try await parts.releases.release(number, of: wish.service, in: wish.environment)
            try await parts.router.apply(wish, service: release)
            note(part, nil)
            objections.withLock { $0[key] = nil }
        } catch let error as PortError where error.code == .stale {
            parts.logger.debug("stale route for \(wish.service)")
        } catch let error as PortError where error.code == .invalid {
            objections.withLock { $0[key] = error.description }
            note(part, "\(error)")
        } catch { note(part, "\(error)") }
    }

    private func forget(_ wish: ForgetWish) async {
        let part = "router of \(wish.environment)/\(wish.service)"
        do {
            // The router last: as long as it knows the service, all of it is said again.
            try await parts.runtime.forget(wish)
            try await parts.router.forget(wish)
            note(part, nil)
        } catch let error as PortError where error.code == .stale {
            parts.logger.debug("stale wish to forget \(wish.service)")
        } catch { note(part, "\(error)") }
    }

    /// The release whose entrances hold: of the one on trial until it goes back. Its port may be what it fails on, and
    /// must not keep stable from its own.
    private func owner(of wish: RouteWish) -> ReleaseNumber? {
        let service = current.environment(wish.environment)?.service(wish.service)
        if let rollout = service?.rollout, let from = rollout.from, from.isRouted {
            switch rollout.phase {
            case .reverting, .reverted: return from.number
            case .queued, .advancing, .arrived, .failing, .held: break
            }
        }
        return wish.canary ?? wish.targets.map(\.release).max() ?? service?.stable?.number
    }

    private func take(_ look: LookEffect) async {
        guard desk.begin(look.key) else { return }
        var result: LookResult
        do {
            result = await parts.gates.look(try await request(look))
        } catch {
            result = LookResult(.error, Evidence("the question could not be asked: \(error)"))
        }
        if Task.isCancelled {
            result = LookResult(.error, Evidence("the supervisor stopped while it looked"))
        }
        desk.finish(look.key, result)
        waker.signal()
        await keep(result, look)
    }

    private func request(_ look: LookEffect) async throws -> LookRequest {
        let key = look.key
        let release = try await parts.releases.release(look.release, of: key.service, in: key.environment)
        var stable: Release?
        if let number = look.stable {
            stable = try await parts.releases.release(number, of: key.service, in: key.environment)
        }
        let view = try await parts.runtime.observe(key.environment)[key.service]
        let all = view?.instances.filter { $0.release == look.release && $0.phase != .leaving } ?? []
        let beside = look.stable?.isBaseline == true ? view?.instances.filter { $0.release == look.stable } : nil
        return LookRequest(
            key: key, gate: look.gate, release: release, stable: stable,
            instances: all.filter { $0.phase == .ready }, all: all,
            baseline: beside?.filter { $0.phase == .ready }.map(\.id) ?? [], since: look.since)
    }

    /// Evidence outlives the rollout: it is what people ask for afterwards.
    private func keep(_ result: LookResult, _ look: LookEffect) async {
        do {
            let entry = JournalEntry(
                kind: .evidence, environment: look.key.environment,
                key: "\(look.key.service)#\(look.key.deployment.value)/\(look.gate.name)/\(look.key.look)",
                at: parts.now().wall, body: Array(try JSONEncoder().encode(result)))
            try await parts.journal.append([entry])
        } catch { note("journal", "evidence of gate \(look.gate.name) cannot be kept: \(error)") }
    }
}
