import Domain
import Testing

@testable import ProcessRuntime

@Suite struct ServiceMachineTests {
    @Test func preparesThenLaunchesThenIsReady() throws {
        var bench = Bench()
        let release = try Sample.release()
        _ = bench.wish(Sample.wish(1, (1, 2)), release)
        bench.step()
        #expect(bench.actions == [.prepare(release)])
        #expect(bench.machine.view(now: 0).sets == [SetView(release: ReleaseNumber(1), state: .preparing)])
        bench.step()
        #expect(bench.actions.isEmpty, "nothing is asked twice")
        bench.machine.prepared(release, root: "/root")
        bench.step()
        #expect(bench.launches.count == 2)
        #expect(Set(bench.launches.map(\.token)).isDisjoint(with: bench.launches.map(\.instance.value)))
        bench.launchAll()
        #expect(bench.asks.map(\.check) == [.tcp, .tcp], "a port is asked without being told")
        #expect(bench.asks.allSatisfy { $0.verifiesListener })
        #expect(bench.phase == .starting)
        bench.answer(.pass)
        #expect(bench.machine.instances.allSatisfy { $0.isReady })
        bench.step(after: 700)
        #expect(
            bench.machine.view(now: bench.now).instances.map(\.readyFor) == [.milliseconds(700), .milliseconds(700)])
    }

    @Test func olderWishesAreRefused() throws {
        var bench = Bench()
        let release = try Sample.release()
        let answers = [
            bench.wish(Sample.wish(4, (1, 1), fence: 2), release),
            bench.wish(Sample.wish(3, (1, 9), fence: 2), release),
            bench.wish(Sample.wish(9, (1, 9), fence: 1), release),
            bench.wish(Sample.wish(4, (1, 1), fence: 2), release),
            bench.wish(Sample.wish(1, (1, 1), fence: 3), release),
        ]
        #expect(answers == [true, false, false, true, true])
    }

    @Test func asksQuicklyBeforeTheFirstPass() throws {
        var bench = Bench()
        bench.run(try Sample.release { $0.probes.readiness = Probe(check: .http(path: "/"), every: .seconds(2)) })
        bench.answer(.fail("no"))
        #expect(bench.machine.wakeAt == bench.now + 100)
        bench.step(after: 100)
        #expect(bench.asks.count == 1)
        bench.answer(.pass)
        #expect(bench.phase == .ready)
        bench.step(after: 1999)
        #expect(bench.asks.isEmpty, "then at its own pace")
        bench.step(after: 1)
        #expect(bench.asks.count == 1)
        #expect(!bench.asks[0].verifiesListener)
    }

    @Test func slowsDownAfterFiveSeconds() throws {
        var bench = Bench()
        bench.run(try Sample.release { $0.probes.readiness = Probe(check: .tcp, every: .seconds(2)) })
        bench.answer(.fail("no"))
        bench.step(after: 6000)
        bench.answer(.fail("no"))
        bench.step(after: 1900)
        #expect(bench.asks.isEmpty)
        bench.step(after: 100)
        #expect(bench.asks.count == 1)
    }

    @Test func becomesUnreadyAfterSoManyFailures() throws {
        var bench = Bench()
        bench.run(try Sample.release { $0.probes.readiness = Probe(check: .tcp, every: .seconds(1), failures: 3) })
        bench.answer(.pass)
        for count in 1...3 {
            bench.step(after: 1000)
            bench.answer(.fail("GET / answered 503"))
            #expect(bench.phase == (count < 3 ? .ready : .unready))
        }
        #expect(bench.trouble == "GET / answered 503")
        bench.step(after: 1000)
        bench.answer(.pass)
        #expect(bench.phase == .ready)
        #expect(bench.trouble.isEmpty)
        #expect(bench.machine.view(now: bench.now).instances[0].readyFor == .zero, "counts anew")
    }

    @Test func theStartUpProbeHoldsTheOthersBack() throws {
        var bench = Bench()
        bench.run(
            try Sample.release {
                $0.probes.startup = Probe(check: .http(path: "/up"))
                $0.probes.readiness = Probe(check: .http(path: "/ready"))
                $0.probes.liveness = Probe(check: .http(path: "/live"))
            })
        #expect(bench.asks.map(\.role) == [.startup])
        bench.answer(.fail("no"))
        bench.step(after: 100)
        #expect(bench.asks.map(\.role) == [.startup])
        bench.answer(.pass)
        #expect(bench.asks.map(\.role) == [.readiness])
        bench.answer(.pass)
        #expect(bench.phase == .ready)
        #expect(bench.asks.map(\.role) == [.liveness])
    }

    @Test func missesItsDeadlineAndSaysWhy() throws {
        var bench = Bench()
        bench.run(
            try Sample.release {
                $0.probes.startup = Probe(check: .http(path: "/up"), deadline: .seconds(3))
                $0.stop = StopSpec(signal: "INT", timeout: .seconds(5))
            })
        bench.answer(.fail("GET /up on port 20001: connection refused"))
        bench.step(after: 3000)
        #expect(bench.signals == [2], "the signal that it asked for")
        #expect(bench.phase == .starting, "not failed before its last lines are read")
        bench.machine.excerpt(InstanceID(1), ["a", "b", "c", "d", "e", "f"])
        bench.step()
        #expect(bench.phase == .failed)
        #expect(bench.trouble.contains("not ready within 3.0s: GET /up on port 20001: connection refused"))
        #expect(bench.trouble.contains("| f") && !bench.trouble.contains("| a"))
        #expect(bench.trouble.contains("try: let it listen on ${instance.port}"))
        bench.step(after: 4999)
        #expect(bench.signals.isEmpty)
        bench.step(after: 1)
        #expect(bench.signals == [9])
        bench.exit(.signalled(9))
        #expect(bench.phase == .failed)
        bench.step(after: 1000)
        #expect(bench.launches.count == 1, "it is tried again")
        bench.launchAll()
        bench.answer(.pass)
        bench.answer(.pass)
        #expect(bench.phase == .ready)
        #expect(bench.machine.view(now: bench.now).instances[0].restarts == 1)
    }

    @Test func crashesWaitLongerEachTimeAndFailAtTheThird() throws {
        var bench = Bench()
        bench.run(try Sample.release())
        var pauses: [Int64] = []
        for count in 1...7 {
            bench.exit()
            bench.machine.excerpt(InstanceID(1), ["Traceback"])
            #expect(bench.phase == (count < 3 ? .starting : .failed))
            #expect(bench.trouble.contains("exited with code 1"))
            pauses.append(bench.machine.wakeAt - bench.now)
            bench.step(after: pauses.last ?? 0)
            bench.launchAll()
        }
        #expect(pauses == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
        #expect(bench.machine.view(now: bench.now).instances[0].restarts == 7)
    }

    @Test func aMinuteOfHealthForgivesEarlierCrashes() throws {
        var bench = Bench()
        bench.run(try Sample.release())
        bench.exit()
        bench.step(after: 1000)
        bench.launchAll()
        bench.exit()
        bench.step(after: 2000)
        bench.launchAll()
        bench.answer(.pass)
        bench.step(after: 60_000)
        bench.exit()
        #expect(bench.machine.wakeAt - bench.now == 1000)
        #expect(bench.phase == .unready, "it was ready once")
    }

    @Test func anEndThatIsHeardOfBeforeTheStart() throws {
        var bench = Bench()
        let release = try Sample.release()
        _ = bench.wish(Sample.wish(1, (1, 1)), release)
        bench.step()
        bench.machine.prepared(release, root: "/root")
        bench.step()
        let launch = bench.launches[0]
        let isOurs = bench.machine.exited(HostExit(token: launch.token, status: .exited(3)), now: bench.now)
        #expect(isOurs)
        bench.launchAll()
        #expect(bench.trouble.contains("exited with code 3"))
        #expect(bench.actions.contains(.acknowledge(launch.token)))
        #expect(bench.first?.run == .waiting(until: bench.now + 1000))
    }

    @Test func leavesDrainsAndStops() throws {
        var bench = Bench()
        let release = try Sample.release()
        bench.run(release)
        bench.answer(.pass)
        _ = bench.wish(Sample.wish(2))
        bench.step()
        #expect(bench.phase == .leaving)
        #expect(bench.signals.isEmpty)
        #expect(bench.machine.wakeAt == bench.now + 30_000)
        bench.step(after: 29_999)
        #expect(bench.signals.isEmpty)
        bench.step(after: 1)
        #expect(bench.signals == [15])
        let token = try #require(bench.first?.token)
        bench.exit(.exited(0))
        #expect(bench.machine.instances.isEmpty)
        #expect(bench.actions.contains(.acknowledge(token)))
        #expect(bench.actions.contains { if case .retire(let record) = $0 { record.isEnded } else { false } })
    }

    @Test func isLetGoOrComesBack() throws {
        var bench = Bench()
        let release = try Sample.release()
        bench.run(release, count: 2)
        bench.answer(.pass)
        _ = bench.wish(Sample.wish(2, (1, 0)), release)
        bench.step()
        bench.machine.letGo([InstanceID(2), InstanceID(77)])
        bench.step()
        #expect(bench.signals == [15])
        _ = bench.wish(Sample.wish(3, (1, 2)), release)
        bench.step()
        #expect(bench.machine.instances[0].phase == .ready, "not told yet")
        #expect(bench.machine.instances[1].phase == .leaving, "told: no way back")
        #expect(bench.launches.count == 1)
    }

    @Test func workersAndThoseNeverReadyStopAtOnce() throws {
        for release in [try Sample.release { $0.port = nil }, try Sample.release()] {
            var bench = Bench()
            bench.run(release)
            _ = bench.wish(Sample.wish(2))
            bench.step()
            #expect(bench.signals == [15])
        }
    }

    @Test func aWorkerIsReadyWhenItHasLivedAWhile() throws {
        var bench = Bench()
        bench.run(try Sample.release { $0.port = nil })
        #expect(bench.asks.isEmpty)
        #expect(bench.phase == .starting)
        bench.step(after: 500)
        #expect(bench.phase == .ready)
        #expect(bench.machine.view(now: bench.now).instances[0].backend == .none)
    }

    @Test func aFailingLivenessProbeRestarts() throws {
        var bench = Bench()
        bench.run(
            try Sample.release {
                $0.probes.liveness = Probe(check: .http(path: "/live"), every: .seconds(1), failures: 2)
            })
        bench.answer(.pass)
        for _ in 0..<2 {
            for ask in bench.asks where ask.role == .liveness {
                bench.machine.answered(ask, .fail("no answer within 1 s"), now: bench.now)
            }
            bench.step(after: 1000)
        }
        #expect(bench.signals == [15])
        #expect(bench.phase == .unready)
        #expect(bench.trouble.contains("its liveness probe failed 2 times in a row: no answer within 1 s"))
        bench.exit(.signalled(15))
        bench.step(after: 1000)
        #expect(bench.launches.count == 1)
    }

    @Test func somebodyElsesListenerMeansAnotherPort() throws {
        var bench = Bench()
        bench.run(try Sample.release())
        bench.answer(.foreign("port 20001 was given to this instance, but process 7 listens there"))
        #expect(bench.signals == [15])
        bench.machine.excerpt(InstanceID(1), [])
        #expect(bench.phase == .failed)
        #expect(bench.trouble.contains("process 7 listens there"))
        bench.exit(.signalled(15))
        bench.step(after: 1000)
        #expect(bench.launches.first?.port == nil, "not that one again")
    }

    @Test func aMissingProgramFailsTheSetAndIsTriedAgain() throws {
        var bench = Bench()
        let release = try Sample.release()
        _ = bench.wish(Sample.wish(1, (1, 1)), release)
        bench.step()
        bench.machine.prepared(release, root: "/root")
        bench.step()
        let launch = bench.launches[0]
        let failure = LaunchFailure(text: "there is no program serve", hint: "install it", isDefinite: true)
        bench.machine.launchFailed(launch.instance, token: launch.token, failure, now: bench.now)
        bench.step()
        #expect(bench.phase == .failed)
        #expect(
            bench.machine.view(now: 0).sets[0].state == .failed("there is no program serve\n  try: install it"))
        bench.step(after: 1000)
        bench.launchAll()
        #expect(bench.machine.view(now: 0).sets[0].state == .prepared)
    }

    @Test func aFailedPreparationIsTriedAgainAndStaysFailedMeanwhile() throws {
        var bench = Bench()
        let release = try Sample.release()
        _ = bench.wish(Sample.wish(1, (1, 1)), release)
        bench.step()
        bench.machine.prepareFailed(release, "prepare failed", now: bench.now)
        bench.step()
        #expect(bench.actions.isEmpty)
        #expect(bench.machine.wakeAt == bench.now + 10_000)
        bench.step(after: 10_000)
        #expect(bench.actions == [.prepare(release)])
        #expect(bench.machine.view(now: 0).sets[0].state == .failed("prepare failed"))
        bench.machine.prepareFailed(release, "prepare failed", now: bench.now)
        bench.step()
        #expect(bench.machine.wakeAt == bench.now + 20_000)
        bench.step(after: 20_000)
        bench.machine.prepared(release, root: "/root")
        bench.step()
        #expect(bench.launches.count == 1)
    }

    @Test func adoptedInstancesStayReadyAndAreLeftAloneUntilAWishComes() throws {
        var bench = Bench()
        let release = try Sample.release()
        let record = InstanceRecord(
            id: InstanceID(5), environment: Sample.environment, service: Sample.service, release: release.number,
            port: 20_005, token: 6, restarts: 2, streak: 0, isReady: true, processWasReady: true, everReady: true,
            isFailed: false, bornAt: 1, isEnded: false)
        bench.machine.know(release)
        bench.machine.adopt(record, running: HostProcess(token: 6, pid: 66, startTime: 1), now: bench.now)
        bench.step()
        #expect(bench.phase == .ready)
        #expect(bench.asks.map(\.role) == [.readiness], "but it is asked at once")
        #expect(bench.signals.isEmpty)
        bench.answer(.pass)
        #expect(bench.machine.view(now: bench.now).instances[0].restarts == 2)
        _ = bench.wish(Sample.wish(1, (1, 1)), release)
        bench.step()
        #expect(bench.actions == [.prepare(release)])
        bench.machine.prepared(release, root: "/root")
        bench.step()
        #expect(bench.launches.isEmpty)
    }

    @Test func anAdoptedInstanceThatHasEndedIsStartedAgainWhenItIsWishedFor() throws {
        var bench = Bench()
        let release = try Sample.release()
        let record = InstanceRecord(
            id: InstanceID(5), environment: Sample.environment, service: Sample.service, release: release.number,
            port: 20_005, token: 6, restarts: 2, streak: 0, isReady: true, processWasReady: true, everReady: true,
            isFailed: false, bornAt: 1, isEnded: false)
        bench.machine.adopt(record, running: nil, now: bench.now)
        bench.step(after: 5000)
        #expect(bench.launches.isEmpty)
        #expect(bench.phase == .unready)
        _ = bench.wish(Sample.wish(1, (1, 1)), release)
        bench.step()
        bench.machine.prepared(release, root: "/root")
        bench.step()
        #expect(bench.launches.map(\.instance) == [InstanceID(5)])
        #expect(bench.launches.map(\.port) == [20_005])
    }

    @Test func answersOfAnEarlierProcessChangeNothing() throws {
        var bench = Bench()
        bench.run(try Sample.release())
        let old = bench.asks
        bench.exit()
        bench.step(after: 1000)
        bench.launchAll()
        for ask in old { bench.machine.answered(ask, .pass, now: bench.now) }
        bench.step()
        #expect(bench.phase == .starting)
    }
}
