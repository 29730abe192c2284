import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// The load of services that scale: it doubles, halves and wanders, and now and then nobody measures it.
extension World {
    func planLoad(_ place: Int) { plan(.load(service: place), in: loads.delay(4_000, 90_000)) }

    func changeLoad(_ place: Int) {
        let service = services[place]
        guard !isCalm else { return }
        planLoad(place)
        if service.isSteady {
            service.load = 200
            return
        }
        if loads.chance(2_000) {
            service.isUnmeasured.toggle()
            service.measuredSince = now
            tell("the load of \(service.name) is \(service.isUnmeasured ? "not measured" : "measured again")")
            return
        }
        switch loads.below(3) {
        case 0: service.load = min(service.load * 2, 8_000)
        case 1: service.load = max(service.load / 2, 100)
        case _: service.load = loads.delay(100, 6_000)
        }
        tell("the load of \(service.name) is \(service.load), \(service.carries) an instance")
    }

    /// What each instance uses: the release's share of the load, over those that are ready.
    func usage(_ service: SimulatedService, _ instance: SimulatedInstance) -> InstanceUsage? {
        guard service.metric == .cpu, !service.isUnmeasured, instance.phase == .ready else { return nil }
        var share = 0
        if service.isRouted, let table = service.table {
            for target in table.targets where target.release.code == instance.release { share = target.weight.percent }
        } else {
            let all = service.instances.filter { $0.phase == .ready }.count
            share = 100 * service.ready(instance.release) / max(1, all)
        }
        let mine = service.load * Int64(share) / 100
        let ready = Int64(max(1, service.ready(instance.release)))
        let isFirst =
            service.instances.first { $0.release == instance.release && $0.phase == .ready }?.id == instance.id
        return InstanceUsage(cpu: Int(mine / ready + (isFirst ? mine % ready : 0)), memory: 0)
    }

    /// Some service's bounds, windows and metric.
    func scale(_ place: Int) -> ScaleSpec? {
        guard let metric = services[place].metric else { return nil }
        let least = loads.between(1, 3)
        return ScaleSpec(
            min: least, max: least + loads.below(5),
            targets: [ScaleTarget(metric: metric, perInstance: services[place].carries, share: 70)],
            up: .milliseconds(loads.delay(0, 20_000)), down: .milliseconds(loads.delay(5_000, 60_000)), tolerance: 10)
    }

    /// Somebody takes the count into his own hands, or gives it back.
    func personScales() {
        let place = loads.below(services.count)
        guard services[place].metric != nil || loads.chance(2_000) else { return }
        let count = loads.chance(6_000) ? loads.between(1, 6) : nil
        let span: Span? = loads.chance(5_000) ? .milliseconds(loads.delay(1_000, 60_000)) : nil
        ask(.scale(services[place].name, count: count, span: span), services[place].environment)
    }
}
