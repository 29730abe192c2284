import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Gates: answer looks as the release on trial deserves it, late, twice or never.
extension World {
    func take(_ look: LookEffect) {
        guard let place = place(look.key.environment, look.key.service) else { return }
        let service = services[place]
        let id = Self.id(look.key)
        referee.lookTaken(look, isFirst: service.started.insert(id).inserted)
        if service.book.contains(where: { $0.id == id }) { return }
        service.book.removeAll {
            $0.deployment != look.key.deployment.value
                || $0.view.run == look.key.run && $0.view.look < look.key.look - 1
        }
        service.book.append(
            SimulatedLook(
                id: id, deployment: look.key.deployment.value, release: look.release.value,
                question: look.gate.question,
                view: LookView(run: look.key.run, look: look.key.look, result: nil)))
        service.areLooksNew = true
        var delay = random.delay(10, 1_500)
        let nature = service.natures[look.release.value]
        // Of one there is never enough to see: it answers, or its gates would end by errors alone.
        if case .silencesGates? = nature?.quality, (nature?.startTime ?? 0) % 2 == 0, random.chance(6_000) { return }
        if strikes(.answerLost, service) { return }
        if strikes(.answerLate, service) { delay += random.delay(1_000, 15_000) }
        let answer = Happening.answer(
            service: place, run: look.key.run, look: look.key.look, life: look.key.deployment.value, boot: boot)
        plan(answer, in: delay)
        if strikes(.answerTwice, service) { plan(answer, in: delay + random.delay(10, 3_000)) }
    }

    func answered(_ service: SimulatedService, _ run: Int, _ look: Int, _ deployment: Int) {
        guard
            let index = service.book.firstIndex(where: {
                $0.deployment == deployment && $0.view.run == run && $0.view.look == look
            })
        else { return }
        let look = service.book[index]
        let result =
            look.view.result ?? judgeMetrics(look.question, service, look.release) ?? judge(service, look.release)
        tell("gate of \(service.name): run \(run) look \(look) says \(result.verdict.word)")
        service.book[index].view.result = result
        service.areLooksNew = true
        isTurnDue = true
    }

    private func judge(_ service: SimulatedService, _ release: Int) -> LookResult {
        let verdict: Verdict
        var isLast = false
        let nature = service.natures[release]
        switch nature?.quality {
        case .failsGates?: verdict = .fail
        case .dividesGates?: verdict = random.pick([.pass, .fail, .inconclusive, .error, .pass])
        // One release cannot be asked at all, of another there is never enough to see.
        case .silencesGates?:
            verdict = (nature?.startTime ?? 0) % 2 == 0 ? .error : .inconclusive
            // What one of them may spend is spent some day.
            isLast = (nature?.startTime ?? 0) % 4 == 1 && random.chance(500)
        case .failsOncePromoted? where isPromoted(release, service): verdict = .fail
        case .good?, .failsOncePromoted?, .cannotPrepare?, .neverReady?, .diesInStart?, .diesLater?, nil:
            verdict = isCalm || !hasFaults || random.chance(9_500) ? .pass : random.pick([.inconclusive, .error])
        }
        return LookResult(verdict, Evidence("seen"), isLast: isLast)
    }

    func isPromoted(_ release: Int, _ service: SimulatedService) -> Bool {
        let state = loop?.environments.first { $0.id == service.environmentID }?.service(service.name)
        return state?.rollout == nil && state?.stable?.number.value == release
    }

    static func id(_ key: LookKey) -> UInt64 {
        UInt64(key.deployment.value) << 40 | UInt64(key.run) << 20 | UInt64(key.look)
    }
}

/// A look that was started, as the shell knows it.
struct SimulatedLook {
    var id: UInt64
    var deployment: Int
    var release: Int
    var question: GateQuestion
    var view: LookView
}
